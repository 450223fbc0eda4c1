/** Which values of a column JSON cannot hold: to_json would write NaN and the infinities as texts, and drop the bounds of an array. */
import pg from "pg";
import type { SqlType } from "./column.ts";

/** What to_json writes of NaN and the infinities, and how Postgres prints the bounds of an array. */
const QUOTED_NUMBER = `'"(NaN|-?Infinity)"'`;
const BOUNDS = String.raw`'\[-?\d+:-?\d+\]='`;

/**
 * A condition in SQL that is true where JSON cannot hold the value; undefined where it holds all values of the type.
 * @param sql an expression of the type
 */
export function notInJson(sql: string, type: SqlType, outer: readonly SqlType[] = []): string | undefined {
  switch (type.family) {
    case "decimal":
    case "float":
      return `${sql} - ${sql} <> '0'`; // NaN for NaN and the infinities; Postgres before 14 has no infinite numeric to compare with
    case "array":
      return notInJsonArray(sql, type, outer);
    case "composite":
      return notInJsonObject(sql, type, outer);
    default:
      return undefined;
  }
}

function notInJsonArray(sql: string, { element }: SqlType, outer: readonly SqlType[]): string {
  const hasBounds = String.raw`array_dims(${sql}) ~ '\[(?!1:)'`;
  const item = `u${outer.length}`;
  const isInvalid = element && notInJson(item, element, [...outer, element]);
  return isInvalid === undefined ? hasBounds : `(${hasBounds} or exists (select from unnest(${sql}) as ${item} where ${isInvalid}))`;
}

function notInJsonObject(sql: string, type: SqlType, outer: readonly SqlType[]): string | undefined {
  const isRecursive = outer.filter(({ oid }) => oid === type.oid).length > 1;
  // A record without declared types, or a type that contains itself, has only its texts to go by: one of its texts may look like such a value, and is rejected, too.
  if (type.attributes === undefined || isRecursive) return `(to_json(${sql})::text ~ ${QUOTED_NUMBER} or (${sql})::text ~ ${BOUNDS})`;
  const conditions = type.attributes.map((attribute) => notInJson(`(${sql}).${pg.escapeIdentifier(attribute.name)}`, attribute.type, [...outer, type]));
  const invalid = conditions.filter((condition) => condition !== undefined);
  return invalid.length === 0 ? undefined : `(${invalid.join(" or ")})`;
}
