/** What has changed in a flow since the state before, in words. */
import type { Flow, FlowCounts } from "../../../client/taskflow.ts";
import { COUNTED, countsText } from "./flow-nodes.ts";

export interface FlowChange {
  /** Counts the changes. */
  readonly number: number;
  /** Epoch ms: when this page received it. */
  readonly at: number;
  /** Null for the flow itself. */
  readonly node: string | null;
  readonly text: string;
}

/** @param first the number of the first change */
export function changesBetween(before: Flow, after: Flow, at: number, first: number): FlowChange[] {
  const changes: Omit<FlowChange, "number" | "at">[] = [];
  for (const [node, { status, counts }] of Object.entries(after.jobs)) {
    const old = before.jobs[node];
    if (old && old.status !== status) changes.push({ node, text: `${status}, was ${old.status}` });
    else if (old?.counts && counts && !isEqual(old.counts, counts)) changes.push({ node, text: countsText(counts) });
  }
  if (!before.cancel_requested && after.cancel_requested) changes.push({ node: null, text: "cancellation requested" });
  if (before.status !== after.status) changes.push({ node: null, text: `${after.status}, was ${before.status}` });
  return changes.map((change, index) => ({ ...change, at, number: first + index }));
}

function isEqual(one: FlowCounts, other: FlowCounts): boolean {
  return COUNTED.every((key) => one[key] === other[key]);
}
