import { parse as parseCsv } from "csv-parse/sync";
import fc from "fast-check";
import { parquetMetadata, parquetReadObjects } from "hyparquet";
import { parse as parseLossless, stringify } from "lossless-json";
import { readSheet } from "read-excel-file/node";
import { describe, expect, it } from "vitest";
import { memberTexts } from "../../core/json-span.ts";
import { isFull } from "../../testing/full.ts";
import { jsonTexts, KNOWN_TEXTS, numberTexts, objectTexts, unscaled } from "../../testing/json-texts.ts";
import { encodeFile } from "./file-encoder.ts";
import type { ExportFormat } from "./format.ts";
import { type ColumnChoice, type CsvDialect, type Layout, PLAIN_CSV } from "./layout.ts";
import { openRows } from "./row-source.ts";
import type { Table, TableRow } from "./table.ts";

const RUNS = isFull ? 20_000 : 300;

interface Choice {
  readonly columns?: readonly ColumnChoice[];
  readonly csv?: Partial<CsvDialect>;
}

async function fileOf(format: ExportFormat, rows: readonly string[], { columns, csv }: Choice = {}): Promise<Buffer> {
  const layout = { format, columns, csv: { ...PLAIN_CSV, formula_guard: false, ...csv }, timeZone: "UTC" } as Layout;
  const pieces: Buffer[] = [];
  for await (const piece of encodeFile(openRows(rows, layout), layout, () => undefined)) pieces.push(piece);
  return Buffer.concat(pieces);
}

const textOf = async (...args: Parameters<typeof fileOf>): Promise<string> => (await fileOf(...args)).toString();
const rowsWith = (numbers: readonly string[]): string[] => numbers.map((number) => `{"n":${number}}`);

describe("csv", () => {
  it("keeps every digit of a number, texts unchanged, and nested values as submitted", async () => {
    const property = fc.asyncProperty(fc.array(jsonTexts, { minLength: 1 }), async (values) => {
      const rows = values.map((value) => `{"10":${value},"2":0}`);
      const csv = parseCsv(await fileOf("csv", rows, { csv: { null: "NULL" } }), { recordDelimiter: "\r\n" });
      const cellOf = (value: string): string =>
        value.startsWith('"') ? (JSON.parse(value) as string) : value === "null" ? "NULL" : value;
      expect(csv).toEqual([["10", "2"], ...values.map((value) => [cellOf(value), "0"])]);
    });
    await fc.assert(property, { numRuns: RUNS });
  });

  it("rounds decimal digits and not doubles", async () => {
    const numbers = ["1.005", "9007199254740993", "-0.004", "0.1234567890123456789", "1e2", "2.5"];
    const columns = [{ name: "n", decimals: 2 }];
    expect(await textOf("csv", rowsWith(numbers), { columns })).toBe(
      "n\r\n1.01\r\n9007199254740993.00\r\n0.00\r\n0.12\r\n100.00\r\n2.50\r\n",
    );
    expect(await textOf("csv", rowsWith(numbers.slice(1, 2)), { columns, csv: { decimal: ",", delimiter: ";" } })).toBe(
      "n\r\n9007199254740993,00\r\n",
    );
    expect(await textOf("ndjson", rowsWith(numbers), { columns })).toBe(
      '{"n":1.01}\n{"n":9007199254740993}\n{"n":0}\n{"n":0.12}\n{"n":100}\n{"n":2.5}\n',
    );
  });

  it("has the columns of the first row in their order, and the last value of a repeated key", async () => {
    expect(await textOf("csv", ['{"b":1,"10":2,"2":3.0,"b":4}', '{"2":5}'])).toBe("b,10,2\r\n4,2,3.0\r\n,,5\r\n");
  });
});

describe("json and ndjson", () => {
  it("contain each row as it was submitted", async () => {
    const property = fc.asyncProperty(fc.array(objectTexts), async (rows) => {
      expect(await textOf("ndjson", rows)).toBe(rows.map((row) => `${row}\n`).join(""));
      expect((await textOf("json", rows)).replaceAll("\n", "")).toBe(`[${rows.join(",")}]`);
    });
    await fc.assert(property, { numRuns: RUNS });
  });

  it("contain the values of chosen columns as another library reads them", async () => {
    const values = [...KNOWN_TEXTS, ...fc.sample(jsonTexts, RUNS)];
    const readLossless = (json: string): string | undefined =>
      stringify(parseLossless(json, undefined, { onDuplicateKey: ({ newValue }) => newValue }));
    const lines = (
      await textOf(
        "ndjson",
        values.map((value) => `{"10":1,"2":${value}}`),
        { columns: [{ name: "2", as: "two" }, { name: "none" }] },
      )
    )
      .trimEnd()
      .split("\n");
    expect(lines.map(readLossless)).toEqual(values.map((value) => readLossless(`{"two":${value},"none":null}`)));
    expect(lines.map((line) => memberTexts(line).get("two"))).toEqual(values);
  });
});

describe("xlsx", () => {
  it("stores a number if a spreadsheet can represent it, and otherwise its digits as text", async () => {
    const numbers = [
      "1",
      "1.50",
      "9007199254740993",
      "1234567890123456789012",
      "0.1234567890123456789",
      "1e400",
      "1e-400",
      "1e3",
    ];
    const sheet = await readSheet(await fileOf("xlsx", rowsWith(numbers)));
    expect(sheet.flat()).toEqual([
      "n",
      1,
      1.5,
      "9007199254740993",
      "1234567890123456789012",
      "0.1234567890123456789",
      "1e400",
      "1e-400",
      1000,
    ]);
  });

  it("keeps nested values as submitted", async () => {
    expect(await readSheet(await fileOf("xlsx", ['{"o":{"10":1.0,"2":12345678901234567890}}']))).toEqual([
      ["o"],
      ['{"10":1.0,"2":12345678901234567890}'],
    ]);
  });
});

describe("parquet", () => {
  function tableOf(numbers: readonly string[]) {
    const { rows } = openRows(rowsWith(numbers), {
      format: "parquet",
      columns: undefined,
      csv: PLAIN_CSV,
      timeZone: "UTC",
    });
    return rows as Table & { readonly batches: Iterable<readonly TableRow[]> };
  }

  async function read(
    numbers: readonly string[],
  ): Promise<{ readonly type: string | undefined; readonly values: unknown[] }> {
    const { buffer, byteOffset, byteLength } = await fileOf("parquet", rowsWith(numbers));
    const file = buffer.slice(byteOffset, byteOffset + byteLength) as ArrayBuffer;
    const column = parquetMetadata(file).schema[1];
    return {
      type: column?.logical_type?.type ?? column?.type,
      values: (await parquetReadObjects({ file })).map(({ n }) => n as unknown),
    };
  }

  it.each<[string, readonly string[], string, readonly unknown[]]>([
    [
      "64-bit integers",
      ["9223372036854775807", "-9223372036854775808", "1.0", "2e3", "null"],
      "INT64",
      [9223372036854775807n, -9223372036854775808n, 1n, 2000n, null],
    ],
    ["doubles", ["0.1", "1", "-0", "1e300", "1.50"], "DOUBLE", [0.1, 1, -0, 1e300, 1.5]],
    ["texts if no number type of Parquet can represent them", ["1e400", "0.1"], "STRING", ["1e400", "0.1"]],
    [
      "texts for more than 38 digits",
      [`${"9".repeat(30)}.5`, `0.${"3".repeat(20)}`],
      "STRING",
      [`${"9".repeat(30)}.5`, `0.${"3".repeat(20)}`],
    ],
    ["texts if one of them is -0", ["9007199254740993.5", "-0"], "STRING", ["9007199254740993.5", "-0"]],
  ])("has %s", async (_, numbers, type, values) => {
    expect(await read(numbers)).toEqual({ type, values });
  });

  it("has decimals if a double would lose digits", async () => {
    expect(await read(["0.125", "9007199254740993", "-1e2"])).toMatchObject({ type: "DECIMAL" });
    const { columns, batches } = tableOf(["0.1234567890123456789", "12345678901234567", "-1e2", "null"]);
    expect(columns).toEqual([{ title: "n", kind: "decimal", precision: 36, scale: 19 }]);
    expect([...batches].flat(2)).toEqual([
      "0.1234567890123456789",
      "12345678901234567.0000000000000000000",
      "-100.0000000000000000000",
      null,
    ]);
  });

  it("keeps any number exactly, or with the same value", () => {
    const property = fc.property(fc.array(numberTexts, { minLength: 1, maxLength: 4 }), (numbers) => {
      const { columns, batches } = tableOf(numbers);
      const cells = [...batches].flat(2);
      if (columns[0]?.kind === "text") expect(cells).toEqual(numbers);
      else
        expect(
          cells.map((cell) => unscaled(columns[0]?.kind === "float" ? String(Number(cell)) : String(cell))),
        ).toEqual(numbers.map(unscaled));
    });
    fc.assert(property, { numRuns: RUNS });
  });
});
