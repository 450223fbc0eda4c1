/** The columns of a query as a Parquet file wants them. */
import pg from "pg";
import { digitsOf, type QueryColumn, type SourceColumn, type SqlType } from "./column.ts";
import { type ColumnChoice, titleOf } from "./layout.ts";
import { roundedExpression } from "./line-column.ts";
import type { ColumnType } from "./table.ts";

/** The most digits that readers of Parquet take. */
const MAX_PRECISION = 38;
const TEXT: ColumnType = { kind: "text" };
const FLOAT4: number = pg.types.builtins.FLOAT4;
/** The one type whose arrays print `;` between their elements. */
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
 * A numeric whose type declares its digits is a decimal. The digits of another one are not known before its last row,
 * so it is a text.
 */
function decimalType(type: SqlType): ColumnType {
  const digits = digitsOf(type);
  if (digits === undefined) return TEXT;
  const scale = Math.max(digits.scale, 0); // numeric(3,-2) is rounded to hundreds: five digits before the point
  const precision = Math.max(digits.precision + scale - digits.scale, scale);
  return precision > MAX_PRECISION ? TEXT : { kind: "decimal", precision, scale };
}

/** The type modifier of an array is the one of its elements. */
function listType({ element, modifier }: SqlType): ColumnType {
  if (element === undefined || element.oid === BOX) return TEXT;
  return { kind: "list", element: columnType(modifier < 0 ? element : { ...element, modifier }) };
}
