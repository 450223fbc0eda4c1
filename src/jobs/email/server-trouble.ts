/**
 * Trouble with the SMTP server that only the operator can resolve: a wrong password, an untrusted certificate, a name
 * that DNS does not know, a server that rejects every client. The messages are not the cause, so no job fails. All
 * wait, and one at a time tries again.
 */
import type { NodemailerError } from "nodemailer";
import type { RetryAfterError } from "../../core/job-type.ts";
import { messageOf } from "../../errors.ts";
import { type EmailErrorCode, emailError } from "./error-codes.ts";
import type { Phase } from "./smtp-connection.ts";

/**
 * The time until the server is tried again: long enough that the server does not lock the account because of wrong
 * passwords.
 */
const WAIT_MS = 30_000;
/** Waiting messages are retried spread over this time. */
const SPREAD_MS = 10_000;
/** The time for which other messages wait for the result of the message that tries the server. */
const TRY_MS = 10_000;

export interface Trouble {
  readonly code: EmailErrorCode;
  readonly message: string;
}

/** RFC 4954, 6: authentication is required, too weak, or has failed. */
const AUTH_REPLIES: readonly (number | undefined)[] = [530, 534, 535, 538];
/**
 * The texts of servers that reply 550 or 554 instead. Texts about SPF and DMARC concern the sender's domain and must
 * not match.
 */
const WANTS_LOGIN =
  /(?:(?:is|was|are) not|must(?: be)?) authenticate|authentication (?:is )?required|must issue (?:a )?STARTTLS|(?:must|please) log ?in/i;
const CERTIFICATE = /CERT|SELF_SIGNED|UNABLE_TO_(?:GET|VERIFY)|ERR_(?:SSL|TLS)|EPROTO/;

/** The trouble that a failed transaction shows; undefined if the message may be the cause, or it is temporary. */
export function troubleOf(error: NodemailerError, phase: Phase): Trouble | undefined {
  const { code, originalCode = "", responseCode, response = "", command } = error;
  const reply = responseCode === undefined ? undefined : (`smtp_${responseCode}` as const);
  // a reply to AUTH may echo the credentials, so its text is dropped
  if (code === "EAUTH" || code === "ENOAUTH")
    return {
      code: reply === undefined ? "smtp_auth" : reply,
      message: "the SMTP server did not accept the credentials",
    };
  if (phase === "opening") {
    if (reply !== undefined && (responseCode ?? 0) >= 400) return { code: reply, message: messageOf(error) };
    if (code === "EDNS")
      return { code: "smtp_dns", message: `the name of the SMTP server cannot be resolved: ${messageOf(error)}` };
    if (code === "ETLS" || CERTIFICATE.test(originalCode))
      return { code: "smtp_tls", message: `no TLS with the SMTP server: ${messageOf(error)}` };
    return undefined;
  }
  const isAboutAuth =
    AUTH_REPLIES.includes(responseCode) ||
    (command === "MAIL FROM" && (responseCode ?? 0) >= 500 && WANTS_LOGIN.test(response));
  return isAboutAuth && reply !== undefined ? { code: reply, message: messageOf(error) } : undefined;
}

/** The state of one server, as one replica or one of its threads knows it. */
export class ServerTrouble {
  #trouble: Trouble | undefined;
  /** By `performance.now()`. */
  #until = 0;

  /**
   * While the server is in trouble, lets one message at a time try it.
   * @throws {RetryAfterError} with the code of the trouble; the attempt is not counted
   */
  sendAway(): void {
    if (this.#trouble === undefined) return;
    const now = performance.now();
    if (now < this.#until) throw this.#wait(this.#trouble, this.#until - now);
    this.#until = now + TRY_MS;
  }

  /**
   * The error of a message that found the trouble: it waits without counting an attempt, with no limit.
   * @param onFirst called if the server was not in this trouble before
   */
  met(trouble: Trouble, onFirst: (trouble: Trouble) => void): RetryAfterError {
    if (this.#trouble?.code !== trouble.code) onFirst(trouble);
    this.#trouble = trouble;
    this.#until = performance.now() + WAIT_MS;
    return this.#wait(trouble, WAIT_MS);
  }

  /** The server accepted a message, or rejected one because of the message itself. */
  passed(): void {
    this.#trouble = undefined;
  }

  #wait({ code, message }: Trouble, ms: number): RetryAfterError {
    return emailError.retryAfter(code, message, ms + Math.random() * SPREAD_MS, { waitsForTurn: true });
  }
}
