/** Warnings of what goes wrong anew with every try. */
import { QueueDisconnected } from "../errors.ts";
import type { Log } from "../observability/log.ts";
import { reasonOf } from "../observability/reason.ts";

const REPEAT_MS = 60_000;

/** Warns once for each reason, and once a minute while it lasts; not of the lack of a connection to Redis, which is told once for all. */
export function warning(log: Pick<Log, "warn">, what: string): (error: unknown) => void {
  let told = { reason: "", at: 0 };
  return (error) => {
    const [reason, at] = [reasonOf(error), performance.now()];
    if (error instanceof QueueDisconnected || (reason === told.reason && at - told.at < REPEAT_MS)) return;
    told = { reason, at };
    log.warn({ error }, what);
  };
}
