import { outboundError } from "./error-codes.ts";

/**
 * Runs `work` with one deadline for all of it. The deadline also ends responses that arrive slowly, and connections
 * that are being made, for which undici does not check a signal.
 * @throws {RetryableError} code `timeout` after `timeoutMs`; the reason of `outer` when that is aborted
 */
export async function within<T>(
  timeoutMs: number,
  outer: AbortSignal | undefined,
  work: (signal: AbortSignal) => Promise<T>,
): Promise<T> {
  outer?.throwIfAborted();
  // not AbortSignal.timeout, which would leave its timer behind for each request
  const controller = new AbortController();
  const onAbort = (): void => controller.abort(outer?.reason);
  const timer = setTimeout(() => {
    controller.abort(outboundError.retryable("timeout", `no complete response within ${timeoutMs} ms`));
  }, timeoutMs);
  outer?.addEventListener("abort", onAbort, { once: true });
  const { signal } = controller;
  const aborted = new Promise<never>((_resolve, reject) => {
    signal.addEventListener("abort", () => reject(signal.reason as Error), { once: true });
  });
  try {
    return await Promise.race([work(signal), aborted]);
  } finally {
    clearTimeout(timer);
    outer?.removeEventListener("abort", onAbort);
  }
}
