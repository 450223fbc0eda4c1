/**
 * Composes a message as octets (RFC 5322, RFC 2045): its headers, texts and files, in lines that every SMTP server
 * accepts.
 */
import type { Readable } from "node:stream";
import type DKIM from "nodemailer/lib/dkim";
import MailComposer from "nodemailer/lib/mail-composer";
import { encodeWord } from "nodemailer/lib/mime-funcs";
import type { AttachedFile } from "./attachment.ts";
import { emailError } from "./error-codes.ts";
import type { Mailbox } from "./mailbox.ts";
import { mailboxes, needsUtf8 } from "./mailbox.ts";
import type { EmailPayload } from "./payload.ts";
import type { OutgoingMessage } from "./sending.ts";
import { slicedText } from "./slices.ts";
import { unsubscribeHeaders } from "./unsubscribe.ts";

export interface Texts {
  readonly subject?: string | undefined;
  readonly text?: string | undefined;
  readonly html?: string | undefined;
}

export interface MessageDefaults {
  readonly from: Mailbox;
  /** The address for bounces. Default: `from`. */
  readonly envelopeFrom: string | undefined;
  readonly dkim: DKIM | undefined;
}

/**
 * A word without spaces would make a header line of more than 998 octets (RFC 5322, 2.1.1); as encoded words it can be
 * folded.
 */
const UNFOLDABLE = /[\x21-\x7e]{900}/;
const LINE_CHARACTERS = 76;
/** Every message has at least this many bytes of headers. */
const MIN_HEADER_BYTES = 300;

/** @param files of the message; each can be opened once for every transaction */
export function messageOf(
  payload: EmailPayload,
  jobId: string,
  texts: Texts,
  files: readonly AttachedFile[],
  defaults: MessageDefaults,
): OutgoingMessage & { readonly messageId: string } {
  const from = mailboxes(payload.from)[0] ?? defaults.from;
  const [to, cc, bcc, replyTo] = [
    mailboxes(payload.to),
    mailboxes(payload.cc),
    mailboxes(payload.bcc),
    mailboxes(payload.reply_to),
  ];
  const [envelopeFrom = { name: "", address: defaults.envelopeFrom ?? from.address }] = mailboxes(
    payload.envelope_from,
  );
  const { subject = texts.subject, headers, list_unsubscribe: unsubscribe } = payload;
  if (subject === undefined)
    throw emailError.permanent("subject_missing", "neither the job nor its template has a subject");
  // the same on each attempt, so that a repeat after a lost reply can be distinguished from a second message
  const messageId = `<${jobId}@taskflow.${from.address.slice(from.address.lastIndexOf("@") + 1)}>`;
  const { text = "", html = "" } = texts;
  const open = (): Readable => {
    const node = new MailComposer({
      from,
      to,
      cc,
      replyTo,
      messageId,
      subject: UNFOLDABLE.test(subject) || subject.includes("=?") ? encodeWord(subject, "Q", 52) : subject,
      text: slicedText(text),
      html: slicedText(html),
      headers: { ...headers, ...(unsubscribe && unsubscribeHeaders(unsubscribe)) },
      attachments: files.map(({ filename, contentType, cid, open: openFile }) => ({
        filename,
        contentType,
        content: openFile(),
        ...(cid !== undefined && { cid, contentDisposition: "inline" }),
      })),
      xMailer: false,
      disableFileAccess: true,
      disableUrlAccess: true,
    }).compile();
    if (defaults.dkim) node.processFunc((input) => defaults.dkim?.sign(input) ?? input);
    return node.createReadStream();
  };
  return {
    messageId,
    open,
    from: envelopeFrom.address,
    recipients: [...new Set([...to, ...cc, ...bcc].map(({ address }) => address))],
    isUtf8: [from, envelopeFrom, ...to, ...cc, ...bcc, ...replyTo].some(needsUtf8),
    bytes:
      MIN_HEADER_BYTES +
      Buffer.byteLength(text) +
      Buffer.byteLength(html) +
      files.reduce((sum, { bytes }) => sum + bytesInBase64(bytes), 0),
  };
}

/** Includes a line break after each line. */
function bytesInBase64(bytes: number): number {
  const characters = Math.ceil(bytes / 3) * 4;
  return characters + Math.ceil(characters / LINE_CHARACTERS) * 2;
}
