/** Maps the columns of a query to csv, json and ndjson: SQL expressions that Postgres computes. */
import pg from "pg";
import type { QueryColumn, SourceColumn } from "./column.ts";
import { postgresPattern } from "./date-pattern.ts";
import { notInJson } from "./json-check.ts";
import { type ColumnChoice, type CsvDialect, titleOf } from "./layout.ts";
import { rejectedValue } from "./rejected-value.ts";

export function csvColumn(source: SourceColumn, choice: ColumnChoice, { decimal }: CsvDialect): QueryColumn {
  const value = lineExpression(source, choice);
  const { family } = source.type;
  const hasPoint = choice.decimals !== undefined || family === "decimal" || family === "float" || family === "money";
  return {
    source,
    title: titleOf(choice),
    kind: "text",
    expression: decimal === "," && hasPoint ? `replace((${value})::text, '.', ',')` : value,
  };
}

export function jsonColumn(source: SourceColumn, choice: ColumnChoice): QueryColumn {
  const value = lineExpression(source, choice);
  const isInvalid = choice.date === undefined ? notInJson(source.sql, source.type) : undefined;
  const rejected = `${rejectedValue(source, "JSON")}::text::json`;
  return {
    source,
    title: titleOf(choice),
    kind: "json",
    expression: isInvalid === undefined ? value : `case when ${isInvalid} then ${rejected} else to_json(${value}) end`,
  };
}

/** Whether the formula guard applies to a column: only free text can be a formula, and typed values stay unchanged. */
export function isGuarded({ source }: QueryColumn): boolean {
  return source.type.family === "text";
}

function lineExpression(source: SourceColumn, { decimals, date }: ColumnChoice): string {
  if (date !== undefined) return datedExpression(source, date);
  return decimals === undefined ? amount(source) : roundedExpression(source, decimals);
}

/**
 * A number rounded half away from zero. A float is cast by way of its text, because a direct cast to numeric keeps only
 * 15 digits.
 */
export function roundedExpression(source: SourceColumn, decimals: number): string {
  const { sql, type } = source;
  return `round(${type.family === "float" ? `${sql}::text::numeric` : `${sql}::numeric`}, ${decimals})`;
}

/** Money as a number: its own text has the symbol and the separators of the server's locale. */
function amount({ sql, type }: SourceColumn): string {
  if (type.family === "money") return `${sql}::numeric`;
  return type.element?.family === "money" ? `${sql}::numeric[]` : sql;
}

/** to_char prints no era, so a year before Christ would look like one after; such values are rejected. */
function datedExpression(source: SourceColumn, pattern: string): string {
  const { sql } = source;
  const written = `to_char(${sql}, ${pg.escapeLiteral(postgresPattern(pattern))})`;
  return `case when not isfinite(${sql}) then ${sql}::text when extract(year from ${sql}) < 1 then ${rejectedValue(source, "A date pattern")}::text else ${written} end`;
}
