/** Maps the columns of a query to Parquet columns. */
import pg from "pg";
import { digitsOf, type QueryColumn, type SourceColumn, type SqlType } from "./column.ts";
import { type ColumnChoice, titleOf } from "./layout.ts";
import { roundedExpression } from "./line-column.ts";
import type { ColumnType } from "./table.ts";

/** The largest precision that Parquet readers accept. */
const MAX_PRECISION = 38;
const TEXT: ColumnType = { kind: "text" };
const FLOAT4: number = pg.types.builtins.FLOAT4;
/** The only type whose arrays are printed with `;` between the elements. */
const BOX = 603;

export function parquetColumn(source: SourceColumn, choice: ColumnChoice): QueryColumn {
  const { sql, type } = source;
  const title = titleOf(choice);
  const { decimals } = choice;
  if (decimals !== undefined)
    return {
      source,
      title,
      kind: "decimal",
      precision: MAX_PRECISION,
      scale: decimals,
      expression: roundedExpression(source, decimals),
    };
  return { source, title, ...columnType(type), expression: type.family === "money" ? `${sql}::numeric` : sql };
}

function columnType(type: SqlType): ColumnType {
  switch (type.family) {
    case "float":
      return { kind: type.oid === FLOAT4 ? "real" : "float" };
    case "decimal":
      return decimalType(type);
    case "array":
      return listType(type);
    case "integer":
    case "bigint":
    case "boolean":
    case "date":
    case "timestamp":
    case "timestamptz":
    case "time":
    case "uuid":
    case "json":
    case "bytes":
      return { kind: type.family };
    case "money":
    case "timetz":
    case "interval":
    case "composite":
    case "other":
    case "text":
      return TEXT;
  }
}

/**
 * A numeric with a declared precision becomes a decimal. Without one, the digits are not known before the last row, so
 * the column is a string.
 */
function decimalType(type: SqlType): ColumnType {
  const digits = digitsOf(type);
  if (digits === undefined) return TEXT;
  const scale = Math.max(digits.scale, 0); // numeric(3,-2) is rounded to hundreds: five digits before the point
  const precision = Math.max(digits.precision + scale - digits.scale, scale);
  return precision > MAX_PRECISION ? TEXT : { kind: "decimal", precision, scale };
}

/** The type modifier of an array is that of its elements. */
function listType({ element, modifier }: SqlType): ColumnType {
  if (element === undefined || element.oid === BOX) return TEXT;
  return { kind: "list", element: columnType(modifier < 0 ? element : { ...element, modifier }) };
}
