/** Parses the query of `GET /api/v1/jobs` into filters and a range of ids, or lists all its issues. */
import type { Static } from "typebox";
import type { Rejection } from "../../core/body.ts";
import { invalid } from "../../core/body.ts";
import { isId } from "../../core/id.ts";
import type { Status } from "../../core/job.ts";
import { boundOf, issuesOfFilters } from "../../core/job-filters.ts";
import type { ValidationIssue } from "../../core/schema-issues.ts";
import { escapePointer } from "../../core/schema-issues.ts";
import { compileValidator } from "../../core/validator.ts";

import { listQuerySchema } from "../contract/list-query-schema.ts";

const DEFAULT_LIMIT = 50;
const MAX_LIMIT = 1_000;

const validator = compileValidator(listQuerySchema);

export interface ListQuery {
  readonly filters: {
    readonly status?: Status;
    readonly type?: string;
    readonly tag?: string;
    readonly group_key?: string;
    readonly error_code?: string;
  };
  /** Only ids below this one. */
  readonly below: string | undefined;
  /** Only this id and those above. */
  readonly from: string | undefined;
  readonly limit: number;
}

/** A plus sign in a query means a space, which callers never mean before the offset of a time. */
const SPACED_OFFSET = / (?=\d\d:\d\d$)/;

/** @param query as in the URL. `created_after` is inclusive, `created_before` is exclusive */
export function readListQuery(query: string): ListQuery | { readonly rejection: Rejection } {
  const params = new URLSearchParams(query);
  const repeated = [...new Set(params.keys())].filter((name) => params.getAll(name).length > 1);
  const values = Object.fromEntries(
    [...params].map(([name, value]) => [name, name.startsWith("created_") ? value.replace(SPACED_OFFSET, "+") : value]),
  ) as Static<typeof listQuerySchema>; // all strings: the validator reports other values
  const issues: ValidationIssue[] = repeated.map((name) => ({
    path: `/${escapePointer(name)}`,
    message: "must be given once",
  }));
  if (!validator.isValid(values)) issues.push(...validator.issuesOf(values));
  const { created_after, created_before, limit, cursor, ...filters } = values;
  issues.push(...issuesOfFilters(values));
  if (cursor !== undefined && !isId(cursor))
    issues.push({ path: "/cursor", message: "expected the next_cursor of a page" });
  const count = limit === undefined ? DEFAULT_LIMIT : /^\d{1,4}$/.test(limit) ? Number(limit) : 0;
  if (count < 1 || count > MAX_LIMIT)
    issues.push({ path: "/limit", message: `expected an integer from 1 to ${MAX_LIMIT}` });
  if (issues.length > 0) return invalid(issues);
  const below = [cursor, boundOf(created_before)].filter((id) => id !== undefined).sort()[0];
  return { filters, below, from: boundOf(created_after), limit: count };
}
