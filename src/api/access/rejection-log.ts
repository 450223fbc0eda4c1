/** Logs denied and rate-limited requests: enough lines to see who and why, but too few to fill a disk. */
import type { Log } from "../../observability/log.ts";

const PERIOD_MS = 10_000;
const MAX_LINES = 50;

export interface RejectedRequest {
  readonly request_id: string;
  readonly method: string;
  readonly pattern: string;
  readonly status: number;
  readonly code: string;
  /** The name of the key, if it is valid. */
  readonly key?: string | undefined;
}

/** @param now milliseconds of a monotonic clock */
export function rejectionLog(log: Pick<Log, "warn">, now: () => number): (rejected: RejectedRequest) => void {
  let periodEnd = Number.NEGATIVE_INFINITY;
  let lines = 0;
  return (rejected) => {
    if (now() >= periodEnd) {
      if (lines > MAX_LINES) log.warn({ rejected: lines - MAX_LINES }, "further requests were rejected");
      periodEnd = now() + PERIOD_MS;
      lines = 0;
    }
    lines += 1;
    if (lines <= MAX_LINES) log.warn({ ...rejected }, "request rejected");
  };
}
