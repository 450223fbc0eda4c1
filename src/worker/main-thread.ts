/**
 * Asks the main thread a question while it is blocked. V8 answers between two steps of the running code, within a
 * millisecond and without a debugger's pause; nothing is slower afterwards. While native code runs that does not
 * return to JavaScript, the answer waits for its end.
 */

/**
 * @param question the name of a global symbol of the main thread whose function returns JSON
 * @returns that JSON; undefined if there is no such function, or this build of Node has no inspector
 */
export async function askMainThread<Answer>(question: string): Promise<Answer | undefined> {
  const inspector = await import("node:inspector/promises").catch(() => undefined);
  if (!inspector) return undefined;
  const session = new inspector.Session();
  session.connectToMainThread();
  try {
    const expression = `globalThis[Symbol.for(${JSON.stringify(question)})]?.()`;
    const { result } = await session.post("Runtime.evaluate", { expression, returnByValue: true });
    return typeof result.value === "string" ? (JSON.parse(result.value) as Answer) : undefined;
  } finally {
    session.disconnect();
  }
}
