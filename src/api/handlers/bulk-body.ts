/**
 * The body of a bulk operation. The filters are its members, or those of its member `filter`; the payload of the
 * operation's job has them as members.
 */
import type { Rejection } from "../../core/body.ts";
import { invalid, parseJson } from "../../core/body.ts";
import { issuesOfSet } from "../../core/bulk-patch.ts";
import type { Status } from "../../core/job.ts";
import { isFilterName, issuesOfFilters } from "../../core/job-filters.ts";
import type { ValidationIssue } from "../../core/schema-issues.ts";
import { escapePointer } from "../../core/schema-issues.ts";
import type { JobType } from "../../jobs/registry.ts";
import { isJson } from "../http/content-type.ts";
import type { Answer, ApiRequest } from "../http/exchange.ts";
import { issuesOfNoQuery } from "../http/no-query.ts";
import { problem, problemOfRejection } from "../http/problem.ts";

type Members = Readonly<Record<string, unknown>>;

export interface BulkBody {
  /** A copy of the bytes. */
  readonly bytes: Uint8Array;
  /** The payload of the operation's job. */
  readonly payload: Members;
  readonly isDryRun: boolean;
}

/**
 * Reads the body, which is valid only before the first await.
 * @param statuses those that the operation acts on
 */
export function readBulkBody(
  { body, headers, query }: Pick<ApiRequest, "body" | "headers" | "query">,
  type: Pick<JobType, "issuesOf"> | undefined,
  statuses: readonly Status[],
): BulkBody | { readonly rejection: Answer } {
  const read = readObject(body, headers.contentType);
  if ("rejection" in read) return read;
  const { dry_run = false, filter, ...members } = read.value;
  const issues: ValidationIssue[] = issuesOfNoQuery(query);
  if (typeof dry_run !== "boolean") issues.push({ path: "/dry_run", message: "expected true or false" });
  const isNested = Object.hasOwn(read.value, "filter");
  const payload = isNested ? { ...others(members), ...readNested(filter, members, issues) } : members;
  issues.push(...issuesOfPayload(payload, type, statuses, { isNested }));
  if (issues.length > 0) return { rejection: problemOfRejection(invalid(distinct(issues)).rejection) };
  return { bytes: new Uint8Array(body), payload, isDryRun: dry_run === true };
}

/** The members that are no filters. */
function others(members: Members): Members {
  return Object.fromEntries(Object.entries(members).filter(([name]) => !isFilterName(name)));
}

function readObject(
  body: Uint8Array,
  contentType: string,
): { readonly value: Members } | { readonly rejection: Answer } {
  if (body.length === 0) return { rejection: problem(400, "body_missing", "The request has no body.") };
  if (!isJson(contentType))
    return { rejection: problem(415, "unsupported_media_type", "The Content-Type must be application/json.") };
  const read: { readonly value: unknown } | { readonly rejection: Rejection } = parseJson(body);
  if ("rejection" in read) return { rejection: problemOfRejection(read.rejection) };
  const { value } = read;
  return typeof value === "object" && value !== null && !Array.isArray(value)
    ? { value: value as Members }
    : { rejection: problemOfRejection(invalid([{ path: "", message: "expected an object" }]).rejection) };
}

/** The members of `filter`; adds an issue for each filter beside it, and for each member of it that is no filter. */
function readNested(filter: unknown, members: Members, issues: ValidationIssue[]): Members {
  for (const name of Object.keys(members).filter(isFilterName))
    issues.push({ path: `/${escapePointer(name)}`, message: "must not be given together with filter" });
  if (typeof filter !== "object" || filter === null || Array.isArray(filter)) {
    issues.push({ path: "/filter", message: "expected an object" });
    return {};
  }
  const unknown = Object.keys(filter).filter((name) => !isFilterName(name));
  for (const name of unknown) issues.push({ path: `/filter/${escapePointer(name)}`, message: "is not a known field" });
  return Object.fromEntries(Object.entries(filter).filter(([name]) => isFilterName(name)));
}

/** The issues of the payload, with paths into the body. */
function issuesOfPayload(
  payload: Members,
  type: Pick<JobType, "issuesOf"> | undefined,
  statuses: readonly Status[],
  { isNested }: { readonly isNested: boolean },
): ValidationIssue[] {
  const issues = [...(type?.issuesOf(payload) ?? [])];
  // an issue of the schema hides those that a schema cannot express
  for (const issue of issuesOfFilters(payload, statuses))
    if (!issues.some(({ path }) => path === issue.path)) issues.push(issue);
  for (const issue of issuesOfSet(payload, Date.now()))
    if (!issues.some(({ path }) => path === issue.path)) issues.push(issue);
  return issues.map((issue) => {
    const name = issue.path.split("/", 2)[1]?.replaceAll("~1", "/").replaceAll("~0", "~") ?? "";
    return isNested && isFilterName(name) ? { ...issue, path: `/filter${issue.path}` } : issue;
  });
}

function distinct(issues: readonly ValidationIssue[]): ValidationIssue[] {
  return [...new Map(issues.map((issue) => [`${issue.path} ${issue.message}`, issue])).values()];
}
