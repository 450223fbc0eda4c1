/** Every SQL type and every shape of `rows` in xlsx and Parquet, read back by SheetJS and by DuckDB. */
import { execFileSync } from "node:child_process";
import { beforeAll, describe, expect, it } from "vitest";
import { type CellObject, read } from "xlsx";
import { readWithDuckDb } from "../../testing/duckdb.ts";
import { type ExportPayload, openExports } from "../../testing/export-jobs.ts";
import { isFull } from "../../testing/full.ts";
import { TYPES } from "../../testing/sql-cells.ts";

const FAILURES = {
  infinite: "select timestamptz 'infinity' as c",
  nan: "select 'NaN'::numeric(5,2) as c",
  midnight: "select time '24:00:00' as c",
  matrix: "select array[[1,2],[3,4]] as c",
  far: "select timestamp '294276-12-31 23:59:59' as c",
};
/** The values in one row, and NULLs of the same types in another one. */
const TYPES_SQL = `with v as (select ${TYPES.map(([sql], at) => `${sql} as c${at}`).join(", ")}) select v.* from generate_series(1, 2) as n left join v on n = 1 order by n`;
const QUERIES = { types: TYPES_SQL, ...FAILURES };

let exported: (given: ExportPayload | string) => Promise<Buffer>;
beforeAll(async () => {
  exported = await openExports(QUERIES);
});

/** The cells of a sheet below its header, read by SheetJS. */
function cellsOf(
  file: Buffer,
  sheetName = "Sheet1",
): { readonly value: unknown; readonly shown: string | undefined; readonly width: number }[][] {
  const sheet = read(file, { dense: true, cellNF: true, cellStyles: true }).Sheets[sheetName] as unknown as (
    | CellObject
    | undefined
  )[][] & { "!cols": { width: number }[] };
  const at = (row: (CellObject | undefined)[] | undefined, column: number) => ({
    value: row?.[column]?.v,
    shown: row?.[column]?.w,
    width: sheet["!cols"][column]?.width ?? 0,
  });
  return Array.from(sheet)
    .slice(1)
    .map((row) => sheet["!cols"].map((_, column) => at(row, column)));
}

async function cellsOfRows(
  values: readonly unknown[],
  column: { readonly decimals?: number; readonly date?: string } = {},
): Promise<{ readonly value: unknown; readonly shown: string | undefined; readonly width: number }[]> {
  const rows = values.map((c) => ({ c }));
  return cellsOf(
    await exported({
      format: "xlsx",
      source: { rows },
      columns: [{ name: "c", ...column }],
      time_zone: "Europe/Berlin",
    }),
  ).map(([cell]) => cell as { value: unknown; shown: string; width: number });
}

async function parquetOfRows(
  values: readonly unknown[],
): Promise<{ readonly type: string | undefined; readonly values: readonly (string | null | undefined)[] }> {
  const { types, rows } = await readWithDuckDb(
    await exported({ format: "parquet", source: { rows: values.map((c) => ({ c })) }, columns: ["c"] }),
  );
  return { type: types["c"], values: rows.map(({ c }) => c) };
}

describe("every SQL type", () => {
  it("keeps its type in xlsx, in columns that are wide enough", async () => {
    const [first = [], second = []] = cellsOf(
      await exported({ format: "xlsx", source: { query: "types" }, time_zone: "Europe/Berlin" }),
    );
    expect(first.map(({ value, shown }, at) => [TYPES[at]?.[0], value, shown])).toEqual(
      TYPES.map(([sql, cell, shown]) => [sql, cell, shown]),
    );
    expect(first.filter(({ shown = "", width }) => shown.length > Math.min(width, 60))).toEqual([]);
    expect(second.every(({ value }) => value === undefined)).toBe(true);
  });

  it("has its own type in Parquet, and its value to the last digit", async () => {
    const { types, rows } = await readWithDuckDb(
      await exported({ format: "parquet", source: { query: "types" }, time_zone: "Europe/Berlin" }),
    );
    const [first = {}, second = {}] = rows;
    expect(TYPES.map(([sql], at) => [sql, types[`c${at}`], first[`c${at}`]])).toEqual(
      TYPES.map(([sql, , , type, text]) => [sql, type, text]),
    );
    expect(Object.values(second).every((value) => value === null)).toBe(true);
  });

  it.each(Object.keys(FAILURES))("fails with a code if Parquet cannot represent its value: %s", async (query) => {
    await expect(exported({ format: "parquet", source: { query } })).rejects.toMatchObject({
      name: "PermanentError",
      code: "export_value",
    });
  });
});

describe("every shape of rows", () => {
  it("keeps its types in xlsx", async () => {
    const values = [1, "1", -2.5, true, "", "true", "45000", "=1+1", 1e21, 123_456_789_012_345];
    expect((await cellsOfRows(values)).map(({ value }) => value)).toEqual(values);
    expect((await cellsOfRows([{ a: 1, b: [2] }, [1, "x"], null, {}])).map(({ value }) => value)).toEqual([
      '{"a":1,"b":[2]}',
      '[1,"x"]',
      undefined,
      "{}",
    ]);
    expect((await cellsOfRows([1234567890123456])).map(({ value }) => value)).toEqual(["1234567890123456"]);
    expect((await cellsOfRows([2.345, "2.345"], { decimals: 1 })).map(({ shown }) => shown)).toEqual(["2.3", "2.345"]);
  });

  it("is a date in xlsx if its text is a date and its column has a date format", async () => {
    const cells = await cellsOfRows(
      ["2026-03-29", "45000", 1_774_751_400, "2026-02-30", "29.03.2026", null, true, "2026-01-31T23:30:00Z"],
      { date: "YYYY-MM-DD" },
    );
    expect(cells.map(({ shown }) => shown)).toEqual([
      "2026-03-29",
      "45000",
      "1774751400",
      "2026-02-30",
      "29.03.2026",
      undefined,
      "TRUE",
      "2026-02-01",
    ]);
    expect(cells.map(({ value }) => typeof value)).toEqual([
      "number",
      "string",
      "number",
      "string",
      "string",
      "undefined",
      "boolean",
      "number",
    ]);
    const [paid] = await cellsOfRows(["2026-01-31T12:00:00Z"], { date: "DD.MM.YYYY HH:mm" });
    expect(paid?.shown).toBe("31.01.2026 13:00");
    expect(paid?.width).toBeGreaterThan("31.01.2026 13:00".length);
  });

  it("has a type in Parquet that fits all its values", async () => {
    expect(await parquetOfRows([{ a: 1 }, [1, "é"], null, {}])).toEqual({
      type: "JSON",
      values: ['{"a":1}', '[1,"é"]', null, "{}"],
    });
    expect(await parquetOfRows([1, -2, null])).toEqual({ type: "BIGINT", values: ["1", "-2", null] });
    expect(await parquetOfRows([1, 0.5, 1e21])).toEqual({ type: "DOUBLE", values: ["1.0", "0.5", "1e+21"] });
    expect(await parquetOfRows([true, null, false])).toEqual({ type: "BOOLEAN", values: ["true", null, "false"] });
    expect(await parquetOfRows(["a", 3, true, { b: 1 }])).toEqual({
      type: "VARCHAR",
      values: ["a", "3", "true", '{"b":1}'],
    });
    expect(await parquetOfRows([null, null])).toEqual({ type: "VARCHAR", values: [null, null] });
    await expect(parquetOfRows(["\ud800"])).rejects.toMatchObject({ code: "export_value" });
  });

  it("keeps the digits of the payload", async () => {
    const rows =
      '[{"c":9007199254740993},{"c":-0},{"c":1.50},{"c":0.30000000000000000001},{"c":{"n":1.10}},{"c":"\\u0041"}]';
    const cells = cellsOf(await exported(`{"format":"xlsx","source":{"rows":${rows}}}`)).map(([cell]) => cell?.value);
    expect(cells).toEqual(["9007199254740993", -0, 1.5, "0.30000000000000000001", '{"n":1.10}', "A"]);
    const numbers = await readWithDuckDb(
      await exported('{"format":"parquet","source":{"rows":[{"c":9007199254740993},{"c":1.5}]}}'),
    );
    expect(numbers.rows.map(({ c }) => c)).toEqual(["9007199254740993.0", "1.5"]);
    const nested = await readWithDuckDb(
      await exported('{"format":"parquet","source":{"rows":[{"c":{"10":1,"2":9007199254740993,"n":1.10}}]}}'),
    );
    expect(nested).toEqual({ types: { c: "JSON" }, rows: [{ c: '{"10":1,"2":9007199254740993,"n":1.10}' }] });
  });

  it("is written to a sheet with the requested name", async () => {
    const file = await exported({ format: "xlsx", source: { rows: [{ a: 1 }] }, sheet: "Orders & more" });
    expect(cellsOf(file, "Orders & more").map(([cell]) => cell?.value)).toEqual([1]);
  });
});

/** For `npm run test:full`: a third reader, of the Debian package python3-openpyxl. */
describe.runIf(isFull)("openpyxl", () => {
  const SCRIPT = `
import datetime, io, json, sys, openpyxl
sheet = openpyxl.load_workbook(io.BytesIO(sys.stdin.buffer.read())).active
text = lambda value: value.isoformat(" ", "milliseconds") if isinstance(value, datetime.datetime) else value
json.dump({"title": sheet.title, "frozen": sheet.freeze_panes, "bold": sheet["A1"].font.bold, "formats": [cell.number_format for cell in sheet[2]],
  "values": [text(cell.value) for cell in sheet[2]]}, sys.stdout)`;

  it("reads the same values, in a sheet that is easy to read", async () => {
    const file = await exported({
      format: "xlsx",
      source: { query: "types" },
      time_zone: "Europe/Berlin",
      sheet: "Types",
    });
    const found = JSON.parse(execFileSync("/usr/bin/python3", ["-c", SCRIPT], { input: file }).toString()) as {
      readonly values: readonly unknown[];
      readonly formats: readonly string[];
    };
    expect(found).toMatchObject({ title: "Types", frozen: "A2", bold: true });
    const dates: Readonly<Record<string, string>> = {
      "date '2026-03-29'": "2026-03-29 00:00:00.000",
      "timestamp '2026-01-31 12:00:00.5'": "2026-01-31 12:00:00.500",
      "timestamptz '2026-03-29 01:30:00Z'": "2026-03-29 03:30:00.000",
    };
    expect(found.values).toEqual(TYPES.map(([sql, cell]) => dates[sql] ?? (Object.is(cell, -0) ? 0 : cell)));
    expect(TYPES.flatMap(([sql], at) => (sql in dates ? [found.formats[at]] : []))).toEqual([
      "yyyy\\-mm\\-dd",
      "yyyy\\-mm\\-dd\\ hh:mm:ss.000",
      "yyyy\\-mm\\-dd\\ hh:mm:ss",
    ]);
  });
});
