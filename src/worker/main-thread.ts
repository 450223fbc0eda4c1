/**
 * Calls a function of the main thread while it is blocked. V8 runs it between two steps of the blocking code, within a
 * millisecond and without a debugger's pause; the code is not slower afterwards. While native code runs, the call waits
 * until that returns to JavaScript.
 */

/**
 * @param question the name of a global symbol of the main thread: a function that returns JSON
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
