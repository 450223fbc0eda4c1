/**
 * `GET /api/v1/jobs`: live and finished jobs in one list, newest first, in pages by id.
 *
 * Redis is read first, then Postgres, for the same range of ids, so a job that moves meanwhile is found at least once.
 * If both have it, the version of Postgres is used.
 */
import type { JobView } from "../../core/job.ts";
import { passesFilters } from "../../core/job-filters.ts";
import { viewOf } from "../../core/job-view.ts";
import { isLarge } from "../../core/payload.ts";
import type { LiveIds } from "../../queue/live-index.ts";
import type { ApiDependencies } from "../dependencies.ts";
import type { Answer, ApiRequest } from "../http/exchange.ts";
import { json } from "../http/exchange.ts";
import { problemOfRejection } from "../http/problem.ts";
import { jobJson } from "../jobs/job-json.ts";
import type { ListQuery } from "./list-query.ts";
import { readListQuery } from "./list-query.ts";

/** Bounds the work for one page, so that a filter without matches cannot keep Redis and Postgres busy. */
const MAX_EXAMINED = 10_000;
/** Ids per call to Redis, and jobs per read: each may have a result of 1 MiB. */
const MAX_CHUNK = 200;
const READ_CHUNK = 20;
/** Bounds the payloads and results of a page, which are in memory together. */
const MAX_PAGE_BYTES = 8 * 1024 * 1024;

export function listJobs(deps: ApiDependencies): (request: ApiRequest) => Promise<Answer> {
  const toJson = jobJson(deps.registry);
  return async (request) => {
    const query = readListQuery(request.query);
    if ("rejection" in query) return problemOfRejection(query.rejection);
    const { views, nextCursor } = await readPage(deps, query);
    return json(
      200,
      `{"jobs":[${views.map(toJson).join(",")}],"next_cursor":${nextCursor === null ? "null" : `"${nextCursor}"`}}`,
    );
  };
}

/**
 * The matching jobs that one side has in a range, down to the id `lastExamined`; null: down to the end of the range.
 */
interface Side {
  readonly views: readonly JobView[];
  readonly lastExamined: string | null;
}

async function readPage(
  deps: ApiDependencies,
  query: ListQuery,
): Promise<{ views: JobView[]; nextCursor: string | null }> {
  const live = await readLive(deps, query);
  const { below, from, filters, limit } = query;
  const finished = await deps.store.range({
    below,
    from,
    filters,
    limit: MAX_EXAMINED,
    maxJobs: limit,
    maxBytes: MAX_PAGE_BYTES,
  });
  // The page contains only ids that both sides have examined; the others belong to the next page.
  const floors = [live.lastExamined, finished.lastExamined].filter((id) => id !== null).sort();
  const floor = floors.at(-1) ?? null;
  const byId = new Map([...live.views, ...finished.jobs].map((view) => [view.id, view]));
  const merged = [...byId.values()]
    .filter(({ id }) => floor === null || id >= floor)
    .sort((a, b) => (a.id < b.id ? 1 : -1));
  const views = cut(merged, limit);
  return { views, nextCursor: views.length < merged.length ? (views.at(-1)?.id ?? null) : floor };
}

function cut(views: readonly JobView[], limit: number): JobView[] {
  let bytes = 0;
  const end = views.findIndex((view, index) => {
    bytes += shownLength(view);
    return index >= limit || (index > 0 && bytes > MAX_PAGE_BYTES);
  });
  return views.slice(0, end === -1 ? views.length : end);
}

/** The length of a job in a page, which omits large payloads. */
function shownLength({ payload, result }: JobView): number {
  return (isLarge(payload) ? 0 : payload.length) + (result?.length ?? 0);
}

async function readLive(deps: ApiDependencies, query: ListQuery): Promise<Side> {
  const page: LivePage = { views: [], bytes: 0 };
  let next = query.below;
  for (let examined = 0; examined < MAX_EXAMINED; examined += MAX_CHUNK) {
    const { filters, from } = query;
    const found = await deps.queue.liveIds({ below: next, from, limit: MAX_CHUNK, filters });
    if (await isFilled(page, found, deps, query))
      return { views: page.views, lastExamined: page.views.at(-1)?.id ?? null };
    if (found.isLast) return { views: page.views, lastExamined: null };
    next = found.ids.at(-1);
  }
  return { views: page.views, lastExamined: next ?? null };
}

interface LivePage {
  readonly views: JobView[];
  bytes: number;
}

/**
 * Adds the jobs that match, and returns true once the page is full and there may be more. Of other jobs, only the
 * header is read.
 */
async function isFilled(
  page: LivePage,
  { ids, isLast }: LiveIds,
  { queue }: ApiDependencies,
  { filters, limit }: ListQuery,
): Promise<boolean> {
  const isFiltered = (Object.values(filters) as unknown[]).some((value) => value !== undefined);
  const passing = isFiltered
    ? (await queue.readHeaders(ids)).filter((header) => passesFilters(viewOf(header), filters)).map(({ id }) => id)
    : ids;
  for (let at = 0; at < passing.length; at += READ_CHUNK) {
    for (const job of await queue.read(passing.slice(at, at + READ_CHUNK))) {
      const view = viewOf(job);
      page.views.push(view);
      page.bytes += shownLength(view);
      const isFull = page.views.length >= limit || page.bytes > MAX_PAGE_BYTES;
      if (isFull && (!isLast || job.id !== passing.at(-1))) return true; // there may be more
    }
  }
  return false;
}
