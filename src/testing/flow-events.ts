/** What may happen to jobs and flows in a model test, and what must be so then. */
import { expect } from "vitest";
import { at } from "../core/at.ts";
import type { EndedJobs } from "../core/flows/evaluate.ts";
import { begin } from "../core/flows/evaluate.ts";
import type { FlowGraph, FlowState } from "../core/flows/flow.ts";
import { countOf, rangesOf } from "../core/flows/id-ranges.ts";
import { idsToRetry, nodesToRetry, retried } from "../core/flows/retry.ts";
import { idAfter, idsFrom } from "../core/id.ts";
import type { Job, TerminalStatus } from "../core/job.ts";
import type { JobCounts } from "../queue/counts.ts";
import type { Settlement } from "../queue/settlement.ts";
import { settlement } from "./queue.ts";

export type Ending = TerminalStatus | "expired" | "retry" | "released";

/** What may happen to jobs and flows; a model test checks that each of these has. */
export const EVENTS = [
  ...["completed", "failed", "cancelled", "expired", "retry", "released", "lost lease", "lost lease judged"],
  ...["cancelled while it waits", "asked to stop", "dependency_failed", "not_needed", "flow cancelled", "flow stopped"],
  ...["settled again", "result erased", "erased while live", "dead replica", "forgotten before the flow ended"],
  ...["added while open", "added by a running job", "not added", "closed by its caller", "closed by timeout"],
  ...["retried as a whole", "retried in part", "retried from a node", "prepared"],
] as const;
export type Event = (typeof EVENTS)[number];

/** How often each event has happened. */
export type EventCounts = Map<Event, number>;

/** An expired job is settled as failed (core/settle.ts). */
export function verdictOf(how: Ending): Exclude<Ending, "expired"> {
  return how === "expired" ? "failed" : how;
}

/** What Redis keeps of a node for the jobs that refer to it. */
export interface Kept {
  result?: string;
  error?: string;
}

/** Whether Redis keeps these results, and errors of these nodes, and no others. */
export function expectKept(found: ReadonlyMap<number, Kept>, kept: ReadonlyMap<number, Kept>): void {
  const shown = ({ result, error }: Kept = {}): object => ({ result, hasError: error !== undefined });
  const nodes = [...found.keys()];
  expect(nodes.map((node) => shown(found.get(node)))).toEqual(nodes.map((node) => shown(kept.get(node))));
}

export interface Ended {
  readonly job: Job;
  readonly how: TerminalStatus;
}

/** An attempt that has ended so. */
export function settlementOf({ job, how }: { readonly job: Job; readonly how: Ending }): Settlement {
  const isRetry = how === "retry" || how === "released";
  const verdict = verdictOf(how);
  return settlement(job, {
    verdict,
    runAt: isRetry ? 1 : 0,
    record: isRetry ? "" : `{"attempt":1,"outcome":"${how}"}`,
    flow: job.options.flow,
    result: `"${job.id}"`,
    error: verdict === "failed" ? `{"code":"broken"}` : undefined,
  });
}

/** Ends as one call counts them: the jobs of a node together, the nodes in their first order. */
export function groupedEnds(ends: readonly Ended[]): { readonly job: Job; readonly jobs: EndedJobs }[] {
  const groups = new Map<string, Ended[]>();
  for (const one of ends) {
    const key = `${one.job.options.flow?.id} ${one.job.options.flow?.at}`;
    groups.set(key, [...(groups.get(key) ?? []), one]);
  }
  return [...groups.values()].map((group) => {
    const idsOf = (how: TerminalStatus): string[] => group.flatMap((one) => (one.how === how ? [one.job.id] : []));
    const [completed, failed, cancelled] = [idsOf("completed"), idsOf("failed"), idsOf("cancelled")];
    const cause = failed[0] ?? cancelled[0];
    const counts = { completed: completed.length, failed: failed.length, cancelled: cancelled.length };
    return { job: at(group, 0).job, jobs: { ...counts, ...(cause !== undefined && { cause }) } };
  });
}

interface KnownJobs {
  readonly accepted: number;
  readonly ended: readonly TerminalStatus[];
  readonly forgotten: number;
  readonly waiting: number;
  readonly running: number;
}

/** Whether the counts of Redis at one instant are those of the jobs. */
export function expectCounts({ types, accepted, outbox, unaccounted }: JobCounts, jobs: KnownJobs): void {
  type Key = "waiting" | "running" | "completed" | "failed" | "cancelled" | "recorded";
  const sum = (key: Key): number => types.reduce((all, type) => all + type[key], 0);
  const others = types.reduce((all, { queued, scheduled, retrying }) => all + queued + scheduled + retrying, 0);
  const endedAs = (how: TerminalStatus): number => jobs.ended.filter((one) => one === how).length;
  expect({
    ...{ unaccounted, accepted, outbox, waiting: sum("waiting"), running: sum("running"), others },
    ...{ completed: sum("completed"), failed: sum("failed"), cancelled: sum("cancelled"), recorded: sum("recorded") },
  }).toEqual({
    ...{ unaccounted: 0, accepted: jobs.accepted, outbox: jobs.ended.length - jobs.forgotten },
    ...{ waiting: jobs.waiting, running: jobs.running },
    others: jobs.accepted - jobs.ended.length - jobs.waiting - jobs.running,
    ...{ completed: endedAs("completed"), failed: endedAs("failed"), cancelled: endedAs("cancelled") },
    recorded: jobs.forgotten,
  });
}

export interface RetryPlan {
  readonly state: FlowState;
  readonly graph: FlowGraph;
  readonly jobs: readonly { readonly id: string; readonly node: number }[];
  readonly kept: ReadonlyMap<number, Kept>;
  readonly event: Event;
}

/**
 * What a retry of a flow that has ended submits; undefined if there is nothing to run again.
 * @param ended how each job ended @param from numbers of any size, which choose nodes; empty for none
 */
export function planRetry(
  earlier: { readonly state: FlowState; readonly kept: ReadonlyMap<number, Kept> },
  ended: ReadonlyMap<string, TerminalStatus>,
  from: readonly number[],
  firstId: string,
): RetryPlan | undefined {
  const { graph, nodes } = earlier.state;
  const names = [...new Set(from.map((nth) => at(graph.nodes, nth % nodes.length).name))];
  const picked = nodesToRetry(earlier.state, names.length > 0 ? names : undefined);
  if ("unknown" in picked) throw new Error(`no node has the name ${picked.unknown[0]}`);
  if (picked.nodes.length === 0) return undefined;
  const idsOf = (node: number): string[] =>
    at(graph.nodes, node).ids.flatMap(({ first, count }) => idsFrom(first, count));
  const unfinished = new Map(
    picked.nodes.map(({ node }) => [
      node,
      rangesOf(
        idsOf(node)
          .filter((id) => ended.get(id) !== "completed")
          .sort(),
      ),
    ]),
  );
  const again = idsToRetry(earlier.state, picked.nodes, unfinished);
  const nodesOfJobs = [...again].flatMap(([node, ids]) => Array.from({ length: countOf(ids) }, () => node));
  const jobs = nodesOfJobs.map((node, nth) => ({ id: idAfter(firstId, nth), node }));
  const next = retried(earlier.state, again, [{ first: firstId, count: jobs.length }]);
  const { state } = begin(next);
  const kept = new Map([...earlier.kept].filter(([node]) => state.nodes[node]?.outcome !== null));
  const isPart = picked.nodes.some((one) => one.jobs === "unfinished") || picked.nodes.length < nodes.length;
  const event = names.length > 0 ? "retried from a node" : isPart ? "retried in part" : "retried as a whole";
  return { state, graph: next.graph, jobs, kept, event };
}
