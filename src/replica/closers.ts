/**
 * Closes the parts of a replica, one after the other. A part that hangs or fails does not keep the following parts from
 * closing.
 */
import type { Log } from "../observability/log.ts";

/** Closes a part. */
export interface Closer {
  (): unknown;
  /** How long it may take, in milliseconds. Default: {@link CLOSE_WITHIN_MS}. */
  readonly withinMs?: number;
}

/** Most parts close in a few milliseconds. Those that wait for a server have a limit near this one themselves. */
const CLOSE_WITHIN_MS = 2_000;

/** A closer with a separate time limit. */
export function within(withinMs: number, close: () => unknown): Closer {
  return Object.assign(close, { withinMs });
}

/**
 * Resolves when each part is closed, or its time is up.
 * @throws the error of the first part that failed to close, after all other parts were closed
 */
export async function closeInTime(
  closers: readonly Closer[],
  log: Pick<Log, "error">,
  closeWithinMs = CLOSE_WITHIN_MS,
): Promise<void> {
  const failures: unknown[] = [];
  for (const close of closers) {
    const { withinMs = closeWithinMs } = close;
    const isClosed = await settledWithin(withinMs, close).catch((error: unknown) => {
      failures.push(error);
      return true;
    });
    // A part has no name but the source of its closer.
    if (!isClosed)
      log.error({ part: String(close), within_ms: withinMs }, "a part did not close in time, and is left open");
  }
  if (failures.length > 0) throw failures[0];
}

/** @returns whether it ended in time; later errors are ignored */
async function settledWithin(ms: number, close: () => unknown): Promise<boolean> {
  let timer: NodeJS.Timeout | undefined;
  const over = new Promise<false>((resolve) => {
    timer = setTimeout(resolve, ms, false);
  });
  const closing = (async () => {
    await close();
    return true;
  })();
  closing.catch(() => undefined);
  try {
    return await Promise.race([closing, over]);
  } finally {
    clearTimeout(timer);
  }
}
