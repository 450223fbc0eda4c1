/**
 * The errors of a job type with the codes that it documents. A type describes its codes once, as the `errors` of its
 * definition, and makes its errors from that description: the compiler rejects a code that is not described.
 *
 *   export const smsErrors = { sms_rejected: "The gateway rejected the message", smpp_NNN: "The gateway's status" };
 *   export const smsError = jobErrors(smsErrors);
 *   throw smsError.permanent("sms_rejected", "the number is not in use");
 */
import { PermanentError, RetryAfterError, RetryableError } from "./job-type.ts";

/** The codes that a key of a description stands for: `http_NNN` for `http_` and a number, any other key for itself. */
type CodeOf<Key extends string> = Key extends `${infer Prefix}_NNN` ? `${Prefix}_${number}` : Key;

/** The codes of a description. */
export type CodesOf<Descriptions> = CodeOf<keyof Descriptions & string>;

export interface JobErrors<Code extends string> {
  /** The job fails: no repeat can succeed. */
  readonly permanent: (code: Code, message: string, cause?: unknown) => PermanentError;
  /** The job is retried, and the attempt counts. */
  readonly retryable: (code: Code, message: string, options?: RetryableOptions) => RetryableError;
  /** The job is retried after this many milliseconds, and the attempt does not count. */
  readonly retryAfter: (code: Code, message: string, retryAfterMs: number, options?: WaitOptions) => RetryAfterError;
  /** Whether this is one of the codes. */
  readonly isCode: (code: string | undefined) => code is Code;
}

type RetryableOptions = Omit<NonNullable<ConstructorParameters<typeof RetryableError>[1]>, "code">;
type WaitOptions = Omit<NonNullable<ConstructorParameters<typeof RetryAfterError>[2]>, "code">;

/** @param descriptions the meaning of each code; a key that ends in `_NNN` matches all codes that end in a number */
export function jobErrors<const Descriptions extends Readonly<Record<string, string>>>(
  descriptions: Descriptions,
): JobErrors<CodesOf<Descriptions>> {
  return {
    permanent: (code, message, cause) => new PermanentError(message, { code, cause }),
    retryable: (code, message, options) => new RetryableError(message, { ...options, code }),
    retryAfter: (code, message, retryAfterMs, options) =>
      new RetryAfterError(message, retryAfterMs, { ...options, code }),
    isCode: (code): code is CodesOf<Descriptions> =>
      code !== undefined &&
      (Object.hasOwn(descriptions, code) || Object.hasOwn(descriptions, code.replace(/_\d+$/, "_NNN"))),
  };
}

interface ErrorWithCode extends Error {
  readonly code: string;
}

/** The same failure under the same code, and final: it has been tried often enough. */
export function asPermanent(error: ErrorWithCode, message = error.message): PermanentError {
  return new PermanentError(message, { code: error.code, cause: error });
}

/** The same failure under the same code, as an attempt that counts and may leave a `state` to the next. */
export function asRetryable(
  error: ErrorWithCode,
  options: Pick<RetryableOptions, "atLeastMs" | "state">,
): RetryableError {
  return new RetryableError(error.message, { ...options, code: error.code, cause: error });
}
