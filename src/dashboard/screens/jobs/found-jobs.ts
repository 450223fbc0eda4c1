/** The jobs of one page of the list, found in as many requests as it takes, and patched as they change. */
import { useEffect, useMemo, useRef, useState } from "preact/hooks";
import { readFilterText } from "../../../client/filter-text.ts";
import type { Job, JobChange, JobSummary, ListFilters } from "../../../client/taskflow.ts";
import { TaskFlow } from "../../../client/taskflow.ts";
import { SERVER_URL } from "../../app/base.ts";
import { useLiveJobs } from "../../data/live.ts";
import { MAX_IDS } from "../../data/live-messages.ts";
import type { ResourceState } from "../../data/resource.ts";
import { useResource } from "../../data/resource.ts";
import { client, currentKey } from "../../data/session.ts";
import { isFinished } from "../../parts/status.tsx";
import { actOnEach } from "./each-job.ts";
import { exactJson } from "./exact-json.ts";

/** A job of the list; its payload is there if a column shows a part of it. */
export type ListedJob = JobSummary & Partial<Pick<Job, "payload">>;

export interface FoundPage {
  readonly jobs: readonly ListedJob[];
  /** Continues after this page; null after the last one. */
  readonly next: string | null;
  /** How many jobs the server has examined for it. */
  readonly examined: number;
}

export interface PageQuery {
  /** A filter text without issues. */
  readonly text: string;
  readonly cursor: string | undefined;
  readonly limit: number;
  readonly needsPayload: boolean;
}

/** Each request examines up to 10,000 jobs. After so many requests, the user decides whether to continue. */
const MOST_REQUESTS = 4;

interface Search extends PageQuery {
  readonly filters: ListFilters;
  /** What was found before. */
  readonly found: FoundPage | undefined;
}

/** Finds jobs until the page is full, the list ends, or {@link MOST_REQUESTS} were made. */
async function search(
  api: TaskFlow,
  { filters, cursor, limit, needsPayload, found }: Search,
  signal: AbortSignal,
): Promise<FoundPage> {
  let page: FoundPage = found ?? { jobs: [], next: cursor ?? "", examined: 0 };
  for (let requests = 0; requests < MOST_REQUESTS; requests += 1) {
    if (page.next === null || page.jobs.length >= limit) break;
    const options = { pageSize: limit - page.jobs.length, cursor: page.next === "" ? undefined : page.next, signal };
    const view = needsPayload ? "full" : "summary";
    const { value } = await api.pages({ ...filters, ...options, view }).next();
    if (!value) break;
    const { jobs, next_cursor: next, examined } = value;
    page = { jobs: [...page.jobs, ...jobs], next, examined: page.examined + examined };
  }
  return page;
}

export interface FoundJobs extends ResourceState<FoundPage> {
  readonly query: PageQuery;
  readonly refresh: () => void;
  /** Searches on after the jobs that were examined. */
  readonly searchOn: () => void;
}

/** The prefix of the keys of these resources, for a refresh after an action. */
export const FOUND = "found ";

export function useFoundJobs(query: PageQuery): FoundJobs {
  const { text, needsPayload } = query;
  const kept = useRef<FoundPage | undefined>(undefined);
  const resource = useResource(FOUND + JSON.stringify(query), (api, signal) => {
    const read = readFilterText(text, Date.now());
    if ("issues" in read) throw new Error(read.issues[0]?.message);
    const found = kept.current;
    kept.current = undefined;
    return search(needsPayload ? exactClient() : api, { ...query, filters: read.filters, found }, signal);
  });
  const { data, refresh } = resource;
  const searchOn = (): void => {
    kept.current = data;
    refresh();
  };
  return { ...resource, query, refresh, searchOn };
}

/** A client that keeps all digits of the numbers in payloads. */
function exactClient(): TaskFlow {
  return new TaskFlow({ url: SERVER_URL, apiKey: currentKey(), retries: 0, json: exactJson });
}

/** Changes come in bursts; the rows are read once for each. */
const SETTLE_MS = 250;
/** The event stream is open by then: the rows are read again, because jobs may have changed before. */
const OPEN_MS = 1_000;

/**
 * The jobs of a page, patched in place as they change. Nothing is added or moved, not even a job that no longer matches
 * the filters.
 */
export function useLiveRows(page: FoundPage | undefined): readonly ListedJob[] {
  const [patches, setPatches] = useState<ReadonlyMap<string, ListedJob>>(new Map());
  const base = useMemo(() => new Map((page?.jobs ?? []).map((job) => [job.id, job])), [page]);
  const ids = useMemo(() => unfinishedOf(page), [page]);
  const reader = useRowReader(base, setPatches);
  useEffect(() => {
    setPatches((now) => finishedAmong(now, base));
    if (ids.length === 0) return undefined;
    const timer = setTimeout(() => reader.read(ids), OPEN_MS);
    return () => clearTimeout(timer);
  }, [page]);
  const onChange = ({ kind, id, status, progress }: JobChange): void => {
    setPatches((now) => {
      const job = now.get(id) ?? reader.base().get(id);
      if (!job || isFinished(job.status)) return now;
      return new Map(now).set(id, { ...job, status, progress });
    });
    if (kind === "status") reader.read([id]);
  };
  useLiveJobs(ids, { onChange, onGap: () => reader.read([...reader.base().keys()].slice(0, MAX_IDS)) });
  return useMemo(() => (page?.jobs ?? []).map((job) => patches.get(job.id) ?? job), [page, patches]);
}

function unfinishedOf(page: FoundPage | undefined): readonly string[] {
  return (page?.jobs ?? [])
    .filter(({ status }) => !isFinished(status))
    .map(({ id }) => id)
    .slice(0, MAX_IDS);
}

/** A finished job stays finished: an answer that left the server before its end must not bring it back. */
function finishedAmong(
  patches: ReadonlyMap<string, ListedJob>,
  base: ReadonlyMap<string, ListedJob>,
): ReadonlyMap<string, ListedJob> {
  const kept = [...patches].filter(([id, job]) => {
    const read = base.get(id);
    return read !== undefined && isFinished(job.status) && !isFinished(read.status);
  });
  return new Map(kept);
}

interface RowReader {
  readonly base: () => ReadonlyMap<string, ListedJob>;
  /** Reads these jobs soon, each once. */
  readonly read: (ids: readonly string[]) => void;
}

type SetPatches = (change: (now: ReadonlyMap<string, ListedJob>) => ReadonlyMap<string, ListedJob>) => void;

function useRowReader(base: ReadonlyMap<string, ListedJob>, setPatches: SetPatches): RowReader {
  const latest = useRef(base);
  latest.current = base;
  const timer = useRef<ReturnType<typeof setTimeout> | undefined>(undefined);
  useEffect(() => () => clearTimeout(timer.current), []);
  return useMemo(() => {
    const waiting = new Set<string>();
    const readAll = async (): Promise<void> => {
      timer.current = undefined;
      const ids = [...waiting];
      waiting.clear();
      const read = new Map<string, ListedJob>();
      await actOnEach(ids, async (id) => {
        const row = latest.current.get(id);
        if (row) read.set(id, { ...(await client().get(id)), payload: row.payload ?? null });
      });
      if (read.size > 0) setPatches((now) => new Map([...now, ...read]));
    };
    const start = (): void => {
      readAll().catch(() => undefined); // actOnEach does not reject; a row that was not read stays as it is
    };
    return {
      base: () => latest.current,
      read: (ids) => {
        for (const id of ids) waiting.add(id);
        timer.current ??= setTimeout(start, SETTLE_MS);
      },
    };
  }, []);
}
