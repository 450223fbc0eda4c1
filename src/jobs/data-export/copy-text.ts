/**
 * Parses the text format of COPY (PostgreSQL, "COPY", "Text Format"): one line for each row, cells separated by TAB,
 * `\N` for null.
 */
import type { Cell, TableRow } from "./table.ts";

const LF = 10;
const ESCAPE = /\\([bfnrtv\\])/g;
const ESCAPED: Readonly<Record<string, string>> = { b: "\b", f: "\f", n: "\n", r: "\r", t: "\t", v: "\v", "\\": "\\" };

/** @param chunks pieces of the lines, split at any byte */
export async function* readCopyText(chunks: AsyncIterable<Buffer>): AsyncGenerator<TableRow[]> {
  let rest: Buffer[] = [];
  for await (const chunk of chunks) {
    const end = chunk.lastIndexOf(LF);
    if (end < 0) {
      rest.push(chunk);
      continue;
    }
    const lines = Buffer.concat([...rest, chunk.subarray(0, end)]).toString();
    rest = end + 1 < chunk.length ? [chunk.subarray(end + 1)] : [];
    yield lines.split("\n").map(readLine);
  }
}

function readLine(line: string): TableRow {
  const cells: Cell[] = line.split("\t");
  for (let at = 0; at < cells.length; at += 1) {
    const cell = cells[at] as string;
    if (cell === "\\N") cells[at] = null;
    else if (cell.includes("\\")) cells[at] = cell.replace(ESCAPE, (_, letter: string) => ESCAPED[letter] ?? letter);
  }
  return cells;
}
