/** The destination of a delivery, and what a delivery without a whole answer says about it. */
import type { Destination, HostHealth } from "../../core/destination.ts";
import { RetryableError } from "../../core/job-type.ts";
import { codeOf } from "../../errors.ts";

/** Silence for less says nothing of a host: the caller sets the time, and many a good receiver needs more than a second. */
const PATIENCE_MS = 5_000;

/** Codes of what is wrong on this side: the request could not be made here, or this replica has no more sockets or is closing. */
const OUR_OWN =
  /^(EMFILE|ENFILE|ENOBUFS|ENOMEM|EADDRNOTAVAIL|UND_ERR_(INVALID_ARG|NOT_SUPPORTED|DESTROYED|CLOSED|REQ_CONTENT_LENGTH_MISMATCH))$/;
/** Codes of a host that is there, and with which this request cannot be done: no HTTP, headers without end, a certificate that is not trusted. */
const NO_HTTP = /^(HPE_|UND_ERR_HEADERS_OVERFLOW|EPROTO|ERR_SSL_|ERR_TLS_|CERT_|DEPTH_ZERO_|SELF_SIGNED_|UNABLE_TO_)/;

/** The destination of a URL. Port 80 is named, as its host may serve another port alone; a dot at the end of a name changes nothing. */
export function destinationOf(url: string, caller: string): Destination {
  const { hostname, port, protocol, pathname } = new URL(url);
  const name = hostname.replace(/\.$/, "");
  const namedPort = protocol === "http:" ? port || "80" : port;
  return { host: namedPort === "" ? name : `${name}:${namedPort}`, path: pathname, caller };
}

export interface Failure {
  /** That of the attempt. */
  readonly signal: AbortSignal;
  /** Whether the host began to answer. */
  readonly hasAnswered: boolean;
  readonly waitedMs: number;
}

/**
 * What it says about the host that there is no whole answer: nothing, where the attempt was stopped for another reason, the URL is
 * refused, the fault is on this side, or the look-up of the name has not had its turn. Of a host that began to answer, nothing but that
 * this visit failed.
 */
export function healthOfThrow(thrown: unknown, { signal, hasAnswered, waitedMs }: Failure): HostHealth {
  if (signal.aborted && codeOf(signal.reason) !== "timeout") return "unknown";
  const isTimeout = signal.aborted || codeOf(thrown) === "timeout";
  if (codeOf(thrown) === "answer_unreadable") return "failed";
  if (!isTimeout && !(thrown instanceof RetryableError)) return hasAnswered ? "up" : "unknown";
  const cause = isTimeout ? "" : (codeOf((thrown as RetryableError).cause) ?? "");
  if (OUR_OWN.test(cause)) return "unknown";
  if (hasAnswered || NO_HTTP.test(cause)) return "failed";
  return isTimeout && waitedMs < PATIENCE_MS ? "late" : "down";
}
