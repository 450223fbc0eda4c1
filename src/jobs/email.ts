/**
 * Job type `email`: one message, sent through the operator's SMTP server.
 * The SMTP envelope is made of the addresses as mailbox.ts reads them, and of nothing else.
 */
import { Readable } from "node:stream";
import { setImmediate } from "node:timers/promises";
import { createTransport } from "nodemailer";
import type { NodemailerError, SendMailOptions } from "nodemailer";
import { Type } from "typebox";
import type { Static } from "typebox";
import { defineJob, exponential, PermanentError, RetryableError } from "../core/job-type.ts";
import type { PayloadFault } from "../core/job-type.ts";
import { messageOf, StartError } from "../errors.ts";
import { mailboxes, parseMailbox } from "../mail/mailbox.ts";
import type { Mailbox } from "../mail/mailbox.ts";

const MAX_RECIPIENTS = 50;
/** RFC 5321 allows minutes; a slot is too dear for that, and a retry follows. */
const PHASE_TIMEOUT_MS = 10_000;
const SLICE_BYTES = 64 * 1024;

const Address = Type.String({ minLength: 3, maxLength: 400, description: "One address: `jane@example.com` or `Jane Doe <jane@example.com>`" });
const Recipients = Type.Union([Address, Type.Array(Address, { minItems: 1, maxItems: MAX_RECIPIENTS })]);
const MediaType = Type.String({ maxLength: 255, description: "Default: by the extension of `filename`" });
const Attachment = Type.Object(
  { filename: Type.String({ minLength: 1, maxLength: 255 }), content_type: Type.Optional(MediaType), base64: Type.String() },
  { additionalProperties: false },
);
const Payload = Type.Object(
  {
    to: Recipients,
    subject: Type.String({ maxLength: 998 }),
    body: Type.Optional(Type.String({ description: "The plain text; may be left out only where `html` is given" })),
    html: Type.Optional(Type.String()),
    from: Type.Optional(Address),
    cc: Type.Optional(Recipients),
    bcc: Type.Optional(Recipients),
    reply_to: Type.Optional(Address),
    headers: Type.Optional(Type.Record(Type.String(), Type.String({ maxLength: 2_000 }), { maxProperties: 50 })),
    attachments: Type.Optional(Type.Array(Attachment, { maxItems: 50 })),
  },
  { additionalProperties: false, examples: [{ to: "jane@example.com", subject: "Your report", body: "It is ready." }] },
);
type EmailPayload = Static<typeof Payload>;

function addressFaults(payload: EmailPayload): PayloadFault[] {
  const faults: PayloadFault[] = [];
  for (const field of ["to", "cc", "bcc", "from", "reply_to"] as const) {
    const value = payload[field] ?? [];
    for (const [index, text] of [value].flat().entries()) {
      if (parseMailbox(text) !== undefined) continue;
      const path = Array.isArray(value) ? `/${field}/${index}` : `/${field}`;
      faults.push({ path, message: "expected one address, such as jane@example.com or Jane Doe <jane@example.com>" });
    }
  }
  const count = [payload.to, payload.cc ?? [], payload.bcc ?? []].flat().length;
  if (count > MAX_RECIPIENTS) faults.push({ path: "/to", message: `expected at most ${MAX_RECIPIENTS} recipients in to, cc and bcc, got ${count}` });
  return faults;
}

// What the message is built from, what signs it, and what mail servers add: a caller's copy would contradict or forge them.
const RESERVED_HEADER =
  /^(?:from|sender|to|cc|bcc|reply-to|subject|message-id|date|mime-version|return-path|received.*|resent-.*|content-.*|dkim-.*|domainkey-.*|arc-.*|authentication-results|apparently-to)$/i;

function headerFaults(headers: Readonly<Record<string, string>> = {}): PayloadFault[] {
  return Object.entries(headers).flatMap(([name, value]) => {
    const path = `/headers/${name.replaceAll("~", "~0").replaceAll("/", "~1")}`;
    if (!/^[A-Za-z0-9][A-Za-z0-9-]{0,75}$/.test(name)) return [{ path, message: "expected a header name of letters, digits and hyphens" }];
    if (RESERVED_HEADER.test(name)) return [{ path, message: "this header cannot be set" }];
    return /[\r\n\0]/.test(value) ? [{ path, message: "expected a value without line breaks" }] : [];
  });
}

// multipart/* is refused: its content would be read as the structure of the message.
const CONTENT_TYPE = /^(?!multipart\/)[a-z0-9!#$&^_.+-]+\/[a-z0-9!#$&^_.+-]+(?: ?; ?[a-z0-9-]+=[a-z0-9!#$&^_.+-]+)*$/i;

/** Looks for a character that does not belong, rather than matching all that do: linear, whatever the megabytes. */
function isBase64(text: string): boolean {
  return text.length % 4 === 0 && !/[^A-Za-z0-9+/]/.test(text.replace(/={1,2}$/, ""));
}

function attachmentFaults(attachments: EmailPayload["attachments"] = []): PayloadFault[] {
  return attachments.flatMap(({ filename, content_type, base64 }, index) => {
    const faults: PayloadFault[] = [];
    const fault = (field: string, message: string) => faults.push({ path: `/attachments/${index}/${field}`, message });
    if (/[\p{Cc}/\\]/u.test(filename)) fault("filename", "expected a name without slashes and control characters");
    if (content_type !== undefined && !CONTENT_TYPE.test(content_type)) fault("content_type", "expected a media type, such as text/csv");
    if (!isBase64(base64)) fault("base64", "expected base64 (RFC 4648, section 4) with padding and no line breaks");
    return faults;
  });
}

function check(payload: EmailPayload): PayloadFault[] {
  const faults = [...addressFaults(payload), ...headerFaults(payload.headers), ...attachmentFaults(payload.attachments)];
  if (payload.body === undefined && payload.html === undefined) faults.push({ path: "/body", message: "expected a body, or html" });
  if (/\p{Cc}/u.test(payload.subject)) faults.push({ path: "/subject", message: "expected one line without control characters" });
  return faults;
}

const Settings = Type.Object({
  SMTP_URL: Type.String({ default: "", description: "The mail server: `smtp://USER:PASSWORD@HOST:PORT`, or `smtps://` for TLS from the start. Empty: email jobs fail, but where a mail catcher is started" }),
  SMTP_CONNECTIONS: Type.Integer({ minimum: 1, maximum: 100, default: 5, description: "Connections that one replica keeps to the SMTP server" }),
  EMAIL_FROM: Type.String({ default: "taskflow@localhost", description: "The sender of an email job that names none" }),
});

/** Sockets open with the first message, so a server that is away at start does no harm. Throws StartError for settings that cannot work. */
function openMailer({ SMTP_URL, SMTP_CONNECTIONS, EMAIL_FROM }: Static<typeof Settings>) {
  const from = parseMailbox(EMAIL_FROM);
  if (from === undefined) throw new StartError("EMAIL_FROM: expected one address, such as taskflow@example.com");
  if (SMTP_URL === "") return { from, transport: undefined };
  // the value itself is not named: it holds a password
  if (!/^smtps?:\/\/[^/?#]/.test(SMTP_URL) || !URL.canParse(SMTP_URL)) throw new StartError("SMTP_URL: expected smtp://[USER:PASSWORD@]HOST[:PORT] or smtps://…");
  const timeouts = { dnsTimeout: PHASE_TIMEOUT_MS, connectionTimeout: PHASE_TIMEOUT_MS, greetingTimeout: PHASE_TIMEOUT_MS, socketTimeout: PHASE_TIMEOUT_MS };
  // the pool repeats by itself only what it had not begun to send: twice, for idle connections that the server has dropped
  const transport = createTransport({ url: SMTP_URL, pool: true, maxConnections: SMTP_CONNECTIONS, maxRequeues: 2, ...timeouts });
  return { from, transport };
}

async function* slicesOf(bytes: Buffer): AsyncGenerator<Buffer> {
  for (let at = 0; at < bytes.length; at += SLICE_BYTES) {
    yield bytes.subarray(at, at + SLICE_BYTES);
    await setImmediate();
  }
}

/** A large part goes in slices with a turn of the event loop after each: encoding 12 MB in one go held it for 350 ms. */
function sliced<Small extends string | Buffer>(part: Small): Small | Readable {
  return part.length > SLICE_BYTES ? Readable.from(slicesOf(Buffer.from(part))) : part;
}

function compose(payload: EmailPayload, jobId: string, defaultFrom: Mailbox): SendMailOptions {
  const from = mailboxes(payload.from)[0] ?? defaultFrom;
  const [to, cc] = [mailboxes(payload.to), mailboxes(payload.cc)];
  const recipients = [...to, ...cc, ...mailboxes(payload.bcc)].map(({ address }) => address);
  return {
    envelope: { from: from.address, to: recipients },
    // the same on each attempt, so that a repeat after a lost answer can be told from a second message
    messageId: `<${jobId}@taskflow.${from.address.slice(from.address.indexOf("@") + 1)}>`,
    from,
    to,
    cc,
    replyTo: mailboxes(payload.reply_to),
    subject: payload.subject,
    text: sliced(payload.body ?? ""),
    html: sliced(payload.html ?? ""),
    headers: payload.headers,
    attachments: payload.attachments?.map(({ filename, content_type, base64 }) => ({ filename, contentType: content_type, content: sliced(Buffer.from(base64, "base64")) })),
    xMailer: false,
    disableFileAccess: true,
    disableUrlAccess: true,
  };
}

/** What a failed send means: an SMTP reply decides if there is one (RFC 5321, 4.2.1: 4yz may be repeated, 5yz not), else the phase that failed. */
function failureOf(thrown: unknown): Error {
  const { code, originalCode, responseCode } = thrown as NodemailerError & { originalCode?: string };
  const isAuth = code === "EAUTH" || code === "ENOAUTH";
  // an answer to AUTH may echo what it was sent, so neither its text nor the error goes further
  const message = isAuth ? "the SMTP server did not accept the credentials" : messageOf(thrown).slice(0, 1_000);
  const cause = isAuth ? {} : { cause: thrown };
  if (responseCode !== undefined && responseCode >= 400) {
    const reply = { code: `smtp_${responseCode}`, ...cause };
    return responseCode < 500 ? new RetryableError(message, reply) : new PermanentError(message, reply);
  }
  if (isAuth) return new PermanentError(message, { code: "smtp_auth" }); // SMTP_URL has half of the credentials, say
  return new RetryableError(message, { code: code === "ETIMEDOUT" || originalCode === "ETIMEDOUT" ? "smtp_timeout" : "smtp_connection", ...cause });
}

export default defineJob({
  type: "email",
  lane: "io",
  payload: Payload,
  check,
  settings: Settings,
  attempts: 3,
  timeoutMs: 30_000,
  backoff: exponential(1_000, 600_000),
  maxBodyBytes: 16 * 1024 * 1024,
  open: openMailer,
  close: ({ transport }) => transport?.close(),
  run: async (payload, { jobId, tool, signal }) => {
    if (tool.transport === undefined) throw new PermanentError("SMTP_URL is not set, so no email can be sent", { code: "smtp_not_configured" });
    try {
      const sent = await tool.transport.sendMail({ ...compose(payload, jobId, tool.from), signal });
      return { message_id: sent.messageId, accepted: sent.accepted, rejected: sent.rejected, response: sent.response.slice(0, 1_000) };
    } catch (thrown) {
      signal.throwIfAborted();
      throw failureOf(thrown);
    }
  },
});
