/** Tries of an image that took too long, or took its process with it: more than a few would tell nothing new, and each costs a core for a minute or two. */
import { PermanentError, RetryableError } from "../../core/job-type.ts";

/** Whatever `max_attempts` allows: what else may fail, a host that is away, spends none of these. */
const MAX_TRIES = 3;
const COSTLY: readonly string[] = ["image_timeout", "image_process_exited"];

/**
 * What follows from an image's failure: the third that was costly is final.
 * @param state what the last attempt that failed so left
 */
export function judged(thrown: unknown, state: unknown): unknown {
  if (!(thrown instanceof RetryableError) || !COSTLY.includes(thrown.code)) return thrown;
  const tries = triesOf(state) + 1;
  const { message, code } = thrown;
  if (tries >= MAX_TRIES)
    return new PermanentError(`${message} (try ${tries} of ${MAX_TRIES})`, { code, cause: thrown });
  return new RetryableError(message, { code, state: { tries }, cause: thrown });
}

function triesOf(state: unknown): number {
  const { tries } = (state ?? {}) as { readonly tries?: unknown };
  return typeof tries === "number" ? tries : 0;
}
