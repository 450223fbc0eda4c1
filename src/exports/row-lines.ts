import type { ExportFormat, LineSource } from "./line-source.ts";

export type Row = Readonly<Record<string, unknown>>;

/** How many rows become one piece: some 100 KB of usual rows, much below the memory that they take already. */
const BATCH_ROWS = 1_000;

/**
 * Rows that the payload brought, as lines.
 * @param columns which keys, in which order; a row without one has null there. By default CSV has the keys of the
 *   first row, and JSON each row as it is
 */
export function openRows(rows: readonly Row[], format: ExportFormat, columns: readonly string[] | undefined): LineSource {
  const chunks = format === "csv" ? csvChunks(rows, columns ?? Object.keys(rows[0] ?? {})) : jsonChunks(rows, columns);
  return { chunks, rowCount: () => rows.length, close: () => Promise.resolve() };
}

function* csvChunks(rows: readonly Row[], columns: readonly string[]): Generator<Buffer> {
  if (columns.length > 0) yield Buffer.from(`${columns.map(csvCell).join(",")}\n`);
  for (let at = 0; at < rows.length; at += BATCH_ROWS) {
    const lines = rows.slice(at, at + BATCH_ROWS).map((row) => `${columns.map((column) => csvCell(valueOf(row, column))).join(",")}\n`);
    yield Buffer.from(lines.join(""));
  }
}

function* jsonChunks(rows: readonly Row[], columns: readonly string[] | undefined): Generator<Buffer> {
  const lineOf = (row: Row): string => (columns === undefined ? JSON.stringify(row) : picked(row, columns));
  for (let at = 0; at < rows.length; at += BATCH_ROWS) {
    yield Buffer.from(rows.slice(at, at + BATCH_ROWS).map((row) => `${lineOf(row)}\n`).join(""));
  }
}

/** Written by hand: an object built from a caller's keys would take `__proto__` for what it is not. */
function picked(row: Row, columns: readonly string[]): string {
  return `{${columns.map((column) => `${JSON.stringify(column)}:${JSON.stringify(valueOf(row, column))}`).join(",")}}`;
}

function valueOf(row: Row, column: string): unknown {
  return Object.hasOwn(row, column) ? row[column] : null;
}

/** A cell as Postgres writes it (COPY, format csv): null is empty, an empty text is `""`, what is nested is JSON. */
function csvCell(value: unknown): string {
  if (value === null) return "";
  const text = typeof value === "string" ? value : JSON.stringify(value);
  return text === "" || /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}
