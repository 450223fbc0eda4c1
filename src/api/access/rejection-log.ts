/** Refused callers in the log: enough lines to see who and why, and never so many that whoever is refused can fill a disk. */
import type { Log } from "../../observability/log.ts";

const PERIOD_MS = 10_000;
const MAX_LINES = 50;

export interface RejectedRequest {
  readonly request_id: string;
  readonly method: string;
  readonly pattern: string;
  readonly status: number;
  readonly code: string;
  /** The name of the key, where one holds. */
  readonly key?: string | undefined;
}

/** @param now milliseconds, of any clock that does not go back */
export function rejectionLog(log: Pick<Log, "warn">, now: () => number): (refused: RejectedRequest) => void {
  let periodEnd = Number.NEGATIVE_INFINITY;
  let lines = 0;
  return (refused) => {
    if (now() >= periodEnd) {
      if (lines > MAX_LINES) log.warn({ refused: lines - MAX_LINES }, "further requests were refused");
      periodEnd = now() + PERIOD_MS;
      lines = 0;
    }
    lines += 1;
    if (lines <= MAX_LINES) log.warn({ ...refused }, "request refused");
  };
}
