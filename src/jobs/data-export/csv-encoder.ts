/**
 * Converts CSV lines as Postgres writes them (LF, minimal quotes) to CSV by RFC 4180 (CRLF) in which no cell is a
 * formula. A spreadsheet runs a cell that begins with `=`, `+`, `-`, `@`, TAB, CR or LF (OWASP, "CSV Injection"), or
 * with the full-width form of one; such a text gets a `'` before it, unless it is a number. A reader may split cells at
 * another delimiter than the file's, for example `;`, so a text that would then begin differently is quoted. Typed
 * values (numbers, intervals, infinities) are never formulas, whatever they begin with, so their columns are not
 * examined.
 *
 * The encoder works on bytes: a million lines of 92 bytes take 0.28 s, while an encoder of rows as text takes 0.7 s.
 */
import type { CsvDialect } from "./layout.ts";

const [TAB, LF, CR, QUOTE, PLUS, APOSTROPHE, COMMA, MINUS, SEMICOLON, EQUALS, AT, BAR] = [
  9, 10, 13, 34, 43, 39, 44, 45, 59, 61, 64, 124,
] as const;

/** U+FF0B, U+FF0D, U+FF1D and U+FF20 are EF BC and one of these in UTF-8: full-width `+`, `-`, `=` and `@`. */
const FULL_WIDTH = new Set([0x8b, 0x8d, 0x9d, 0xa0]);

const NUMBER = /^[+-](\d+[.,]?\d*|[.,]\d+)([eE][+-]?\d+)?$/;

/** The first bytes of a possible formula, including the first byte of the full-width forms. */
const BEGINNINGS = new Set<number>([EQUALS, PLUS, MINUS, AT, TAB, CR, 0xef]);

/** The longest number that is recognised; a text that may be a longer number gets the apostrophe. */
const LOOK_AHEAD = 64;
/** How far a text is searched for other delimiters. A longer text is always quoted. */
const MAX_BARE_BYTES = 4_096;

const ALL_TITLES: readonly boolean[] = [];

export class CsvEncoder {
  /** The number of complete lines. */
  lines = 0;
  readonly #delimiter: number;
  /** By column position: whether the cells of rows are guarded. */
  readonly #guardedInRows: readonly boolean[];
  /** The same for the current line. In a header all cells are guarded, because titles are texts. */
  #guarded: readonly boolean[];
  #column = 0;
  #isQuoted = false;
  #isCellStart = true;
  /** Whether the encoder has added quotes to the cell. */
  #isWrapped = false;
  /** The beginning of a cell that continues in the next piece. */
  #rest: Buffer = Buffer.alloc(0);

  /** @param guarded by column position: whether the column contains texts */
  constructor(
    { delimiter, header, formula_guard }: Pick<CsvDialect, "delimiter" | "header" | "formula_guard">,
    guarded: readonly boolean[],
  ) {
    this.#delimiter = delimiter.charCodeAt(0);
    this.#guardedInRows = formula_guard ? guarded : [];
    this.#guarded = formula_guard && header ? ALL_TITLES : this.#guardedInRows;
  }

  encode(chunk: Buffer): Buffer {
    return this.#encode(this.#rest.length === 0 ? chunk : Buffer.concat([this.#rest, chunk]), { isEnd: false });
  }

  end(): Buffer {
    return this.#encode(this.#rest, { isEnd: true });
  }

  /** Encodes the complete cells, and keeps the rest for the next piece. */
  #encode(input: Buffer, { isEnd }: { readonly isEnd: boolean }): Buffer {
    // a cell gains at most three bytes, and a line one; the worst case is `;` and LF, two bytes
    const output = Buffer.allocUnsafe(input.length * 3);
    const delimiter = this.#delimiter;
    let isQuoted = this.#isQuoted;
    let isCellStart = this.#isCellStart;
    let isWrapped = this.#isWrapped;
    let column = this.#column;
    let guarded = this.#guarded;
    let length = 0;
    let at = 0;
    for (; at < input.length; at++) {
      if (isCellStart) {
        if (guarded === ALL_TITLES || guarded[column] === true) {
          if (!isEnd && at + LOOK_AHEAD > input.length) break;
          isQuoted = input[at] === QUOTE;
          const wraps = !isQuoted && needsQuotes(input, at, delimiter);
          if (wraps === undefined && !isEnd) break;
          isWrapped = wraps === true;
          if (isWrapped) output[length++] = QUOTE;
          if (isQuoted) output[length++] = input[at++] as number;
          if (isQuoted ? isQuotedFormula(input, at) : isBareFormula(input, at, delimiter))
            output[length++] = APOSTROPHE;
        }
        isCellStart = false;
      }
      const byte = input[at] as number;
      if (byte === QUOTE) isQuoted = !isQuoted;
      else if (!isQuoted && (byte === delimiter || byte === LF)) {
        isCellStart = true;
        column += 1;
        if (isWrapped) output[length++] = QUOTE;
        isWrapped = false;
        if (byte === LF) {
          output[length++] = CR;
          column = 0;
          guarded = this.#guardedInRows;
          this.lines += 1;
        }
      }
      output[length++] = byte;
    }
    this.#isQuoted = isQuoted;
    this.#isCellStart = isCellStart;
    this.#isWrapped = isWrapped;
    this.#column = column;
    this.#guarded = guarded;
    this.#rest = input.subarray(at);
    return output.subarray(0, length);
  }
}

/**
 * Whether the unquoted cell at `at` would begin differently for a reader that splits at another delimiter; undefined if
 * the end of the cell has not arrived.
 */
function needsQuotes(input: Buffer, at: number, delimiter: number): boolean | undefined {
  for (let i = at; i < at + MAX_BARE_BYTES; i++) {
    const byte = input[i];
    if (byte === undefined) return undefined;
    if (byte === delimiter || byte === LF) return false;
    if (byte === SEMICOLON || byte === TAB || byte === BAR) return true;
    // a decimal comma is harmless unless a possible formula follows it
    if (byte === COMMA && BEGINNINGS.has(input[i + 1] ?? 0)) return true;
  }
  return true;
}

/** Whether a spreadsheet would run the quoted cell whose content begins at `at`. */
function isQuotedFormula(input: Buffer, at: number): boolean {
  const byte = input[at];
  return byte === LF || byte === PLUS || byte === MINUS || isFormula(input, at);
}

/** Whether a spreadsheet would run the unquoted cell that begins at `at`. LF ends the line, and the cell is empty. */
function isBareFormula(input: Buffer, at: number, delimiter: number): boolean {
  const byte = input[at];
  if (byte === delimiter) return false; // the delimiter may be a TAB, and then the cell is empty
  if (byte === PLUS || byte === MINUS) return !NUMBER.test(cellAt(input, at, delimiter));
  return isFormula(input, at);
}

/** Whether any content that begins like this is a formula, in quotes or not. */
function isFormula(input: Buffer, at: number): boolean {
  switch (input[at] ?? 0) {
    case EQUALS:
    case AT:
    case TAB:
    case CR:
      return true;
    case 0xef:
      return input[at + 1] === 0xbc && FULL_WIDTH.has(input[at + 2] ?? 0);
    default:
      return false;
  }
}

/** The unquoted cell at `at`, or as much of it as shows that it is not a number. */
function cellAt(input: Buffer, at: number, delimiter: number): string {
  let end = at;
  while (end < input.length && end < at + LOOK_AHEAD && input[end] !== delimiter && input[end] !== LF) end++;
  return end === at + LOOK_AHEAD ? "" : input.toString("latin1", at, end);
}
