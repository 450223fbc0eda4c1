/** The message uses only extensions that the server offers (RFC 5321, 2.2.2). */
import { afterEach, expect, it } from "vitest";
import { type EmailPayload, type EmailSettings, openEmailType } from "../../testing/email-job.ts";
import { ScriptedSmtp } from "../../testing/smtp-script.ts";

const cleanups: (() => unknown)[] = [];
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
});

async function setup(offers: readonly string[], settings: Partial<EmailSettings> = {}) {
  const peer = await ScriptedSmtp.start({ offers });
  cleanups.push(() => peer.close());
  const type = await openEmailType(peer.url, settings);
  cleanups.push(type.close);
  return { peer, ...type, mailFrom: () => peer.commands.filter((line) => line.startsWith("MAIL")) };
}

const message: EmailPayload = { to: "jane@example.com", subject: "Grüße", body: "Müller\n" };
const utf8: readonly Partial<EmailPayload>[] = [
  { to: "jörg@example.com" },
  { cc: "jörg@example.com" },
  { bcc: ["jörg@example.com"] },
  { from: "jörg@example.org" },
  { reply_to: { address: "jörg@example.org" } },
  { envelope_from: "jörg@example.org" },
];

it.each(utf8)("without SMTPUTF8 nothing is sent of a message with %j", async (part) => {
  const { peer, failureOf } = await setup(["8BITMIME", "SIZE"]);
  expect(await failureOf({ ...message, ...part })).toMatchObject({
    name: "PermanentError",
    code: "smtputf8_unsupported",
  });
  expect(peer.commands.filter((line) => !/^(?:EHLO|QUIT|RSET)/.test(line))).toEqual([]);
});

it.each(utf8)("with SMTPUTF8 it is requested once, for %j", async (part) => {
  const { peer, send, mailFrom } = await setup(["8BITMIME", "SMTPUTF8"]);
  await send({ ...message, ...part });
  expect(mailFrom().map((line) => line.match(/ (?:SMTPUTF8|BODY=8BITMIME)/g)?.sort())).toEqual([
    [" BODY=8BITMIME", " SMTPUTF8"],
  ]);
  await send({ ...message, to: "jane@bücher.example", from: "Zoë <zoe@bücher.example>" });
  expect(mailFrom()[1]).toBe("MAIL FROM:<zoe@xn--bcher-kva.example>");
  expect(peer.messages[1]?.raw.toString("latin1")).toMatch(/^[\x00-\x7f]*$/);
});

it("a server that offers nothing gets seven bits, and no parameters", async () => {
  const { peer, send, mailFrom } = await setup([]);
  await send({
    ...message,
    to: "Jörg Müller <j@example.com>",
    html: "<p>Müller</p>",
    attachments: [{ filename: "ü.txt", base64: Buffer.from("ü").toString("base64") }],
  });
  expect(mailFrom()).toEqual(["MAIL FROM:<taskflow@example.org>"]);
  expect(peer.messages[0]?.raw.toString("latin1")).toMatch(/^[\x00-\x7f]*$/);
});

it("a message that exceeds the server's SIZE is not sent", async () => {
  const { peer, send, failureOf, mailFrom } = await setup(["SIZE 100000"]);
  const file = (bytes: number) => ({
    ...message,
    attachments: [{ filename: "a", base64: Buffer.alloc(bytes).toString("base64") }],
  });
  expect(await failureOf(file(80_000))).toMatchObject({ name: "PermanentError", code: "message_too_large" });
  expect(mailFrom()).toEqual([]);
  await send(file(60_000));
  const declared = Number(/SIZE=(\d+)/.exec(mailFrom()[0] ?? "")?.[1]);
  const sent = peer.messages[0]?.raw.length ?? 0;
  expect(declared).toBeGreaterThan(sent * 0.95);
  expect(declared).toBeLessThanOrEqual(sent);
});

it("bounces go to the sender of the envelope", async () => {
  const { send, mailFrom, peer } = await setup([], { EMAIL_ENVELOPE_FROM: "bounces@Example.org" });
  await send(message);
  await send({ ...message, envelope_from: "list+7@example.org" });
  expect(mailFrom()).toEqual(["MAIL FROM:<bounces@example.org>", "MAIL FROM:<list+7@example.org>"]);
  expect(peer.messages[1]?.raw.toString()).toContain("From: taskflow@example.org\r\n");
  await expect(openEmailType(peer.url, { EMAIL_ENVELOPE_FROM: "Bounces <b@example.org>" })).rejects.toThrow(
    "EMAIL_ENVELOPE_FROM",
  );
});
