import { buffer } from "node:stream/consumers";
import { expect, it } from "vitest";
import { bytesOfBase64, decodedBase64, lazily, slicedText } from "./slices.ts";

it.each([0, 1, 2, 3, 4, 49_151, 49_152, 49_153, 65_535, 65_536, 65_537, 200_000])(
  "decodes base64 of %d bytes while it is read",
  async (length) => {
    const bytes = Buffer.from(Array.from({ length }, (_, i) => (i * 31) % 256));
    const base64 = bytes.toString("base64");
    expect(bytesOfBase64(base64)).toBe(length);
    expect((await buffer(decodedBase64(base64))).equals(bytes)).toBe(true);
  },
);

it("opens nothing before it is read", async () => {
  let isOpen = false;
  const open = () => {
    isOpen = true;
    return [Buffer.from("text")];
  };
  lazily(open).destroy();
  const stream = lazily(open);
  await new Promise(setImmediate);
  expect(isOpen).toBe(false);
  expect((await buffer(stream)).toString()).toBe("text");
});

it("returns a short text unchanged, and slices a long one without splitting characters", async () => {
  expect(slicedText("short")).toBe("short");
  const text = "zwölf 🐘 ".repeat(20_000);
  expect((await buffer(slicedText(text) as ReturnType<typeof lazily>)).toString()).toBe(text);
});

it("does not crash the process if its source fails without a listener", async () => {
  const stream = lazily(() => {
    throw new Error("gone");
  });
  stream.resume();
  await new Promise((closed) => stream.once("close", closed));
  expect(stream.errored?.message).toBe("gone");
});
