/**
 * Who got the message so far, and what follows from the server's answers (RFC 5321, 4.2.1: 4yz may be repeated, 5yz not).
 * A server may take a message for some recipients and defer others. Then the attempt fails with what was done as its
 * state, and the next one sends to the rest only.
 */
import type { NodemailerError } from "nodemailer";
import { messageOf } from "../../errors.ts";
import { emailError } from "./error-codes.ts";
import { parseMailbox } from "./mailbox.ts";

export interface Delivery {
  readonly accepted: readonly string[];
  /** Refused for good. */
  readonly rejected: readonly string[];
  /** The server's last answer to a message that it took. */
  readonly response: string;
}

export const NOTHING_YET: Delivery = { accepted: [], rejected: [], response: "" };
export const MAX_REPLY_LENGTH = 1_000;

/** What an earlier attempt did, by the spelling that mailbox.ts gives. One of an older version may have another. */
export function deliveryOf(state: unknown): Delivery {
  if (state === undefined) return NOTHING_YET;
  const { accepted, rejected, response } = state as Delivery;
  const spelled = (addresses: readonly string[]) =>
    addresses.map((address) => parseMailbox(address)?.address ?? address);
  return { accepted: spelled(accepted), rejected: spelled(rejected), response };
}

/** Those that neither have the message nor were rejected. */
export function leftOf(recipients: readonly string[], { accepted, rejected }: Delivery): string[] {
  const done = new Set([...accepted, ...rejected]);
  return recipients.filter((address) => !done.has(address));
}

/** Whether the server takes no more recipients in this transaction (RFC 5321, 4.5.3.1.10; enhanced code x.5.3), but may in the next. */
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
 * Returns when no recipient is left to try.
 * @param errors of all recipients that the server deferred or rejected in this attempt
 * @throws {RetryableError} some were deferred; its state has who is done with
 * @throws {PermanentError} all were refused
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
  return `${accepted.length} recipients accepted, ${rejected.length} refused`;
}

/** Servers say so in words only: 450 and 451 mean other things too. */
function isGreylisting({ response = "" }: { readonly response?: string | undefined }): boolean {
  return /gr[ae]y[- ]?list/i.test(response);
}

/** What a failed transaction means: an SMTP reply decides if there is one, else the phase that failed. */
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
  if (code === "EMESSAGE") return emailError.permanent("message_too_large", message, error); // more than the SIZE that the server offers
  return emailError.retryable(
    code === "ETIMEDOUT" || originalCode === "ETIMEDOUT" ? "smtp_timeout" : "smtp_connection",
    message,
    { cause: error, ...state },
  );
}

export type UnknownOutcome = "fail" | "retry" | "accept";

/** No answer came after the final dot, so nobody knows whether the server has the message. @returns the error, by the operator's choice */
export function unknownOutcome(
  choice: Exclude<UnknownOutcome, "accept">,
  now: Delivery,
  unknown: readonly string[],
  cause: Error,
): Error {
  const message =
    `${countsOf(now)}; no answer of the SMTP server came after the message (${messageOf(cause)}), so it may have been sent or not to ${unknown.join(", ")}`.slice(
      0,
      MAX_REPLY_LENGTH,
    );
  if (choice === "retry") return emailError.retryable("delivery_unknown", message, { state: now, cause });
  return emailError.permanent("delivery_unknown", message, cause);
}
