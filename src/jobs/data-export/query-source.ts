/** A query as a source. Postgres writes lines itself; tables are read as texts that only need to be split. */
import pg from "pg";
import { type QueryColumn, rowsOf, type SourceQuery } from "./column.ts";
import { readCopyText } from "./copy-text.ts";
import { csvCell } from "./csv-cell.ts";
import { ExportConnection, type ExportConnectionOptions } from "./export-connection.ts";
import type { ExportSource, LineRows, TableRows } from "./export-source.ts";
import { isLineFormat } from "./format.ts";
import { jsonCopy, oneLine } from "./json-copy.ts";
import type { CsvDialect, Layout, LineLayout } from "./layout.ts";
import { isGuarded } from "./line-column.ts";
import { queryColumns } from "./query-columns.ts";
import type { Cell, Table, TableRow } from "./table.ts";
import { tableLines } from "./table-lines.ts";

interface Redaction {
  /** The name of the column that decides the redaction. */
  readonly by: string;
  /** Returns a redacted text. @param how the text of the column `by` in the same row */
  readonly redact: (text: string, how: string) => string;
}

/** A condition on rows that SQL cannot express. */
interface RowCheck {
  /** The names of the columns whose texts it needs. */
  readonly columns: readonly string[];
  /** @param texts of these columns, in their order */
  readonly passes: (texts: readonly Cell[]) => boolean;
}

/** How the rows differ from those of the query. */
export interface RowRules {
  /** By the query's name of the redacted column. */
  readonly redactions: ReadonlyMap<string, Redaction>;
  /** Only rows that pass it are exported. */
  readonly check?: RowCheck | undefined;
}

const NO_RULES: RowRules = { redactions: new Map() };

/**
 * Begins a query in a read-only transaction, on its own connection.
 * @param sql one query, without `;` at its end
 * @throws {PermanentError} `query_unavailable`, `export_columns`; also, while the rows are read, `query_timeout`,
 * `query_failed`, `export_value`
 * @throws the error of pg if the database is unavailable
 */
export async function openQuery(
  options: ExportConnectionOptions,
  sql: string,
  layout: Layout,
  rules = NO_RULES,
): Promise<ExportSource> {
  const connection = await ExportConnection.open(options);
  try {
    const query = { sql, columns: await connection.describe(sql) };
    const columns = queryColumns(query.columns, layout);
    const expectedRows = await connection.estimate(sql);
    let dropped = 0;
    const counting = rules.check && {
      ...rules.check,
      passes: (texts: readonly Cell[]): boolean => {
        const passes = rules.check?.passes(texts) === true;
        if (!passes) dropped += 1;
        return passes;
      },
    };
    const rows = openRows(connection, query, columns, layout, { ...rules, check: counting });
    return { rows, expectedRows, rowCount: () => connection.rowCount - dropped, close: () => connection.close() };
  } catch (thrown) {
    await connection.close();
    throw thrown;
  }
}

function openRows(
  connection: ExportConnection,
  query: SourceQuery,
  columns: readonly QueryColumn[],
  layout: Layout,
  rules: RowRules,
): LineRows | TableRows {
  if (!isLineFormat(layout.format)) return { kind: "table", ...readTable(connection, query, columns, rules) };
  const { format, csv } = layout as LineLayout;
  const guarded = columns.map(isGuarded);
  const isAsRead = rules.check === undefined && !columns.some(({ source }) => rules.redactions.has(source.name));
  if (isAsRead)
    return {
      kind: "lines",
      guarded,
      chunks: format === "csv" ? csvLines(connection, query, columns, csv) : connection.copy(jsonCopy(query, columns)),
    };
  const texts =
    format === "csv"
      ? columns
      : columns.map((column) => ({ ...column, expression: oneLine(`to_json(${column.expression})`) }));
  return {
    kind: "lines",
    guarded,
    chunks: tableLines(readTable(connection, query, texts, rules), layout as LineLayout),
  };
}

/** Writes the header itself: Postgres truncates an alias after 63 bytes, and a title may be longer. */
async function* csvLines(
  connection: ExportConnection,
  query: SourceQuery,
  columns: readonly QueryColumn[],
  csv: CsvDialect,
): AsyncGenerator<Buffer> {
  if (csv.header) yield Buffer.from(`${columns.map(({ title }) => csvCell(title, csv)).join(csv.delimiter)}\n`);
  const options = `format csv, delimiter ${pg.escapeLiteral(csv.delimiter)}, null ${pg.escapeLiteral(csv.null)}`;
  yield* connection.copy(`copy (${selectText(query, columns)}) to stdout (${options})`);
}

function selectText(query: SourceQuery, columns: readonly Pick<QueryColumn, "expression">[]): string {
  return `select ${columns.map(({ expression }) => expression).join(", ")} from ${rowsOf(query)}`;
}

function readTable(
  connection: ExportConnection,
  query: SourceQuery,
  columns: readonly QueryColumn[],
  { redactions, check }: RowRules,
): Table {
  const columnRedactions = columns.map(({ source }) => redactions.get(source.name));
  const named = (name: string | undefined): { readonly expression: string }[] =>
    query.columns.filter((column) => column.name === name).map(({ sql }) => ({ expression: sql }));
  const ways = columnRedactions.flatMap((redaction) => named(redaction?.by));
  const checked = check?.columns.flatMap(named) ?? [];
  const selected = [...columns, ...ways, ...checked];
  const copied = readCopyText(connection.copy(`copy (${selectText(query, selected)}) to stdout`));
  const batches = check ? passing(copied, columns.length + ways.length, check) : copied;
  return { columns, batches: selected.length === columns.length ? batches : redacted(batches, columnRedactions) };
}

/** @param start the index of the first cell that the check needs */
async function* passing(
  batches: AsyncIterable<TableRow[]>,
  start: number,
  { passes }: RowCheck,
): AsyncGenerator<TableRow[]> {
  for await (const rows of batches) yield rows.filter((row) => passes(row.slice(start)));
}

/** @param batches rows with the texts of the columns `by` after their own cells, in the order of the redactions */
async function* redacted(
  batches: AsyncIterable<TableRow[]>,
  redactions: readonly (Redaction | undefined)[],
): AsyncGenerator<TableRow[]> {
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
