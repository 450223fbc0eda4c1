/** The filters by which the list, bulk operations and an export of the history find jobs. */
import { Type } from "typebox";
import { isId, lowestIdAt } from "./id.ts";
import type { JobView, Status } from "./job.ts";
import { STATUSES } from "./job.ts";
import type { PayloadIssue } from "./job-type.ts";
import { isLarge } from "./payload.ts";
import type { PayloadFilter, PayloadSearch } from "./payload-search.ts";
import { needsPayload, passesSearch } from "./payload-search.ts";
import { parseTime } from "./rfc3339.ts";

/**
 * The conditions on a job. An absent filter passes every job; of the values of one filter, one must match; all filters
 * must pass.
 */
export interface JobFilters extends PayloadSearch {
  readonly status?: readonly Status[] | undefined;
  readonly type?: readonly string[] | undefined;
  /** Of none of these types. No caller gives it: bulk operations leave each other out. */
  readonly except_type?: readonly string[] | undefined;
  readonly tag?: readonly string[] | undefined;
  readonly group_key?: readonly string[] | undefined;
  readonly error_code?: readonly string[] | undefined;
  readonly retry_of?: readonly string[] | undefined;
  /** Ids of replicas. */
  readonly worker?: readonly string[] | undefined;
  /** Epoch ms, inclusive. */
  readonly finished_after?: number | undefined;
  /** Epoch ms, exclusive. */
  readonly finished_before?: number | undefined;
}

/** The filters as members of a JSON object: texts, or lists of texts. */
export type FilterMembers = Readonly<Partial<Record<keyof typeof filterSchemas, string | readonly string[]>>>;

/** The filters, with the range of ids that the filters by time of acceptance mean. */
export interface JobSelection {
  readonly filters: JobFilters;
  /** Only ids below this one. */
  readonly below: string | undefined;
  /** Only ids from this one on. */
  readonly from: string | undefined;
}

const MAX_VALUES = 100;
const MAX_LENGTH = 255;
const MAX_PAYLOAD_FILTERS = 10;
const PAYLOAD_PREFIX = "payload.";
const TIME_MESSAGE = "expected a time as in 2026-01-31T12:00:00Z (RFC 3339)";

/** The filters with values that contain no commas: several may be in one text, separated by commas. */
const LISTED = ["status", "type", "error_code", "retry_of", "worker"] as const;
/** The filters that may have several values. */
const MULTIPLE = [...LISTED, "tag", "group_key"] as const;
const TIMES = ["created_after", "created_before", "finished_after", "finished_before"] as const;

const DESCRIPTIONS: Readonly<Record<(typeof MULTIPLE)[number] | (typeof TIMES)[number] | "q", string>> = {
  status: `Of one of these statuses: ${STATUSES.join(", ")}`,
  type: "Of one of these types",
  error_code: "With an error of one of these codes",
  retry_of: "Runs one of these jobs again",
  worker:
    "Whose latest attempt runs or ran on one of these replicas. This filter has no index: together with `status=running`, the server reads the running jobs only",
  tag: "With one of these tags",
  group_key: "Of one of these groups",
  created_after: "Accepted at this time (RFC 3339) or later",
  created_before: "Accepted before this time",
  finished_after: "Finished at this time or later",
  finished_before: "Finished before this time",
  q: "With this text in the payload, secrets redacted, or in the error message, where the letters A to Z match in upper and lower case. This filter has no index: the server searches the jobs that pass the others",
};

/** What a member `payload.PATH` means. */
const PAYLOAD_FILTER_DESCRIPTION =
  "`payload.PATH`: the value at this dotted path into the payload, secrets redacted, compared as text. This filter has no index: the server searches the jobs that pass the others";

const text = Type.String({ minLength: 1, maxLength: MAX_LENGTH });
const multiple = (name: (typeof MULTIPLE)[number]) =>
  Type.Optional(
    Type.Union([text, Type.Array(text, { minItems: 1, maxItems: MAX_VALUES })], {
      description: DESCRIPTIONS[name],
    }),
  );
const single = (name: (typeof TIMES)[number] | "q") => Type.Optional(Type.String({ description: DESCRIPTIONS[name] }));

/**
 * The schemas of the filters as members of a JSON object; {@link readFilters} finds the issues that they cannot
 * express.
 */
export const filterSchemas = {
  status: multiple("status"),
  type: multiple("type"),
  error_code: multiple("error_code"),
  retry_of: multiple("retry_of"),
  worker: multiple("worker"),
  tag: multiple("tag"),
  group_key: multiple("group_key"),
  created_after: single("created_after"),
  created_before: single("created_before"),
  finished_after: single("finished_after"),
  finished_before: single("finished_before"),
  q: single("q"),
};

/** The schemas of the filters by payload, for `patternProperties`. */
export const payloadFilterSchemas = {
  "^payload\\.": Type.String({ description: PAYLOAD_FILTER_DESCRIPTION }),
};

/** Whether a member of an object, or a parameter of a query, is a filter. */
export function isFilterName(name: string): boolean {
  return Object.hasOwn(filterSchemas, name) || name.startsWith(PAYLOAD_PREFIX);
}

/** @returns the issues of filters among the members of an object, as {@link readFilters} finds them */
export function issuesOfFilters(
  members: Readonly<Record<string, unknown>>,
  statuses: readonly Status[] = STATUSES,
): PayloadIssue[] {
  const read = readFilters(members, statuses);
  return "issues" in read ? read.issues : [];
}

/**
 * Reads filters from the members of an object: texts, or lists of texts. Ignores members that are no filters.
 * @param statuses those that the filter `status` may name
 * @returns the selection; or all issues, with paths into the object
 */
export function readFilters(
  members: Readonly<Record<string, unknown>>,
  statuses: readonly Status[] = STATUSES,
): JobSelection | { readonly issues: PayloadIssue[] } {
  const issues: PayloadIssue[] = [];
  const lists = Object.fromEntries(MULTIPLE.map((name) => [name, valuesOf(members, name, issues)]));
  for (const status of lists["status"] ?? []) {
    if (!(statuses as readonly string[]).includes(status))
      issues.push({ path: "/status", message: `expected one or more of ${statuses.join(", ")}` });
  }
  for (const id of lists["retry_of"] ?? [])
    if (!isId(id.toLowerCase())) issues.push({ path: "/retry_of", message: "expected the id of a job" });
  const times = Object.fromEntries(TIMES.map((name) => [name, timeOf(members, name, issues)]));
  const q = members["q"] === undefined ? undefined : textOf(members["q"], "/q", issues);
  const payload = payloadFiltersOf(members, issues);
  if (issues.length > 0) return { issues: distinct(issues) };
  const { created_after, created_before, finished_after, finished_before } = times;
  const filters = { ...lists, finished_after, finished_before, payload, q } as Record<keyof JobFilters, unknown>;
  const given = Object.entries(filters).filter(([, value]) => value !== undefined);
  return {
    filters: Object.fromEntries(given),
    below: boundOf(created_before, finished_before),
    from: created_after === undefined ? undefined : lowestIdAt(created_after),
  };
}

/** A job is accepted before it finishes: the earlier of the times bounds the ids. */
function boundOf(createdBefore: number | undefined, finishedBefore: number | undefined): string | undefined {
  const before = Math.min(createdBefore ?? Infinity, finishedBefore ?? Infinity);
  return before === Infinity ? undefined : lowestIdAt(before);
}

/** Several values of one filter have the same mistake only once. */
function distinct(issues: readonly PayloadIssue[]): PayloadIssue[] {
  return [...new Map(issues.map((issue) => [`${issue.path} ${issue.message}`, issue])).values()];
}

function valuesOf(
  members: Readonly<Record<string, unknown>>,
  name: (typeof MULTIPLE)[number],
  issues: PayloadIssue[],
): string[] | undefined {
  const given = members[name];
  if (given === undefined) return undefined;
  const path = `/${name}`;
  if (Array.isArray(given) && (given.length === 0 || given.length > MAX_VALUES)) {
    issues.push({ path, message: `expected 1 to ${MAX_VALUES} values` });
    return undefined;
  }
  const texts: unknown[] = Array.isArray(given) ? given : [given];
  const values = texts.flatMap((text) =>
    typeof text === "string" && (LISTED as readonly string[]).includes(name) ? text.split(",") : [text],
  );
  if (values.length > MAX_VALUES) issues.push({ path, message: `expected 1 to ${MAX_VALUES} values` });
  const read = values.slice(0, MAX_VALUES).flatMap((value) => textOf(value, path, issues) ?? []);
  return [...new Set(name === "retry_of" ? read.map((id) => id.toLowerCase()) : read)];
}

function textOf(value: unknown, path: string, issues: PayloadIssue[]): string | undefined {
  const issue =
    typeof value !== "string"
      ? "expected a string"
      : value === "" || value.length > MAX_LENGTH
        ? `expected 1 to ${MAX_LENGTH} characters`
        : value.includes("\0")
          ? "has a NUL character"
          : undefined;
  if (issue === undefined) return value as string;
  issues.push({ path, message: issue });
  return undefined;
}

function timeOf(
  members: Readonly<Record<string, unknown>>,
  name: (typeof TIMES)[number],
  issues: PayloadIssue[],
): number | undefined {
  const given = members[name];
  if (given === undefined) return undefined;
  const time = typeof given === "string" ? parseTime(given) : undefined;
  if (time === undefined) issues.push({ path: `/${name}`, message: TIME_MESSAGE });
  return time;
}

function payloadFiltersOf(
  members: Readonly<Record<string, unknown>>,
  issues: PayloadIssue[],
): PayloadFilter[] | undefined {
  const given = Object.entries(members).filter(([name]) => name.startsWith(PAYLOAD_PREFIX));
  if (given.length === 0) return undefined;
  if (given.length > MAX_PAYLOAD_FILTERS)
    issues.push({ path: "", message: `expected at most ${MAX_PAYLOAD_FILTERS} filters of payloads` });
  return given.slice(0, MAX_PAYLOAD_FILTERS).flatMap(([name, value]): PayloadFilter[] => {
    const pointer = `/${name.replaceAll("~", "~0").replaceAll("/", "~1")}`;
    const path = name.slice(PAYLOAD_PREFIX.length).split(".");
    if (name.length > MAX_LENGTH || name.includes("\0") || path.includes(""))
      issues.push({ path: pointer, message: "expected a dotted path such as payload.order.id" });
    const text = textOf(value, pointer, issues);
    return text === undefined ? [] : [{ path, value: text }];
  });
}

/**
 * Whether a job passes every filter. The SQL in postgres/job-filters-sql.ts finds the same jobs, except that it does not
 * redact payloads: its matches must also pass {@link passesSearch}. A large payload that was not read passes no filter
 * of payloads.
 */
export function passesFilters(view: JobView, filters: JobFilters): boolean {
  const { status, type, except_type, tag, group_key, error_code, retry_of, worker } = filters;
  const { finished_after, finished_before } = filters;
  return (
    isAmong(view.status, status) &&
    isAmong(view.type, type) &&
    except_type?.includes(view.type) !== true &&
    (tag === undefined || tag.some((one) => view.tags.includes(one))) &&
    isAmong(view.group_key, group_key) &&
    isAmong(view.error?.code, error_code) &&
    isAmong(view.retry_of, retry_of) &&
    isAmong(view.worker, worker) &&
    (finished_after === undefined || (view.finished_at !== null && view.finished_at >= finished_after)) &&
    (finished_before === undefined || (view.finished_at !== null && view.finished_at < finished_before)) &&
    (!needsPayload(filters) ||
      passesSearch(
        { payload: isLarge(view.payload) ? "" : view.payload, message: view.error?.message ?? null },
        filters,
      ))
  );
}

function isAmong(value: string | null | undefined, values: readonly string[] | undefined): boolean {
  return values === undefined || (value !== null && value !== undefined && values.includes(value));
}
