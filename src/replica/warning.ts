/** Warnings about failures that recur with every try. */
import { QueueDisconnected } from "../errors.ts";
import type { Log } from "../observability/log.ts";
import { reasonOf } from "../observability/reason.ts";

const REPEAT_MS = 60_000;

/**
 * Warns once for each reason, and once a minute while it lasts. Ignores a missing connection to Redis, which the
 * connection itself logs.
 */
export function warning(log: Pick<Log, "warn">, what: string): (error: unknown) => void {
  let logged = { reason: "", at: 0 };
  return (error) => {
    const [reason, at] = [reasonOf(error), performance.now()];
    if (error instanceof QueueDisconnected || (reason === logged.reason && at - logged.at < REPEAT_MS)) return;
    logged = { reason, at };
    log.warn({ error }, what);
  };
}
