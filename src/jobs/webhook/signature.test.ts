import { randomBytes } from "node:crypto";
import { Webhook } from "standardwebhooks";
import { describe, expect, it } from "vitest";
import { secretIssue, signatureOf } from "./signature.ts";

const MESSAGE = ["msg_p5jXN8AQM9LWM0D4loKWxJek", 1_614_265_330, '{"test": 2432232314}'] as const;

it("matches the test vector of Standard Webhooks", () => {
  expect(signatureOf(["whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"], ...MESSAGE)).toBe(
    "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=",
  );
});

it("contains one signature for each secret, separated by spaces", () => {
  const [one, two] = ["first", "second"].map((secret) => signatureOf([secret], ...MESSAGE));
  expect(signatureOf(["first", "second"], ...MESSAGE)).toBe(`${one} ${two}`);
});

describe("a secret", () => {
  const base64 = (bytes: number): string => randomBytes(bytes).toString("base64");
  const good = Array.from({ length: 41 }, (_, extra) => base64(24 + extra)).flatMap((text) => [text, `whsec_${text}`]);

  it("of 24 to 64 bytes signs so that the library of Standard Webhooks accepts it, with and without the prefix", () => {
    expect(good.filter((secret) => secretIssue(secret) !== undefined)).toEqual([]);
    for (const secret of good) {
      const now = Math.floor(Date.now() / 1_000);
      const headers = {
        "webhook-id": "1",
        "webhook-timestamp": String(now),
        "webhook-signature": signatureOf([secret], "1", now, "{}"),
      };
      expect(new Webhook(secret).verify("{}", headers)).toEqual({});
      if (!secret.startsWith("whsec_"))
        expect(new Webhook(secret, { format: "raw" }).verify("{}", headers)).toEqual({});
    }
  });

  it.each([
    ...[
      "a",
      "first",
      "whsec_",
      "whsec_a",
      "whsec_not base64",
      "WHSEC_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw",
      "whsec-MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw",
    ],
    ...[0, 1, 23, 65, 66, 128].flatMap((bytes) => [base64(bytes), `whsec_${base64(bytes)}`]),
    ...[
      "MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaS",
      "MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw=",
      "MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLa==Sw",
      " MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw",
      "MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw\n",
    ],
    ...[
      "whsec_whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw",
      "MfKQ9r8GKYqrTwjUPD8ILPZIo2L-La_w",
      "correct horse battery staple and more words than that",
      "ü".repeat(32),
    ],
  ])("is rejected: %j", (secret) => {
    expect(secretIssue(secret)).toBe("must be whsec_ and then base64 of 24 to 64 bytes");
  });

  it("of an earlier version still signs with the bytes of its text", () => {
    const now = Math.floor(Date.now() / 1_000);
    for (const secret of ["a", "first", "plain words ü", "whsec_AAAA"]) {
      const headers = {
        "webhook-id": "1",
        "webhook-timestamp": String(now),
        "webhook-signature": signatureOf([secret], "1", now, "1"),
      };
      const verifier = secret.startsWith("whsec_")
        ? new Webhook(secret)
        : new Webhook(Buffer.from(secret), { format: "raw" });
      expect(verifier.verify("1", headers)).toBe(1);
    }
  });
});
