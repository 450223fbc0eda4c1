/** The one-character codes of a job's status, as packed jobs, the Lua scripts and announced changes carry them. */
import type { Status } from "./job.ts";

export const STATE_CODE = {
  waiting: "w",
  queued: "q",
  scheduled: "s",
  retrying: "t",
  running: "r",
  completed: "c",
  failed: "f",
  cancelled: "x",
} as const satisfies Record<Status, string>;

const STATUS_OF_CODE: ReadonlyMap<string, Status> = new Map(
  Object.entries(STATE_CODE).map(([status, code]) => [code, status as Status]),
);

/** The status of a state code; undefined for any other text. */
export function statusOfCode(code: string): Status | undefined {
  return STATUS_OF_CODE.get(code);
}
