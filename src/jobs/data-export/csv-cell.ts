/** Cells of CSV (RFC 4180), as Postgres writes them. */
import type { CsvDialect } from "./layout.ts";

/** NULL is written as the dialect's text for it, unquoted; a text that equals it is quoted (COPY, format csv). */
export function csvCell(
  text: string | null,
  { delimiter, null: nullText }: Pick<CsvDialect, "delimiter" | "null">,
): string {
  if (text === null) return nullText;
  return text === nullText || text.includes(delimiter) || /["\r\n]/.test(text) ? quoted(text) : text;
}

function quoted(text: string): string {
  return `"${text.replaceAll('"', '""')}"`;
}

/**
 * Characters other than the file's delimiter at which a reader may split cells. A comma counts only before a character
 * that may begin a formula, because a decimal comma is harmless.
 */
const OTHER_DIVIDER = /[;\t|]|,[=+\-@\t\r\uFF0B\uFF0D\uFF1D\uFF20]/;

/**
 * The guarded cell of a text: no part of it can be run as a formula, at whichever delimiter the reader splits cells
 * (csv-encoder.ts).
 */
export function guardedCell(text: string, dialect: Pick<CsvDialect, "delimiter" | "null">): string {
  const guarded = guardedText(text);
  const cell = csvCell(guarded, dialect);
  return cell === guarded && OTHER_DIVIDER.test(guarded) ? quoted(guarded) : cell;
}

const FORMULA = /^[=@\t\r\n\uFF0B\uFF0D\uFF1D\uFF20]/;
const NUMBER = /^[+-](\d+[.,]?\d*|[.,]\d+)([eE][+-]?\d+)?$/;

/** Adds an apostrophe before a text that a spreadsheet would run (see csv-encoder.ts). */
function guardedText(text: string): string {
  return FORMULA.test(text) || (/^[+-]/.test(text) && !NUMBER.test(text)) ? `'${text}` : text;
}
