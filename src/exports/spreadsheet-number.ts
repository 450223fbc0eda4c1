/** Numbers in cells. A spreadsheet keeps a double and shows 15 digits of it; what would be another number there is a text. */
import type { StyleTable } from "./spreadsheet-style.ts";
import { PLAIN_STYLE } from "./spreadsheet-style.ts";
import type { TableColumn } from "./table.ts";

export interface SheetNumber {
  readonly digits: string;
  readonly style: number;
}

const NUMBER = /^-?(\d+)(?:\.(\d+))?(?:e[+-]?\d+)?$/i;
const MAX_DIGITS = 15;
/** A spreadsheet takes what is smaller for zero. */
const SMALLEST = 2.2250738585072014e-308;
/** A format without digits of its own shows no more characters of a number than these. */
const GENERAL_CHARACTERS = 11;
/** Of a format (Excel specifications and limits). */
const MAX_DECIMALS = 30;

/** @returns undefined for a text that is no number, or another one in a spreadsheet */
export function sheetNumber(text: string, column: TableColumn, styles: StyleTable): SheetNumber | undefined {
  const { kind, decimals } = column;
  if (kind === "integer" && decimals === undefined) return { digits: text, style: PLAIN_STYLE };
  const isDouble = kind === "float" || kind === "real" || (kind === "value" && /[.e]/i.test(text) && String(Number(text)) === text);
  const isKept = (digits: string): boolean => isInRange(digits) && (isDouble || isExact(digits));
  if (isKept(text)) return { digits: text, style: styleOf(text, column, styles) };
  // the caller asked for a rounded number, and its digits are few enough
  const rounded = decimals === undefined ? text : roundedDecimal(text, decimals);
  return isKept(rounded) ? { digits: rounded, style: styleOf(rounded, column, styles) } : undefined;
}

function isInRange(text: string): boolean {
  const size = Math.abs(Number(text));
  return NUMBER.test(text) && size !== Infinity && (size >= SMALLEST || !/[1-9]/.test(text.replace(/e.*/i, "")));
}

/** Whether a number has no more digits than a spreadsheet shows; zeros around them do not count. */
function isExact(text: string): boolean {
  const [, whole = "", fraction = ""] = NUMBER.exec(text) ?? [];
  const significant = fraction.replace(/0+$/, "");
  return (whole + significant).replace(/^0+/, "").length <= MAX_DIGITS;
}

/** With as many digits behind the point as the column or the text has, where a spreadsheet would show others by itself. */
function styleOf(text: string, { kind, decimals }: TableColumn, styles: StyleTable): number {
  if (decimals !== undefined) return Math.abs(Number(text)) < 10 ** MAX_DIGITS ? styles.styleOf(decimalsFormat(decimals)) : PLAIN_STYLE;
  const [, , fraction = ""] = NUMBER.exec(text) ?? [];
  const isShown = text.length <= GENERAL_CHARACTERS && (kind !== "decimal" || fraction === "");
  return isShown || /e/i.test(text) || fraction.length > MAX_DECIMALS ? PLAIN_STYLE : styles.styleOf(decimalsFormat(fraction.length));
}

function decimalsFormat(decimals: number): string {
  return decimals === 0 ? "0" : `0.${"0".repeat(decimals)}`;
}

/** Half away from zero, as Postgres rounds. A text without a fraction, or with an exponent, stays as it is. */
function roundedDecimal(text: string, decimals: number): string {
  const [, whole = "", fraction = ""] = /^-?(\d+)\.(\d+)$/.exec(text) ?? [];
  if (fraction.length <= decimals) return text;
  const unscaled = BigInt(whole + fraction.slice(0, decimals)) + ((fraction[decimals] ?? "0") >= "5" ? 1n : 0n);
  const digits = String(unscaled).padStart(decimals + 1, "0");
  const point = digits.length - decimals;
  return `${text.startsWith("-") && unscaled > 0n ? "-" : ""}${digits.slice(0, point)}${decimals === 0 ? "" : `.${digits.slice(point)}`}`;
}
