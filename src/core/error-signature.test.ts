import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { signatureOf } from "./error-signature.ts";

describe("the signature of an error message", () => {
  it.each([
    ["timed out after 1500 ms", "timed out after <n> ms"],
    ["connect ECONNREFUSED 127.0.0.1:5432", "connect ECONNREFUSED <n>:<n>"],
    ["expected -5, got 7.25", "expected <n>, got <n>"],
    ["job-12 of 2026-01-31T12:00:00Z", "job-<n> of <n>-<n>-<n>T<n>:<n>:<n>Z"],
    ["order 0196f7a0-1c2d-7e3f-8a9b-0123456789ab is gone", "order <id> is gone"],
    ["object 3fa8b1c2 (deadbeefcafe) at 0x7F", "object <n> (<n>) at <n>"],
    ["12345678 bytes", "<n> bytes"],
    ["1234567 bytes", "<n> bytes"],
    ["feedback was defaced", "feedback was defaced"],
    [`no column "name" in 'a b' or \`c\``, "no column <text> in <text> or <text>"],
    ["can't read the user's file", "can't read the user's file"],
    [`cut within a quote: "abc`, "cut within a quote: <text>"],
    ["550 <ann.b+c@mail.example.org>: no such user", "<n> <<email>>: no such user"],
    ["no mailbox to=ann@example.org. Try later", "no mailbox to=<email>. Try later"],
    ["GET https://api.example.com/v1/users/42?key=a,b(c): 404", "GET https://api.example.com/<path> <n>"],
    ["https://ann:secret@example.org:8443", "https://example.org:<n>"],
    ["a\n  b\tc ", "a b c"],
    ["a\0b\ud800", "a\uFFFDb\uFFFD"],
    ["", ""],
  ])("of %j is %j", (message, signature) => {
    expect(signatureOf(message)).toBe(signature);
  });

  it("is the same for messages that differ in a number, an id or a path only", () => {
    fc.assert(
      fc.property(
        fc.nat(),
        fc.nat(),
        fc.uuid(),
        fc.uuid(),
        fc.webPath(),
        fc.webPath(),
        (n, m, id, other, path, way) => {
          const messageOf = (number: number, uuid: string, at: string): string =>
            `job ${uuid} failed ${number} times at https://example.org/${at.replaceAll(/[<>\s]/g, "")} with status 500`;
          expect(signatureOf(messageOf(n, id, path))).toBe(signatureOf(messageOf(m, other, way)));
        },
      ),
    );
  });

  it("has up to 200 storable characters in one line", () => {
    const message = fc.string({ unit: "binary", maxLength: 3_000 });
    fc.assert(
      fc.property(message, (text) => {
        const signature = signatureOf(text);
        expect(signature.length).toBeLessThanOrEqual(200);
        expect(Buffer.from(signature).toString()).toBe(signature);
        expect(signature).not.toMatch(/\0|\n/);
      }),
    );
    expect(signatureOf("x".repeat(10_000))).toBe("x".repeat(200));
    expect(signatureOf(`${"x".repeat(199)}😀`)).toBe(`${"x".repeat(199)}\uFFFD`);
  });
});
