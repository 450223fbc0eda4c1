/** Prints coloured tables on a terminal, in several parts. */
import { at } from "../core/at.ts";
import { printable } from "../observability/terminal-text.ts";
import type { Colour, Terminal } from "./terminal.ts";
import { columnWidths, padding } from "./text-table.ts";

export interface Column<Row> {
  readonly title: string;
  readonly text: (row: Row) => string;
  readonly align?: "right";
  readonly colour?: (row: Row) => Colour | undefined;
}

/** Prints the titles before the first rows. Later rows use the same column widths, or widen them. */
export function tablePrinter<Row>(
  { out, paint }: Pick<Terminal, "out" | "paint">,
  columns: readonly Column<Row>[],
): (rows: readonly Row[]) => void {
  const titles = columns.map(({ title }) => title);
  let widths = columnWidths([titles]);
  let hasTitles = false;
  const line = (cells: readonly string[], colourOf: (column: Column<Row>) => Colour | undefined): string =>
    columns
      .map((column, i) => {
        const cell = at(cells, i);
        const spaces = padding(cell, at(widths, i));
        const text = paint(cell, colourOf(column));
        if (column.align === "right") return spaces + text;
        return i === columns.length - 1 ? text : text + spaces;
      })
      .join("  ")
      .trimEnd();
  return (rows) => {
    const table = rows.map((row) => columns.map(({ text }) => printable(text(row))));
    widths = columnWidths([titles, ...table], widths);
    const lines = table.map((cells, i) => line(cells, ({ colour }) => colour?.(at(rows, i))));
    if (!hasTitles) lines.unshift(line(titles, () => "bold"));
    hasTitles = true;
    out.write(lines.map((text) => `${text}\n`).join(""));
  };
}

/** Formats fields as `name  value` lines with aligned values, and omits fields without a value. */
export function fieldLines(
  fields: readonly (readonly [name: string, value: string | null])[],
  { paint }: Pick<Terminal, "paint">,
): string {
  const present = fields.filter(([, value]) => value !== null);
  const width = Math.max(0, ...present.map(([name]) => name.length));
  return present.map(([name, value]) => `${paint(name.padEnd(width), "dim")}  ${value ?? ""}\n`).join("");
}
