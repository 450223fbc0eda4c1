/** Parquet files from values as Postgres prints them, read back by DuckDB. */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { type ParquetContent, readWithDuckDb } from "../../testing/duckdb.ts";
import { isFull } from "../../testing/full.ts";
import { encodeParquet } from "./parquet-encoder.ts";
import type { Cell, ColumnType, TableColumn } from "./table.ts";

const RUNS = isFull ? 150 : 10;

async function encoded(columns: readonly TableColumn[], rows: readonly (readonly Cell[])[]): Promise<Buffer> {
  const pieces: Buffer[] = [];
  for await (const piece of encodeParquet({ columns, batches: [rows] }, () => undefined)) pieces.push(piece);
  return Buffer.concat(pieces);
}

/** A file with one column, and a row for each value. */
async function columnOf(
  type: ColumnType,
  values: readonly Cell[],
): Promise<{ readonly type: string | undefined; readonly values: readonly (string | null | undefined)[] }> {
  const { types, rows }: ParquetContent = await readWithDuckDb(
    await encoded(
      [{ title: "c", ...type }],
      values.map((value) => [value]),
    ),
  );
  return { type: types["c"], values: rows.map(({ c }) => c) };
}

const same = (...texts: string[]): [string, string][] => texts.map((text) => [text, text]);
const WIDE = `-${"9".repeat(36)}.99`;

describe("a column of", () => {
  it.each<[string, ColumnType, [text: string, read: string][]]>([
    ["INTEGER", { kind: "integer" }, same("-2147483648", "0", "2147483647")],
    ["BIGINT", { kind: "bigint" }, same("-9223372036854775808", "9007199254740993", "9223372036854775807")],
    ["DECIMAL(18,3)", { kind: "decimal", precision: 18, scale: 3 }, same("999999999999999.999", "-0.001")],
    ["DECIMAL(38,2)", { kind: "decimal", precision: 38, scale: 2 }, same(WIDE, "0.00", "12345678901234567890.12")],
    ["DECIMAL(5,5)", { kind: "decimal", precision: 5, scale: 5 }, [["0.00012", ".00012"]]],
    [
      "FLOAT",
      { kind: "real" },
      [...same("0.1", "3.4028235e+38"), ["1e-45", "1e-45"], ["NaN", "nan"], ["-Infinity", "-inf"]],
    ],
    [
      "DOUBLE",
      { kind: "float" },
      [
        ...same("0.30000000000000004", "1.7976931348623157e+308", "5e-324"),
        ["NaN", "nan"],
        ["Infinity", "inf"],
        ["0", "0.0"],
        ["-0", "-0.0"],
        ["-0", "-0.0"],
        ["0", "0.0"],
      ],
    ],
    [
      "BOOLEAN",
      { kind: "boolean" },
      [
        ["t", "true"],
        ["f", "false"],
      ],
    ],
    [
      "DATE",
      { kind: "date" },
      [
        ...same("2026-03-29", "1900-02-28", "0001-01-01", "5874897-12-31"),
        ["0001-12-31 BC", "0001-12-31 (BC)"],
        ["4713-01-01 BC", "4713-01-01 (BC)"],
      ],
    ],
    [
      "TIMESTAMP",
      { kind: "timestamp" },
      [
        ...same("2026-01-31 12:00:00.123456", "294246-12-31 23:59:59.999999", "1969-12-31 23:59:59.999999"),
        ["0044-03-15 12:00:00 BC", "0044-03-15 (BC) 12:00:00"],
      ],
    ],
    [
      "TIMESTAMP WITH TIME ZONE",
      { kind: "timestamptz" },
      [
        ["2026-10-25 02:30:00.000001+02", "2026-10-25 00:30:00.000001+00"],
        ["2026-10-25 02:30:00.000001+01", "2026-10-25 01:30:00.000001+00"],
        ["1880-01-01 00:00:00-03:30:52", "1880-01-01 03:30:52+00"],
        ["2026-01-01 00:00:00+05:45", "2025-12-31 18:15:00+00"],
      ],
    ],
    ["TIME", { kind: "time" }, same("00:00:00", "23:59:59.999999")],
    ["UUID", { kind: "uuid" }, same("01890a5d-ac96-7000-babc-b302099a8057")],
    [
      "JSON",
      { kind: "json" },
      same('{"a": [1,\n 2], "n": 12345678901234567890.10, "a": 1e400}', "null", '"text"', "1.0"),
    ],
    [
      "BLOB",
      { kind: "bytes" },
      [
        ["\\x00ff", "00ff"],
        ["\\x", ""],
      ],
    ],
    ["VARCHAR", { kind: "text" }, same("", "NULL", '=1+1\t\u0000\u0001 "é" 😀\r\n')],
    [
      "INTEGER[]",
      { kind: "list", element: { kind: "integer" } },
      [
        ["{1,NULL,-2}", "[1, NULL, -2]"],
        ["{}", "[]"],
        ["{NULL}", "[NULL]"],
      ],
    ],
    [
      "DECIMAL(20,3)[]",
      { kind: "list", element: { kind: "decimal", precision: 20, scale: 3 } },
      [["{12345678901234567.125}", "[12345678901234567.125]"]],
    ],
    ["JSON[]", { kind: "list", element: { kind: "json" } }, [['{"{\\"a\\": 1.10}",NULL}', '[{"a": 1.10}, NULL]']]],
    [
      "VARCHAR[]",
      { kind: "list", element: { kind: "text" } },
      [['{x,NULL,"y,\\"z\\\\","NULL",""}', '["x",null,"y,\\"z\\\\","NULL",""]']],
    ],
    [
      "DOUBLE[]",
      { kind: "list", element: { kind: "float" } },
      [
        ["{0,-0}", "[0.0, -0.0]"],
        ["{0}", "[0.0]"],
        ["{-0}", "[-0.0]"],
        ["{0}", "[0.0]"],
      ],
    ],
  ])("%s contains every value, and NULL", async (type, column, cases) => {
    const { values, ...read } = await columnOf(column, [...cases.map(([text]) => text), null]);
    expect(read.type).toBe(type);
    expect(values).toEqual([...cases.map(([, text]) => text), null]);
  });
});

it.each<[ColumnType, string]>([
  [{ kind: "decimal", precision: 5, scale: 2 }, "NaN"],
  [{ kind: "decimal", precision: 5, scale: 2 }, "1000.00"],
  [{ kind: "bigint" }, "9223372036854775808"],
  [{ kind: "date" }, "infinity"],
  [{ kind: "timestamp" }, "-infinity"],
  [{ kind: "timestamptz" }, "294276-12-31 23:59:59.999999+00"],
  [{ kind: "time" }, "24:00:00"],
  [{ kind: "text" }, "\ud800"],
  [{ kind: "list", element: { kind: "integer" } }, "{{1,2},{3,4}}"],
  [{ kind: "list", element: { kind: "integer" } }, "[0:1]={1,2}"],
  [{ kind: "list", element: { kind: "date" } }, "{2026-01-01,infinity}"],
])("rejects values that Parquet cannot represent: %j cannot be %s", async (type, text) => {
  const failure = {
    name: "PermanentError",
    code: "export_value",
    message: expect.stringMatching(/^Parquet cannot represent this value of column c: .*Cast it/s) as string,
  };
  await expect(encoded([{ title: "c", ...type }], [[text]])).rejects.toMatchObject(failure);
});

it("stores any text, integer, decimal and list next to any other column", async () => {
  const quoted = (text: string): string => `"${text.replace(/["\\]/g, "\\$&")}"`;
  const text = fc.string({ unit: "binary" }).filter((each) => !/\p{Surrogate}/u.test(each));
  const decimal = fc.bigInt({ min: -(10n ** 20n) + 1n, max: 10n ** 20n - 1n }).map((unscaled) => {
    const digits = String(unscaled < 0n ? -unscaled : unscaled).padStart(5, "0");
    return `${unscaled < 0n ? "-" : ""}${digits.slice(0, -4)}.${digits.slice(-4)}`;
  });
  const row = fc.record({
    text,
    integer: fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }).map(String),
    decimal,
    list: fc.array(fc.option(text), { maxLength: 4 }),
  });
  const columns: TableColumn[] = [
    { title: "text", kind: "text" },
    { title: "integer", kind: "bigint" },
    { title: "decimal", kind: "decimal", precision: 20, scale: 4 },
    { title: "list", kind: "list", element: { kind: "text" } },
    { title: "json", kind: "json" },
  ];
  await fc.assert(
    fc.asyncProperty(fc.array(row, { minLength: 1, maxLength: 50 }), async (rows) => {
      const cells = rows.map(({ list, ...each }) => [
        each.text,
        each.integer,
        each.decimal,
        `{${list.map((item) => (item === null ? "NULL" : quoted(item))).join(",")}}`,
        JSON.stringify(list),
      ]);
      const read = await readWithDuckDb(await encoded(columns, cells));
      const expected = rows.map(({ text: t, integer, decimal: d, list }) => ({
        text: t,
        integer,
        decimal: d,
        list,
        json: JSON.stringify(list),
      }));
      expect(read.rows.map((each) => ({ ...each, list: JSON.parse(each["list"] ?? "") as unknown }))).toEqual(expected);
    }),
    { numRuns: RUNS },
  );
});
