/**
 * Makes a query reject a value that a format cannot represent. A read-only transaction cannot create a function that
 * raises an error, so the query casts a text to integer; Postgres quotes that text in its error message, in every
 * language.
 */
import pg from "pg";
import type { PermanentError } from "../../core/job-type.ts";
import { messageOf } from "../../errors.ts";
import type { SourceColumn } from "./column.ts";
import { exportError } from "./error-codes.ts";

const MARKER = "taskflow_export_value:";
/** The number of characters of a value that a message repeats. */
const MAX_SHOWN = 100;

/**
 * An integer expression that fails when a row reaches it.
 * @param what the part that cannot represent the value, as the beginning of a sentence
 */
export function rejectedValue({ name, sql }: SourceColumn, what: string): string {
  const beginning = pg.escapeLiteral(`${MARKER}${what} cannot represent this value of column ${name}: `);
  // the expression depends on the row, so that Postgres does not evaluate it in advance
  return `(${beginning} || left(${sql}::text, ${MAX_SHOWN}))::int`;
}

/** The job's error if a query rejected a value in this way; undefined for any other failure of a query. */
export function rejectionOf(thrown: unknown): PermanentError | undefined {
  const message = messageOf(thrown);
  const start = message.indexOf(MARKER);
  if (start < 0) return undefined;
  const text = message.slice(start + MARKER.length).replace(/"$/, "");
  return exportError.permanent("export_value", `${text}. Cast it in the query, for example to text.`, thrown);
}
