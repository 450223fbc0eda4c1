/** A value of a row that a payload brought, in a column. */
import { formatInstant } from "./date-pattern.ts";
import type { ColumnChoice } from "./layout.ts";

export type Row = Readonly<Record<string, unknown>>;

/** With a zone, as RFC 3339 has it, or a day alone; anything else is no time. */
const TIME = /^\d{4}-\d\d-\d\d(?:[Tt ]\d\d:\d\d:\d\d(?:\.\d+)?(?:[Zz]|[+-]\d\d:\d\d))?$/;
const DAY_LENGTH = "2026-01-31".length;

/** The value of a column: null where the row has none, rounded and dated as the column says. */
export function valueOf(row: Row, { name, decimals, date }: ColumnChoice, timeZone: string): unknown {
  const value = Object.hasOwn(row, name) ? row[name] : null;
  if (decimals !== undefined && typeof value === "number") return Number(value.toFixed(decimals));
  const instant = date === undefined ? undefined : instantOf(value);
  if (date === undefined || instant === undefined) return value;
  return formatInstant(instant, date, (value as string).length === DAY_LENGTH ? "UTC" : timeZone);
}

/** Epoch milliseconds of a text that is a time. */
export function instantOf(value: unknown): number | undefined {
  if (typeof value !== "string" || !TIME.test(value) || !isDay(value.slice(0, DAY_LENGTH))) return undefined;
  const epochMs = Date.parse(value.replace(" ", "T"));
  return Number.isNaN(epochMs) ? undefined : epochMs;
}

/** Whether the month has the day: Date.parse takes February 30 for March 2. */
function isDay(text: string): boolean {
  const epochMs = Date.parse(text);
  return !Number.isNaN(epochMs) && new Date(epochMs).toISOString().startsWith(text);
}

/** A value as text: null stays, what is nested is JSON. */
export function textOf(value: unknown): string | null {
  if (value === null || value === undefined) return null;
  return typeof value === "string" ? value : JSON.stringify(value);
}
