import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { CsvEncoder } from "./csv-encoder.ts";
import type { LineRows } from "./export-source.ts";
import { type CsvDialect, PLAIN_CSV } from "./layout.ts";
import { openRows } from "./row-source.ts";

/** Every column contains texts. */
const ALL = Array.from({ length: 8 }, () => true);

/** Encodes lines that arrive in pieces of `size` bytes. */
function encode(
  lines: string | Buffer,
  size = 1_000,
  delimiter: CsvDialect["delimiter"] = ",",
  guarded: readonly boolean[] = ALL,
): string {
  const encoder = new CsvEncoder({ ...PLAIN_CSV, delimiter, header: false }, guarded);
  const input = Buffer.from(lines);
  const parts: Buffer[] = [];
  for (let at = 0; at < input.length; at += size) parts.push(encoder.encode(input.subarray(at, at + size)));
  return Buffer.concat([...parts, encoder.end()]).toString();
}

/** The cells that a reader finds if it splits at this delimiter and treats quoted text as one cell. */
function bareCells(text: string, delimiter: string): string[] {
  const cells = [""];
  let isQuoted = false;
  for (const character of text) {
    if (character === '"') isQuoted = !isQuoted;
    else if (!isQuoted && (character === delimiter || character === "\n")) cells.push("");
    else cells.push((cells.pop() ?? "") + character);
  }
  return cells;
}

/** Parses the encoder's output by RFC 4180. */
function parse(text: string): string[][] {
  const cells = text.matchAll(/(?:"((?:[^"]|"")*)"|([^",\r\n]*))(,|\r\n)/g);
  const rows: string[][] = [];
  let row: string[] = [];
  for (const [, quoted, bare, separator] of cells) {
    row.push(quoted?.replaceAll('""', '"') ?? bare ?? "");
    if (separator === ",") continue;
    rows.push(row);
    row = [];
  }
  return rows;
}

describe("CSV", () => {
  it.each([
    ["=HYPERLINK(1)", "'=HYPERLINK(1)"],
    ["@SUM(1)", "'@SUM(1)"],
    ["\tx", `"'\tx"`],
    ["a;=1+1", '"a;=1+1"'],
    ["a|=1", '"a|=1"'],
    ["a\t=1", '"a\t=1"'],
    ["=1;2", `"'=1;2"`],
    ["-1;2", `"'-1;2"`],
    [";", '";"'],
    ["a;", '"a;"'],
    ["x".repeat(4_095), "x".repeat(4_095)],
    ["x".repeat(5_000), `"${"x".repeat(5_000)}"`],
    ["+1+2", "'+1+2"],
    ["-2+3", "'-2+3"],
    ["-", "'-"],
    ["＝1", "'＝1"],
    ["＋1", "'＋1"],
    ["－1", "'－1"],
    ["＠x", "'＠x"],
    [`-${"1".repeat(70)}`, `'-${"1".repeat(70)}`],
    ["-2", "-2"],
    ["+40.50", "+40.50"],
    ["-.5e-10", "-.5e-10"],
    ["a=1", "a=1"],
    ["＃", "＃"],
    ["", ""],
  ])("writes the cell %j as %j, in every position", (cell, expected) => {
    for (const size of [1, 2, 3, 1_000]) {
      expect(encode(`${cell}\n`, size)).toBe(`${expected}\r\n`);
      expect(encode(`a,${cell},b\n${cell},${cell}\n`, size)).toBe(`a,${expected},b\r\n${expected},${expected}\r\n`);
    }
  });

  it.each([
    ['"=1,2"', `"'=1,2"`],
    ['"-1,5"', `"'-1,5"`],
    ['"\n=1"', `"'\n=1"`],
    ['"\r=1"', `"'\r=1"`],
    ['"""=1"', '"""=1"'],
    ['"a,\n=1"', '"a,\n=1"'],
    ['""', '""'],
  ])("writes the quoted cell %j as %j", (cell, expected) => {
    for (const size of [1, 2, 3, 1_000]) expect(encode(`${cell},x\n`, size)).toBe(`${expected},x\r\n`);
  });

  it.each([
    [";", "-1,5;=1,2;a", "-1,5;'=1,2;a"],
    [";", "a,=1;a,+1;a,b;,@x", `"a,=1";"a,+1";a,b;",@x"`],
    ["|", "a;=1|a,=1|\t=1|a", `"a;=1"|"a,=1"|"'\t=1"|a`],
    ["\t", "a;=1\ta|=1\ta,＝1", `"a;=1"\t"a|=1"\t"a,＝1"`],
    ["\t", "\t\t-2+3\t", "\t\t'-2+3\t"],
    ["|", '"\t"|-', `"'\t"|'-`],
  ] as const)("parts cells by %j as well", (delimiter, cells, expected) => {
    for (const size of [1, 2, 3, 1_000]) expect(encode(`${cells}\n`, size, delimiter)).toBe(`${expected}\r\n`);
  });

  it("has no cell that a reader would run, at whichever delimiter the reader splits cells", () => {
    const starts = [
      "=1+1",
      "+1+1",
      "-1+1",
      "@SUM(1)",
      "＝1",
      "＋1",
      "－1",
      "＠x",
      "=cmd|' /C calc'!A0",
      "\t=1",
      "\r=1",
    ];
    const cells = [",", ";", "\t", "|"].flatMap((divider) =>
      starts.flatMap((start) => [
        `a${divider}${start}`,
        `${divider}${start}`,
        `1${divider}2${divider}${start}`,
        start + divider + start,
      ]),
    );
    expect(cells).toHaveLength(176);
    for (const delimiter of [",", ";", "\t", "|"] as const) {
      const layout = {
        format: "csv",
        columns: [{ name: "a" }],
        csv: { ...PLAIN_CSV, delimiter, header: false },
        timeZone: "UTC",
      } as const;
      const source = openRows(
        cells.map((a) => JSON.stringify({ a })),
        layout,
      ).rows as LineRows;
      const text = encode(Buffer.concat([...(source.chunks as Iterable<Buffer>)]), 7, delimiter);
      for (const other of [",", ";", "\t", "|"])
        expect(
          bareCells(text, other).filter((cell) => /^["']?[=+\-@\t\r＝＋－＠]/.test(cell) && !cell.startsWith("'")),
        ).toEqual([]);
    }
  });

  it("guards only columns of texts, and all titles", () => {
    const dialect = { ...PLAIN_CSV, header: true };
    const lines = Buffer.from(`=a,=b\n=1,=2\n"=1,",-Infinity\n`);
    for (const [guard, expected] of [
      [true, `'=a,'=b\r\n'=1,=2\r\n"'=1,",-Infinity\r\n`],
      [false, `=a,=b\r\n=1,=2\r\n"=1,",-Infinity\r\n`],
    ] as const) {
      const encoder = new CsvEncoder({ ...dialect, formula_guard: guard }, [true, false]);
      expect(
        Buffer.concat([...Array.from(lines, (byte) => encoder.encode(Buffer.of(byte))), encoder.end()]).toString(),
      ).toBe(expected);
      expect(encoder.lines).toBe(3);
    }
  });

  it("preserves every text, with an apostrophe before texts that would be run", () => {
    const text = fc.string({
      unit: fc.constantFrom("=", "+", "-", "@", "\t", "\r", "\n", '"', ",", ";", "1", "a", "ä", "＝", " "),
    });
    fc.assert(
      fc.property(
        fc.array(fc.array(text, { minLength: 2, maxLength: 2 })),
        fc.integer({ min: 1, max: 9 }),
        (rows, size) => {
          const layout = {
            format: "csv",
            columns: [{ name: "a" }, { name: "b" }],
            csv: PLAIN_CSV,
            timeZone: "UTC",
          } as const;
          const source = openRows(
            rows.map(([a, b]) => JSON.stringify({ a, b })),
            layout,
          ).rows as LineRows;
          const read = parse(
            encode(Buffer.concat([...(source.chunks as Iterable<Buffer>)]), size, ",", source.guarded),
          );
          const guarded = (cell: string) =>
            /^[=+\-@\t\r\n＝]/.test(cell) && !/^[+-](1+,?1*|,1+)$/.test(cell) ? `'${cell}` : cell;
          expect(read).toEqual([["a", "b"], ...rows.map((row) => row.map(guarded))]);
        },
      ),
    );
  });
});
