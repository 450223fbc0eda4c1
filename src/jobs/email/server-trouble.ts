/**
 * Trouble with the SMTP server that only the operator can mend: a wrong password, a certificate that nobody trusts, a name that DNS does
 * not know, a server that rejects every client. No message is at fault, so none fails for it. All wait, and one at a time tries again.
 */
import type { NodemailerError } from "nodemailer";
import { RetryAfterError } from "../../core/job-type.ts";
import { messageOf } from "../../errors.ts";
import { type EmailErrorCode, emailError } from "./error-codes.ts";
import type { Phase } from "./smtp-connection.ts";

/** The server is tried again so much later: seldom enough that it locks no account for wrong passwords. */
const WAIT_MS = 30_000;
/** Messages that wait come back spread over this time. */
const SPREAD_MS = 10_000;
/** While one message tries the server, others wait so long for what it finds. */
const TRY_MS = 10_000;

export interface Trouble {
  readonly code: EmailErrorCode;
  readonly message: string;
}

/** RFC 4954, 6: authentication is required, too weak, or has failed. */
const AUTH_REPLIES: readonly (number | undefined)[] = [530, 534, 535, 538];
/** As servers put it that answer 550 or 554 instead. What they write about SPF and DMARC is about the sender's domain, and not meant. */
const WANTS_LOGIN =
  /(?:(?:is|was|are) not|must(?: be)?) authenticate|authentication (?:is )?required|must issue (?:a )?STARTTLS|(?:must|please) log ?in/i;
const CERTIFICATE = /CERT|SELF_SIGNED|UNABLE_TO_(?:GET|VERIFY)|ERR_(?:SSL|TLS)|EPROTO/;

/** The trouble that a failed transaction shows; undefined where it is not the server's alone, or passes by itself. */
export function troubleOf(error: NodemailerError, phase: Phase): Trouble | undefined {
  const { code, originalCode = "", responseCode, response = "", command } = error;
  const reply = responseCode === undefined ? undefined : (`smtp_${responseCode}` as const);
  // an answer to AUTH may echo what it was sent, so its text goes no further
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
   * Lets one message try the server where it is in trouble, and no other meanwhile.
   * @throws {RetryAfterError} with the code of the trouble; the attempt is not counted
   */
  sendAway(): void {
    if (this.#trouble === undefined) return;
    const now = performance.now();
    if (now < this.#until) throw this.#wait(this.#trouble, this.#until - now);
    this.#until = now + TRY_MS;
  }

  /**
   * The error of a message that met it, which waits without counting an attempt, however long that takes.
   * @param onFirst is called where the server was not in this trouble before
   */
  met(trouble: Trouble, onFirst: (trouble: Trouble) => void): RetryAfterError {
    if (this.#trouble?.code !== trouble.code) onFirst(trouble);
    this.#trouble = trouble;
    this.#until = performance.now() + WAIT_MS;
    return this.#wait(trouble, WAIT_MS);
  }

  /** The server took a message, or rejected one for its own sake. */
  passed(): void {
    this.#trouble = undefined;
  }

  #wait({ code, message }: Trouble, ms: number): RetryAfterError {
    return emailError.retryAfter(code, message, ms + Math.random() * SPREAD_MS, { waitsForTurn: true });
  }
}
