/** Formats flows and batches for the terminal. */
import type { Batch, Flow, FlowCounts, FlowNode, FlowSummary } from "../client/contract.ts";
import { printable } from "../observability/terminal-text.ts";
import { statusColour } from "./job-text.ts";
import type { Column } from "./table.ts";
import { fieldLines, tablePrinter } from "./table.ts";
import type { Terminal } from "./terminal.ts";
import { durationText, timeText } from "./time-option.ts";

export const FLOW_COLUMNS: readonly Column<FlowSummary>[] = [
  { title: "id", text: ({ id }) => id },
  { title: "kind", text: ({ kind }) => kind },
  { title: "name", text: ({ name }) => name ?? "-" },
  { title: "status", text: ({ status }) => status, colour: ({ status }) => statusColour(status) },
  { title: "jobs", text: ({ totals }) => String(totals.total), align: "right" },
  { title: "created", text: ({ created_at }) => timeText(created_at) },
  { title: "", text: ({ totals, status }) => (status === "completed" ? "" : countsText(totals)) },
];

/** `3 waiting, 1 failed`: the counts that are not 0. */
export function countsText(counts: FlowCounts): string {
  const names = ["waiting", "unfinished", "completed", "failed", "cancelled"] as const;
  return names.flatMap((name) => (counts[name] > 0 ? [`${counts[name]} ${name}`] : [])).join(", ") || "no jobs";
}

/** All facts about a flow, and its nodes as a tree. */
export function flowText(flow: Flow, terminal: Pick<Terminal, "paint">): string {
  const texts: string[] = [];
  const out = { write: (text: string) => texts.push(text) };
  const { id, kind, name, status, on_failure: onFailure, totals, created_at: created, finished_at: finished } = flow;
  const fields = fieldLines(
    [
      ["id", id],
      ["kind", kind],
      ["name", name === null ? null : printable(name)],
      ["status", terminal.paint(status, statusColour(status)) + (isCancelled(flow) ? ", is being cancelled" : "")],
      ["on failure", onFailure === "stop" ? onFailure : null],
      ["jobs", `${totals.total}: ${countsText(totals)}`],
      ["created", created],
      ["finished", finished && finished + ranText(created, finished)],
    ],
    terminal,
  );
  tablePrinter({ out, paint: terminal.paint }, NODE_COLUMNS)(treeOf(flow.jobs));
  return `${fields}\n${texts.join("")}`;
}

export function batchText(batch: Batch, terminal: Pick<Terminal, "paint">): string {
  const { id, name, status, total, counts, progress, callbacks, created_at: created, finished_at: finished } = batch;
  return fieldLines(
    [
      ["id", id],
      ["name", name === null ? null : printable(name)],
      ["status", terminal.paint(status, statusColour(status)) + (isCancelled(batch) ? ", is being cancelled" : "")],
      ["open", batch.open ? `until ${batch.closes_at ?? "it is closed"}` : null],
      ["closed by", batch.closed_by],
      ["jobs", `${total}: ${countsText(counts)}`],
      ["progress", `${progress} %`],
      ["max failures", String(batch.max_failures)],
      ["cause", batch.cause],
      ...Object.entries(callbacks).map(([when, job]) => [when, job] as const),
      ["created", created],
      ["finished", finished && finished + ranText(created, finished)],
    ],
    terminal,
  );
}

function isCancelled({ status, cancel_requested: isRequested }: Pick<Flow, "status" | "cancel_requested">): boolean {
  return status === "running" && isRequested;
}

function ranText(from: string, to: string): string {
  return ` (after ${durationText(Date.parse(to) - Date.parse(from))})`;
}

/** A node in the tree. */
interface TreeRow {
  /** The lines that connect it with the node before it. */
  readonly branch: string;
  readonly name: string;
  readonly node: FlowNode;
  /** The node that it is drawn below. */
  readonly parent: string | undefined;
}

const NODE_COLUMNS: readonly Column<TreeRow>[] = [
  { title: "node", text: ({ branch, name }) => branch + name },
  { title: "status", text: ({ node }) => node.status, colour: ({ node }) => statusColour(node.status) },
  { title: "type", text: ({ node }) => node.type ?? "batch" },
  { title: "job", text: ({ node }) => node.job_id ?? (node.counts ? countsText(node.counts) : "") },
  { title: "", text: ({ node, parent }) => noteText(node, parent) },
];

/** `when ended, also after thumbs`. */
function noteText({ when, after, cause, status, job_id: job }: FlowNode, parent: string | undefined): string {
  const others = after.filter((name) => name !== parent);
  return [
    ...(when === "succeeded" ? [] : [`when ${when}`]),
    ...(others.length > 0 ? [`also after ${others.join(", ")}`] : []),
    ...(cause !== null && cause !== job && status !== "completed" ? [`because of ${cause}`] : []),
  ].join(", ");
}

/** Deeper nodes are drawn at this depth, so that a long chain stays readable. */
const MAX_DEPTH = 12;

/** The nodes in the order of a tree: each below the last one of those that it waits for. */
export function treeOf(nodes: Readonly<Record<string, FlowNode>>): TreeRow[] {
  const entries = Object.entries(nodes);
  const parentOf = ({ after, results_of: batch }: FlowNode): string | undefined => batch ?? after.at(-1);
  const childrenOf = new Map<string | undefined, [name: string, node: FlowNode][]>();
  for (const [name, node] of entries) {
    const parent = parentOf(node);
    childrenOf.set(parent, [...(childrenOf.get(parent) ?? []), [name, node]]);
  }
  const rows: TreeRow[] = [];
  // A stack, as a chain may have 1,000 nodes
  const open = reversed(childrenOf.get(undefined) ?? [], undefined, "", 0);
  for (let next = open.pop(); next; next = open.pop()) {
    const { name, node, parent, indent, depth, isLast } = next;
    const corner = depth === 0 ? "" : isLast ? "└─ " : "├─ ";
    rows.push({ branch: indent + corner, name, node, parent });
    const deeper = depth === 0 || depth >= MAX_DEPTH ? indent : indent + (isLast ? "   " : "│  ");
    open.push(...reversed(childrenOf.get(name) ?? [], name, deeper, depth + 1));
  }
  return rows;
}

interface OpenNode {
  readonly name: string;
  readonly node: FlowNode;
  readonly parent: string | undefined;
  readonly indent: string;
  readonly depth: number;
  readonly isLast: boolean;
}

function reversed(
  children: readonly (readonly [string, FlowNode])[],
  parent: string | undefined,
  indent: string,
  depth: number,
): OpenNode[] {
  return children
    .map(([name, node], at) => ({ name, node, parent, indent, depth, isLast: at === children.length - 1 }))
    .reverse();
}
