/** The nodes of a flow, and the words for it. */
import type { Flow, FlowCounts, FlowNode, FlowSummary } from "../../../client/taskflow.ts";
import { countOf } from "../../parts/format.ts";

export type FlowKind = FlowSummary["kind"];
export type FlowStatus = FlowSummary["status"];
export type NodeStatus = FlowNode["status"];

export const FLOW_STATUSES: readonly FlowStatus[] = ["running", "completed", "failed", "cancelled"];
export const FLOW_KINDS: readonly FlowKind[] = ["flow", "batch", "then"];

export const KIND_TEXTS: Readonly<Record<FlowKind, string>> = {
  flow: "flow",
  batch: "batch",
  // biome-ignore lint/suspicious/noThenProperty: the name of the API
  then: "job with followers",
};

export interface NamedNode extends FlowNode {
  readonly name: string;
}

export function nodesOf({ jobs }: Pick<Flow, "jobs">): NamedNode[] {
  return Object.entries(jobs).map(([name, node]) => ({ ...node, name }));
}

export function hasNodeEnded(status: NodeStatus): boolean {
  return status !== "waiting" && status !== "running";
}

/** The name of a flow, or the end of its id, which differs from flow to flow. */
export function titleOf({ name, id }: Pick<FlowSummary, "name" | "id">): string {
  return name ?? id.slice(-8);
}

export function totalOf({ waiting, unfinished, completed, failed, cancelled }: FlowCounts): number {
  return waiting + unfinished + completed + failed + cancelled;
}

/** The segments of a bar of counts, in the order in which they are drawn. */
export const COUNTED = ["completed", "failed", "cancelled", "unfinished", "waiting"] as const;

/** `3 completed, 1 failed`; empty without jobs. */
export function countsText(counts: FlowCounts): string {
  return COUNTED.filter((key) => counts[key] > 0)
    .map((key) => `${counts[key].toLocaleString("en-US")} ${key}`)
    .join(", ");
}

const WHEN_TEXTS: Readonly<Record<FlowNode["when"], (names: string) => string>> = {
  succeeded: (names) => `after ${names}`,
  failed: (names) => `if ${names} failed`,
  ended: (names) => `when ${names} ended, however`,
  first_failure: (names) => `at the first failure in ${names}`,
};
const NAMES_SHOWN = 5;

/** When the node runs: `after export and thumbs`; empty for a node that waits for no other. */
export function whenText({ when, after }: Pick<FlowNode, "when" | "after">): string {
  return after.length === 0 ? "" : WHEN_TEXTS[when](namesText(after));
}

/** `a`, `a and b`, `a, b and 12 others`. */
export function namesText(names: readonly string[]): string {
  const shown = names.length > NAMES_SHOWN ? names.slice(0, NAMES_SHOWN - 1) : names;
  const rest = names.length - shown.length;
  const all = rest > 0 ? [...shown, countOf(rest, "other")] : shown;
  return all.length < 2 ? all.join("") : `${all.slice(0, -1).join(", ")} and ${all.at(-1) ?? ""}`;
}

/** What a node is: `email`, `batch of 1,000 jobs`, `results of thumbs`. */
export function kindText({ type, counts, results_of: resultsOf }: FlowNode): string {
  if (resultsOf !== undefined) return `results of ${resultsOf}`;
  return counts === null ? (type ?? "") : `batch of ${countOf(totalOf(counts), "job")}`;
}

/** All about a node of the graph, in words. */
export function labelOf(node: NamedNode): string {
  const when = whenText(node);
  const counts = node.counts === null ? "" : countsText(node.counts);
  return [node.name, kindText(node), node.status, counts, when].filter((part) => part !== "").join(", ");
}
