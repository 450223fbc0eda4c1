/** Parses the query of `GET /api/v1/jobs` into filters and a range of ids, or lists all its issues. */
import type { Rejection } from "../../core/body.ts";
import { invalid } from "../../core/body.ts";
import { isId, lowestOf } from "../../core/id.ts";
import type { JobFilters } from "../../core/job-filters.ts";
import { isFilterName, readFilters } from "../../core/job-filters.ts";
import type { ValidationIssue } from "../../core/schema-issues.ts";
import { escapePointer } from "../../core/schema-issues.ts";

const DEFAULT_LIMIT = 50;
const MAX_LIMIT = 1_000;
/** Values of these filters may contain commas, so the parameter is repeated instead. */
const REPEATABLE = ["tag", "group_key"];

export interface ListQuery {
  readonly filters: JobFilters;
  /** Only ids below this one. */
  readonly below: string | undefined;
  /** Only this id and those above. */
  readonly from: string | undefined;
  readonly limit: number;
  /** Whether payloads and results are left out. */
  readonly isSummary: boolean;
}

/** A plus sign in a query means a space, which callers never mean before the offset of a time. */
const SPACED_OFFSET = / (?=\d\d:\d\d$)/;
const TIME = /^(?:created|finished)_/;

/** @param query as in the URL. Times of `_after` are inclusive, of `_before` exclusive */
export function readListQuery(query: string): ListQuery | { readonly rejection: Rejection } {
  const params = new URLSearchParams(query);
  const issues: ValidationIssue[] = [];
  const members: Record<string, string | string[]> = {};
  for (const name of new Set(params.keys())) {
    const values = params.getAll(name);
    const path = `/${escapePointer(name)}`;
    const isKnown = isFilterName(name) || ["limit", "cursor", "view"].includes(name);
    if (!isKnown) issues.push({ path, message: "is not a known field" });
    else if (values.length > 1 && !REPEATABLE.includes(name)) {
      issues.push({ path, message: "must be given once" });
      continue;
    }
    const [first = ""] = values;
    members[name] = values.length > 1 ? values : TIME.test(name) ? first.replace(SPACED_OFFSET, "+") : first;
  }
  const selection = readFilters(members);
  if ("issues" in selection) issues.push(...selection.issues);
  const { limit, cursor, view } = members;
  if (cursor !== undefined && !(typeof cursor === "string" && isId(cursor)))
    issues.push({ path: "/cursor", message: "expected the next_cursor of a page" });
  const count = limit === undefined ? DEFAULT_LIMIT : /^\d{1,4}$/.test(String(limit)) ? Number(limit) : 0;
  if (count < 1 || count > MAX_LIMIT)
    issues.push({ path: "/limit", message: `expected an integer from 1 to ${MAX_LIMIT}` });
  if (view !== undefined && view !== "full" && view !== "summary")
    issues.push({ path: "/view", message: "expected full or summary" });
  if (issues.length > 0 || "issues" in selection) return invalid(issues);
  const below = lowestOf(cursor as string | undefined, selection.below);
  return { filters: selection.filters, below, from: selection.from, limit: count, isSummary: view === "summary" };
}
