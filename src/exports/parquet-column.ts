/** The columns of a query as a Parquet file wants them: expressions that Postgres computes, and what they give. */
import { digitsOf, type QueryColumn, type SourceColumn } from "./column.ts";
import { titleOf, type ColumnChoice } from "./layout.ts";
import { roundedExpression } from "./line-column.ts";
import type { ColumnKind } from "./table.ts";

/** The most digits that readers of Parquet take. */
const MAX_PRECISION = 38;

export function parquetColumn(source: SourceColumn, choice: ColumnChoice): QueryColumn {
  const { sql, type: { family } } = source;
  const title = titleOf(choice);
  const { decimals } = choice;
  if (decimals !== undefined) return { source, title, kind: "decimal", precision: MAX_PRECISION, scale: decimals, expression: roundedExpression(source, decimals) };
  switch (family) {
    case "date":
      return { source, title, kind: "days", expression: `${sql} - date '1970-01-01'` };
    case "timestamp":
    case "timestamptz":
      return { source, title, kind: family === "timestamp" ? "micros" : "instant", expression: `(extract(epoch from ${sql}) * 1000000)::bigint` };
    case "decimal":
      return { source, title, expression: sql, ...decimalKind(source) };
    case "money":
      return { source, title, kind: "text", expression: `${sql}::numeric` };
    case "integer":
    case "bigint":
    case "float":
    case "boolean":
    case "json":
    case "bytes":
    case "text":
      return { source, title, kind: family, expression: sql };
    case "time":
    case "timetz":
    case "interval":
    case "uuid":
    case "array":
    case "composite":
    case "other":
      return { source, title, kind: "text", expression: sql };
  }
}

/** A numeric whose type says its digits is one in Parquet; of another they are not known before the last row, and it is a text there. */
function decimalKind({ type }: SourceColumn): { readonly kind: ColumnKind; readonly precision?: number; readonly scale?: number } {
  const digits = digitsOf(type);
  if (digits === undefined || digits.precision > MAX_PRECISION || digits.scale > digits.precision || digits.scale < 0) return { kind: "text" };
  return { kind: "decimal", ...digits };
}
