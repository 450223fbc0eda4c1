/**
 * Limits the tries of an image that took too long or crashed its process: each try occupies a core for a minute or two,
 * and more tries rarely help.
 */
import { asPermanent, asRetryable } from "../../core/job-errors.ts";
import { RetryableError } from "../../core/job-type.ts";

/** Independent of `max_attempts`; other failures, such as an unreachable host, do not count. */
const MAX_TRIES = 3;
const COSTLY: readonly string[] = ["image_timeout", "image_process_exited"];

/**
 * The error to report for a failed image: the third costly failure is final.
 * @param state saved by the last attempt with a costly failure
 */
export function judged(thrown: unknown, state: unknown): unknown {
  if (!(thrown instanceof RetryableError) || !COSTLY.includes(thrown.code)) return thrown;
  const tries = triesOf(state) + 1;
  if (tries >= MAX_TRIES) return asPermanent(thrown, `${thrown.message} (try ${tries} of ${MAX_TRIES})`);
  return asRetryable(thrown, { state: { tries } });
}

function triesOf(state: unknown): number {
  const { tries } = (state ?? {}) as { readonly tries?: unknown };
  return typeof tries === "number" ? tries : 0;
}
