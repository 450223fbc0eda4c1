/**
 * Finds flows in Redis that cannot end: nobody works on them, and none of their jobs will end. Also counts of nodes that
 * their jobs contradict, and jobs that wait in a flow which Redis does not have.
 */
import { at } from "../core/at.ts";
import type { FlowState } from "../core/flows/flow.ts";
import { unfinishedOf } from "../core/flows/graph.ts";
import { slicesOf } from "../core/flows/id-ranges.ts";
import { idsFrom } from "../core/id.ts";
import { isFinished } from "../core/job.ts";
import type { Audit, FlowInRedis } from "../queue/audit.ts";
import { stateOf } from "../queue/snapshot.ts";
import type { Inconsistencies } from "./inconsistency.ts";

/** Jobs that one call looks at. */
const PAGE = 500;
/** The check stops after this many inconsistencies. */
const LIMIT = 10_000;

export interface FlowCheckOptions {
  readonly audit: Pick<Audit, "flows" | "readFlows" | "orphans" | "inspect">;
}

export async function flowInconsistencies({ audit }: FlowCheckOptions): Promise<Inconsistencies> {
  const found: Inconsistencies = new Map();
  for await (const flows of audit.flows()) {
    for (const flow of flows) await checkFlow(audit, flow, found);
    if (found.size >= LIMIT) break;
  }
  for await (const jobs of audit.orphans()) {
    for (const { id, flow } of jobs)
      found.set(`flow_missing ${id}`, {
        kind: "flow_missing",
        id,
        text: `waits for other jobs of flow ${flow}, which Redis does not have`,
      });
    if (found.size >= LIMIT) break;
  }
  return found;
}

async function checkFlow(
  audit: FlowCheckOptions["audit"],
  { state, hasWork }: FlowInRedis,
  found: Inconsistencies,
): Promise<void> {
  const { id } = state;
  const add = (kind: "flow_stuck" | "flow_counts", text: string): void => {
    found.set(`${kind} ${id}`, { kind, id: null, text: `flow ${id} ${text}` });
  };
  if (hasWork) return; // a replica changes it
  const unfinished = await unfinishedJobs(audit, state);
  const [now] = await audit.readFlows([id]);
  if (JSON.stringify(now) !== JSON.stringify(state)) return; // jobs ended meanwhile
  let isRunning = state.isOpen;
  let doomedNode: string | undefined;
  state.graph.nodes.forEach(({ name }, i) => {
    const { counts, isStarted, outcome, doomed } = at(state.nodes, i);
    const [counted, live] = [unfinishedOf(counts), at(unfinished, i)];
    if (counted !== live) add("flow_counts", `has ${live} unfinished jobs in node ${name}, and counts ${counted}`);
    isRunning ||= isStarted && outcome === null && live > 0;
    if (doomed !== undefined) doomedNode ??= name;
  });
  if (state.finishedAt !== null) add("flow_stuck", "has ended, and no replica stores its row");
  else if (doomedNode !== undefined)
    add("flow_stuck", `has the node ${doomedNode}, which can no longer run, and no replica cancels its jobs`);
  else if (!isRunning) add("flow_stuck", "has not ended, and none of its jobs runs or may run");
}

/** By the index of the node, how many of its jobs Redis has that have not ended. */
async function unfinishedJobs(audit: Pick<Audit, "inspect">, { graph }: FlowState): Promise<number[]> {
  const counts: number[] = [];
  for (const { ids } of graph.nodes) {
    let count = 0;
    for (const { first, count: size } of slicesOf(ids, PAGE))
      for (const snapshot of await audit.inspect(idsFrom(first, size))) {
        const status = stateOf(snapshot)?.status;
        if (status !== undefined && !isFinished(status)) count += 1;
      }
    counts.push(count);
  }
  return counts;
}
