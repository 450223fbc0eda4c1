import { Compile } from "typebox/compile";
import { describe, expect, it } from "vitest";
import { type EmailPayload, plain } from "../../testing/email-server.ts";
import email from "./email.ts";

const validator = Compile(email.payload);
const issuePaths = (payload: unknown) => (email.check?.(payload as EmailPayload) ?? []).map(({ path }) => path);

describe("the payload", () => {
  it("is valid in its example", () => {
    const [example] = (email.payload as { examples?: unknown[] }).examples ?? [];
    expect(validator.Check(example)).toBe(true);
    expect(issuePaths(example)).toEqual([]);
  });

  it("accepts addresses with and without names", () => {
    const to = [
      "o'brien+tag@mail.example.co",
      "Jane Doe <jane@example.com>",
      '"Doe, J. (Ops)" <j.doe@example.com>',
      "Zoë <zoe@xn--bcher-kva.example>",
      "<root@localhost>",
      "zoë@bücher.example",
      "用户@例え.テスト",
    ];
    expect(validator.Check({ ...plain, to })).toBe(true);
    expect(
      issuePaths({ ...plain, to, cc: to, bcc: "x@y.example", from: "A <a@b.example>", reply_to: "c@d.example" }),
    ).toEqual([]);
  });

  it.each([
    ["a line break with a command", "b@y>\r\nRCPT TO:<evil@z"],
    ["a second address", "a@x.example, evil@z.example"],
    ["a name that is an address list", "a, evil@z.example"],
    ["a group", "friends: a@x.example, b@x.example;"],
    ["a quoted local part", '"a b"@x.example'],
    ["a comment", "a@x.example (comment)"],
    ["two angle brackets", "A <a@x.example> <evil@z.example>"],
    ["a nested bracket", "A <a@x.example<evil@z.example>"],
    ["a domain literal", "a@[127.0.0.1]"],
    ["two at signs", "a@evil.example@x.example"],
    ["a NUL", "a\0@x.example"],
    ["a line break in the name", '"A\r\nBcc: evil@z.example" <a@x.example>'],
    ["a quote that does not end", '"A <a@x.example>'],
    ["leading dots", ".a@x.example"],
    ["a label that ends in a hyphen", "a@x-.example"],
    ["a trailing line break", "a@x.example\n"],
    ["no domain", "postmaster"],
    ["a local part of 65 characters", `${"a".repeat(65)}@x.example`],
    ["an invisible space", "a\u200b@x.example"],
    ["a line separator in the name", "A\u2028B <a@x.example>"],
    ["a domain with symbols", "a@☃︎..example"],
    ["a domain that becomes a path", "a@x.example／evil"],
  ])("rejects an address with %s", (_what, address) => {
    for (const field of ["to", "from", "cc", "bcc", "reply_to"])
      expect(issuePaths({ ...plain, [field]: address })).toEqual([`/${field}`]);
    expect(issuePaths({ ...plain, to: ["a@x.example", address] })).toEqual(["/to/1"]);
  });

  it("rejects an address of 50,000 brackets by its length, before parsing it", () => {
    expect(validator.Check({ ...plain, to: `${"(".repeat(50_000)}@x.example` })).toBe(false);
  });

  it("rejects more than 50 recipients in total", () => {
    const thirty = Array.from({ length: 30 }, (_, index) => `a${index}@x.example`);
    expect(issuePaths({ ...plain, to: thirty, bcc: thirty })).toEqual(["/to"]);
  });

  it("rejects headers that forge or break the message", () => {
    const headers = {
      "X-Ticket": "7",
      "In-Reply-To": "<a@b>",
      From: "a@b",
      "message-id": "x",
      "Content-Type": "text/html",
      "X Y/": "z",
      "X-Break": "a\r\nBcc: e@z",
    };
    expect(issuePaths({ ...plain, headers })).toEqual([
      "/headers/From",
      "/headers/message-id",
      "/headers/Content-Type",
      "/headers/X Y~1",
      "/headers/X-Break",
    ]);
  });

  it("rejects attachments that are not base64, or whose name or type would break out of its header", () => {
    const attachments = [
      { filename: "a.txt", content_type: "text/plain; charset=utf-8", base64: "aGk=" },
      { filename: "../a.txt", content_type: "multipart/mixed", base64: "aGk" },
      { filename: "a\r\nb", content_type: "text/html\r\nX: y", base64: "aG\nk" },
    ];
    const bad = ["filename", "content_type", "base64"];
    expect(issuePaths({ ...plain, attachments })).toEqual([
      ...bad.map((field) => `/attachments/1/${field}`),
      ...bad.map((field) => `/attachments/2/${field}`),
    ]);
    expect(
      issuePaths({
        ...plain,
        attachments: [{ filename: "x" }, { filename: "x", base64: "", url: "file:///etc/hostname" }],
      }),
    ).toEqual(["/attachments/0", "/attachments/1", "/attachments/1/url"]);
    expect(validator.Check({ ...plain, attachments: [{ filename: "x", path: "/etc/hostname", base64: "" }] })).toBe(
      false,
    );
  });

  it("rejects a subject of two lines, and a message without text", () => {
    expect(issuePaths({ to: "a@x.example", subject: "a\nb" })).toEqual(["/body", "/subject"]);
    expect(issuePaths({ to: "a@x.example", subject: "a", html: "<p>hi" })).toEqual([]);
  });
});
