/** The columns of a query as a file of a format wants them: expressions that Postgres computes, and what they give. */
import pg from "pg";
import { PermanentError } from "../core/job-type.ts";
import { postgresPattern, spreadsheetPattern } from "./date-pattern.ts";
import { isLineFormat } from "./format.ts";
import { titleOf, type ColumnChoice, type Layout } from "./layout.ts";
import type { ColumnKind, TableColumn } from "./table.ts";

export type Field = Pick<pg.FieldDef, "name" | "dataTypeID" | "dataTypeModifier">;

export interface QueryColumn extends TableColumn {
  /** The query's own name of it. */
  readonly name: string;
  /** What Postgres computes of the query's column. */
  readonly expression: string;
}

type Computed = Omit<QueryColumn, "name">;
type Family = "integer" | "bigint" | "decimal" | "float" | "boolean" | "date" | "timestamp" | "timestamptz" | "json" | "bytes" | "text";

const { builtins } = pg.types;
const FAMILIES = new Map<number, Family>([
  [builtins.INT2, "integer"], [builtins.INT4, "integer"], [builtins.OID, "bigint"], [builtins.INT8, "bigint"], [builtins.NUMERIC, "decimal"],
  [builtins.FLOAT4, "float"], [builtins.FLOAT8, "float"], [builtins.BOOL, "boolean"], [builtins.DATE, "date"], [builtins.TIMESTAMP, "timestamp"],
  [builtins.TIMESTAMPTZ, "timestamptz"], [builtins.JSON, "json"], [builtins.JSONB, "json"], [builtins.BYTEA, "bytes"],
]);
const NUMBERS: readonly Family[] = ["integer", "bigint", "decimal", "float"];
const TIMES: readonly Family[] = ["date", "timestamp", "timestamptz"];

/** The day before which a spreadsheet counts a day too many (1900 was no leap year), and the one after its last. */
const SERIAL_RANGE = ["1900-03-01", "10000-01-01"] as const;
/** The most digits that readers of Parquet take. */
const MAX_PRECISION = 38;

/**
 * @throws {PermanentError} `export_columns`: the query has no such column, or one of another type than its format
 */
export function queryColumns(fields: readonly Field[], layout: Layout): QueryColumn[] {
  const choices: readonly ColumnChoice[] = layout.columns ?? fields;
  const faults: string[] = [];
  const columns = choices.map((choice) => {
    const field = fields.find(({ name }) => name === choice.name);
    if (!field) faults.push(`${choice.name} is not a column of the query`);
    const family = FAMILIES.get(field?.dataTypeID ?? 0) ?? "text";
    if (field && choice.decimals !== undefined && !NUMBERS.includes(family)) faults.push(`${choice.name} has decimals but is no number`);
    if (field && choice.date !== undefined && !TIMES.includes(family)) faults.push(`${choice.name} has a date format but is neither a date nor a time`);
    return { name: choice.name, ...columnOf(choice, family, field?.dataTypeModifier ?? -1, layout) };
  });
  if (faults.length > 0) throw new PermanentError(`columns: ${faults.join(", ")}`, { code: "export_columns" });
  return columns;
}

function columnOf(choice: ColumnChoice, family: Family, modifier: number, layout: Layout): Computed {
  const title = titleOf(choice);
  const name = pg.escapeIdentifier(choice.name);
  if (isLineFormat(layout.format)) return { title, kind: "text", expression: lineExpression(name, choice, family, layout) };
  return layout.format === "xlsx" ? spreadsheetColumn(title, name, choice, family) : parquetColumn(title, name, choice, family, modifier);
}

function lineExpression(name: string, { decimals, date }: ColumnChoice, family: Family, { format, csv }: Layout): string {
  if (date !== undefined) return `case when isfinite(${name}) then to_char(${name}, ${pg.escapeLiteral(postgresPattern(date))}) else ${name}::text end`;
  const value = decimals === undefined ? name : `round(${name}::numeric, ${decimals})`;
  const hasPoint = decimals !== undefined || family === "decimal" || family === "float";
  return format === "csv" && csv.decimal === "," && hasPoint ? `replace((${value})::text, '.', ',')` : value;
}

function spreadsheetColumn(title: string, name: string, { decimals, date }: ColumnChoice, family: Family): Computed {
  switch (family) {
    case "date":
    case "timestamp":
    case "timestamptz": {
      const wall = `${name}::timestamp`; // of a time with zone: what the clocks of the session's zone show
      const expression = `case when ${wall} >= '${SERIAL_RANGE[0]}' and ${wall} < '${SERIAL_RANGE[1]}' then round(extract(epoch from ${wall}) / 86400 + 25569, 12)::text else ${name}::text end`;
      return { title, expression, kind: "serial", numberFormat: spreadsheetPattern(date ?? (family === "date" ? "YYYY-MM-DD" : "YYYY-MM-DD HH:mm:ss")) };
    }
    case "integer":
    case "bigint":
    case "decimal":
    case "float":
    case "boolean":
    case "json":
    case "bytes":
    case "text":
      return { title, expression: name, kind: family, ...(decimals === undefined ? {} : { numberFormat: decimalsFormat(decimals) }) };
  }
}

/** A spreadsheet's number format with so many digits behind the point. */
export function decimalsFormat(decimals: number): string {
  return decimals === 0 ? "0" : `0.${"0".repeat(decimals)}`;
}

function parquetColumn(title: string, name: string, { decimals }: ColumnChoice, family: Family, modifier: number): Computed {
  if (decimals !== undefined) return { title, kind: "decimal", precision: MAX_PRECISION, scale: decimals, expression: `round(${name}::numeric, ${decimals})` };
  switch (family) {
    case "date":
      return { title, kind: "days", expression: `${name} - date '1970-01-01'` };
    case "timestamp":
    case "timestamptz":
      return { title, kind: family === "timestamp" ? "micros" : "instant", expression: `(extract(epoch from ${name}) * 1000000)::bigint` };
    case "decimal":
      return { title, expression: name, ...decimalKind(modifier) };
    case "integer":
    case "bigint":
    case "float":
    case "boolean":
    case "json":
    case "bytes":
    case "text":
      return { title, kind: family, expression: name };
  }
}

/** A numeric whose type says its digits is one in Parquet; of another they are not known before the last row, and it is a text there. */
function decimalKind(modifier: number): { readonly kind: ColumnKind; readonly precision?: number; readonly scale?: number } {
  const precision = (modifier - 4) >> 16;
  const scale = (modifier - 4) & 0x7ff;
  if (modifier < 4 || precision > MAX_PRECISION || scale > precision) return { kind: "text" };
  return { kind: "decimal", precision, scale };
}
