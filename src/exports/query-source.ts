/** A query of the operator's as a source. Its lines Postgres writes itself, and its tables in texts that only need to be parted. */
import pg from "pg";
import { readCopyText } from "./copy-text.ts";
import { ExportConnection, type ExportConnectionOptions } from "./export-connection.ts";
import type { ExportSource, LineRows, TableRows } from "./export-source.ts";
import { isLineFormat } from "./format.ts";
import type { Layout, LineLayout } from "./layout.ts";
import { queryColumns, type QueryColumn } from "./query-columns.ts";

/**
 * Begins a query in a read-only transaction, on a connection of its own.
 * @param sql one query, without `;` at its end
 * @throws {PermanentError} `query_unavailable`, `export_columns`, and, as while its rows are read, `query_timeout`, `query_failed`
 * @throws what pg throws when the database is away
 */
export async function openQuery(options: ExportConnectionOptions, sql: string, layout: Layout): Promise<ExportSource> {
  const connection = await ExportConnection.open(options);
  try {
    const columns = queryColumns(await connection.describe(sql), layout);
    const expectedRows = await connection.estimate(sql);
    const rows = isLineFormat(layout.format) ? lineRows(connection, sql, columns, layout as LineLayout) : tableRows(connection, columns, selectText(sql, columns));
    return { rows, expectedRows, rowCount: () => connection.rowCount, close: () => connection.close() };
  } catch (thrown) {
    await connection.close();
    throw thrown;
  }
}

/** Line feeds around the query keep a comment at its end from what follows. */
function selectText(sql: string, columns: readonly QueryColumn[] | undefined): string {
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
  // a json column may hold line breaks, never inside a text of JSON; without them, and as CSV whose quote and delimiter
  // no JSON has, a line is the JSON itself
  const json = String.raw`replace(replace(row_to_json(taskflow_row)::text, e'\n', ' '), e'\r', ' ')`;
  return { kind: "lines", chunks: connection.copy(String.raw`copy (select ${json} from (${select}) as taskflow_row) to stdout (format csv, quote e'\x01', delimiter e'\x02')`) };
}

function tableRows(connection: ExportConnection, columns: readonly QueryColumn[], select: string): TableRows {
  return { kind: "table", columns, batches: readCopyText(connection.copy(`copy (${select}) to stdout`)) };
}
