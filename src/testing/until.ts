import { setTimeout as delay } from "node:timers/promises";

export interface UntilOptions {
  /** How long to wait, in milliseconds; default 30,000, because a slow machine must not fail the test. */
  readonly timeoutMs?: number;
  /** The condition, for the error text: "the job is completed". */
  readonly what: string;
}

const FIRST_PAUSE_MS = 2;
const LONGEST_PAUSE_MS = 50;

/**
 * Calls a function at growing intervals until its answer is truthy, and resolves to that answer.
 * Rejects after `timeoutMs` with the condition and the last answer or error.
 */
export async function until<Answer>(
  ask: () => Answer | Promise<Answer>,
  options: UntilOptions,
): Promise<NonNullable<Answer>> {
  const { timeoutMs = 30_000, what } = options;
  const deadline = performance.now() + timeoutMs;
  let seen: unknown;
  for (let pauseMs = FIRST_PAUSE_MS; ; pauseMs = Math.min(pauseMs * 1.5, LONGEST_PAUSE_MS)) {
    try {
      const answer = await ask();
      if (answer) return answer;
      seen = answer;
    } catch (error) {
      seen = error; // not yet; reported if time runs out
    }
    if (performance.now() > deadline)
      throw new Error(`Waited ${timeoutMs} ms in vain until ${what}; last: ${String(seen)}`, { cause: seen });
    await delay(pauseMs);
  }
}
