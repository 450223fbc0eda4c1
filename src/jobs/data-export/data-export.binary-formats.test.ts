/**
 * The content of data_export's binary files, read back by independent readers and compared with Postgres's own output.
 */
import * as zlib from "node:zlib";
import { parquetMetadata } from "hyparquet";
import readWorkbook, { readSheet } from "read-excel-file/node";
import { beforeAll, describe, expect, it } from "vitest";
import {
  exportFile,
  type FormatExports,
  openFormats,
  type Payload,
  parquetRows,
} from "../../testing/export-formats.ts";
import dataExport from "./data-export.ts";

let exports: FormatExports;
beforeAll(async () => {
  exports = await openFormats();
});

const exported = (payload: Payload, reported?: number[]) => exportFile(exports, payload, reported);

describe("XLSX", () => {
  it("keeps every value: numbers and times natively, and values that a spreadsheet would round as text", async () => {
    const { content, rows } = await exported({
      format: "xlsx",
      source: { query: "types" },
      time_zone: "Europe/Berlin",
    });
    expect(rows).toBe(2);
    const [header, first, second] = await readSheet(content, { trim: false } as object);
    expect(header).toEqual([
      "id",
      "big",
      "exact",
      "money",
      "wide",
      "ratio",
      "yes",
      "day",
      "wall",
      "instant",
      "doc",
      "list",
      "bytes",
      "text",
      "uuid",
    ]);
    expect(first).toEqual([
      1,
      "9007199254740993",
      "12345678901234567890.123456789012345678",
      1234.5,
      "123456789012345678901234567890.12",
      0.1,
      true,
      new Date("2026-03-29T00:00:00Z"),
      new Date("2026-01-31T12:00:00.123Z"),
      new Date("2026-03-29T03:30:00Z"),
      '{"a": [1,\n 2]}',
      '{x,NULL,"y,\\"z"}',
      "\\x00ff",
      '=1+1\t\\ "é" \u0001 _x0041_ <&>\r\n',
      "01890a5d-ac96-7000-babc-b302099a8057",
    ]);
    expect(second).toEqual([2, ...Array.from({ length: 14 }, () => null)]);
  });

  it("accepts rows of a payload, with names and formats", async () => {
    const rows = [
      { a: 1.5, b: true, c: { d: 1 }, at: "2026-01-31T12:00:00Z", mixed: 1 },
      { a: null, b: null, at: "soon", mixed: "x" },
    ];
    const columns = [
      { name: "a", as: "A&B", decimals: 2 },
      "b",
      "c",
      { name: "at", date: "DD.MM.YYYY HH:mm" },
      "mixed",
    ];
    expect(await readSheet((await exported({ format: "xlsx", source: { rows }, columns })).content)).toEqual([
      ["A&B", "b", "c", "at", "mixed"],
      [1.5, true, '{"d":1}', new Date("2026-01-31T12:00:00Z"), 1],
      [null, null, null, "soon", "x"],
    ]);
    expect(await readSheet((await exported({ format: "xlsx", source: { rows: [] }, columns: ["a"] })).content)).toEqual(
      [["a"]],
    );
  });

  it("continues on another sheet when one is full", async () => {
    const { encodeSpreadsheet } = await import("./spreadsheet-encoder.ts");
    const batches = [
      [["1"], ["2"]],
      [["3"], ["4"], ["5"]],
    ];
    const pieces: Buffer[] = [];
    for await (const piece of encodeSpreadsheet(
      { columns: [{ title: "n", kind: "integer" }], batches },
      () => undefined,
      { name: undefined, maxRows: 3 },
    ))
      pieces.push(piece);
    expect(await readWorkbook(Buffer.concat(pieces))).toEqual([
      { sheet: "Sheet1", data: [["n"], [1], [2]] },
      { sheet: "Sheet2", data: [["n"], [3], [4]] },
      { sheet: "Sheet3", data: [["n"], [5]] },
    ]);
  });
});

describe("Parquet", () => {
  it("maps every Postgres type, and keeps its values to the last digit", async () => {
    const { content, rows } = await exported({ format: "parquet", source: { query: "types" } });
    expect(rows).toBe(2);
    const [first, second] = await parquetRows(content);
    expect(first).toEqual({
      id: 1,
      big: 9007199254740993n,
      exact: "12345678901234567890.123456789012345678",
      money: 1234.5,
      wide: 123456789012345678901234567890.12,
      ratio: 0.1,
      yes: true,
      day: new Date("2026-03-29"),
      wall: new Date("2026-01-31T12:00:00.123Z"),
      instant: new Date("2026-03-29T01:30:00Z"),
      doc: { a: [1, 2] },
      list: ["x", null, 'y,"z'],
      bytes: Uint8Array.of(0, 255),
      text: '=1+1\t\\ "é" \u0001 _x0041_ <&>\r\n',
      uuid: "01890a5d-ac96-7000-babc-b302099a8057",
    });
    expect(Object.values(second ?? {}).map((value) => value ?? null)).toEqual([
      2,
      ...Array.from({ length: 14 }, () => null),
    ]); // hyparquet reads the NULL of a uuid as undefined
  });

  it("is divided into row groups, and reports its progress", async () => {
    const reported: number[] = [];
    const { content, rows } = await exported(
      {
        format: "parquet",
        source: { query: "rows", params: { count: 40_000 } },
        columns: ["id", { name: "total", as: "sum", decimals: 1 }],
      },
      reported,
    );
    expect(rows).toBe(40_000);
    const metadata = parquetMetadata(
      content.buffer.slice(content.byteOffset, content.byteOffset + content.length) as ArrayBuffer,
    );
    expect(metadata.num_rows).toBe(40_000n);
    expect(metadata.row_groups.length).toBeGreaterThan(1);
    expect((await parquetRows(content)).at(-1)).toEqual({ id: 40_000, sum: 60_000 });
    expect(reported.every((percent) => percent >= 0 && percent <= 99)).toBe(true);
  });

  it("accepts rows of a payload: the type of a column follows from its values", async () => {
    const rows = [
      { n: 1, x: 1.5, b: true, o: { a: 1 }, s: "a" },
      { n: -2, x: 2, b: null, o: [1], s: 3 },
    ];
    expect(await parquetRows((await exported({ format: "parquet", source: { rows } })).content)).toEqual([
      { n: 1n, x: 1.5, b: true, o: { a: 1 }, s: "a" },
      { n: -2n, x: 2, b: null, o: [1], s: "3" },
    ]);
    expect(
      await parquetRows((await exported({ format: "parquet", source: { rows: [] }, columns: ["a"] })).content),
    ).toEqual([]);
  });
});

it.each([
  [{ format: "parquet", source: { query: "infinite" } }, "export_value"],
  [{ format: "parquet", source: { query: "nan" } }, "export_value"],
  [{ format: "xlsx", source: { query: "long" } }, "export_cell_too_long"],
  [
    {
      format: "csv",
      source: { query: "types" },
      columns: ["none", { name: "text", decimals: 1 }, { name: "id", date: "YYYY" }],
    },
    "export_columns",
  ],
] as const)("fails permanently rather than lose a value: %j is %s", async (payload, code) => {
  await expect(exported(payload as unknown as Payload)).rejects.toMatchObject({ name: "PermanentError", code });
});

it.each([
  [{ gzip: true, compression: "gzip" }, "/gzip"],
  [{ format: "xlsx", gzip: true }, "/gzip"],
  [{ format: "parquet", columns: ["a"], compression: "gzip" }, "/compression"],
  [{ format: "json", csv: {} }, "/csv"],
  [{ csv: { decimal: "," } }, "/csv/decimal"],
  [{ time_zone: "Mars/Base" }, "/time_zone"],
  [{ time_zone: "+02:00" }, "/time_zone"],
  [{ columns: ["a", { name: "b", as: "a" }] }, "/columns/1"],
  [{ format: "parquet", columns: [{ name: "a", date: "YYYY" }] }, "/columns/0/date"],
  [{ format: "parquet" }, "/columns"],
  [{ format: "csv", sheet: "A" }, "/sheet"],
  [{ format: "xlsx", sheet: "History" }, "/sheet"],
  [{ format: "xlsx", sheet: "😀".repeat(16) }, "/sheet"],
  [{ format: "xlsx", columns: [{ name: "a", date: "mm.YYYY" }] }, "/columns/0/date"],
  [{ format: "xlsx", columns: [{ name: "a", date: "HH MM" }] }, "/columns/0/date"],
  [{ format: "xlsx", columns: [{ name: "a", date: "HH:mm:ss,SSS" }] }, "/columns/0/date"],
] as const)("rejects %j at %s", (fields, path) => {
  const payload = { format: "csv", source: { rows: [] }, ...fields } as unknown as Payload;
  expect(dataExport.check?.(payload)).toEqual([{ path, message: expect.any(String) as string }]);
});

it("writes zstd if Node supports it, and otherwise rejects it", async () => {
  const payload: Payload = { format: "csv", source: { rows: [{ a: 1 }] }, compression: "zstd" };
  const { zstdDecompressSync } = zlib as { readonly zstdDecompressSync?: (bytes: Buffer) => Buffer };
  if (zstdDecompressSync === undefined) {
    expect(dataExport.check?.(payload)).toMatchObject([{ path: "/compression" }]);
    return;
  }
  const { artifact, content } = await exported(payload);
  expect(artifact).toBe("export.csv.zst");
  expect(zstdDecompressSync(content).toString()).toBe("a\r\n1\r\n");
});
