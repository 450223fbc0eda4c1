/**
 * Messages as the server receives them, read by independent parsers: mailparser always, Python's email package in `npm
 * run test:full`.
 */
import { execFileSync } from "node:child_process";
import { join } from "node:path";
import { domainToASCII } from "node:url";
import { type AddressObject, type ParsedMail, simpleParser } from "mailparser";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type EmailPayload, openEmailType } from "../../testing/email-job.ts";
import { isFull } from "../../testing/full.ts";
import { realEmails } from "../../testing/real-emails.ts";
import { ScriptedSmtp } from "../../testing/smtp-script.ts";
import { mailboxes } from "./mailbox.ts";
import { issuesOfEmail } from "./payload.ts";

let peer: ScriptedSmtp;
let type: Awaited<ReturnType<typeof openEmailType>>;
beforeAll(async () => {
  peer = await ScriptedSmtp.start({ offers: [] });
  type = await openEmailType(peer.url);
});
afterAll(async () => {
  await type.close();
  peer.close();
});

/** The content as a mail reader displays it. */
interface Seen {
  readonly subject: string;
  readonly from: readonly Person[];
  readonly to: readonly Person[];
  readonly cc: readonly Person[];
  readonly reply_to: readonly Person[];
  readonly text: string | null;
  readonly html: string | null;
  readonly files: readonly { readonly name: string; readonly base64: string; readonly id: string | null }[];
}
interface Person {
  readonly name: string;
  readonly address: string;
}

/** Sends a message and returns it as received, without the dots that SMTP adds (RFC 5321, 4.5.2). */
async function sent(payload: EmailPayload): Promise<Buffer> {
  expect(issuesOfEmail(payload)).toEqual([]);
  await type.send(payload);
  const raw = peer.messages.at(-1)?.raw.toString("latin1") ?? "";
  return Buffer.from(raw.replaceAll("\r\n..", "\r\n."), "latin1");
}

function expected({
  subject = "",
  from = "taskflow@example.org",
  to,
  cc,
  reply_to,
  body,
  html,
  attachments = [],
}: EmailPayload): Seen {
  const people = (field: Parameters<typeof mailboxes>[0]) =>
    mailboxes(field).map(({ name, address }) => ({ name, address }));
  const files = attachments.map(({ filename, base64 = "", content_id: id }) => ({
    name: filename,
    base64,
    id: id ?? null,
  }));
  return {
    subject,
    from: people(from),
    to: people(to),
    cc: people(cc),
    reply_to: people(reply_to),
    text: body ?? null,
    html: html ?? null,
    files: files.sort(byName),
  };
}
const byName = (a: { readonly name: string }, b: { readonly name: string }): number => (a.name < b.name ? -1 : 1);

/** mailparser always shows domains with non-ASCII letters, so this converts them back to ASCII. */
const inDns = (address: string): string => address.replace(/(?<=@)[^@]*$/, domainToASCII);

function seenByMailparser(mail: ParsedMail): Seen {
  const people = (field: AddressObject | AddressObject[] | undefined) =>
    [field ?? []]
      .flat()
      .flatMap(({ value }) => value.map(({ name, address = "" }) => ({ name, address: inDns(address) })));
  const files = mail.attachments.map(({ filename = "", content, cid }) => ({
    name: filename,
    base64: content.toString("base64"),
    id: cid ?? null,
  }));
  const { subject = "", text, html } = mail;
  return {
    subject,
    from: people(mail.from),
    to: people(mail.to),
    cc: people(mail.cc),
    reply_to: people(mail.replyTo),
    text: text ?? null,
    html: typeof html === "string" ? html : null,
    files: files.sort(byName),
  };
}

function seenByPython(raw: Buffer): Seen & { readonly defects: readonly string[] } {
  const script = join(import.meta.dirname, "../../testing/read-email.py");
  return JSON.parse(
    execFileSync("python3", [script], { input: raw, maxBuffer: 64 * 1024 * 1024 }).toString(),
  ) as Seen & { readonly defects: readonly string[] };
}

const names = Object.keys(realEmails);
const READ = { skipTextToHtml: true, keepCidLinks: true };
/** mailparser reports a name that equals the address as no name. */
const NAMED_AS_ITS_ADDRESS = "name that is an address";

describe("a message as people send it", () => {
  it.each(names)("is read as intended: %s", async (name) => {
    const payload = realEmails[name] as EmailPayload;
    const raw = await sent(payload);
    const lines = raw.toString("latin1").split("\r\n");
    expect(Math.max(...lines.map(({ length }) => length))).toBeLessThanOrEqual(998);
    expect(raw.toString("latin1")).not.toMatch(/[^\x00-\x7f]|\0|(?<!\r)\n|\r(?!\n)/); // seven bits, and whole lines
    if (name !== NAMED_AS_ITS_ADDRESS)
      expect(seenByMailparser(await simpleParser(raw, READ))).toEqual(expected(payload));
    if (isFull) expect(seenByPython(raw)).toEqual({ ...expected(payload), defects: [] });
  });

  it("may have any Unicode name, subject and text", async () => {
    const texts = Array.from("aZ9 \"\\,;:<>()[]@.=?_%'éßžя中あ한🎉👍");
    const random = (() => {
      let seed = 7;
      return (below: number) => ((seed = (seed * 1_103_515_245 + 12_345) % 2 ** 31) >> 8) % below;
    })();
    const text = (length: number) => Array.from({ length }, () => texts[random(texts.length)]).join("");
    for (let run = 0; run < (isFull ? 400 : 20); run++) {
      const word = `x${text(random(40)).replace(/\s+/g, " ")}x`;
      const payload = {
        to: { name: word, address: "a@example.com" },
        subject: word,
        body: `${text(random(300))}\n`,
      };
      expect(seenByMailparser(await simpleParser(await sent(payload), READ))).toEqual(expected(payload));
    }
  });

  it.each(["=?utf-8?q?x?= is off", "Grüße =?utf-8?q?x?="])("shows the subject %s unchanged", async (subject) => {
    const { subject: shown } = await simpleParser(await sent({ to: "a@example.com", subject, body: "b" }), READ);
    expect(shown).toBe(subject);
  });

  it("shows an image in its html", async () => {
    const raw = await sent(realEmails.newsletter as EmailPayload);
    const { attachments } = await simpleParser(raw);
    expect(
      attachments.map(({ cid, related = false, contentDisposition }) => [cid, related, contentDisposition]),
    ).toEqual([
      ["logo@example", true, "inline"],
      [undefined, false, "attachment"],
    ]);
    expect(raw.toString()).toContain("X-Kampagne: =?UTF-8?Q?Fr=C3=BChling?=\r\n");
  });
});

describe("the payload", () => {
  const message: EmailPayload = { to: "a@example.com", subject: "x", body: "x" };
  const issues = (part: object) =>
    issuesOfEmail({ ...message, ...part }).map(({ path, message: text }) => `${path}: ${text}`);

  it("is rejected with the reason if an address is invalid", () => {
    expect(issues({ to: "friends: a@example.com, b@example.com;" })[0]).toMatch(/^\/to: .*group/);
    expect(issues({ to: ["Smith, Anna <ann@example.com>"] })[0]).toMatch(/^\/to\/0: .*goes into quotes/);
    expect(issues({ cc: { name: "a\nb", address: "a@example.com" } })[0]).toMatch(/^\/cc: .*one line/);
    expect(issues({ cc: [{ name: "a", address: "Ann <a@example.com>" }] })[0]).toMatch(/^\/cc\/0: /);
    expect(issues({ envelope_from: "Ann <a@example.com>" })[0]).toMatch(/^\/envelope_from: .*without a name/);
  });

  it("must have foldable lines, and only images that the html shows", () => {
    expect(
      issues({
        headers: { "X-A": "w".repeat(901), "X-B": `${"w".repeat(900)} ${"w".repeat(900)}`, "X-C": "ü".repeat(901) },
      }),
    ).toEqual([expect.stringMatching(/^\/headers\/X-A: /)]);
    const attachments = [
      { filename: "a.png", base64: "", content_id: "a" },
      { filename: "b.png", base64: "", content_id: "a" },
    ];
    expect(issues({ attachments })).toHaveLength(3);
    expect(issues({ attachments, html: "<img src='cid:a'>" })).toEqual([
      expect.stringMatching(/^\/attachments\/1\/content_id: /),
    ]);
    expect(issues({ list_unsubscribe: { url: `https://example.com/${"u".repeat(975)}` } })).toEqual([
      expect.stringMatching(/^\/list_unsubscribe\/url: /),
    ]);
  });
});
