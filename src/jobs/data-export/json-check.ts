/**
 * Conditions that find values which JSON cannot represent: to_json would write NaN and the infinities as strings, and
 * drop the bounds of an array.
 */
import pg from "pg";
import type { SqlType } from "./column.ts";

/** How to_json writes NaN and the infinities, and how Postgres prints the bounds of an array. */
const QUOTED_NUMBER = `'"(NaN|-?Infinity)"'`;
const BOUNDS = String.raw`'\[-?\d+:-?\d+\]='`;

/**
 * A condition in SQL that is true for values that JSON cannot represent; undefined if JSON represents every value of
 * the type.
 * @param sql an expression of the type
 * @param depth the number of enclosing arrays, from which the aliases of elements are named
 */
export function notInJson(sql: string, type: SqlType, depth = 0): string | undefined {
  const { family } = type;
  // The difference is NaN for NaN and the infinities. Postgres before 14 has no infinite numeric to compare with.
  if (family === "decimal" || family === "float") return `${sql} - ${sql} <> '0'`;
  if (family === "array") return notInJsonArray(sql, type, depth);
  return family === "composite" ? notInJsonObject(sql, type, depth) : undefined;
}

function notInJsonArray(sql: string, { element }: SqlType, depth: number): string {
  const hasBounds = String.raw`array_dims(${sql}) ~ '\[(?!1:)'`;
  if (element && isAnonymous(element)) return looksInvalid(sql);
  const item = `u${depth}`;
  const isInvalid = element && notInJson(item, element, depth + 1);
  return isInvalid === undefined
    ? hasBounds
    : `(${hasBounds} or exists (select from unnest(${sql}) as ${item} where ${isInvalid}))`;
}

function notInJsonObject(sql: string, type: SqlType, depth: number): string | undefined {
  if (isAnonymous(type)) return looksInvalid(sql);
  const conditions = (type.attributes ?? []).map((attribute) =>
    notInJson(`(${sql}).${pg.escapeIdentifier(attribute.name)}`, attribute.type, depth),
  );
  const invalid = conditions.filter((condition) => condition !== undefined);
  return invalid.length === 0 ? undefined : `(${invalid.join(" or ")})`;
}

function isAnonymous({ family, attributes }: SqlType): boolean {
  return family === "composite" && attributes === undefined;
}

/**
 * A record without declared types can only be checked by its text: a record with a text that looks like such a value is
 * rejected too.
 */
function looksInvalid(sql: string): string {
  return `(to_json(${sql})::text ~ ${QUOTED_NUMBER} or (${sql})::text ~ ${BOUNDS})`;
}
