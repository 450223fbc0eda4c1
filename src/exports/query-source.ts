/** A query as a source. Its lines Postgres writes itself, and its tables in texts that only need to be parted. */
import pg from "pg";
import { readCopyText } from "./copy-text.ts";
import { ExportConnection, type ExportConnectionOptions } from "./export-connection.ts";
import type { ExportSource, LineRows, TableRows } from "./export-source.ts";
import { isLineFormat } from "./format.ts";
import type { Layout, LineLayout } from "./layout.ts";
import { queryColumns, type QueryColumn } from "./query-columns.ts";
import type { Table, TableRow } from "./table.ts";
import { tableLines } from "./table-lines.ts";

export interface Redaction {
  /** The query's column that says how. */
  readonly by: string;
  /** What makes of a text one that may be shown. @param how the text of the column `by` in the same row */
  readonly redact: (text: string, how: string) => string;
}

/** By the query's name of the column that is redacted. */
export type Redactions = ReadonlyMap<string, Redaction>;

const NO_REDACTIONS: Redactions = new Map();

/** In one line: a json column may hold line breaks, never inside a text of JSON. */
const oneLine = (json: string): string => String.raw`replace(replace(${json}::text, e'\n', ' '), e'\r', ' ')`;

/**
 * Begins a query in a read-only transaction, on a connection of its own.
 * @param sql one query, without `;` at its end
 * @throws {PermanentError} `query_unavailable`, `export_columns`, and, as while its rows are read, `query_timeout`, `query_failed`
 * @throws what pg throws when the database is away
 */
export async function openQuery(options: ExportConnectionOptions, sql: string, layout: Layout, redactions = NO_REDACTIONS): Promise<ExportSource> {
  const connection = await ExportConnection.open(options);
  try {
    const columns = queryColumns(await connection.describe(sql), layout);
    const expectedRows = await connection.estimate(sql);
    const rows = openRows(connection, sql, columns, layout, redactions);
    return { rows, expectedRows, rowCount: () => connection.rowCount, close: () => connection.close() };
  } catch (thrown) {
    await connection.close();
    throw thrown;
  }
}

function openRows(connection: ExportConnection, sql: string, columns: readonly QueryColumn[], layout: Layout, redactions: Redactions): LineRows | TableRows {
  const isRedacted = columns.some(({ name }) => redactions.has(name));
  if (!isLineFormat(layout.format)) return { kind: "table", ...readTable(connection, sql, columns, redactions) };
  const lines = layout as LineLayout;
  if (!isRedacted) return lineRows(connection, sql, columns, lines);
  const texts = lines.format === "csv" ? columns : columns.map((column) => ({ ...column, expression: oneLine(`to_json(${column.expression})`) }));
  return { kind: "lines", chunks: tableLines(readTable(connection, sql, texts, redactions), lines) };
}

/** Line feeds around the query keep a comment at its end from what follows. */
function selectText(sql: string, columns: readonly Pick<QueryColumn, "expression" | "title">[] | undefined): string {
  const list = columns?.map(({ expression, title }) => `${expression} as ${pg.escapeIdentifier(title)}`).join(", ");
  return `select ${list ?? "*"} from (\n${sql}\n) as taskflow_rows`;
}

function lineRows(connection: ExportConnection, sql: string, columns: readonly QueryColumn[], { format, csv, columns: chosen }: LineLayout): LineRows {
  const isAsItIs = chosen === undefined && csv.decimal === "."; // and then two columns may have one name
  const select = selectText(sql, isAsItIs ? undefined : columns);
  if (format === "csv") {
    const copy = `copy (${select}) to stdout (format csv, header ${String(csv.header)}, delimiter ${pg.escapeLiteral(csv.delimiter)})`;
    return { kind: "lines", chunks: connection.copy(copy) };
  }
  // as CSV whose quote and delimiter no JSON has, a line is the JSON itself
  const json = oneLine("row_to_json(taskflow_row)");
  return { kind: "lines", chunks: connection.copy(String.raw`copy (select ${json} from (${select}) as taskflow_row) to stdout (format csv, quote e'\x01', delimiter e'\x02')`) };
}

function readTable(connection: ExportConnection, sql: string, columns: readonly QueryColumn[], redactions: Redactions): Table {
  const columnRedactions = columns.map(({ name }) => redactions.get(name));
  const ways = columnRedactions.flatMap((redaction) => (redaction === undefined ? [] : [{ expression: pg.escapeIdentifier(redaction.by), title: redaction.by }]));
  const batches = readCopyText(connection.copy(`copy (${selectText(sql, [...columns, ...ways])}) to stdout`));
  return { columns, batches: ways.length === 0 ? batches : redacted(batches, columnRedactions) };
}

/** @param batches rows that have the texts of the columns `by` behind their own, in the order of the redactions */
async function* redacted(batches: AsyncIterable<TableRow[]>, redactions: readonly (Redaction | undefined)[]): AsyncGenerator<TableRow[]> {
  for await (const rows of batches) {
    yield rows.map((row) => {
      let way = redactions.length;
      return redactions.map((redaction, at) => {
        const cell = row[at] ?? null;
        const how = redaction === undefined ? "" : (row[way++] ?? "");
        return cell === null || redaction === undefined ? cell : redaction.redact(cell, how);
      });
    });
  }
}
