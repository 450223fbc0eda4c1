/** The SQL of the filters of core/job-filters.ts, for every statement that selects rows of `jobs`. */
import { at } from "../core/at.ts";
import type { JobFilters } from "../core/job-filters.ts";

/** Adds a value to a statement: as a parameter, or as a literal. Returns its SQL expression. */
export type AddValue = (value: string | number | readonly string[]) => string;

/**
 * The conditions on a row of `jobs`, joined by `and`; `true` if every row passes. Escapes of JSON that Postgres cannot
 * turn into text are read as U+FFFD, as `readableJson` of core/json-path.ts does.
 */
export function filterSql(filters: JobFilters, add: AddValue): string {
  const { status, type, except_type, tag, group_key, error_code, retry_of, worker } = filters;
  const { finished_after, finished_before, payload, q } = filters;
  const conditions = [
    status && `status = any (${add(status)}::text[])`,
    type && `type = any (${add(type)}::text[])`,
    except_type && `type <> all (${add(except_type)}::text[])`,
    tag && `tags && ${add(tag)}::text[]`,
    group_key && `group_key = any (${add(group_key)}::text[])`,
    error_code && `error ->> 'code' = any (${add(error_code)}::text[])`,
    retry_of && `retry_of = any (${add(retry_of)}::uuid[])`,
    worker && `worker = any (${add(worker)}::text[])`,
    finished_after !== undefined && `finished_at >= ${timeSql(finished_after, add)}`,
    finished_before !== undefined && `finished_at < ${timeSql(finished_before, add)}`,
    ...(payload ?? []).map(({ path, value }) => `${textAtSql(path, add)} = ${add(value)}`),
    q !== undefined && containsSql(add(q)),
  ];
  return conditions.filter((condition) => typeof condition === "string").join(" and ") || "true";
}

/**
 * `\u0000` and halves of surrogate pairs are valid in a json column, but `->` would fail for the whole statement. U+0001
 * and U+0002 are not valid in JSON: they replace escaped backslashes and for the escapes of pairs meanwhile.
 */
const READABLE_PAYLOAD = String.raw`case when payload::text ~* '\\u(0000|d[89a-f])' then
  replace(replace(regexp_replace(regexp_replace(replace(payload::text, '\\', U&'\0001'),
    '\\u(d[89ab][0-9a-f]{2})\\u(d[c-f][0-9a-f]{2})', U&'\0002\\1\0002\\2', 'gi'),
    '\\u(0000|d[89a-f][0-9a-f]{2})', '\\ufffd', 'gi'), U&'\0002', '\u'), U&'\0001', '\\') else payload::text end`;

/** Step by step: of members with the same name, `->` takes the last, where `#>>` searches them all. */
function textAtSql(path: readonly string[], add: AddValue): string {
  let json = `(${READABLE_PAYLOAD})::json`;
  for (const step of path.slice(0, -1)) json = stepSql(json, step, "->", add);
  return stepSql(json, at(path, path.length - 1), "->>", add);
}

function stepSql(json: string, step: string, operator: "->" | "->>", add: AddValue): string {
  const member = (of: string): string => `${of} ${operator} ${add(step)}::text`;
  if (!/^\d+$/.test(step) || Number(step) > MAX_INDEX) return `(${member(json)})`;
  // The container's expression appears once: with each step it would become twice as long.
  return `(select coalesce(${member("container.json")}, container.json ${operator} ${Number(step)}) from (select ${json} as json offset 0) as container)`;
}

/** Postgres's integers. */
const MAX_INDEX = 2_147_483_647;

function timeSql(epochMs: number, add: AddValue): string {
  return `to_timestamp(${add(epochMs)}::float8 / 1000)`;
}

/** Collation "C" folds A to Z alone, as `passesFilters` does, whatever the locale of the database. */
function containsSql(q: string): string {
  const folded = (text: string): string => `lower((${text}) collate "C")`;
  const text = folded(`${q}::text`);
  return `(strpos(${folded("payload::text")}, ${text}) > 0 or strpos(${folded("error ->> 'message'")}, ${text}) > 0)`;
}
