/**
 * Lets flows end that nobody would end otherwise:
 *
 *   jobs that a replica of an earlier version has ended ─▶ counted late, from their rows
 *   jobs that Redis and Postgres have lost              ─▶ counted as cancelled
 *   jobs that wait in a flow that Redis has lost        ─▶ cancelled; a durable flow is put back by the restore instead
 *   work that Redis has lost                            ─▶ put back (queue/flow-repairs.ts)
 *
 * One replica leads, in short steps. A node is looked at only if it waits for more jobs than Redis has: a job that ends
 * is counted in the script that ends it, and stays in Redis until Postgres has its row.
 */
import { Periodic } from "../../concurrency/periodic.ts";
import { at } from "../../core/at.ts";
import type { FlowGraph, IdRange, NodeCounts } from "../../core/flows/flow.ts";
import { unfinishedOf } from "../../core/flows/graph.ts";
import { idAt, slicesOf } from "../../core/flows/id-ranges.ts";
import { idsFrom } from "../../core/id.ts";
import { CANCELLED } from "../../queue/flow-fields.ts";
import type { NodeOfFlow } from "../../queue/flow-repairs.ts";
import type { Queue } from "../../queue/queue.ts";
import type { EndedOfFlow } from "../../results/flows/flow-rows.ts";
import { SLICE } from "../../results/flows/flow-rows.ts";
import type { FlowStore } from "../../results/flows/flow-store.ts";

const PERIOD_MS = 10_000;
/** Between the pages of one pass: each takes Redis some two milliseconds. */
const PAGE_MS = 1_000;
/** Longer than the time between two steps. */
const LEAD_MS = 3 * PERIOD_MS;
/** Ids of one call. */
const PAGE = 1_000;

export interface FlowRepairParts {
  readonly queue: Pick<Queue, "missing"> & {
    readonly flows: Pick<Queue["flows"], "read" | "repairs">;
  };
  readonly flowStore: Pick<FlowStore, "get" | "rows">;
  /** The id of this replica. */
  readonly replica: string;
  readonly cancelOrphans: (ids: readonly string[]) => Promise<void>;
  /** Jobs of a flow were counted late. */
  readonly onRepaired: (flow: string, jobs: number) => void;
  readonly onOrphans: (jobs: number) => void;
  readonly onError: (error: unknown) => void;
  readonly periodMs?: number;
}

export class FlowRepair {
  readonly #parts: FlowRepairParts;
  readonly #steps: Periodic;
  /** The flow after which the next page begins. */
  #after = "";
  /** Where the next page of waiting jobs begins. */
  #cursor = "0";

  constructor(parts: FlowRepairParts) {
    this.#parts = parts;
    const { periodMs = PERIOD_MS, onError } = parts;
    this.#steps = new Periodic({ task: (signal) => this.#step(signal), periodMs, jitter: 0.1, onError });
  }

  start(): void {
    this.#steps.start();
  }

  /** Resolves when the current step has ended. Idempotent. */
  close(): Promise<void> {
    return this.#steps.close();
  }

  /** Looks at a page of flows, and at a page of waiting jobs. @returns ms until the next step */
  async #step(signal: AbortSignal): Promise<number | undefined> {
    const { repairs } = this.#parts.queue.flows;
    if (!(await repairs.lead(this.#parts.replica, LEAD_MS))) return undefined;
    const page = await repairs.overdue(this.#after);
    this.#after = page.after;
    for (const node of page.overdue) if (!signal.aborted) await this.#count(node);
    await repairs.discard(await this.#lost(page.gone));
    await this.#cancelOrphans(signal);
    return this.#after === "" && this.#cursor === "0" ? undefined : Math.min(PAGE_MS, this.#parts.periodMs ?? PAGE_MS);
  }

  /** Those of the flows that Redis has lost which no restore puts back. */
  async #lost(gone: readonly string[]): Promise<string[]> {
    if (gone.length === 0) return [];
    const rows = await this.#parts.flowStore.get(gone);
    const kept = new Set(
      rows.filter(({ status, graph }) => status === "running" && graph.isDurable).map(({ id }) => id),
    );
    return gone.filter((id) => !kept.has(id));
  }

  async #cancelOrphans(signal: AbortSignal): Promise<void> {
    const { queue, cancelOrphans, onOrphans } = this.#parts;
    const { cursor, orphans } = await queue.flows.repairs.orphans(this.#cursor);
    const lost = new Set(await this.#lost([...new Set(orphans.map(({ flow }) => flow))]));
    const ids = orphans.flatMap(({ id, flow }) => (lost.has(flow) ? [id] : []));
    if (signal.aborted) return;
    if (ids.length > 0) {
      await cancelOrphans(ids);
      onOrphans(ids.length);
    }
    this.#cursor = cursor;
  }

  /** Counts jobs of a node that have ended, and that the node does not count. */
  async #count({ flow, node }: NodeOfFlow): Promise<void> {
    const { queue, flowStore, onRepaired } = this.#parts;
    const [state] = await queue.flows.read([flow]);
    const counts = state?.nodes[node]?.counts;
    if (!state || !counts) return;
    const graph = only(state.graph, node);
    const unfinished = unfinishedOf(counts);
    // Before the rows are read: Redis forgets a job after Postgres has its row
    const gone = await this.#goneOf(at(graph.nodes, node).ids);
    const uncounted = unfinished - (counts.total - gone.count);
    if (uncounted <= 0) return;
    const ended = await flowStore.rows.ended(graph);
    const rows = ended.nodes.get(node);
    const lost = await this.#lostOf(gone.flags, ended.slices, uncounted);
    const late = lateOf(counts, rows, uncounted, lost.length);
    const jobs = late.completed + late.failed + late.cancelled;
    if (jobs === 0) return;
    const bad = late.failed + late.cancelled > 0 ? (rows?.cause ?? lost[0]) : undefined;
    const kept = (await flowStore.rows.kept(graph, ended.nodes))[0];
    const error = kept?.error ?? (bad === undefined ? undefined : CANCELLED);
    const hasChanged = await queue.flows.repairs.count({
      ...{ flow, node, late, counted: counts },
      ...(late.failed > 0 ? { firstFailed: bad } : { firstCancelled: bad }),
      ...(at(graph.nodes, node).keeps && { result: kept?.result, error }),
    });
    if (hasChanged) onRepaired(flow, jobs);
  }

  /** Which jobs Redis does not have: by slice and position, 1 for each, and how many. */
  async #goneOf(ids: readonly IdRange[]): Promise<{ readonly flags: readonly Uint8Array[]; readonly count: number }> {
    let count = 0;
    const flags: Uint8Array[] = [];
    for (const range of slicesOf(ids, SLICE)) {
      const gone = new Uint8Array(range.count);
      for (let from = 0; from < range.count; from += PAGE) {
        const page = idsFrom(idAt(range, from), Math.min(PAGE, range.count - from));
        const missing = new Set(await this.#parts.queue.missing(page));
        page.forEach((id, i) => {
          if (missing.has(id)) gone[from + i] = 1;
        });
        count += missing.size;
      }
      flags.push(gone);
    }
    return { flags, count };
  }

  /** Ids of jobs that neither Redis nor Postgres has, `limit` at most. A restore puts back what was accepted. */
  async #lostOf(gone: readonly Uint8Array[], slices: EndedOfFlow["slices"], limit: number): Promise<string[]> {
    const { rows } = this.#parts.flowStore;
    const lost: string[] = [];
    for (const [nth, { range, ended }] of slices.entries()) {
      const flags = at(gone, nth);
      for (let from = 0; from < range.count && lost.length < limit; from += PAGE) {
        const ids: string[] = [];
        for (let i = from; i < Math.min(from + PAGE, range.count); i += 1)
          if (flags[i] === 1 && ended[i] === 0) ids.push(idAt(range, i));
        const accepted = new Set((await rows.sizes(ids)).map(({ id }) => id));
        lost.push(...ids.filter((id) => !accepted.has(id)));
      }
    }
    return lost.slice(0, limit);
  }
}

/** The graph with the ids of one node alone. */
function only(graph: FlowGraph, node: number): FlowGraph {
  return { ...graph, nodes: graph.nodes.map((one, i) => (i === node ? one : { ...one, ids: [] })) };
}

/** How many ends are to be counted: what the rows have more than the node counts; then lost jobs as cancelled. */
function lateOf(
  counted: NodeCounts,
  rows: Omit<NodeCounts, "total"> | undefined,
  uncounted: number,
  lost: number,
): Omit<NodeCounts, "total"> {
  const failed = Math.min(uncounted, Math.max(0, (rows?.failed ?? 0) - counted.failed));
  const completed = Math.min(uncounted - failed, Math.max(0, (rows?.completed ?? 0) - counted.completed));
  const rest = uncounted - failed - completed;
  const cancelled = Math.min(rest, Math.max(0, (rows?.cancelled ?? 0) - counted.cancelled) + lost);
  return { completed, failed, cancelled };
}
