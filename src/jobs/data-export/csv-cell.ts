/** Cells of CSV (RFC 4180), as Postgres writes them. */
import type { CsvDialect } from "./layout.ts";

/** NULL is the dialect's text for it, without quotes; a text that equals it has quotes (COPY, format csv). */
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
 * What a reader may part cells by that is not the file's delimiter; a decimal comma is one, what could be run behind it
 * is not.
 */
const OTHER_DIVIDER = /[;\t|]|,[=+\-@\t\r\uFF0B\uFF0D\uFF1D\uFF20]/;

/**
 * A text's cell behind the formula guard: no beginning of it would be run, whatever the reader parts cells by
 * (csv-encoder.ts).
 */
export function guardedCell(text: string, dialect: Pick<CsvDialect, "delimiter" | "null">): string {
  const guarded = guardedText(text);
  const cell = csvCell(guarded, dialect);
  return cell === guarded && OTHER_DIVIDER.test(guarded) ? quoted(guarded) : cell;
}

const FORMULA = /^[=@\t\r\n\uFF0B\uFF0D\uFF1D\uFF20]/;
const NUMBER = /^[+-](\d+[.,]?\d*|[.,]\d+)([eE][+-]?\d+)?$/;

/** A text with an apostrophe before it where a spreadsheet would run it (see csv-encoder.ts). */
function guardedText(text: string): string {
  return FORMULA.test(text) || (/^[+-]/.test(text) && !NUMBER.test(text)) ? `'${text}` : text;
}
