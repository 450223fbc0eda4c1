import type { SharpOptions } from "sharp";
import { PermanentError } from "../../core/job-type.ts";
import { messageOf } from "../../errors.ts";
import { imageError } from "./error-codes.ts";

/** Of one libvips operation: below the 120 s of an attempt, so that it ends with a reason. */
export const OPERATION_TIMEOUT_SECONDS = 100;

/**
 * The most pixels of a source and of each output, all frames together, where no setting says otherwise: 200 MB when
 * decoded with alpha.
 */
export const DEFAULT_MAX_PIXELS = 50_000_000;

/** What a job does with a damaged file: `fail`, or `truncate`, which takes what can be decoded. */
export type OnError = "fail" | "truncate";

export interface ReadOptions {
  readonly maxPixels: number;
  readonly onError: OnError;
}

/**
 * How strictly a file is read. `error` refuses what is broken or cut short. `warning` would refuse real photos too:
 * stray bytes between JPEG markers and odd scan parameters, which phones write, are warnings and decode well.
 */
export type Strictness = Pick<SharpOptions, "failOn">;
const STRICT: Strictness = { failOn: "error" };
const LENIENT: Strictness = { failOn: "none" };

export interface Reading<T> {
  readonly value: T;
  /** Whether the file is damaged, and the value is what could be decoded. */
  readonly isTruncated: boolean;
}

/**
 * Reads strictly and, where the job takes damaged files, once more for what there is.
 * @throws {PermanentError} `image_invalid`
 * @throws {RetryableError} `image_timeout`
 */
export async function reading<T>(onError: OnError, read: (strictness: Strictness) => Promise<T>): Promise<Reading<T>> {
  try {
    return { value: await decoding(read(STRICT)), isTruncated: false };
  } catch (thrown) {
    if (onError === "fail" || !(thrown instanceof PermanentError)) throw thrown;
    return { value: await decoding(read(LENIENT)), isTruncated: true };
  }
}

/**
 * Names what an operation on untrusted bytes fails with: sharp's errors carry no code, and only a deadline is not the
 * image's own fault.
 * @throws {PermanentError} `image_invalid`
 * @throws {RetryableError} `image_timeout`
 */
export async function decoding<T>(operation: Promise<T>): Promise<T> {
  const startedMs = performance.now();
  try {
    return await operation;
  } catch (thrown) {
    if (performance.now() - startedMs >= OPERATION_TIMEOUT_SECONDS * 1_000) {
      throw imageError.retryable("image_timeout", `the image took longer than ${OPERATION_TIMEOUT_SECONDS} s`, {
        cause: thrown,
      });
    }
    throw imageError.permanent("image_invalid", `the image cannot be read: ${messageOf(thrown)}`, thrown);
  }
}
