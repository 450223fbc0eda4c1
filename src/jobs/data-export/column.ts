/**
 * The value model of exports. A column of a query has a position, a name and an SQL type with domains resolved; its
 * cells are the texts that Postgres prints (`Cell` in table.ts, null for NULL), and `family` defines how to read them.
 */
import type { TableColumn } from "./table.ts";

export interface SourceColumn {
  /** From 1. Two columns may have the same name; the position distinguishes them. */
  readonly position: number;
  /** The column's name in the query. */
  readonly name: string;
  /** The SQL expression for the column in {@link rowsOf}: `c1`, `c2`, …. It needs no quotes. */
  readonly sql: string;
  readonly type: SqlType;
}

/**
 * Classifies the texts of a type. `money` prints an amount that only `::numeric` converts to a number; `other` is a
 * built-in type whose texts are never free text (ranges, network addresses, bit strings, geometry); `text` is
 * everything else, including enums and types of extensions.
 */
export type Family =
  | "integer"
  | "bigint"
  | "decimal"
  | "float"
  | "money"
  | "boolean"
  | "date"
  | "timestamp"
  | "timestamptz"
  | "time"
  | "timetz"
  | "interval"
  | "uuid"
  | "json"
  | "bytes"
  | "array"
  | "composite"
  | "other"
  | "text";

export interface SqlType {
  readonly oid: number;
  /** As `format_type` prints it, for messages and casts. */
  readonly name: string;
  /** For a domain, the family of its base type. */
  readonly family: Family;
  /** The type modifier; -1 for none. A domain's modifier applies if the column has none. */
  readonly modifier: number;
  /** The type of an array's elements, whatever its number of dimensions. */
  readonly element: SqlType | undefined;
  /** The attributes of a composite type; undefined for an anonymous record. */
  readonly attributes: readonly Attribute[] | undefined;
}

/** A query with all of its columns. */
export interface SourceQuery {
  /** One query, without `;` at its end. */
  readonly sql: string;
  readonly columns: readonly SourceColumn[];
}

/** A column of a file, computed from a query's column. */
export interface QueryColumn extends TableColumn {
  readonly source: SourceColumn;
  /** The SQL expression that Postgres computes over {@link rowsOf}. */
  readonly expression: string;
}

interface Attribute {
  readonly name: string;
  readonly type: SqlType;
}

const NUMBERS: ReadonlySet<Family> = new Set(["integer", "bigint", "decimal", "float", "money"]);
const DATES: ReadonlySet<Family> = new Set(["date", "timestamp", "timestamptz"]);

export function isNumber({ family }: SqlType): boolean {
  return NUMBERS.has(family);
}

/** Whether a `date` pattern applies to the type. */
export function isDate({ family }: SqlType): boolean {
  return DATES.has(family);
}

/**
 * Precision and scale of a numeric that declares them (`numeric(10,2)`, and `numeric(2,-3)`, whose scale is negative).
 */
export function digitsOf({
  family,
  modifier,
}: SqlType): { readonly precision: number; readonly scale: number } | undefined {
  if (family !== "decimal" || modifier < 4) return undefined;
  const scale = (modifier - 4) & 0x7ff;
  return { precision: ((modifier - 4) >> 16) & 0xffff, scale: scale < 1_024 ? scale : scale - 2_048 };
}

/**
 * The rows of a query, with its columns named by their positions. The line feeds prevent a comment at the query's end
 * from hiding the SQL after it.
 */
export function rowsOf({ sql, columns }: SourceQuery): string {
  return `(\n${sql}\n) as ${aliases(columns)}`;
}

/**
 * The same, but each value is computed once, however often an expression uses it: Postgres does not merge a subquery
 * that has an OFFSET.
 */
export function computedRowsOf({ sql, columns }: SourceQuery): string {
  return `(select * from (\n${sql}\n) as taskflow_query offset 0) as ${aliases(columns)}`;
}

function aliases(columns: readonly SourceColumn[]): string {
  return `taskflow_rows (${columns.map((column) => column.sql).join(", ")})`;
}
