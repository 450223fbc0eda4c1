/** The query parameters of lists that have pages. */
import type { ValidationIssue } from "../../core/schema-issues.ts";
import { escapePointer } from "../../core/schema-issues.ts";

const DEFAULT_LIMIT = 50;
const MAX_LIMIT = 1_000;

/** The value of a parameter that is `true` or `false`, by default `false`. Any other value is an issue. */
export function flagOf(params: URLSearchParams, name: string, issues: ValidationIssue[]): boolean {
  const text = params.get(name) ?? "false";
  if (text !== "true" && text !== "false") issues.push({ path: `/${name}`, message: "expected true or false" });
  return text === "true";
}

export interface ListParameters {
  readonly params: URLSearchParams;
  readonly limit: number;
  /** Of unknown and repeated parameters, and of the limit; callers add theirs. */
  readonly issues: ValidationIssue[];
}

/** @param names the parameters beside `limit` and `cursor` */
export function readQuery(query: string, names: readonly string[] = []): ListParameters {
  const { params, issues } = readParameters(query, [...names, "limit", "cursor"]);
  const text = params.get("limit") ?? String(DEFAULT_LIMIT);
  const limit = /^\d{1,4}$/.test(text) ? Number(text) : 0;
  if (limit < 1 || limit > MAX_LIMIT)
    issues.push({ path: "/limit", message: `expected an integer from 1 to ${MAX_LIMIT}` });
  return { params, limit, issues };
}

/** The parameters of a query, with an issue for each that is unknown or repeated. */
export function readParameters(query: string, names: readonly string[]): Omit<ListParameters, "limit"> {
  const params = new URLSearchParams(query);
  const issues: ValidationIssue[] = [];
  for (const name of new Set(params.keys())) {
    const path = `/${escapePointer(name)}`;
    if (!names.includes(name)) issues.push({ path, message: "is not a known field" });
    else if (params.getAll(name).length > 1) issues.push({ path, message: "must be given once" });
  }
  return { params, issues };
}
