import type { SharpOptions } from "sharp";
import { PermanentError } from "../../core/job-type.ts";
import { messageOf } from "../../errors.ts";
import { imageError } from "./error-codes.ts";

/** The limit of one libvips operation. It is below the attempt's 120 s, so that the job fails with this reason. */
export const OPERATION_TIMEOUT_SECONDS = 100;

/**
 * The default limit for the pixels of a source and of each output, all frames together: 200 MB when decoded with alpha.
 */
export const DEFAULT_MAX_PIXELS = 50_000_000;

/** How a job treats a damaged file: `fail`, or `truncate`, which uses the part that can be decoded. */
export type OnError = "fail" | "truncate";

export interface ReadOptions {
  readonly maxPixels: number;
  readonly onError: OnError;
}

/**
 * How strictly a file is read. `error` rejects broken and truncated files. `warning` would reject real photos too:
 * phones write stray bytes between JPEG markers and odd scan parameters, which cause warnings but decode well.
 */
export type Strictness = Pick<SharpOptions, "failOn">;
const STRICT: Strictness = { failOn: "error" };
const LENIENT: Strictness = { failOn: "none" };

export interface Reading<T> {
  readonly value: T;
  /** Whether the file is damaged and the value is only the part that could be decoded. */
  readonly isTruncated: boolean;
}

/**
 * Reads strictly and, if the job accepts damaged files, a second time for the part that can be decoded.
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
 * Classifies the errors of an operation on untrusted bytes. sharp's errors have no code; only a timeout is not caused
 * by the image itself.
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
