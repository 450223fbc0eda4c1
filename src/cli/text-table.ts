/** Tables of plain text: columns as wide as their widest cell. */
import { at } from "../core/at.ts";

export interface TableOptions {
  /** Whether a column's cells are set to the right, as numbers are. Default: none are. */
  readonly isRight?: (column: number) => boolean;
}

type Row = readonly string[];

/** The width of each column of the first row: its longest cell, and no less than in `least`. */
export function columnWidths(rows: readonly Row[], least: readonly number[] = []): number[] {
  const [first = []] = rows;
  return first.map((_, column) => Math.max(least[column] ?? 0, ...rows.map((row) => at(row, column).length)));
}

/** The spaces that fill a cell to its column's width. */
export function padding(cell: string, width: number): string {
  return " ".repeat(Math.max(0, width - cell.length));
}

/** Lines without a frame, two spaces between columns, and none at the end of a line. */
export function plainTable(rows: readonly Row[], options: TableOptions = {}): string {
  return alignedRows(rows, options)
    .map((cells) => cells.join("  ").trimEnd())
    .join("\n");
}

/** A table in Markdown, readable as it is; the first row is the head. */
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
