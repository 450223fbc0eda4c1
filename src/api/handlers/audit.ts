/** `GET /api/v1/audit`: what people changed, newest first. */
import type { Rejection } from "../../core/body.ts";
import { invalid } from "../../core/body.ts";
import { HIGHEST_ID, isId, LOWEST_ID, lowestIdAt } from "../../core/id.ts";
import { viewOf } from "../../core/job-view.ts";
import { formatTime, parseTime } from "../../core/rfc3339.ts";
import type { ValidationIssue } from "../../core/schema-issues.ts";
import { escapePointer } from "../../core/schema-issues.ts";
import type { AuditQuery, StoredAuditEntry } from "../../results/audit-log.ts";
import type { ApiDependencies } from "../dependencies.ts";
import type { Answer, ApiRequest } from "../http/exchange.ts";
import { json } from "../http/exchange.ts";
import { problemOfRejection } from "../http/problem.ts";

const DEFAULT_LIMIT = 50;
const MAX_LIMIT = 1_000;
/** Values of one filter, and characters of all of them. */
const MAX_VALUES = 100;
const MAX_LENGTH = 4_096;
/** Results of bulk operations are short. Jobs in one read. */
const MAX_RESULT_BYTES = 4_096;
const MAX_JOBS = 100;
const NAMES = ["action", "key", "from", "to", "limit", "cursor"];

/** The latest time that fits an id. */
const MAX_TIME_MS = 2 ** 48 - 1;

export function getAudit(
  deps: Pick<ApiDependencies, "queue" | "store" | "audit">,
): (request: ApiRequest) => Promise<Answer> {
  return async (request) => {
    const query = readAuditQuery(request.query);
    if ("rejection" in query) return problemOfRejection(query.rejection);
    const found = await deps.audit.list({ ...query, limit: query.limit + 1 });
    const page = found.slice(0, query.limit);
    const counts = await countsOf(deps, page);
    const next_cursor = found.length > page.length ? (page.at(-1)?.id ?? null) : null;
    return json(200, JSON.stringify({ entries: page.map((entry) => entryJson(entry, counts)), next_cursor }));
  };
}

/** A plus sign in a query means a space, which callers never mean before the offset of a time. */
const SPACED_OFFSET = / (?=\d\d:\d\d$)/;

function readAuditQuery(query: string): AuditQuery | { readonly rejection: Rejection } {
  const params = new URLSearchParams(query);
  const issues: ValidationIssue[] = [];
  for (const name of new Set(params.keys())) {
    const path = `/${escapePointer(name)}`;
    if (!NAMES.includes(name)) issues.push({ path, message: "is not a known field" });
    else if (params.getAll(name).length > 1) issues.push({ path, message: "must be given once" });
  }
  const values = (name: "action" | "key"): readonly string[] | undefined => {
    const text = params.get(name);
    if (text === null) return undefined;
    const list = text.split(",");
    if (list.includes("") || list.length > MAX_VALUES || text.length > MAX_LENGTH || text.includes("\0"))
      issues.push({ path: `/${name}`, message: `expected 1 to ${MAX_VALUES} names, separated by commas` });
    return list;
  };
  const bound = (name: "from" | "to", absent: string): string => {
    const text = params.get(name);
    if (text === null) return absent;
    const time = parseTime(text.replace(SPACED_OFFSET, "+"));
    if (time === undefined)
      issues.push({ path: `/${name}`, message: "expected a time as in 2026-01-31T12:00:00Z (RFC 3339)" });
    return lowestIdAt(Math.min(time ?? 0, MAX_TIME_MS));
  };
  const [actions, keys, from, to] = [
    values("action"),
    values("key"),
    bound("from", LOWEST_ID),
    bound("to", HIGHEST_ID),
  ];
  const limit = params.get("limit") ?? String(DEFAULT_LIMIT);
  if (!/^\d{1,4}$/.test(limit) || Number(limit) < 1 || Number(limit) > MAX_LIMIT)
    issues.push({ path: "/limit", message: `expected an integer from 1 to ${MAX_LIMIT}` });
  const cursor = params.get("cursor") ?? HIGHEST_ID;
  if (!isId(cursor)) issues.push({ path: "/cursor", message: "expected the next_cursor of a page" });
  if (issues.length > 0) return invalid(issues);
  return { below: cursor < to ? cursor : to, from, limit: Number(limit), actions, keys };
}

function entryJson(entry: StoredAuditEntry, counts: ReadonlyMap<string, number>): unknown {
  const { id, key_id, key_name, action, target, details, count, job_id, request_id } = entry;
  return {
    id,
    at: formatTime(entry.at),
    key: key_name === null ? null : { id: key_id, name: key_name },
    action,
    target,
    details: details === null ? null : (JSON.parse(details) as unknown),
    count: count ?? counts.get(job_id ?? "") ?? null,
    job_id,
    request_id,
  };
}

/** How many jobs each completed bulk operation has changed, by its id: in Redis until it is recorded, then in Postgres. */
async function countsOf(
  { queue, store }: Pick<ApiDependencies, "queue" | "store">,
  entries: readonly StoredAuditEntry[],
): Promise<Map<string, number>> {
  const counts = new Map<string, number>();
  const note = (id: string, result: string | null): void => {
    const { done, replayed } = JSON.parse(result ?? "{}") as { readonly done?: unknown; readonly replayed?: unknown };
    const changed = done ?? replayed;
    if (typeof changed === "number") counts.set(id, changed);
  };
  const ids = [...new Set(entries.flatMap(({ job_id, count }) => (job_id === null || count !== null ? [] : [job_id])))];
  for (let first = 0; first < ids.length; first += MAX_JOBS) {
    const some = ids.slice(first, first + MAX_JOBS);
    for (const job of await queue.readHeaders(some)) note(job.id, viewOf(job).result);
    const recorded = some.filter((id) => !counts.has(id));
    if (recorded.length === 0) continue;
    for (const { view, isResultOmitted } of await store.states(recorded, MAX_RESULT_BYTES))
      if (!isResultOmitted) note(view.id, view.result);
  }
  return counts;
}
