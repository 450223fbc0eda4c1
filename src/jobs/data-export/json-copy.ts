/** Rows of a query as lines of JSON that Postgres itself writes, digit by digit. */
import pg from "pg";
import { computedRowsOf, type QueryColumn, type SourceQuery, type SqlType } from "./column.ts";

/** An alias in a query has 63 bytes at most: Postgres cuts the rest. */
const MAX_ALIAS_BYTES = 63;
/** A function of Postgres takes 100 arguments at most. */
const MAX_ARGUMENTS = 100;
/** The first oid of a type that is not built in. Such a type may have a cast to json of its own. */
const FIRST_OWN_OID = 16_384;
const JSON_OID: number = pg.types.builtins.JSON;

/** In one line: a json value may have line breaks between its tokens, never inside a text of JSON. */
export function oneLine(json: string): string {
  return String.raw`replace(replace(${json}::text, e'\n', ' '), e'\r', ' ')`;
}

/** A COPY whose lines are the rows, one JSON object each. The titles are unique. */
export function jsonCopy(query: SourceQuery, columns: readonly QueryColumn[]): string {
  const haveShortTitles = columns.every(({ title }) => Buffer.byteLength(title) <= MAX_ALIAS_BYTES);
  const { json, from } = haveShortTitles ? aliased(query, columns) : concatenated(query, columns);
  const line = columns.some(({ source }) => mayHaveLineBreaks(source.type)) ? oneLine(json) : json;
  // As CSV whose quote and delimiter no JSON has, a line is the JSON itself.
  return String.raw`copy (select ${line} from ${from}) to stdout (format csv, quote e'\x01', delimiter e'\x02')`;
}

interface JsonRows {
  readonly json: string;
  readonly from: string;
}

function aliased(query: SourceQuery, columns: readonly QueryColumn[]): JsonRows {
  const list = columns.map(({ expression, title }) => `${expression} as ${pg.escapeIdentifier(title)}`).join(", ");
  return { json: "row_to_json(taskflow_row)", from: `(select ${list} from ${computedRowsOf(query)}) as taskflow_row` };
}

/** Slower than row_to_json, for titles that are no alias. */
function concatenated(query: SourceQuery, columns: readonly QueryColumn[]): JsonRows {
  const parts = columns.flatMap(({ expression, title }, at) => [
    pg.escapeLiteral(`${at === 0 ? "{" : ","}${JSON.stringify(title)}:`),
    `coalesce(to_json(${expression})::text, 'null')`,
  ]);
  return { json: concat([...parts, "'}'"]), from: computedRowsOf(query) };
}

function concat(parts: readonly string[]): string {
  if (parts.length <= MAX_ARGUMENTS) return `concat(${parts.join(", ")})`;
  const groups = Array.from({ length: Math.ceil(parts.length / MAX_ARGUMENTS) }, (_, at) =>
    concat(parts.slice(at * MAX_ARGUMENTS, (at + 1) * MAX_ARGUMENTS)),
  );
  return concat(groups);
}

function mayHaveLineBreaks({ oid, family }: SqlType): boolean {
  return oid === JSON_OID || oid >= FIRST_OWN_OID || family === "array" || family === "composite";
}
