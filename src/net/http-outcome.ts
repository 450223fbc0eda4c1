/**
 * What an HTTP response means for the job that made the request: success, a failure that a repeat may cure, or a final
 * one.
 */
import type { JobErrors } from "../core/job-errors.ts";
import { PermanentError, RetryAfterError } from "../core/job-type.ts";
import { codeOf } from "../errors.ts";
import type { OutboundResponse } from "./answer.ts";
import { isOutboundCode } from "./error-codes.ts";
import { retryAfterMs } from "./retry-after.ts";

/** The wait after a 429 without a usable Retry-After: a minute, the window over which most limits count. */
const DEFAULT_RETRY_AFTER_MS = 60_000;

export type StatusMeaning = "success" | "retry" | "final";

/** The usual meaning of a status: 2xx is success; 408, 425, 429 and 5xx may be retried; all others are final. */
export function meaningOf(status: number): StatusMeaning {
  if (status >= 200 && status < 300) return "success";
  return status === 408 || status === 425 || status === 429 || status >= 500 ? "retry" : "final";
}

/** How the failure of a request is reported. */
export interface StatusReport<Code extends string> {
  readonly message: string;
  /** The job's `error.code` for a final status, for one that is retried, and for 429. */
  readonly codes: { readonly final: Code; readonly retry: Code; readonly busy: Code };
  /** Default: {@link meaningOf} the status. */
  readonly meaning?: StatusMeaning;
  /** The time of the response, epoch ms: `Retry-After` may be a date. */
  readonly nowMs: number;
}

/**
 * Returns for a success, and throws the error of the job otherwise. `Retry-After` is honoured for every status that is
 * retried: after a 429 the attempt does not count, after any other status it does.
 * @throws {PermanentError} a final status
 * @throws {RetryAfterError} 429
 * @throws {RetryableError} any other status that is retried
 */
export function assertSuccess<Code extends string>(
  { status, headers }: Pick<OutboundResponse, "status" | "headers">,
  errors: JobErrors<Code>,
  { message, codes, meaning = meaningOf(status), nowMs }: StatusReport<Code>,
): void {
  if (meaning === "success") return;
  if (meaning === "final") throw errors.permanent(codes.final, message);
  const askedMs = retryAfterMs(headers["retry-after"], nowMs);
  if (status === 429) throw errors.retryAfter(codes.busy, message, askedMs ?? DEFAULT_RETRY_AFTER_MS);
  throw errors.retryable(codes.retry, message, { atLeastMs: askedMs ?? 0 });
}

/**
 * Whether an error of `fetch` is reported to the job's caller as it is: it is final, asks for a later attempt, or has a
 * code that every type with URLs documents. Any other error (of the network, a timeout) means that the host gave no
 * response.
 */
export function isSelfExplanatory(thrown: unknown): boolean {
  return thrown instanceof PermanentError || thrown instanceof RetryAfterError || isOutboundCode(codeOf(thrown));
}
