/** Texts that attempt to break out of a header, in every text field of a mail, sent through a real SMTP server. */
import { Compile } from "typebox/compile";
import { afterAll, beforeAll, expect, it } from "vitest";
import { isFull, sample } from "../../testing/full.ts";
import { noThread } from "../../testing/no-thread.ts";
import { tempDir } from "../../testing/services.ts";
import { SmtpPeer } from "../../testing/smtp-peer.ts";
import email from "./email.ts";

type EmailPayload = Parameters<typeof email.run>[0];

const validator = Compile(email.payload);
let peer: SmtpPeer;
let resource: Awaited<ReturnType<NonNullable<typeof email.open>>>;
beforeAll(async () => {
  peer = await SmtpPeer.start();
  resource = await (email.open?.({
    SMTP_URL: peer.url,
    EMAIL_FROM: "taskflow@example.org",
    SMTP_CONNECTIONS: 4,
    ARTIFACTS_DIR: tempDir(),
  }) ?? expect.fail("no open"));
});
afterAll(async () => {
  await email.close?.(resource);
  await peer.close();
});

const controls = [
  ...Array.from({ length: 32 }, (_, code) => code),
  ...Array.from({ length: 33 }, (_, n) => 0x7f + n),
].map((code) => String.fromCharCode(code));
const breaks = [
  ...controls,
  "\r\n",
  "\n\r",
  "\r\n\r\n",
  "\n\n",
  "\u2028",
  "\u2029",
  "\ud800",
  "\udc00",
  "\u{e000}",
  "\ufeff",
  "\u200b",
  "%0d%0a",
  "\\r\\n",
  "&#10;",
  "=0D=0A",
  "嘊嘍",
];
const texts = [
  ...breaks.map((mark) => `a${mark}Bcc: evil@z.example${mark}X-Evil: 1`),
  "=?utf-8?q?a=0D=0ABcc:_evil@z.example?=",
  "=?utf-8?b?YQ0KQmNjOiBldmlsQHouZXhhbXBsZQ==?=",
  "=?utf-8?q?=0D=0AX-Evil:_1?= <evil@z.example>",
  `a" <evil@z.example>, "b`,
  "a>, <evil@z.example",
  "a;Bcc: evil@z.example",
];

const FIELDS: Readonly<Record<string, (text: string) => Partial<EmailPayload>>> = {
  to: (text) => ({ to: text }),
  "one of to": (text) => ({ to: ["jane@example.com", `${text}@example.com`] }),
  "name of to": (text) => ({ to: `"${text}" <jane@example.com>` }),
  "bare name of to": (text) => ({ to: `${text} <jane@example.com>` }),
  cc: (text) => ({ cc: `${text}@example.com` }),
  "name of cc": (text) => ({ cc: `"${text}" <joe@example.com>` }),
  bcc: (text) => ({ bcc: `${text}@example.com` }),
  from: (text) => ({ from: `${text}@example.com` }),
  "name of from": (text) => ({ from: `"${text}" <office@example.com>` }),
  reply_to: (text) => ({ reply_to: `${text}@example.com` }),
  "name of reply_to": (text) => ({ reply_to: `"${text}" <office@example.com>` }),
  "domain of to": (text) => ({ to: `jane@${text}.example` }),
  subject: (text) => ({ subject: text }),
  "value of a header": (text) => ({ headers: { "X-Given": text } }),
  "name of a header": (text) => ({ headers: { [`X-Given${text}`]: "1" } }),
  "filename of an attachment": (text) => ({ attachments: [{ filename: text, base64: "aGk=" }] }),
  "content_type of an attachment": (text) => ({
    attachments: [{ filename: "a.txt", content_type: `text/plain; charset=${text}`, base64: "aGk=" }],
  }),
  "url of list_unsubscribe": (text) => ({ list_unsubscribe: { url: `https://a.example/${text}` } }),
  "mailto of list_unsubscribe": (text) => ({ list_unsubscribe: { mailto: `${text}@example.com` } }),
  body: (text) => ({ body: text }),
  html: (text) => ({ html: text }),
};

const KNOWN =
  /^(?:from|to|cc|reply-to|subject|message-id|date|mime-version|content-type|content-transfer-encoding|content-disposition|x-given|list-unsubscribe|list-unsubscribe-post)$/i;

/** The header names of a message. A name contains any line break other than CRLF, and then {@link KNOWN} rejects it. */
function namesIn(raw: string): string[] {
  return raw
    .slice(0, raw.indexOf("\r\n\r\n"))
    .split(/\r\n(?![ \t])/)
    .map((line) => line.slice(0, line.indexOf(":")));
}

it.each(Object.entries(FIELDS))("%s adds no header, recipient or line", async (field, fill) => {
  expect(texts.length).toBeGreaterThan(68);
  let sent = 0;
  for (const text of sample(texts, 4)) {
    const payload = { to: "jane@example.com", subject: "Hello", body: "Good day.", ...fill(text) } as EmailPayload;
    if (!validator.Check(payload) || (email.check?.(payload) ?? []).length > 0) continue;
    sent += 1;
    await email.run(payload, {
      jobId: "01890a5d-ac96-774b-bcce-b302099a8057",
      attempt: 1,
      timeoutMs: 30_000,
      resource,
      signal: new AbortController().signal,
      progress: () => undefined,
      log: () => undefined,
      onThread: noThread,
    });
    const { raw, to, mail } = peer.messages.at(-1) ?? expect.fail("no message");
    expect(
      to.filter((address) => address.includes("evil@z.example") || !/@(?:[^@]*\.)?example(?:\.com)?$/.test(address)),
    ).toEqual([]);
    expect(namesIn(raw).filter((name) => !KNOWN.test(name))).toEqual([]);
    expect(mail.headers.has("bcc") || mail.headers.has("x-evil")).toBe(false);
    expect(raw.replaceAll("\r\n", "")).not.toMatch(/[\r\n\0]/);
    if (field !== "body" && field !== "html") expect(raw).not.toMatch(/^(?:x-evil|bcc):/im);
  }
  if (isFull && ["subject", "value of a header", "body", "html"].includes(field)) expect(sent).toBeGreaterThan(5);
});

it("rejects headers that the message, its signature or a mail server sets", () => {
  const reserved =
    "From Sender To Cc Bcc Reply-To Subject Message-ID Date MIME-Version Return-Path Received Received-SPF Resent-To Resent-From Resent-Bcc Content-Type Content-Transfer-Encoding Content-Disposition DKIM-Signature DomainKey-Signature ARC-Seal ARC-Message-Signature ARC-Authentication-Results Authentication-Results Apparently-To";
  for (const name of reserved.split(" ").flatMap((each) => [each, each.toLowerCase(), each.toUpperCase()])) {
    expect(email.check?.({ to: "a@x.example", subject: "a", body: "b", headers: { [name]: "x" } })).toHaveLength(1);
  }
});
