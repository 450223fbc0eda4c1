/** The SQL of the filters of core/job-filters.ts, for every statement that selects rows of `jobs`. */
import type { JobFilters } from "../core/job-filters.ts";

/** Adds a value to a statement: as a parameter, or as a literal. Returns the SQL expression that stands for it. */
export type AddValue = (value: string | number | readonly string[]) => string;

/**
 * The conditions on a row of `jobs`, joined by `and`; `true` if every row passes. Escapes of JSON that Postgres cannot
 * turn into text are read as U+FFFD.
 */
export function filterSql(filters: JobFilters, add: AddValue): string {
  const { status, type, tag, group_key, error_code, retry_of, finished_after, finished_before, payload, q } = filters;
  const conditions = [
    status && `status = any (${add(status)}::text[])`,
    type && `type = any (${add(type)}::text[])`,
    tag && `tags && ${add(tag)}::text[]`,
    group_key && `group_key = any (${add(group_key)}::text[])`,
    error_code && `error ->> 'code' = any (${add(error_code)}::text[])`,
    retry_of && `retry_of = any (${add(retry_of)}::uuid[])`,
    finished_after !== undefined && `finished_at >= ${timeSql(finished_after, add)}`,
    finished_before !== undefined && `finished_at < ${timeSql(finished_before, add)}`,
    ...(payload ?? []).map(({ path, value }) => `(${READABLE_PAYLOAD})::json #>> ${add(path)}::text[] = ${add(value)}`),
    q !== undefined && containsSql(add(q)),
  ];
  return conditions.filter((condition) => typeof condition === "string").join(" and ") || "true";
}

/** `\u0000` and halves of surrogate pairs are valid in a json column, but `#>>` would fail for the whole statement. */
const UNREADABLE = String.raw`\\u(0000|[dD][89abAB][0-9a-fA-F]{2}(?!\\u[dD][c-fC-F])|(?<!\\u[dD][89abAB][0-9a-fA-F]{2})[dD][c-fC-F][0-9a-fA-F]{2})`;
const READABLE_PAYLOAD = String.raw`case when payload::text ~ '${UNREADABLE}' then regexp_replace(payload::text, '${UNREADABLE}', '\\ufffd', 'g') else payload::text end`;

function timeSql(epochMs: number, add: AddValue): string {
  return `to_timestamp(${add(epochMs)}::float8 / 1000)`;
}

function containsSql(q: string): string {
  return `(strpos(lower(payload::text), lower(${q}::text)) > 0 or strpos(lower(error ->> 'message'), lower(${q}::text)) > 0)`;
}
