/**
 * Decides which recipients have the message, and what follows from the server's replies (RFC 5321, 4.2.1: 4yz may be
 * repeated, 5yz not). A server may accept a message for some recipients and defer others. Then the attempt fails and
 * saves its progress as the job's state, and the next attempt sends only to the remaining recipients.
 */
import type { NodemailerError } from "nodemailer";
import { messageOf } from "../../errors.ts";
import { emailError } from "./error-codes.ts";
import { parseMailbox } from "./mailbox.ts";

export interface Delivery {
  readonly accepted: readonly string[];
  /** Recipients that the server rejected permanently. */
  readonly rejected: readonly string[];
  /** The server's last reply to an accepted message. */
  readonly response: string;
}

const NOTHING_YET: Delivery = { accepted: [], rejected: [], response: "" };
const MAX_REPLY_LENGTH = 1_000;

/**
 * The progress of earlier attempts, with addresses in the spelling of mailbox.ts: an older version may have saved
 * another spelling.
 */
export function deliveryOf(state: unknown): Delivery {
  if (state === undefined) return NOTHING_YET;
  const { accepted, rejected, response } = state as Delivery;
  const spelled = (addresses: readonly string[]) =>
    addresses.map((address) => parseMailbox(address)?.address ?? address);
  return { accepted: spelled(accepted), rejected: spelled(rejected), response };
}

/** The recipients that neither have the message nor were rejected. */
export function leftOf(recipients: readonly string[], { accepted, rejected }: Delivery): string[] {
  const done = new Set([...accepted, ...rejected]);
  return recipients.filter((address) => !done.has(address));
}

/**
 * Whether the server accepts no more recipients in this transaction (RFC 5321, 4.5.3.1.10; enhanced code x.5.3), but
 * may in the next.
 */
export function isTooMany({ responseCode = 0, response = "" }: NodemailerError): boolean {
  const isLimit = /\b[45]\.5\.3\b/.test(response) || /too many (?:recipients|rcpt)|recipients? limit/i.test(response);
  return isLimit || (responseCode === 452 && !/\b4\.\d{1,3}\.\d{1,3}\b/.test(response));
}

/** 552 was the old code for too many recipients, and means the same as 452. */
export function isDeferral(error: NodemailerError): boolean {
  const { responseCode = 400 } = error;
  return responseCode < 500 || (responseCode === 552 && isTooMany(error));
}

/**
 * Returns if no recipient is left to try.
 * @param errors of all recipients that the server deferred or rejected in this attempt
 * @throws {RetryableError} some recipients were deferred; its state has the others
 * @throws {PermanentError} all recipients were rejected
 */
export function judgeAnswers(now: Delivery, errors: readonly NodemailerError[], greylistMs: number): void {
  const deferrals = errors.filter(isDeferral);
  const [first] = deferrals.length > 0 ? deferrals : errors;
  if (first === undefined || (deferrals.length === 0 && now.accepted.length > 0)) return;
  const code = first.responseCode === undefined ? "smtp_deferred" : (`smtp_${first.responseCode}` as const);
  const message =
    `${countsOf(now)}, ${deferrals.length} deferred: ${errors.map(({ recipient = "", response = "" }) => `${recipient}: ${response}`).join("; ")}`.slice(
      0,
      MAX_REPLY_LENGTH,
    );
  if (deferrals.length === 0) throw emailError.permanent(code, message);
  throw emailError.retryable(code, message, { state: now, atLeastMs: deferrals.some(isGreylisting) ? greylistMs : 0 });
}

function countsOf({ accepted, rejected }: Delivery): string {
  return `${accepted.length} recipients accepted, ${rejected.length} rejected`;
}

/** Only the text of a reply shows greylisting: 450 and 451 have other meanings too. */
function isGreylisting({ response = "" }: { readonly response?: string | undefined }): boolean {
  return /gr[ae]y[- ]?list/i.test(response);
}

/** The error of a failed transaction: by its SMTP reply if there is one, otherwise by the phase that failed. */
export function failureOf(error: NodemailerError, now: Delivery, greylistMs: number): Error {
  const { code, originalCode, responseCode, response } = error;
  const message = messageOf(error).slice(0, MAX_REPLY_LENGTH);
  const state = now === NOTHING_YET ? {} : { state: now };
  if (responseCode !== undefined && responseCode >= 400) {
    const reply = `smtp_${responseCode}` as const;
    if (responseCode >= 500)
      return emailError.permanent(
        reply,
        now.accepted.length === 0 ? message : `${countsOf(now)}; then ${message}`,
        error,
      );
    const atLeastMs = isGreylisting({ response }) ? greylistMs : 0;
    return emailError.retryable(reply, message, { ...state, atLeastMs, cause: error });
  }
  // more than the SIZE that the server offers
  if (code === "EMESSAGE") return emailError.permanent("message_too_large", message, error);
  return emailError.retryable(
    code === "ETIMEDOUT" || originalCode === "ETIMEDOUT" ? "smtp_timeout" : "smtp_connection",
    message,
    { cause: error, ...state },
  );
}

export type UnknownOutcome = "fail" | "retry" | "accept";

/**
 * The error of a message without a reply to its final dot: the server may or may not have it. @param choice the
 * operator's
 */
export function unknownOutcome(
  choice: Exclude<UnknownOutcome, "accept">,
  now: Delivery,
  unknown: readonly string[],
  cause: Error,
): Error {
  const message =
    `${countsOf(now)}; the SMTP server did not reply to the message (${messageOf(cause)}), so it may or may not have been sent to ${unknown.join(", ")}`.slice(
      0,
      MAX_REPLY_LENGTH,
    );
  if (choice === "retry") return emailError.retryable("delivery_unknown", message, { state: now, cause });
  return emailError.permanent("delivery_unknown", message, cause);
}
