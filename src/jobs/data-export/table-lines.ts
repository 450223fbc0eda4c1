/** Formats rows that were read as texts like the lines that Postgres would write. */
import { at } from "../../core/at.ts";
import { csvCell } from "./csv-cell.ts";
import type { LineLayout } from "./layout.ts";
import type { Table } from "./table.ts";

/** @param table each cell is a value's JSON for json and ndjson */
export async function* tableLines({ columns, batches }: Table, { format, csv }: LineLayout): AsyncGenerator<Buffer> {
  if (format === "csv") {
    const lineOf = (cells: readonly (string | null)[]): string =>
      `${cells.map((cell) => csvCell(cell, csv)).join(csv.delimiter)}\n`;
    if (csv.header) yield Buffer.from(lineOf(columns.map(({ title }) => title)));
    for await (const rows of batches) yield Buffer.from(rows.map(lineOf).join(""));
    return;
  }
  const names = columns.map(({ title }) => JSON.stringify(title));
  for await (const rows of batches) {
    yield Buffer.from(
      rows.map((row) => `{${row.map((cell, i) => `${at(names, i)}:${cell ?? "null"}`).join(",")}}\n`).join(""),
    );
  }
}
