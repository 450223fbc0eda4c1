/** Closes the parts of a replica, one after the other. A part that hangs, or fails to close, keeps no other from its turn. */
import type { Log } from "../observability/log.ts";

/** Closes a part. */
export interface Closer {
  (): unknown;
  /** How long it may take, in milliseconds; {@link CLOSE_WITHIN_MS} when not given. */
  readonly withinMs?: number;
}

/** Most parts close in a few milliseconds. The ones that wait for a server have a limit close to this themselves. */
const CLOSE_WITHIN_MS = 2_000;

/** A closer with a time limit of its own. */
export function within(withinMs: number, close: () => unknown): Closer {
  return Object.assign(close, { withinMs });
}

/**
 * Resolves when each part is closed, or had its time.
 * @throws what the first part threw that failed to close, after all others had their turn
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
    // The name of a part is in the source of its closer alone.
    if (!isClosed)
      log.error(
        { part: String(close), within_ms: withinMs },
        "a part does not close in its time, and is left as it is",
      );
  }
  if (failures.length > 0) throw failures[0];
}

/** @returns whether it ended in time; what it throws later is nobody's */
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
