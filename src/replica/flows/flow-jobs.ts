/** Pages of the jobs of a flow, in the order of their ids. No index is needed: the graph has the ranges of the ids. */
import type { FlowState, IdRange } from "../../core/flows/flow.ts";
import type { FlowJobsFilter, FlowJobsPage } from "../../core/flows/flows.ts";
import { between, idsIn, lastOf, positionIn } from "../../core/flows/id-ranges.ts";
import { idAfter } from "../../core/id.ts";
import type { JobView, Status } from "../../core/job.ts";
import { isFinished } from "../../core/job.ts";
import { viewOf } from "../../core/job-view.ts";
import type { JobPage } from "../../results/job-pages.ts";
import type { FlowServiceParts } from "./service.ts";

/** Ids that a page with a filter examines: one round trip reads the headers of so many jobs. */
const MAX_EXAMINED = 1_000;

type Parts = Pick<FlowServiceParts, "queue" | "store" | "flowStore">;

export async function jobsPage(parts: Parts, state: FlowState, filter: FlowJobsFilter): Promise<FlowJobsPage> {
  const { node, status, after, limit } = filter;
  const ranges = remaining(
    state.graph.nodes.filter(({ name }) => node === undefined || name === node).flatMap(({ ids }) => ids),
    after,
  );
  if (ranges.length === 0) return { jobs: [], next: null };
  const page = status === undefined ? firstOf(ranges, limit) : await matching(parts, ranges, status, limit);
  return { jobs: await views(parts, page.ids), next: page.next };
}

interface Ids {
  readonly ids: readonly string[];
  /** The next page begins after this one; null on the last page. */
  readonly next: string | null;
}

function firstOf(ranges: readonly IdRange[], limit: number): Ids {
  const ids = take(ranges, limit);
  const last = ids.at(-1) ?? null;
  return { ids, next: last === ranges.map(lastOf).at(-1) ? null : last };
}

/** Examines live jobs one by one; among finished ones, an index finds those that match. */
async function matching(
  { queue, flowStore }: Parts,
  ranges: readonly IdRange[],
  status: readonly Status[],
  limit: number,
): Promise<Ids> {
  const lasts = ranges.map(lastOf);
  const end = lasts.at(-1) ?? "";
  const live = await queue.liveCount(idAfter(end, 1), ranges[0]?.first);
  const examined = live === 0 ? [] : take(ranges, MAX_EXAMINED);
  const reached = live === 0 ? end : (examined.at(-1) ?? end);
  const headers = await queue.readHeaders(examined);
  const found = headers.filter((job) => status.includes(job.status)).map(({ id }) => id);
  const known = new Set(headers.map(({ id }) => id));
  const recorded = await flowStore.jobIds(ranges, { status: status.filter(isFinished), limit });
  const ids = [...new Set([...found, ...recorded.filter((id) => id <= reached && !known.has(id))])].sort();
  const shown = ids.slice(0, limit);
  if (shown.length < ids.length || recorded.length === limit) return { ids: shown, next: shown.at(-1) ?? reached };
  return { ids: shown, next: reached === end ? null : reached };
}

/** What Redis has, and else what Postgres has. A job that moves meanwhile is in Postgres. */
async function views({ queue, store }: Parts, ids: readonly string[]): Promise<JobView[]> {
  if (ids.length === 0) return [];
  const byId = new Map((await queue.read(ids)).map((job) => [job.id, viewOf(job)]));
  const rest = ids.filter((id) => !byId.has(id));
  for (const group of consecutive(rest)) {
    const [first = "", last = ""] = [group[0], group.at(-1)];
    for (let below: string | null = idAfter(last, 1); below !== null; ) {
      // large jobs end a page of Postgres early
      const page: JobPage = await store.range({ below, from: first, limit: group.length });
      for (const view of page.jobs) byId.set(view.id, view);
      below = page.lastExamined;
    }
  }
  return ids.flatMap((id) => byId.get(id) ?? []);
}

/** Groups of ids that count up by one. */
function consecutive(ids: readonly string[]): string[][] {
  const groups: string[][] = [];
  for (const id of ids) {
    const last = groups.at(-1)?.at(-1);
    if (last !== undefined && idAfter(last, 1) === id) groups.at(-1)?.push(id);
    else groups.push([id]);
  }
  return groups;
}

/** The ids after one, as ranges in the order of ids. */
function remaining(ranges: readonly IdRange[], after: string | undefined): IdRange[] {
  const sorted = [...ranges].sort((a, b) => (a.first < b.first ? -1 : 1));
  if (after === undefined) return sorted;
  return sorted.flatMap((range) => {
    if (range.first > after) return [range];
    const done = (positionIn(range, after) ?? range.count - 1) + 1;
    return done < range.count ? [{ first: idAfter(range.first, done), count: range.count - done }] : [];
  });
}

function take(ranges: readonly IdRange[], limit: number): string[] {
  return idsIn(between(ranges, 0, limit));
}
