/** Describes the error of a handler with its stack, as lines for its attempt's log. */
import { PermanentError, RetryAfterError, RetryableError } from "../core/job-type.ts";
import { isOf } from "./thrown.ts";

/** Kept with each failed attempt; the first frames are the most useful. */
const MAX_LINES = 20;
/** In characters. */
const MAX_LENGTH = 2_000;
const MEANT = [PermanentError, RetryAfterError, RetryableError];

/**
 * Error name and stack frames; the attempt's `error` has the message. Empty for PermanentError, RetryableError and
 * RetryAfterError, which are deliberate; any other error is probably a bug. Never throws.
 */
export function stackOf(thrown: unknown): readonly string[] {
  try {
    if (!(thrown instanceof Error) || MEANT.some((meant) => isOf(thrown, meant))) return [];
    const frames = (thrown.stack ?? "").split("\n").filter((line) => /^\s+at /.test(line));
    let length = 0;
    return [thrown.name, ...frames].slice(0, MAX_LINES).filter((line) => (length += line.length) <= MAX_LENGTH);
  } catch {
    return []; // a getter that throws, a Proxy, a stack that is not a string
  }
}
