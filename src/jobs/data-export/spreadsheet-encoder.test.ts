/** Spreadsheets from values as Postgres prints them and from JSON, read back by SheetJS and read-excel-file. */
import fc from "fast-check";
import readWorkbook, { readSheet } from "read-excel-file/node";
import { describe, expect, it } from "vitest";
import { type CellObject, read, type WorkBook } from "xlsx";
import { isFull } from "../../testing/full.ts";
import { encodeSpreadsheet } from "./spreadsheet-encoder.ts";
import type { Cell, TableColumn } from "./table.ts";

const RUNS = isFull ? 500 : 20;
type Type = Omit<TableColumn, "title">;

async function encoded(
  columns: readonly TableColumn[],
  rows: readonly (readonly Cell[])[],
  options: { readonly name?: string; readonly maxRows?: number } = {},
): Promise<Buffer> {
  const pieces: Buffer[] = [];
  for await (const piece of encodeSpreadsheet({ columns, batches: [rows] }, () => undefined, {
    name: undefined,
    ...options,
  }))
    pieces.push(piece);
  return Buffer.concat(pieces);
}

const opened = (file: Buffer): WorkBook => read(file, { cellNF: true, cellStyles: true, bookFiles: true });

/** The value of a cell, and how a spreadsheet displays it. */
async function cellOf(
  type: Type,
  text: string,
): Promise<{ readonly value: unknown; readonly shown: string | undefined; readonly width: number }> {
  const sheet = opened(await encoded([{ title: "c", ...type }], [[text]])).Sheets["Sheet1"];
  const cell = sheet?.["A2"] as CellObject | undefined;
  return { value: cell?.v, shown: cell?.w, width: sheet?.["!cols"]?.[0]?.width ?? 0 };
}

const DAY: Type = { kind: "value", dateFormat: String.raw`yyyy\-mm\-dd`, timeZone: "Europe/Berlin" };

describe("a cell", () => {
  it.each<[Type, text: string, value: unknown, shown: string]>([
    [{ kind: "integer" }, "-2147483648", -2_147_483_648, "-2147483648"],
    [{ kind: "bigint" }, "123456789012345", 123_456_789_012_345, "123456789012345"],
    [{ kind: "bigint" }, "1234567890123456", "1234567890123456", "1234567890123456"],
    [{ kind: "decimal", precision: 10, scale: 2 }, "1.50", 1.5, "1.50"],
    [{ kind: "decimal" }, "0.3333333333333333", "0.3333333333333333", "0.3333333333333333"],
    [{ kind: "decimal" }, "1.5000000000000000", 1.5, "1.5000000000000000"],
    [{ kind: "decimal" }, `0.${"0".repeat(400)}1`, `0.${"0".repeat(400)}1`, `0.${"0".repeat(400)}1`],
    [{ kind: "decimal", decimals: 2 }, "0.33333333333333333333", 0.33, "0.33"],
    [{ kind: "decimal", decimals: 0 }, "-99999999999999.56", -100_000_000_000_000, "-100000000000000"],
    [{ kind: "decimal", decimals: 2 }, "9999999999999999.999", "9999999999999999.999", "9999999999999999.999"],
    [{ kind: "float" }, "0.1", 0.1, "0.1"],
    [{ kind: "float" }, "1.7976931348623157e+308", Number.MAX_VALUE, "1.79769E+308"],
    [{ kind: "float" }, "5e-324", "5e-324", "5e-324"],
    [{ kind: "float" }, "NaN", "NaN", "NaN"],
    [{ kind: "float" }, "-Infinity", "-Infinity", "-Infinity"],
    [{ kind: "boolean" }, "t", true, "TRUE"],
    [{ kind: "date" }, "2026-03-29", 46_110, "2026-03-29"],
    [{ kind: "date" }, "1900-03-01", 61, "1900-03-01"],
    [{ kind: "date" }, "1900-02-28", "1900-02-28", "1900-02-28"],
    [{ kind: "date" }, "0044-03-15 BC", "0044-03-15 BC", "0044-03-15 BC"],
    [{ kind: "date" }, "infinity", "infinity", "infinity"],
    [{ kind: "timestamp" }, "9999-12-31 00:00:00", 2_958_465, "9999-12-31 00:00:00"],
    [{ kind: "timestamp" }, "10000-01-01 00:00:00", "10000-01-01 00:00:00", "10000-01-01 00:00:00"],
    [
      { kind: "timestamp" },
      "2026-01-31 12:00:00.125",
      expect.closeTo(46_053.5 + 0.125 / 86_400, 9),
      "2026-01-31 12:00:00.125",
    ],
    [{ kind: "timestamp" }, "9999-01-01 12:00:00.123456", "9999-01-01 12:00:00.123456", "9999-01-01 12:00:00.123456"],
    [
      { kind: "timestamptz", dateFormat: String.raw`dd\.mm\.yyyy\ hh:mm` },
      "2026-03-29 03:30:00+02",
      46_110 + 3.5 / 24,
      "29.03.2026 03:30",
    ],
    [{ kind: "text" }, "45000", "45000", "45000"],
    [{ kind: "value" }, "1", 1, "1"],
    [{ kind: "value" }, '"1"', "1", "1"],
    [{ kind: "value" }, "false", false, "FALSE"],
    [{ kind: "value" }, "0.30000000000000004", 0.1 + 0.2, "0.30000000000000004"],
    [{ kind: "value" }, "0.3000000000000000400", "0.3000000000000000400", "0.3000000000000000400"],
    [{ kind: "value" }, "12345678901234567890", "12345678901234567890", "12345678901234567890"],
    [{ kind: "value" }, "1e400", "1e400", "1e400"],
    [{ kind: "value" }, '{"d":1.10}', '{"d":1.10}', '{"d":1.10}'],
    [DAY, '"2026-03-29"', 46_110, "2026-03-29"],
    [DAY, '"2026-03-29T22:30:00Z"', 46_111 + 0.5 / 24, "2026-03-30"],
    [DAY, '"2026-02-30"', "2026-02-30", "2026-02-30"],
    [DAY, '"45000"', "45000", "45000"],
    [DAY, "1774751400", 1_774_751_400, "1774751400"],
  ])("of %j for %s is %s and shown as %s", async (type, text, value, shown) => {
    const cell = await cellOf(type, text);
    expect(cell).toMatchObject({ value, shown });
    if (typeof value !== "string") expect(cell.width).toBeGreaterThan(shown.length);
  });

  it("stores the microseconds of a time in its number", async () => {
    const { value } = await cellOf({ kind: "timestamp" }, "2026-01-31 12:00:00.123457");
    expect(Math.round(((value as number) - 46_053) * 86_400e6)).toBe(43_200_123_457);
  });

  it("keeps any text unchanged, even one that looks like a number or a formula", async () => {
    const part = fc.oneof(
      fc.string({ unit: "binary" }),
      fc.constantFrom(
        "_x0041_",
        "_x0041",
        "_",
        "x005F_",
        "\r\n",
        "\t",
        " ",
        "=1+1",
        "<&>",
        "\ud800",
        "\udc00",
        "\uFFFE",
        "\u0001",
      ),
    );
    const text = fc.array(part, { minLength: 1, maxLength: 8 }).map((parts) => parts.join(""));
    await fc.assert(
      fc.asyncProperty(fc.array(text, { minLength: 1, maxLength: 30 }), async (texts) => {
        const file = await encoded(
          [{ title: "c", kind: "text" }],
          texts.map((each) => [each]),
        );
        const sheet = opened(file).Sheets["Sheet1"];
        expect(texts.map((_, at) => (sheet?.[`A${at + 2}`] as CellObject | undefined)?.v)).toEqual(texts);
        expect(texts.map((_, at) => (sheet?.[`A${at + 2}`] as CellObject | undefined)?.f)).toEqual(
          texts.map(() => undefined),
        );
      }),
      { numRuns: RUNS },
    );
  });

  it("fails if its text is longer than a cell allows", async () => {
    await expect(encoded([{ title: "c", kind: "text" }], [["x".repeat(32_768)]])).rejects.toMatchObject({
      name: "PermanentError",
      code: "export_cell_too_long",
    });
    expect((await cellOf({ kind: "text" }, "x".repeat(32_767))).value).toHaveLength(32_767);
  });
});

describe("a sheet", () => {
  it("keeps its header visible and bold, wraps lines, and is as wide as its values", async () => {
    const columns: TableColumn[] = [
      { title: "A title & more", kind: "integer" },
      { title: "t", kind: "text" },
      { title: "l", kind: "text" },
    ];
    const { Sheets, files } = opened(
      await encoded(columns, [["1", "one line\nand a longer one", "x".repeat(500)]]),
    ) as WorkBook & { readonly files: Readonly<Record<string, { readonly content: Buffer }>> };
    const xml = files["xl/worksheets/sheet1.xml"]?.content.toString() ?? "";
    expect(xml).toContain('<pane ySplit="1" topLeftCell="A2" activePane="bottomLeft" state="frozen"/>');
    expect(xml).toMatch(/<c r="A1" s="1" t="inlineStr">.*<c r="B2" s="2" t="inlineStr">/s);
    expect(files["xl/styles.xml"]?.content.toString()).toMatch(/<cellXfs count="3">.*fontId="1".*wrapText="1"/s);
    expect(Sheets["Sheet1"]?.["!cols"]?.map(({ width }) => width)).toEqual([16, 18, 62]);
  });

  it("has the given name, which following sheets shorten to Excel's limit", async () => {
    const file = await encoded([{ title: "n", kind: "integer" }], [["1"], ["2"], ["3"]], {
      name: 'Über <1> & "2": 31 characters.',
      maxRows: 2,
    });
    expect((await readWorkbook(file)).map(({ sheet, data }) => [sheet, data])).toEqual([
      ['Über <1> & "2": 31 characters.', [["n"], [1]]],
      ['Über <1> & "2": 31 characte (2)', [["n"], [2]]],
      ['Über <1> & "2": 31 characte (3)', [["n"], [3]]],
    ]);
  });

  it("has empty cells for NULL, and at most as many columns as a spreadsheet allows", async () => {
    expect(
      await readSheet(
        await encoded(
          [
            { title: "a", kind: "text" },
            { title: "a", kind: "text" },
          ],
          [
            [null, "x"],
            ["y", null],
          ],
        ),
      ),
    ).toEqual([
      ["a", "a"],
      [null, "x"],
      ["y", null],
    ]);
    const columns = Array.from({ length: 16_385 }, (_, at): TableColumn => ({ title: `c${at}`, kind: "text" }));
    await expect(encoded(columns, [])).rejects.toMatchObject({ code: "export_columns" });
  });
});

it("shows every millisecond of a day to readers that round and to readers that truncate", async () => {
  const twice = (number: number): string => String(number).padStart(2, "0");
  const millisecond = fc.tuple(
    fc.constantFrom("1900-03-01", "1970-01-01", "2026-01-31", "2079-06-07", "9999-12-31"),
    fc.integer({ min: 0, max: 86_399_999 }),
  );
  await fc.assert(
    fc.asyncProperty(
      fc.array(
        fc.oneof(
          millisecond,
          fc.tuple(
            fc.constant("2026-01-31"),
            fc.integer({ min: 0, max: 23 }).map((hour) => hour * 3_600_000),
          ),
        ),
        { minLength: 20, maxLength: 100 },
      ),
      async (times) => {
        const texts = times.map(
          ([day, ms]) =>
            `${day} ${twice(Math.floor(ms / 3_600_000))}:${twice(Math.floor(ms / 60_000) % 60)}:${twice(Math.floor(ms / 1_000) % 60)}.${String(ms % 1_000).padStart(3, "0")}`,
        );
        const file = await encoded(
          [{ title: "c", kind: "timestamp" }],
          texts.map((text) => [text]),
        );
        const expected = texts.map((text) => `${text.replace(" ", "T")}Z`);
        const cells = (await readSheet(file)).slice(1).map(([cell]) => (cell as unknown as Date).toISOString());
        expect(cells).toEqual(expected);
        const sheet = read(file, { cellDates: false }).Sheets["Sheet1"];
        expect(
          texts.map((_, at) =>
            new Date(
              Math.round((((sheet?.[`A${at + 2}`] as CellObject).v as number) - 25_569) * 86_400e3),
            ).toISOString(),
          ),
        ).toEqual(expected);
      },
    ),
    { numRuns: RUNS },
  );
});
