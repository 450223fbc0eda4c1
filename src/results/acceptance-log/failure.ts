/** The errors of submissions of durability postgres that were not committed. */
import { codeOf, OutcomeUnknown, TaskFlowError } from "../../errors.ts";
import { outageOf } from "../../observability/outage.ts";

/** Nothing was changed. */
export function unavailable(reason: string, cause?: unknown): TaskFlowError {
  const message = `This submission asks for durability postgres, which cannot be had now (${reason}); nothing was changed.`;
  return new TaskFlowError("store_unavailable", 503, message, { cause, retryAfterMs: 2_000 });
}

/** It may have been committed; then the job runs, although the caller got an error. */
export function unknown(cause: unknown, reason = outageOf(cause)): TaskFlowError {
  const message = `Whether Postgres has committed this submission is not known (${reason}); if it has, the job runs within a few minutes.`;
  return new OutcomeUnknown(message, cause);
}

/**
 * Whether Postgres itself rejected the batch, and so has none of it. Classes 08 and 57 end a connection, 58 and XX
 * report a broken server: the outcome is unknown then.
 */
export function isRejection(error: unknown): boolean {
  return /^(?!EPIPE|08|57|58|XX)[0-9A-Z]{5}$/.test(codeOf(error) ?? "");
}
