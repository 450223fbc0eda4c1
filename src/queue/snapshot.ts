/**
 * One job at one instant, as all sets and the hash show it, and whether that is consistent: it is in `live` and in
 * exactly one of five sets.
 */
import { columnOf, HEADER, HEADER_LENGTH } from "../core/header.ts";
import type { Status } from "../core/job.ts";
import { statusOfCode } from "../core/state-code.ts";

export interface JobSnapshot {
  readonly id: string;
  /** The packed job up to its type and a little further; "" if there is none. */
  readonly packed: string;
  readonly isLive: boolean;
  /** Its payload is large, and missing. */
  readonly lacksPayload?: boolean;
  /**
   * Those of `waiting`, `ready:<type>`, `scheduled`, `leased` and `outbox` that contain it; also the hash `states`, or `payload`,
   * if that has an entry for an id without a job.
   */
  readonly sets: readonly string[];
}

/**
 * - nowhere: in no set · two_places: in more than one · wrong_place: in one that its state contradicts
 * - no_payload: its payload is large, and missing
 * - no_string: its id without a packed job · not_live: not in `live` · unreadable: a string that is not a packed job
 */
export type PlaceIssue =
  | "nowhere"
  | "two_places"
  | "wrong_place"
  | "no_string"
  | "not_live"
  | "unreadable"
  | "no_payload";

const SET_OF: Readonly<Record<Status, "waiting" | "ready" | "scheduled" | "leased" | "outbox">> = {
  waiting: "waiting",
  queued: "ready",
  scheduled: "scheduled",
  retrying: "scheduled",
  running: "leased",
  completed: "outbox",
  failed: "outbox",
  cancelled: "outbox",
};

/** Type, status, and the set that the job belongs in; undefined for a string that is not a packed job. */
export function stateOf({
  packed,
}: JobSnapshot):
  | { readonly type: string; readonly status: string; readonly set: string; readonly replica: string }
  | undefined {
  const status = statusOfCode(columnOf(packed, HEADER.state));
  const type = /^[a-z][a-z0-9_]*(?=\|)/.exec(packed.slice(HEADER_LENGTH))?.[0];
  if (status === undefined || type === undefined) return undefined;
  const set = SET_OF[status];
  return {
    type,
    status,
    set: set === "ready" ? `ready:${type}` : set,
    replica: columnOf(packed, HEADER.replica),
  };
}

/**
 * How the snapshot contradicts itself; undefined if it is consistent, or if the job is gone: recorded and
 * forgotten.
 */
export function inconsistencyOf(
  snapshot: JobSnapshot,
): { readonly kind: PlaceIssue; readonly text: string } | undefined {
  const { packed, isLive, sets, lacksPayload } = snapshot;
  const found = [...(isLive ? ["live"] : []), ...sets].join(" and ");
  if (packed === "") return found === "" ? undefined : { kind: "no_string", text: `is in ${found}, but has no string` };
  const state = stateOf(snapshot);
  if (!state)
    return {
      kind: "unreadable",
      text: `its string is not a job's: ${JSON.stringify(packed.slice(0, HEADER_LENGTH))}`,
    };
  const job = `a ${state.status} job of type ${state.type}`;
  if (lacksPayload) return { kind: "no_payload", text: `${job} has lost its payload` };
  if (sets.length > 1) return { kind: "two_places", text: `${job} is in ${sets.join(" and ")}` };
  if (sets.length === 0)
    return { kind: "nowhere", text: `${job} is in none of waiting, ready, scheduled, leased and outbox` };
  if (!isLive) return { kind: "not_live", text: `${job} is in ${sets.join()}, but missing in live` };
  if (sets[0] !== state.set) return { kind: "wrong_place", text: `${job} is in ${sets.join()}` };
  return undefined;
}
