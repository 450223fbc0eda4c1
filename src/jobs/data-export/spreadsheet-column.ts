/** Maps the columns of a query to spreadsheet columns. */
import { digitsOf, type QueryColumn, type SourceColumn, type SqlType } from "./column.ts";
import { spreadsheetPattern } from "./date-pattern.ts";
import { type ColumnChoice, titleOf } from "./layout.ts";
import type { TableColumn } from "./table.ts";

export function spreadsheetColumn(source: SourceColumn, choice: ColumnChoice): QueryColumn {
  const { sql, type } = source;
  return {
    source,
    title: titleOf(choice),
    ...sheetType(type, choice),
    expression: type.family === "money" ? `${sql}::numeric` : sql,
  };
}

function sheetType(type: SqlType, { decimals, date }: ColumnChoice): Omit<TableColumn, "title"> {
  switch (type.family) {
    case "date":
    case "timestamp":
    case "timestamptz":
      return { kind: type.family, ...(date !== undefined && { dateFormat: spreadsheetPattern(date) }) };
    case "decimal":
      return { kind: "decimal", ...digitsOf(type), ...(decimals !== undefined && { decimals }) };
    case "money":
      return { kind: "decimal", ...(decimals !== undefined && { decimals }) };
    case "integer":
    case "bigint":
    case "float":
      return { kind: type.family, ...(decimals !== undefined && { decimals }) };
    case "boolean":
      return { kind: "boolean" };
    case "json":
    case "bytes":
    case "text":
    case "time":
    case "timetz":
    case "interval":
    case "uuid":
    case "array":
    case "composite":
    case "other":
      return { kind: "text" };
  }
}
