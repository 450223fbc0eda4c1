/** Runs something while this process's `Date.now` is days ahead, or behind. @returns what it returns, or throws */
export async function atAnotherTime(days: number, run: () => Promise<unknown>): Promise<unknown> {
  const { now } = Date;
  Date.now = () => now() + days * 86_400_000;
  try {
    return await run().catch((thrown: unknown) => thrown);
  } finally {
    Date.now = now;
  }
}
