/** The columns of a query that a layout selects, by position, for the layout's format. */
import { isDate, isNumber, type QueryColumn, type SourceColumn } from "./column.ts";
import { uniqueTitles } from "./column-titles.ts";
import { exportError } from "./error-codes.ts";
import type { ColumnChoice, Layout } from "./layout.ts";
import { csvColumn, jsonColumn } from "./line-column.ts";
import { parquetColumn } from "./parquet-column.ts";
import { spreadsheetColumn } from "./spreadsheet-column.ts";

/**
 * @throws {PermanentError} `export_columns`: the query has no such column, or the column's type does not fit its format
 */
export function queryColumns(sources: readonly SourceColumn[], layout: Layout): QueryColumn[] {
  if (sources.length === 0) throw exportError.permanent("export_columns", "the query has no columns");
  const issues: string[] = [];
  const all = (): Chosen[] => sources.map((source) => ({ source, choice: { name: source.name } }));
  const columns = (layout.columns ? chosen(layout.columns, sources, issues) : all()).map(({ source, choice }) => {
    if (choice.decimals !== undefined && !isNumber(source.type))
      issues.push(`${choice.name} has decimals but is no number`);
    if (choice.date !== undefined && !isDate(source.type))
      issues.push(`${choice.name} has a date format but is neither a date nor a time`);
    return columnOf(source, choice, layout);
  });
  if (issues.length > 0) throw exportError.permanent("export_columns", `columns: ${issues.join(", ")}`);
  return layout.format === "csv" || layout.format === "xlsx" ? columns : uniqueTitles(columns);
}

interface Chosen {
  readonly source: SourceColumn;
  readonly choice: ColumnChoice;
}

/**
 * If several columns have the same name, the first choice of that name selects the first column, the second choice the
 * second column, and so on.
 */
function chosen(choices: readonly ColumnChoice[], sources: readonly SourceColumn[], issues: string[]): Chosen[] {
  const times = new Map<string, number>();
  return choices.flatMap((choice) => {
    const named = sources.filter(({ name }) => name === choice.name);
    const time = times.get(choice.name) ?? 0;
    times.set(choice.name, time + 1);
    const source = named[Math.min(time, named.length - 1)];
    if (source) return [{ source, choice }];
    issues.push(`${choice.name} is not a column of the query`);
    return [];
  });
}

function columnOf(source: SourceColumn, choice: ColumnChoice, layout: Layout): QueryColumn {
  switch (layout.format) {
    case "csv":
      return csvColumn(source, choice, layout.csv);
    case "json":
    case "ndjson":
      return jsonColumn(source, choice);
    case "xlsx":
      return spreadsheetColumn(source, choice);
    case "parquet":
      return parquetColumn(source, choice);
  }
}
