/** Where one job stands at one instant, and whether it may: a job has one text, and is in `live` and in one of the four sets. */
import { HEAD_LENGTH } from "../core/packed-job.ts";

export interface JobSnapshot {
  readonly id: string;
  /** The job's text as far as its type goes; "" where there is none. */
  readonly head: string;
  readonly isLive: boolean;
  /** Its payload is large, and is not there. */
  readonly lacksPayload?: boolean;
  /** Of `ready:<type>`, `scheduled`, `leased` and `outbox`, those that hold it; the hash `states`, or `payload`, where that holds what has no text. */
  readonly sets: readonly string[];
}

/**
 * - nowhere: in no set · two_places: in more than one · wrong_place: in one that its state contradicts
 * - no_payload: its payload is large, and missing
 * - no_string: its id without the job · not_live: in no list of jobs · unreadable: a string that is no job's
 */
export type PlaceIssue =
  | "nowhere"
  | "two_places"
  | "wrong_place"
  | "no_string"
  | "not_live"
  | "unreadable"
  | "no_payload";

const STATES: Readonly<Record<string, { readonly name: string; readonly set: string }>> = {
  q: { name: "queued", set: "ready" },
  s: { name: "scheduled", set: "scheduled" },
  t: { name: "retrying", set: "scheduled" },
  r: { name: "running", set: "leased" },
  c: { name: "completed", set: "outbox" },
  f: { name: "failed", set: "outbox" },
  x: { name: "cancelled", set: "outbox" },
};

/** Type and status, as its text has them; undefined for one that is no job's. */
export function stateOf({
  head,
}: JobSnapshot):
  | { readonly type: string; readonly status: string; readonly set: string; readonly replica: string }
  | undefined {
  const state = STATES[head.charAt(0)];
  const type = /^[a-z][a-z0-9_]*(?=\|)/.exec(head.slice(HEAD_LENGTH))?.[0];
  if (!state || type === undefined) return undefined;
  return {
    type,
    status: state.name,
    set: state.set === "ready" ? `ready:${type}` : state.set,
    replica: head.slice(24, 32),
  };
}

/** What is wrong with where it stands; undefined when it is in order, and when it is gone altogether: recorded and forgotten. */
export function inconsistencyOf(
  snapshot: JobSnapshot,
): { readonly kind: PlaceIssue; readonly text: string } | undefined {
  const { head, isLive, sets, lacksPayload } = snapshot;
  const places = [...(isLive ? ["live"] : []), ...sets].join(" and ");
  if (head === "")
    return places === "" ? undefined : { kind: "no_string", text: `stands in ${places}, and has no string` };
  const state = stateOf(snapshot);
  if (!state)
    return { kind: "unreadable", text: `its string is no job's: ${JSON.stringify(head.slice(0, HEAD_LENGTH))}` };
  const job = `a ${state.status} job of type ${state.type}`;
  if (lacksPayload) return { kind: "no_payload", text: `${job} has lost its payload` };
  if (sets.length > 1) return { kind: "two_places", text: `${job} stands in ${sets.join(" and ")}` };
  if (sets.length === 0)
    return { kind: "nowhere", text: `${job} stands in none of ready, scheduled, leased and outbox` };
  if (!isLive) return { kind: "not_live", text: `${job} stands in ${sets.join()}, and is missing in live` };
  if (sets[0] !== state.set) return { kind: "wrong_place", text: `${job} stands in ${sets.join()}` };
  return undefined;
}
