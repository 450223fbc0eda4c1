/** The columns of a query as a spreadsheet wants them: expressions that Postgres computes, and what they give. */
import type { QueryColumn, SourceColumn } from "./column.ts";
import { spreadsheetPattern } from "./date-pattern.ts";
import { titleOf, type ColumnChoice } from "./layout.ts";

/** The day before which a spreadsheet counts a day too many (1900 was no leap year), and the one after its last. */
const SERIAL_RANGE = ["1900-03-01", "10000-01-01"] as const;

export function spreadsheetColumn(source: SourceColumn, choice: ColumnChoice): QueryColumn {
  const { sql, type: { family } } = source;
  const { decimals, date } = choice;
  const title = titleOf(choice);
  switch (family) {
    case "date":
    case "timestamp":
    case "timestamptz": {
      const wall = `${sql}::timestamp`; // of a time with zone: what the clocks of the session's zone show
      const expression = `case when ${wall} >= '${SERIAL_RANGE[0]}' and ${wall} < '${SERIAL_RANGE[1]}' then round(extract(epoch from ${wall}) / 86400 + 25569, 12)::text else ${sql}::text end`;
      return { source, title, expression, kind: "serial", numberFormat: spreadsheetPattern(date ?? (family === "date" ? "YYYY-MM-DD" : "YYYY-MM-DD HH:mm:ss")) };
    }
    case "money":
      return { source, title, expression: `${sql}::numeric`, kind: "decimal", ...(decimals === undefined ? {} : { numberFormat: decimalsFormat(decimals) }) };
    case "integer":
    case "bigint":
    case "decimal":
    case "float":
    case "boolean":
    case "json":
    case "bytes":
    case "text":
      return { source, title, expression: sql, kind: family, ...(decimals === undefined ? {} : { numberFormat: decimalsFormat(decimals) }) };
    case "time":
    case "timetz":
    case "interval":
    case "uuid":
    case "array":
    case "composite":
    case "other":
      return { source, title, expression: sql, kind: "text" };
  }
}

/** A spreadsheet's number format with so many digits behind the point. */
export function decimalsFormat(decimals: number): string {
  return decimals === 0 ? "0" : `0.${"0".repeat(decimals)}`;
}
