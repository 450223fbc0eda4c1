/** Where a handler threw, as lines for its attempt's log. */
import { PermanentError, RetryAfterError, RetryableError } from "../core/job-type.ts";
import { isOf } from "./thrown.ts";

/** It is kept with each failed attempt, and its first frames tell the most. */
const MAX_LINES = 20;
/** In characters. */
const MAX_LENGTH = 2_000;
const MEANT = [PermanentError, RetryAfterError, RetryableError];

/**
 * The name of an error and the frames of its stack; what it says stands in the attempt's `error`. Empty for an error that says what
 * follows: it was meant, and any other is most likely a bug, which is found by its stack. It never throws.
 */
export function stackOf(thrown: unknown): readonly string[] {
  try {
    if (!(thrown instanceof Error) || MEANT.some((meant) => isOf(thrown, meant))) return [];
    const frames = (thrown.stack ?? "").split("\n").filter((line) => /^\s+at /.test(line));
    let length = 0;
    return [thrown.name, ...frames].slice(0, MAX_LINES).filter((line) => (length += line.length) <= MAX_LENGTH);
  } catch {
    return []; // a getter that throws, a Proxy, a stack that is no text
  }
}
