/** Retries of flows in a model test. */
import type { Submitted } from "../queue/enqueuer.ts";
import type { RetryPlan } from "./flow-events.ts";
import { jobOf } from "./random-flows.ts";

/** The year 2100, epoch ms: delayed jobs do not become due by themselves. */
export const FAR_AHEAD = 4_102_444_800_000;

/** What a retry submits: of a batch, half of its jobs before the flow. @param firstId its id */
export function retrySubmissions(id: string, { state, graph, jobs, kept }: RetryPlan, firstId: string): Submitted[] {
  const isBatch = graph.kind === "batch" && state.nodes[0]?.isStarted === true;
  const count = isBatch ? Math.floor(jobs.filter(({ node }) => node === 0).length / 2) : 0;
  const submitted = (some: RetryPlan["jobs"], flow: Submitted["flow"]): Submitted => ({
    ids: some.map((job) => job.id),
    submissions: some.map(({ node }) => jobOf(id, graph, node, undefined, FAR_AHEAD)),
    flow,
  });
  const prepared = count > 0 && { retryId: firstId, prepared: count, mayWait: true };
  const preset = { state, kept: [...kept].map(([node, values]) => ({ node, ...values })), ...prepared };
  return [
    ...(count > 0 ? [submitted(jobs.slice(0, count), { kind: "prepare", id, retryId: firstId, position: 0 })] : []),
    submitted(jobs.slice(count), { kind: "new", id, graph, preset }),
  ];
}
