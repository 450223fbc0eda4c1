/** Tries of an image that took too long, or took its process with it: more than a few would tell nothing new, and each costs a core for a minute or two. */
import { asPermanent, asRetryable } from "../../core/job-errors.ts";
import { RetryableError } from "../../core/job-type.ts";

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
  if (tries >= MAX_TRIES) return asPermanent(thrown, `${thrown.message} (try ${tries} of ${MAX_TRIES})`);
  return asRetryable(thrown, { state: { tries } });
}

function triesOf(state: unknown): number {
  const { tries } = (state ?? {}) as { readonly tries?: unknown };
  return typeof tries === "number" ? tries : 0;
}
