import { PermanentError, RetryableError } from "../core/job-type.ts";
import { messageOf } from "../errors.ts";
import { MAX_PIXELS } from "./output-size.ts";

/** Of one libvips operation: below the 120 s of an attempt, so that it ends with a reason. */
export const OPERATION_TIMEOUT_SECONDS = 100;

/**
 * `error` refuses what is broken or cut short. `warning` would refuse real photos too: stray bytes between JPEG
 * markers and odd scan parameters, which phones write, are warnings and decode well. `truncated` lets errors pass.
 */
export const READ = { failOn: "error", limitInputPixels: MAX_PIXELS, autoOrient: true } as const;

/**
 * Names what an operation on untrusted bytes fails with: sharp's errors carry no code, and only a deadline is not the image's own fault.
 * @throws {PermanentError} `image_invalid`
 * @throws {RetryableError} `image_timeout`
 */
export async function decoding<T>(operation: Promise<T>): Promise<T> {
  const startedMs = performance.now();
  try {
    return await operation;
  } catch (thrown) {
    if (performance.now() - startedMs >= OPERATION_TIMEOUT_SECONDS * 1_000) {
      throw new RetryableError(`the image took longer than ${OPERATION_TIMEOUT_SECONDS} s`, { code: "image_timeout", cause: thrown });
    }
    throw new PermanentError(`the image cannot be read: ${messageOf(thrown)}`, { code: "image_invalid", cause: thrown });
  }
}
