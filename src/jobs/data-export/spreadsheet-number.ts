/**
 * Numbers in cells. A spreadsheet stores a double and shows 15 digits of it; a number that would change is written as
 * text.
 */
import { PLAIN_STYLE, type StyleTable } from "./spreadsheet-style.ts";
import type { TableColumn } from "./table.ts";

export interface SheetNumber {
  readonly digits: string;
  readonly style: number;
}

const NUMBER = /^-?(\d+)(?:\.(\d+))?(?:e[+-]?\d+)?$/i;
const MAX_DIGITS = 15;
/** Matches numbers that are too short to have more than {@link MAX_DIGITS} digits. */
const SHORT_NUMBER = /^(?=.{1,15}$)-?\d+(?:\.\d+)?$/;
/** Spreadsheets treat smaller numbers as zero. */
const SMALLEST = 2.2250738585072014e-308;
/** A format that declares no digits shows at most this many characters of a number. */
const GENERAL_CHARACTERS = 11;
/** The limit of a number format (Excel specifications and limits). */
const MAX_DECIMALS = 30;
/** Indexed by the number of decimals. */
const FORMATS = Array.from({ length: MAX_DECIMALS + 1 }, (_, decimals) =>
  decimals === 0 ? "0" : `0.${"0".repeat(decimals)}`,
);

/** @returns undefined if the text is not a number, or if a spreadsheet would change its value */
export function sheetNumber(text: string, column: TableColumn, styles: StyleTable): SheetNumber | undefined {
  const { kind, decimals } = column;
  if (kind === "integer" && decimals === undefined) return { digits: text, style: PLAIN_STYLE };
  if (SHORT_NUMBER.test(text)) return { digits: text, style: styleOf(text, column, styles) };
  const isDouble =
    kind === "float" || kind === "real" || (kind === "value" && /[.e]/i.test(text) && String(Number(text)) === text);
  const isKept = (digits: string): boolean => isInRange(digits) && (isDouble || isExact(digits));
  if (isKept(text)) return { digits: text, style: styleOf(text, column, styles) };
  // the caller asked for a rounded number that is short enough
  const rounded = decimals === undefined ? text : roundedDecimal(text, decimals);
  return isKept(rounded) ? { digits: rounded, style: styleOf(rounded, column, styles) } : undefined;
}

function isInRange(text: string): boolean {
  const size = Math.abs(Number(text));
  return NUMBER.test(text) && size !== Infinity && (size >= SMALLEST || !/[1-9]/.test(text.replace(/e.*/i, "")));
}

/** Whether a spreadsheet shows all digits of a number; leading and trailing zeros do not count. */
function isExact(text: string): boolean {
  const [, whole = "", fraction = ""] = NUMBER.exec(text) ?? [];
  const significant = fraction.replace(/0+$/, "");
  return (whole + significant).replace(/^0+/, "").length <= MAX_DIGITS;
}

/**
 * A style with as many decimals as the column or the text has; the plain style if it shows the same, or no format fits.
 */
function styleOf(text: string, { kind, decimals }: TableColumn, styles: StyleTable): number {
  if (decimals !== undefined)
    return Math.abs(Number(text)) < 10 ** MAX_DIGITS ? styles.styleOf(decimalsFormat(decimals)) : PLAIN_STYLE;
  const point = text.indexOf(".");
  const places = point < 0 ? 0 : text.length - point - 1;
  const isShown = text.length <= GENERAL_CHARACTERS && (kind !== "decimal" || places === 0);
  return isShown || /e/i.test(text) || places > MAX_DECIMALS ? PLAIN_STYLE : styles.styleOf(decimalsFormat(places));
}

function decimalsFormat(decimals: number): string {
  return FORMATS[decimals] ?? "0";
}

/** Rounds half away from zero, as Postgres does. A text without a fraction, or with an exponent, stays unchanged. */
function roundedDecimal(text: string, decimals: number): string {
  const [, whole = "", fraction = ""] = /^-?(\d+)\.(\d+)$/.exec(text) ?? [];
  if (fraction.length <= decimals) return text;
  const unscaled = BigInt(whole + fraction.slice(0, decimals)) + ((fraction[decimals] ?? "0") >= "5" ? 1n : 0n);
  const digits = String(unscaled).padStart(decimals + 1, "0");
  const point = digits.length - decimals;
  return `${text.startsWith("-") && unscaled > 0n ? "-" : ""}${digits.slice(0, point)}${decimals === 0 ? "" : `.${digits.slice(point)}`}`;
}
