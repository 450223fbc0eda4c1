/**
 * Runs a function while this process's `Date.now` is `days` ahead; negative values are behind. @returns its result, or
 * the error that it throws
 */
export async function atAnotherTime(days: number, run: () => Promise<unknown>): Promise<unknown> {
  const { now } = Date;
  Date.now = () => now() + days * 86_400_000;
  try {
    return await run().catch((thrown: unknown) => thrown);
  } finally {
    Date.now = now;
  }
}
