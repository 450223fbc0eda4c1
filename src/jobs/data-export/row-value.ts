/** Reads the values of a payload's rows. No number is converted to a double, and nested values stay JSON text. */
import { ExactNumber, roundedText, withoutPadding } from "../../core/exact-number.ts";
import { memberTexts } from "../../core/json-span.ts";
import { JsonText } from "../../core/json-text.ts";
import { formatInstant } from "./date-pattern.ts";
import type { ColumnChoice } from "./layout.ts";

/** The JSON texts of a row's values by key, in the order of the payload. */
export type Row = ReadonlyMap<string, string>;

/** An object or array is represented by its JSON text. */
export type RowValue = string | ExactNumber | boolean | JsonText | null;

/** An RFC 3339 time with a zone, or a date alone; no other text counts as a time. */
const TIME = /^\d{4}-\d\d-\d\d(?:[Tt ]\d\d:\d\d:\d\d(?:\.\d+)?(?:[Zz]|[+-]\d\d:\d\d))?$/;
const DAY_LENGTH = "2026-01-31".length;

/** @param json the JSON text of an object */
export function rowOf(json: string): Row {
  return memberTexts(json);
}

/** The value of a column, rounded and formatted as the column asks; null if the row has no value. */
export function valueOf(row: Row, { name, decimals, date }: ColumnChoice, timeZone: string): RowValue {
  const value = readValue(row.get(name) ?? "null");
  if (decimals !== undefined && value instanceof ExactNumber)
    return new ExactNumber(withoutPadding(roundedText(String(value), decimals)));
  const instant = date === undefined ? undefined : instantOf(value);
  if (date === undefined || instant === undefined) return value;
  return formatInstant(instant, date, (value as string).length === DAY_LENGTH ? "UTC" : timeZone);
}

/** The value of a column as JSON: the text of the payload, unless the column rounds it or formats it as a date. */
export function jsonOf(row: Row, choice: ColumnChoice, timeZone: string): string {
  const json = row.get(choice.name);
  if (json === undefined || (choice.decimals === undefined && choice.date === undefined)) return json ?? "null";
  const value = valueOf(row, choice, timeZone);
  return typeof value === "string" ? JSON.stringify(value) : String(value);
}

function readValue(json: string): RowValue {
  switch (json.charAt(0)) {
    case '"':
      // JSON.parse takes three times as long
      return json.includes("\\") ? (JSON.parse(json) as string) : json.slice(1, -1);
    case "{":
    case "[":
      return new JsonText(json);
    case "t":
    case "f":
      return json === "true";
    case "n":
      return null;
    default:
      return new ExactNumber(json);
  }
}

/** The epoch milliseconds of a text that is a time. */
function instantOf(value: unknown): number | undefined {
  if (typeof value !== "string" || !TIME.test(value) || !isDay(value.slice(0, DAY_LENGTH))) return undefined;
  const epochMs = Date.parse(value.replace(" ", "T"));
  return Number.isNaN(epochMs) ? undefined : epochMs;
}

/** Whether the month has this day: Date.parse reads February 30 as March 2. */
function isDay(text: string): boolean {
  const epochMs = Date.parse(text);
  return !Number.isNaN(epochMs) && new Date(epochMs).toISOString().startsWith(text);
}

/** A value as text: null stays null, and nested values are JSON. */
export function textOf(value: RowValue): string | null {
  return value === null ? null : String(value);
}
