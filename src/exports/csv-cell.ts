/** Cells of CSV (RFC 4180), as Postgres writes them. */
import type { CsvDialect } from "./layout.ts";

/** NULL is the dialect's text for it, without quotes; a text that equals it has quotes (COPY, format csv). */
export function csvCell(text: string | null, { delimiter, null: nullText }: Pick<CsvDialect, "delimiter" | "null">): string {
  if (text === null) return nullText;
  return text === nullText || text.includes(delimiter) || /["\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}

const FORMULA = /^[=@\t\r\n\uFF0B\uFF0D\uFF1D\uFF20]/;
const NUMBER = /^[+-](\d+[.,]?\d*|[.,]\d+)([eE][+-]?\d+)?$/;

/** A text with an apostrophe before it where a spreadsheet would run it (csv-encoder.ts says which these are). */
export function guardedText(text: string): string {
  return FORMULA.test(text) || (/^[+-]/.test(text) && !NUMBER.test(text)) ? `'${text}` : text;
}
