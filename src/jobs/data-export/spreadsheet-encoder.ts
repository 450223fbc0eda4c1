/**
 * Encodes a table as .xlsx (ECMA-376): a ZIP of XML parts, whose sheets are written row by row as the rows arrive. A
 * sheet has at most 1,048,576 rows; further rows continue on the next sheet, under the same header.
 */
import { PassThrough, Readable } from "node:stream";
import { finished } from "node:stream/promises";
import { ZipFile } from "yazl";
import { at } from "../../core/at.ts";
import { exportError } from "./error-codes.ts";
import { RowCursor } from "./row-cursor.ts";
import { sheetNames } from "./sheet-name.ts";
import { cellWriter, textXml } from "./spreadsheet-cell.ts";
import { packageParts, SHEET_TAIL, sheetHead } from "./spreadsheet-parts.ts";
import { HEADER_STYLE, StyleTable } from "./spreadsheet-style.ts";
import { columnWidths } from "./spreadsheet-width.ts";
import type { Table, TableColumn, TableRow } from "./table.ts";

const MAX_ROWS = 1_048_576;
const MAX_COLUMNS = 16_384;
/** Some readers reject parts of 4 GiB, the limit of a ZIP without the ZIP64 extension. */
const MAX_SHEET_BYTES = 2 ** 31;
const PIECE_LENGTH = 262_144;

interface SheetOptions {
  /** The name of the first sheet. Default: Sheet1. */
  readonly name: string | undefined;
  /** The most rows of a sheet, its header included. */
  readonly maxRows?: number;
}

interface Sheets {
  readonly columns: readonly TableColumn[];
  readonly styles: StyleTable;
  readonly maxRows: number;
}

/**
 * Yields the bytes of the file in pieces, as the consumer asks for them.
 * @param onRows called with the number of rows written so far
 * @throws {PermanentError} `export_cell_too_long`, `export_columns`
 */
export async function* encodeSpreadsheet(
  { columns, batches }: Table,
  onRows: (rows: number) => void,
  { name, maxRows = MAX_ROWS }: SheetOptions,
): AsyncGenerator<Buffer> {
  if (columns.length > MAX_COLUMNS)
    throw exportError.permanent("export_columns", `a sheet of xlsx has ${MAX_COLUMNS} columns, not ${columns.length}`);
  const zip = new ZipFile();
  const output = zip.outputStream.pipe(new PassThrough());
  zip.on("error", (error: Error) => output.destroy(error));
  const rows = new RowCursor(batches, onRows);
  const filling = fill(zip, rows, { columns, styles: new StyleTable(), maxRows }, name).catch((error: unknown) =>
    output.destroy(error as Error),
  );
  try {
    for await (const chunk of output) yield chunk as Buffer;
  } finally {
    await rows.close(); // ends the current sheet
    await filling;
  }
}

async function fill(zip: ZipFile, rows: RowCursor, sheets: Sheets, name: string | undefined): Promise<void> {
  let count = 0;
  do {
    count += 1;
    const sheet = Readable.from(sheetXml(rows, sheets), { highWaterMark: 2 });
    zip.addReadStream(sheet, `xl/worksheets/sheet${count}.xml`);
    await finished(sheet);
  } while (await rows.hasMore());
  for (const [part, xml] of packageParts(sheetNames(name, count), sheets.styles)) zip.addBuffer(Buffer.from(xml), part);
  zip.end();
}

async function* sheetXml(rows: RowCursor, { columns, styles, maxRows }: Sheets): AsyncGenerator<Buffer> {
  const letters = columns.map((_, index) => columnLetters(index));
  const write = rowWriter(columns, letters, styles);
  let batch = await rows.take(maxRows - 1);
  const header = columns.map(({ title }, index) => textXml(`${at(letters, index)}1`, title, HEADER_STYLE)).join("");
  let xml = `${sheetHead(columnWidths(columns, batch))}<row r="1">${header}</row>`;
  let bytes = 0;
  let line = 1;
  for (; batch.length > 0; batch = line < maxRows && bytes < MAX_SHEET_BYTES ? await rows.take(maxRows - line) : []) {
    for (const row of batch) xml += write(row, (line += 1));
    if (xml.length < PIECE_LENGTH) continue;
    const piece = Buffer.from(xml);
    bytes += piece.length;
    yield piece;
    xml = "";
  }
  yield Buffer.from(xml + SHEET_TAIL);
}

function rowWriter(
  columns: readonly TableColumn[],
  letters: readonly string[],
  styles: StyleTable,
): (row: TableRow, line: number) => string {
  const writers = columns.map((column) => cellWriter(column, styles));
  return (row, line) => {
    let xml = `<row r="${line}">`;
    for (let i = 0; i < writers.length; i += 1) {
      const value = row[i] ?? null;
      if (value !== null) xml += at(writers, i)(`${at(letters, i)}${line}`, value);
    }
    return `${xml}</row>`;
  };
}

/** 0 → A, 25 → Z, 26 → AA. */
function columnLetters(index: number): string {
  const letter = String.fromCharCode(65 + (index % 26));
  return index < 26 ? letter : columnLetters(Math.floor(index / 26) - 1) + letter;
}
