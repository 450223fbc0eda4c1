import { outboundError } from "./error-codes.ts";

/**
 * Runs `work` under a deadline for all of it: however slowly bytes drip in, and while a connection is still being
 * made, where undici does not look at a signal.
 * @throws {RetryableError} code `timeout` after `timeoutMs`; the reason of `outer` when that is aborted
 */
export async function within<T>(
  timeoutMs: number,
  outer: AbortSignal | undefined,
  work: (signal: AbortSignal) => Promise<T>,
): Promise<T> {
  outer?.throwIfAborted();
  // a controller of its own, where AbortSignal.timeout would leave its timer behind for each request
  const controller = new AbortController();
  const onAbort = (): void => controller.abort(outer?.reason);
  const timer = setTimeout(() => {
    controller.abort(outboundError.retryable("timeout", `no complete answer within ${timeoutMs} ms`));
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
