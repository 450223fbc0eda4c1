/** Formats plain-text tables whose columns are as wide as their widest cell. */
import { at } from "../core/at.ts";

export interface TableOptions {
  /** Whether a column's cells are right-aligned, as numbers are. By default none are. */
  readonly isRight?: (column: number) => boolean;
}

type Row = readonly string[];

/** The width of each column of the first row: that of its longest cell, but at least that in `least`. */
export function columnWidths(rows: readonly Row[], least: readonly number[] = []): number[] {
  const [first = []] = rows;
  return first.map((_, column) => Math.max(least[column] ?? 0, ...rows.map((row) => at(row, column).length)));
}

/** The spaces that pad a cell to its column's width. */
export function padding(cell: string, width: number): string {
  return " ".repeat(Math.max(0, width - cell.length));
}

/** Formats lines without a frame: two spaces between columns, none at the end of a line. */
export function plainTable(rows: readonly Row[], options: TableOptions = {}): string {
  return alignedRows(rows, options)
    .map((cells) => cells.join("  ").trimEnd())
    .join("\n");
}

/** Formats an aligned Markdown table. The first row becomes the header. */
export function markdownTable(rows: readonly Row[], options: TableOptions = {}): string {
  const { isRight = () => false } = options;
  const [head, ...body] = alignedRows(rows, options).map((cells) => `| ${cells.join(" | ")} |`);
  const rules = columnWidths(rows).map((width, i) =>
    isRight(i) ? `${"-".repeat(width + 1)}:` : "-".repeat(width + 2),
  );
  return [head, `|${rules.join("|")}|`, ...body].join("\n");
}

function alignedRows(rows: readonly Row[], { isRight = () => false }: TableOptions): string[][] {
  const widths = columnWidths(rows);
  return rows.map((row) =>
    row.map((cell, i) => (isRight(i) ? padding(cell, at(widths, i)) + cell : cell + padding(cell, at(widths, i)))),
  );
}
