/** Reads how the jobs of a batch ended: from their rows, or from Redis, if the row is not stored yet. */
import { at } from "../core/at.ts";
import type { BatchJob, BatchResults } from "../core/flows/batch-results.ts";
import type { IdRange } from "../core/flows/flow.ts";
import { slicesOf } from "../core/flows/id-ranges.ts";
import { idsFrom } from "../core/id.ts";
import { isFinished } from "../core/job.ts";
import { viewOf } from "../core/job-view.ts";
import type { Queue } from "../queue/queue.ts";
import type { FlowStore } from "../results/flows/flow-store.ts";

const PAGE = 1_000;

export interface BatchResultsParts {
  readonly queue: Pick<Queue, "read"> & { readonly flows: Pick<Queue["flows"], "read"> };
  readonly flowStore: Pick<FlowStore, "get" | "outcomes">;
}

export function batchResults(parts: BatchResultsParts): BatchResults {
  return {
    async jobsOf(flowId, name) {
      const state = (await parts.queue.flows.read([flowId]))[0] ?? (await parts.flowStore.get([flowId]))[0];
      const node = state?.graph.nodes.find((one) => one.name === name && one.type === null);
      if (!node) return undefined;
      const ids = [...node.ids].sort((one, other) => (one.first < other.first ? -1 : 1));
      return { total: ids.reduce((sum, { count }) => sum + count, 0), pages: pagesOf(parts, ids) };
    },
  };
}

async function* pagesOf(parts: BatchResultsParts, ranges: readonly IdRange[]): AsyncGenerator<readonly BatchJob[]> {
  for (const { first, count } of slicesOf(ranges, PAGE)) {
    for (let ids = idsFrom(first, count); ids.length > 0; ) {
      const page = await pageOf(parts, ids);
      yield page;
      ids = ids.slice(page.length);
    }
  }
}

/** The first of these jobs, one at least. */
async function pageOf({ queue, flowStore }: BatchResultsParts, ids: readonly string[]): Promise<BatchJob[]> {
  const { jobs, isCut } = await flowStore.outcomes(ids);
  const asked = isCut ? ids.slice(0, ids.indexOf(at(jobs, jobs.length - 1).id) + 1) : ids;
  const found = new Map(jobs.map((job) => [job.id, job]));
  const isMissing = (id: string): boolean => !found.has(id);
  for (const job of await queue.read(asked.filter(isMissing))) {
    const { id, status, result, error } = viewOf(job);
    if (isFinished(status)) found.set(id, { id, status, result, error: error && JSON.stringify(error) });
  }
  // their rows may have been stored between the two reads
  for (const job of (await flowStore.outcomes(asked.filter(isMissing))).jobs) found.set(job.id, job);
  const unknown = asked.findIndex(isMissing);
  if (unknown === 0) throw new Error(`job ${at(asked, 0)} of the batch has not ended yet, or was lost`);
  return asked.slice(0, unknown === -1 ? asked.length : unknown).flatMap((id) => found.get(id) ?? []);
}
