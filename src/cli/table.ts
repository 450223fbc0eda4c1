/** Tables for people: columns aligned, printed piece by piece. */
import type { Colour, Terminal } from "./terminal.ts";
import { printable } from "./terminal.ts";

export interface Column<Row> {
  readonly title: string;
  readonly text: (row: Row) => string;
  readonly align?: "right";
  readonly colour?: (row: Row) => Colour | undefined;
}

/** Prints the titles before the first rows. Later rows keep to the widths so far, and may widen them. */
export function tablePrinter<Row>(
  { out, paint }: Pick<Terminal, "out" | "paint">,
  columns: readonly Column<Row>[],
): (rows: readonly Row[]) => void {
  const widths = columns.map(({ title }) => title.length);
  let isBegun = false;
  const line = (cells: readonly string[], colours: readonly (Colour | undefined)[]): string =>
    cells
      .map((cell, i) => {
        const padding = " ".repeat(Math.max(0, (widths[i] ?? 0) - cell.length));
        const text = paint(cell, colours[i]);
        if (columns[i]?.align === "right") return padding + text;
        return i === columns.length - 1 ? text : text + padding;
      })
      .join("  ")
      .trimEnd();
  return (rows) => {
    const table = rows.map((row) => columns.map(({ text }) => printable(text(row))));
    for (const cells of table)
      for (const [i, cell] of cells.entries()) widths[i] = Math.max(widths[i] ?? 0, cell.length);
    const lines = table.map((cells, i) =>
      line(
        cells,
        columns.map(({ colour }) => colour?.(rows[i] as Row)),
      ),
    );
    if (!isBegun)
      lines.unshift(
        line(
          columns.map(({ title }) => title),
          columns.map(() => "bold"),
        ),
      );
    isBegun = true;
    out.write(lines.map((text) => `${text}\n`).join(""));
  };
}

/** `name  value` lines, the values below each other; those without a value are left out. */
export function fieldLines(
  fields: readonly (readonly [name: string, value: string | null])[],
  { paint }: Pick<Terminal, "paint">,
): string {
  const told = fields.filter(([, value]) => value !== null);
  const width = Math.max(0, ...told.map(([name]) => name.length));
  return told.map(([name, value]) => `${paint(name.padEnd(width), "dim")}  ${value ?? ""}\n`).join("");
}
