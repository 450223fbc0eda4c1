/**
 * A table → an .xlsx (ECMA-376): a ZIP of XML parts, of which the sheets are written row by row as the rows come.
 * A sheet holds 1,048,576 rows; what is more goes on in the next one, under the same header.
 */
import { PassThrough, Readable } from "node:stream";
import { finished } from "node:stream/promises";
import { ZipFile } from "yazl";
import { PermanentError } from "../core/job-type.ts";
import { RowCursor } from "./row-cursor.ts";
import { cellXml, textXml } from "./spreadsheet-cell.ts";
import { numberFormatsOf, packageParts, SHEET_HEAD, SHEET_TAIL } from "./spreadsheet-parts.ts";
import type { Table, TableColumn, TableRow } from "./table.ts";

const MAX_ROWS = 1_048_576;
const MAX_COLUMNS = 16_384;
/** Some readers take no part of 4 GiB, which is what a ZIP holds without an extension. */
const MAX_SHEET_BYTES = 2 ** 31;
const PIECE_LENGTH = 262_144;

/**
 * The bytes of the file, piece by piece as they are asked for.
 * @param onRows told how many rows they hold so far
 * @param maxRows of a sheet, its header included
 * @throws {PermanentError} `export_cell_too_long`, `export_columns`
 */
export async function* encodeSpreadsheet({ columns, batches }: Table, onRows: (rows: number) => void, maxRows = MAX_ROWS): AsyncGenerator<Buffer> {
  if (columns.length > MAX_COLUMNS) throw new PermanentError(`a sheet of xlsx has ${MAX_COLUMNS} columns, not ${columns.length}`, { code: "export_columns" });
  const zip = new ZipFile();
  const output = zip.outputStream.pipe(new PassThrough());
  zip.on("error", (error: Error) => output.destroy(error));
  const rows = new RowCursor(batches, onRows);
  const filling = fill(zip, rows, columns, maxRows).catch((error: unknown) => output.destroy(error as Error));
  try {
    for await (const chunk of output) yield chunk as Buffer;
  } finally {
    await rows.close(); // ends the sheet under way
    await filling;
  }
}

async function fill(zip: ZipFile, rows: RowCursor, columns: readonly TableColumn[], maxRows: number): Promise<void> {
  let sheets = 0;
  do {
    sheets += 1;
    const sheet = Readable.from(sheetXml(rows, columns, maxRows), { highWaterMark: 2 });
    zip.addReadStream(sheet, `xl/worksheets/sheet${sheets}.xml`);
    await finished(sheet);
  } while (await rows.hasMore());
  for (const [name, xml] of packageParts(sheets, numberFormatsOf(columns))) zip.addBuffer(Buffer.from(xml), name);
  zip.end();
}

async function* sheetXml(rows: RowCursor, columns: readonly TableColumn[], maxRows: number): AsyncGenerator<Buffer> {
  const letters = columns.map((_, index) => columnLetters(index));
  const write = rowWriter(columns, letters);
  let xml = `${SHEET_HEAD}<row r="1">${columns.map(({ title }, index) => textXml(`${letters[index] ?? ""}1`, title)).join("")}</row>`;
  let bytes = 0;
  let line = 1;
  while (line < maxRows && bytes < MAX_SHEET_BYTES) {
    const batch = await rows.take(maxRows - line);
    if (batch.length === 0) break;
    for (const row of batch) xml += write(row, (line += 1));
    if (xml.length < PIECE_LENGTH) continue;
    const piece = Buffer.from(xml);
    bytes += piece.length;
    yield piece;
    xml = "";
  }
  yield Buffer.from(xml + SHEET_TAIL);
}

function rowWriter(columns: readonly TableColumn[], letters: readonly string[]): (row: TableRow, line: number) => string {
  const formats = numberFormatsOf(columns);
  const styles = columns.map(({ numberFormat }) => (numberFormat === undefined ? "" : ` s="${formats.indexOf(numberFormat) + 1}"`));
  return (row, line) => {
    let xml = `<row r="${line}">`;
    for (let at = 0; at < columns.length; at += 1) {
      const value = row[at] ?? null;
      const { kind } = columns[at] as TableColumn;
      if (value !== null) xml += cellXml(`${letters[at] ?? ""}${line}`, value, kind, styles[at] ?? "");
    }
    return `${xml}</row>`;
  };
}

/** 0 → A, 25 → Z, 26 → AA. */
function columnLetters(index: number): string {
  const letter = String.fromCharCode(65 + (index % 26));
  return index < 26 ? letter : columnLetters(Math.floor(index / 26) - 1) + letter;
}
