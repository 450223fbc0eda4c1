/**
 * `GET /api/v1/jobs`: live and finished jobs in one list, newest first, in pages by id.
 *
 * Redis is read first, then Postgres, for the same range of ids, so a job that moves meanwhile is found at least once.
 * If both have it, the version of Postgres is used.
 */
import type { Job, JobView } from "../../core/job.ts";
import { viewOf } from "../../core/job-view.ts";
import { isLarge } from "../../core/payload.ts";
import type { JobPage } from "../../results/job-pages.ts";
import type { ApiDependencies } from "../dependencies.ts";
import type { Answer, ApiRequest } from "../http/exchange.ts";
import { json } from "../http/exchange.ts";
import { problemOfRejection } from "../http/problem.ts";
import { summaryJson } from "../jobs/job-fields.ts";
import { jobJson } from "../jobs/job-json.ts";
import type { LiveMatches, SearchBudget } from "../jobs/live-jobs.ts";
import { liveMatches } from "../jobs/live-jobs.ts";
import type { ListQuery } from "./list-query.ts";
import { readListQuery } from "./list-query.ts";

/** Bounds the work for one page, so that a filter without matches cannot keep Redis and Postgres busy. */
const MAX_EXAMINED = 10_000;
/** Ids per call to Redis, and jobs per read: each may have a result of 1 MiB. */
const MAX_CHUNK = 200;
const READ_CHUNK = 20;
/** Bounds the payloads and results of a page, which are in memory together. */
const MAX_PAGE_BYTES = 8 * 1024 * 1024;
/** Bounds a page of summaries, which may have long tags and error messages. */
const MAX_SUMMARY_BYTES = 490_000;
/** Bounds the search in the payloads of live jobs for one page; one payload may exceed it. */
const MAX_SEARCHED_BYTES = 8 * 1024 * 1024;
const MAX_SEARCH_MS = 2_000;

export function listJobs(deps: ApiDependencies): (request: ApiRequest) => Promise<Answer> {
  const toFullJson = jobJson(deps.registry);
  return async (request) => {
    const query = readListQuery(request.query);
    if ("rejection" in query) return problemOfRejection(query.rejection);
    const { views, nextCursor, examined } = await readPage(deps, query);
    const jobs = views.map(query.isSummary ? summaryJson : toFullJson).join(",");
    const cursor = nextCursor === null ? "null" : `"${nextCursor}"`;
    return json(200, `{"jobs":[${jobs}],"next_cursor":${cursor},"examined":${examined}}`);
  };
}

/**
 * The matching jobs that one side has in a range, down to the id `lastExamined`; null: down to the end of the range.
 */
interface Side {
  readonly views: readonly JobView[];
  readonly lastExamined: string | null;
}

interface Page {
  readonly views: readonly JobView[];
  readonly nextCursor: string | null;
  readonly examined: number;
}

async function readPage(deps: ApiDependencies, query: ListQuery): Promise<Page> {
  const live = await new LivePage(deps, query).read();
  const { below, from, filters, limit, isSummary } = query;
  const finished = await deps.store.range({
    below,
    from: live.lastExamined ?? from, // lower ids belong to the next page
    filters,
    limit: MAX_EXAMINED,
    maxJobs: limit,
    maxBytes: MAX_PAGE_BYTES,
    isSummary,
  });
  // The page contains only ids that both sides have examined; the others belong to the next page.
  const floor = finished.lastExamined ?? live.lastExamined;
  const byId = new Map([...live.views, ...finished.jobs].map((view) => [view.id, view]));
  const merged = [...byId.values()]
    .filter(({ id }) => floor === null || id >= floor)
    .sort((a, b) => (a.id < b.id ? 1 : -1));
  const views = cut(merged, query);
  const nextCursor = views.length < merged.length ? (views.at(-1)?.id ?? null) : floor;
  const recorded = new Set(finished.jobs.map(({ id }) => id));
  const examinedLive = live.ids.filter((id) => (nextCursor === null || id >= nextCursor) && !recorded.has(id)).length;
  const examined = nextCursor === floor ? finished.examined : rankOf(nextCursor, finished);
  return { views, nextCursor, examined: examined + examinedLive };
}

/**
 * How many finished jobs were examined down to this id, if the page ends before the finished jobs that were read. Those
 * that do not match, and follow the last one that does, are left out: the next page does not examine them either.
 */
function rankOf(end: string | null, { jobs, ranks }: JobPage): number {
  return ranks[jobs.findLastIndex(({ id }) => end === null || id >= end)] ?? 0;
}

function cut(views: readonly JobView[], query: ListQuery): JobView[] {
  let bytes = 0;
  const end = views.findIndex((view, index) => {
    bytes += shownLength(view, query);
    return index >= query.limit || (index > 0 && bytes > maxBytes(query));
  });
  return views.slice(0, end === -1 ? views.length : end);
}

function maxBytes({ isSummary }: ListQuery): number {
  return isSummary ? MAX_SUMMARY_BYTES : MAX_PAGE_BYTES;
}

/** The length of a job in a page: of its summary, or of what bounds the whole job. Pages omit large payloads. */
function shownLength(view: JobView, { isSummary }: ListQuery): number {
  if (isSummary) return Buffer.byteLength(summaryJson(view)) + 1;
  const { payload, result } = view;
  return (isLarge(payload) ? 0 : payload.length) + (result?.length ?? 0);
}

/** The live jobs of a page. */
class LivePage {
  readonly #queue: ApiDependencies["queue"];
  readonly #query: ListQuery;
  readonly #views: JobView[] = [];
  readonly #budget: SearchBudget = { bytes: MAX_SEARCHED_BYTES, endsAt: performance.now() + MAX_SEARCH_MS };
  #bytes = 0;
  /** The ids examined, newest first. */
  readonly #ids: string[] = [];

  constructor({ queue }: ApiDependencies, query: ListQuery) {
    this.#queue = queue;
    this.#query = query;
  }

  async read(): Promise<Side & { readonly ids: readonly string[] }> {
    const { from, filters } = this.#query;
    const end = (lastExamined: string | null) => ({
      views: this.#views,
      lastExamined,
      ids: this.#ids,
    });
    let next = this.#query.below;
    while (this.#ids.length < MAX_EXAMINED) {
      const { ids, isLast } = await this.#queue.liveIds({ below: next, from, limit: MAX_CHUNK, filters });
      const matches = await this.#matches(ids);
      const before = this.#ids.length;
      this.#ids.push(...ids.slice(0, matches.examined));
      const filledAt = await this.#fill(matches.jobs, { areLast: isLast && matches.examined === ids.length });
      if (filledAt !== undefined) {
        this.#ids.length = before + ids.indexOf(filledAt) + 1;
        return end(filledAt);
      }
      next = ids[matches.examined - 1];
      if (matches.examined < ids.length) return end(next ?? null);
      if (isLast) return end(null);
    }
    return end(next ?? null);
  }

  /** Reads no header if every job passes and is shown whole. */
  async #matches(ids: readonly string[]): Promise<Pick<LiveMatches, "examined"> & { readonly jobs: readonly Shown[] }> {
    const { filters, isSummary } = this.#query;
    const isFiltered = (Object.values(filters) as unknown[]).some((value) => value !== undefined);
    return isFiltered || isSummary
      ? liveMatches(this.#queue, ids, filters, this.#budget)
      : { jobs: ids.map((id) => ({ id })), examined: ids.length };
  }

  /**
   * Adds jobs to the page.
   * @param position `areLast`: no job follows them
   * @returns the id of the job that filled the page, if there may be more
   */
  async #fill(jobs: readonly Shown[], position: { readonly areLast: boolean }): Promise<string | undefined> {
    const { isSummary, limit } = this.#query;
    for (let at = 0; at < jobs.length; at += READ_CHUNK) {
      const part = jobs.slice(at, at + READ_CHUNK);
      const shown = isSummary ? (part as readonly Job[]) : await this.#queue.read(part.map(({ id }) => id));
      for (const job of shown) {
        const view = viewOf(job);
        this.#views.push(isSummary ? { ...view, result: null } : view);
        this.#bytes += shownLength(view, this.#query);
        const isFull = this.#views.length >= limit || this.#bytes > maxBytes(this.#query);
        if (isFull && !(position.areLast && job.id === jobs.at(-1)?.id)) return job.id;
      }
    }
    return undefined;
  }
}

/** A job whose header was read, or its id alone. */
type Shown = Job | { readonly id: string };
