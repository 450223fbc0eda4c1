/**
 * Who got the message so far, and what follows from the server's answers (RFC 5321, 4.2.1: 4yz may be repeated, 5yz not).
 * A server may take a message for some recipients and defer others. Then the attempt fails with what was done as its
 * state, and the next one sends to the rest only.
 */
import type { NodemailerError } from "nodemailer";
import { PermanentError, RetryableError } from "../core/job-type.ts";
import { messageOf } from "../errors.ts";

export interface Delivery {
  readonly accepted: readonly string[];
  /** Refused for good. */
  readonly rejected: readonly string[];
  /** The server's last answer to a message that it took. */
  readonly response: string;
}

export const NOTHING_YET: Delivery = { accepted: [], rejected: [], response: "" };
const MAX_REPLY_LENGTH = 1_000;

/** What the library tells of a message that went out, or that no recipient got. */
interface Answers {
  readonly accepted?: readonly string[];
  readonly rejectedErrors?: readonly NodemailerError[] | undefined;
  readonly response?: string | undefined;
}

/**
 * What has become of all recipients, when none is left to try.
 * @throws {RetryableError} some were deferred; its state tells who is done with
 * @throws {PermanentError} all were refused
 */
export function judgeAnswers(before: Delivery, answers: Answers, greylistMs: number): Delivery {
  const { accepted = [], rejectedErrors = [], response = "" } = answers;
  const deferrals = rejectedErrors.filter(({ responseCode = 400 }) => responseCode < 500);
  const refusals = rejectedErrors.filter((error) => !deferrals.includes(error));
  const now: Delivery = {
    accepted: [...before.accepted, ...accepted],
    rejected: [...before.rejected, ...refusals.map(({ recipient = "" }) => recipient)],
    response: accepted.length > 0 ? response.slice(0, MAX_REPLY_LENGTH) : before.response,
  };
  const [first] = deferrals.length > 0 ? deferrals : refusals;
  if (first === undefined || (deferrals.length === 0 && now.accepted.length > 0)) return now;
  const code = `smtp_${first.responseCode ?? "deferred"}`;
  const who = `${now.accepted.length} recipients accepted, ${now.rejected.length} refused, ${deferrals.length} deferred`;
  const message = `${who}: ${rejectedErrors.map(({ recipient = "", response: reply = "" }) => `${recipient}: ${reply}`).join("; ")}`.slice(0, MAX_REPLY_LENGTH);
  if (deferrals.length === 0) throw new PermanentError(message, { code });
  throw new RetryableError(message, { code, state: now, atLeastMs: deferrals.some(isGreylisting) ? greylistMs : 0 });
}

/** Servers say so in words only: 450 and 451 mean other things too. */
function isGreylisting({ response = "" }: { readonly response?: string | undefined }): boolean {
  return /gr[ae]y[- ]?list/i.test(response);
}

/** What a failed send means: an SMTP reply decides if there is one, else the phase that failed. */
export function failureOf(thrown: unknown, greylistMs: number): Error {
  const { code, originalCode, responseCode, response } = thrown as NodemailerError & { originalCode?: string };
  const isAuth = code === "EAUTH" || code === "ENOAUTH";
  // an answer to AUTH may echo what it was sent, so neither its text nor the error goes further
  const message = isAuth ? "the SMTP server did not accept the credentials" : messageOf(thrown).slice(0, MAX_REPLY_LENGTH);
  const cause = isAuth ? {} : { cause: thrown };
  if (responseCode !== undefined && responseCode >= 400) {
    const reply = { code: `smtp_${responseCode}`, ...cause };
    if (responseCode >= 500) return new PermanentError(message, reply);
    return new RetryableError(message, { ...reply, atLeastMs: isGreylisting({ response }) ? greylistMs : 0 });
  }
  if (isAuth) return new PermanentError(message, { code: "smtp_auth" }); // SMTP_URL has half of the credentials, say
  return new RetryableError(message, { code: code === "ETIMEDOUT" || originalCode === "ETIMEDOUT" ? "smtp_timeout" : "smtp_connection", ...cause });
}
