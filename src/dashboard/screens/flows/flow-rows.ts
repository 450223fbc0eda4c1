/** The rows of the list of flows. None moves while the user looks at it, even if it no longer matches the filters. */
import type { FlowSummary } from "../../../client/taskflow.ts";

export interface FlowRows {
  /** Newest first. */
  readonly shown: readonly FlowSummary[];
  /** How many newer flows wait for the user to ask for them. */
  readonly newer: number;
  /** Unfinished flows that are shown, but are not in the latest answer: their states are to be read. */
  readonly missing: readonly string[];
}

/**
 * The rows after an answer.
 * @param before the rows that are shown; empty before the first answer
 * @param latest a page of the list
 */
export function rowsAfter(before: readonly FlowSummary[], latest: readonly FlowSummary[]): FlowRows {
  const byId = new Map(latest.map((flow) => [flow.id, flow]));
  const newest = before[0]?.id;
  const oldest = before.at(-1)?.id;
  if (newest === undefined || oldest === undefined) return { shown: latest, newer: 0, missing: [] };
  const older = latest.filter(({ id }) => id < oldest); // they take the places of flows that left the filter
  return {
    shown: [...before.map((flow) => byId.get(flow.id) ?? flow), ...older],
    newer: latest.filter(({ id }) => id > newest).length,
    missing: before.filter(({ id, status }) => status === "running" && !byId.has(id)).map(({ id }) => id),
  };
}

/** The rows with states that were read one by one. */
export function withStates(rows: readonly FlowSummary[], states: readonly FlowSummary[]): readonly FlowSummary[] {
  const byId = new Map(states.map((flow) => [flow.id, flow]));
  return rows.map((flow) => byId.get(flow.id) ?? flow);
}
