import { expect, it } from "vitest";
import { signatureOf } from "./signature.ts";

const MESSAGE = ["msg_p5jXN8AQM9LWM0D4loKWxJek", 1_614_265_330, '{"test": 2432232314}'] as const;

it("is the one of the known vector of Standard Webhooks", () => {
  expect(signatureOf(["whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"], ...MESSAGE)).toBe("v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=");
});

it("stands once for each secret, with spaces between", () => {
  const [one, two] = ["first", "second"].map((secret) => signatureOf([secret], ...MESSAGE));
  expect(signatureOf(["first", "second"], ...MESSAGE)).toBe(`${one} ${two}`);
});
