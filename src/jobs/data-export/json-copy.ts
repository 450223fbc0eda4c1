/** Rows of a query as lines of JSON. Postgres writes the JSON, so no digit is lost. */
import pg from "pg";
import { computedRowsOf, type QueryColumn, type SourceQuery, type SqlType } from "./column.ts";

/** Postgres truncates an alias after 63 bytes. */
const MAX_ALIAS_BYTES = 63;
/** A Postgres function takes at most 100 arguments. */
const MAX_ARGUMENTS = 100;
/** The first oid of a type that is not built in. Such a type may have its own cast to json. */
const FIRST_OWN_OID = 16_384;
const JSON_OID: number = pg.types.builtins.JSON;

/** Puts a JSON value on one line. A value may have line breaks between its tokens, but never inside a string. */
export function oneLine(json: string): string {
  return String.raw`replace(replace(${json}::text, e'\n', ' '), e'\r', ' ')`;
}

/** A COPY that returns each row as a line with one JSON object. The titles must be unique. */
export function jsonCopy(query: SourceQuery, columns: readonly QueryColumn[]): string {
  const haveShortTitles = columns.every(({ title }) => Buffer.byteLength(title) <= MAX_ALIAS_BYTES);
  const { json, from } = haveShortTitles ? aliased(query, columns) : concatenated(query, columns);
  const line = columns.some(({ source }) => mayHaveLineBreaks(source.type)) ? oneLine(json) : json;
  // JSON contains neither the quote nor the delimiter character, so each line of this CSV is the JSON itself.
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

/** Used for titles that are too long for an alias. Slower than row_to_json. */
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
