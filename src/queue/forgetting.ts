/** The arguments of forget.lua. */
import type { Job, Outcome } from "../core/job.ts";
import { NO_OPTIONS } from "../core/packed-job.ts";
import { isLarge } from "../core/payload.ts";
import { OPCODE } from "./codes.ts";
import { ATTEMPTED, indexNames, joinNames } from "./index-names.ts";

/** A job that Postgres has stored. What is absent, the job does not have. */
export type Forgettable = Pick<Job, "id" | "type"> &
  Partial<Pick<Job, "payload" | "groupKey" | "options">> & {
    /** An attempt ended, and the job waited again. */
    readonly isAttempted?: boolean;
  };

export function forgettableOf({ job, records }: Pick<Outcome, "job" | "records">): Forgettable {
  return records.length === 0 ? job : { ...job, isAttempted: true };
}

export function encodeForget(ns: string, jobs: readonly Forgettable[]): string[] {
  const idsOf = new Map<string, string[]>();
  const named = new Map<string, string[]>();
  for (const { id, type, payload, groupKey = null, options = NO_OPTIONS, isAttempted = false } of jobs) {
    // the payload as it was submitted may be the large one of the two
    const isStoredApart = (payload !== undefined && isLarge(payload)) || options.template !== undefined;
    append(idsOf, isStoredApart ? OPCODE.common + type : type, id);
    const names = indexNames({ groupKey, options });
    if (names !== "" || isAttempted)
      append(named, OPCODE.index + (isAttempted ? joinNames(names, ATTEMPTED) : names), id);
  }
  const args = [ns];
  for (const groups of [idsOf, named]) for (const [key, ids] of groups) args.push(key, String(ids.length), ...ids);
  return args;
}

function append(groups: Map<string, string[]>, key: string, id: string): void {
  const ids = groups.get(key);
  if (ids) ids.push(id);
  else groups.set(key, [id]);
}
