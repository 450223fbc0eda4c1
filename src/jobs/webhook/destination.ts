/** The destination of a delivery, and its health after a delivery without a complete response. */
import type { Destination, HostHealth } from "../../core/destination.ts";
import { RetryableError } from "../../core/job-type.ts";
import { codeOf } from "../../errors.ts";

/**
 * A shorter silence does not mean that the host is down: the caller sets the time limit, and good receivers may need
 * seconds.
 */
const PATIENCE_MS = 5_000;

/** Codes of failures on this side: the request could not be made, or this replica has no more sockets or is closing. */
const OUR_OWN =
  /^(EMFILE|ENFILE|ENOBUFS|ENOMEM|EADDRNOTAVAIL|UND_ERR_(INVALID_ARG|NOT_SUPPORTED|DESTROYED|CLOSED|REQ_CONTENT_LENGTH_MISMATCH))$/;
/** Codes of a host that is up but does not work: no HTTP, endless headers, an untrusted certificate. */
const NO_HTTP = /^(HPE_|UND_ERR_HEADERS_OVERFLOW|EPROTO|ERR_SSL_|ERR_TLS_|CERT_|DEPTH_ZERO_|SELF_SIGNED_|UNABLE_TO_)/;

/**
 * The destination of a URL. Port 80 is part of it, because the host may serve only another port; a dot at the end of a
 * name is ignored.
 */
export function destinationOf(url: string, caller: string): Destination {
  const { hostname, port, protocol, pathname } = new URL(url);
  const name = hostname.replace(/\.$/, "");
  const namedPort = protocol === "http:" ? port || "80" : port;
  return { host: namedPort === "" ? name : `${name}:${namedPort}`, path: pathname, caller };
}

export interface Failure {
  /** The signal of the attempt. */
  readonly signal: AbortSignal;
  /** Whether the host began to respond. */
  readonly hasAnswered: boolean;
  readonly waitedMs: number;
}

/**
 * The health of the host after a request without a complete response: `unknown` if the attempt was stopped for another
 * reason, the URL was rejected, this side failed, or the look-up of the name did not get its turn; `failed` if the host
 * began to respond; otherwise `down`, or `late` after a short time limit.
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
