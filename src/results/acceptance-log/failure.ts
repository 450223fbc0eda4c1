/** The errors of submissions of durability postgres that were not committed. */
import { CodedError, codeOf, OutcomeUnknown } from "../../errors.ts";
import { outageOf } from "../../observability/outage.ts";

/** Nothing was changed. */
export function unavailable(reason: string, cause?: unknown): CodedError {
  const message = `This submission needs Postgres (durability postgres), which is not available now (${reason}); nothing was changed.`;
  return new CodedError("store_unavailable", 503, message, { cause, retryAfterMs: 2_000 });
}

/** It may have been committed; then the job runs, although the caller got an error. */
export function unknown(cause: unknown, reason = outageOf(cause)): CodedError {
  const message = `Postgres may have committed this submission (${reason}); if so, the job runs within a few minutes.`;
  return new OutcomeUnknown(message, cause);
}

/** The flow has been retried since it was read. */
export function flowRuns(id: string): CodedError {
  return new CodedError("flow_running", 409, `Flow ${id} runs again already: retry it when it has ended.`);
}

/**
 * Whether Postgres itself rejected the batch, and so stored nothing of it. After the classes 08 and 57, which end a
 * connection, and 58 and XX, which report a broken server, the outcome is unknown.
 */
export function isRejection(error: unknown): boolean {
  return /^(?!EPIPE|08|57|58|XX)[0-9A-Z]{5}$/.test(codeOf(error) ?? "");
}
