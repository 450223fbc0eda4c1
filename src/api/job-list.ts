/**
 * `GET /api/v1/jobs`: live and finished jobs in one list, newest first, in pages by id.
 *
 * Redis is read first, then Postgres, for the same range of ids. So a job that moves meanwhile is seen at least once;
 * where both have it, Postgres wins.
 */
import type { Job, JobView } from "../core/job.ts";
import { viewOf } from "../core/job-view.ts";
import type { JobFilters } from "../results/store.ts";
import type { ApiDependencies } from "./dependencies.ts";
import type { Answer, ApiRequest } from "./exchange.ts";
import { json } from "./exchange.ts";
import { jobJson } from "./job-json.ts";
import type { ListQuery } from "./list-query.ts";
import { readListQuery } from "./list-query.ts";
import { problemOfRefusal } from "./problem.ts";

/** A page that finds too few ends here, so that a filter that nothing passes cannot keep Redis and Postgres busy. */
const MAX_EXAMINED = 10_000;
/** Jobs read from Redis in one call: few at first, for each may have 16 MiB, then as many as their size allows. */
const FIRST_CHUNK = 10;
const MAX_CHUNK = 200;
/** A page is cut where its payloads exceed this: they are all in memory at once. */
const MAX_PAGE_BYTES = 8 * 1024 * 1024;

export function listJobs(deps: ApiDependencies): (request: ApiRequest) => Promise<Answer> {
  const toJson = jobJson(deps.registry);
  return async (request) => {
    const query = readListQuery(request.query);
    if ("refusal" in query) return problemOfRefusal(query.refusal);
    const { views, nextCursor } = await readPage(deps, query);
    return json(200, `{"jobs":[${views.map(toJson).join(",")}],"next_cursor":${nextCursor === null ? "null" : `"${nextCursor}"`}}`);
  };
}

/** What one side has of a range: all its jobs that pass the filters, down to `lastExamined`, or to the range's end for null. */
interface Side {
  readonly views: readonly JobView[];
  readonly lastExamined: string | null;
}

async function readPage(deps: ApiDependencies, query: ListQuery): Promise<{ views: JobView[]; nextCursor: string | null }> {
  const live = await readLive(deps, query);
  const { below, from, filters, limit } = query;
  const finished = await deps.store.range({ below, from, filters, limit: MAX_EXAMINED, maxJobs: limit, maxBytes: MAX_PAGE_BYTES });
  // Only ids that both sides have examined make up the page: the rest is the next one's.
  const floors = [live.lastExamined, finished.lastExamined].filter((id) => id !== null).sort();
  const floor = floors.at(-1) ?? null;
  const byId = new Map([...live.views, ...finished.jobs].map((view) => [view.id, view]));
  const merged = [...byId.values()].filter(({ id }) => floor === null || id >= floor).sort((a, b) => (a.id < b.id ? 1 : -1));
  const views = cut(merged, limit);
  return { views, nextCursor: views.length < merged.length ? (views.at(-1)?.id ?? null) : floor };
}

function cut(views: readonly JobView[], limit: number): JobView[] {
  let bytes = 0;
  const end = views.findIndex(({ payload, result }, index) => {
    bytes += payload.length + (result?.length ?? 0);
    return index >= limit || (index > 0 && bytes > MAX_PAGE_BYTES);
  });
  return views.slice(0, end === -1 ? views.length : end);
}

async function readLive({ queue }: ApiDependencies, { below, from, filters, limit }: ListQuery): Promise<Side> {
  const views: JobView[] = [];
  let next = below;
  let examined = 0;
  let readBytes = 0;
  let pageBytes = 0;
  while (examined < MAX_EXAMINED && views.length < limit && pageBytes <= MAX_PAGE_BYTES) {
    const fitting = Math.floor((MAX_PAGE_BYTES * examined) / Math.max(1, readBytes));
    const chunk = examined === 0 ? FIRST_CHUNK : Math.max(1, Math.min(MAX_CHUNK, fitting, MAX_EXAMINED - examined));
    const ids = await queue.liveIds(next, from, chunk);
    for (const job of await queue.read(ids)) {
      readBytes += job.payload.length;
      if (!passes(job, filters)) continue;
      const view = viewOf(job);
      if (filters.error_code !== undefined && view.error?.code !== filters.error_code) continue;
      views.push(view);
      pageBytes += job.payload.length;
    }
    if (ids.length < chunk) return { views, lastExamined: null };
    next = ids.at(-1);
    examined += ids.length;
  }
  return { views, lastExamined: next ?? null };
}

function passes(job: Job, { status, type, tag, group_key }: JobFilters): boolean {
  return (
    (status === undefined || job.status === status) &&
    (type === undefined || job.type === type) &&
    (tag === undefined || (tag !== null && job.options.tags?.includes(tag) === true)) &&
    (group_key === undefined || job.groupKey === group_key)
  );
}
