/** What a data_export's file holds, read back by readers that are not ours and compared with what Postgres itself says. */
import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { buffer } from "node:stream/consumers";
import * as zlib from "node:zlib";
import { parquetMetadata, parquetReadObjects } from "hyparquet";
import pg from "pg";
import { to as copyTo } from "pg-copy-streams";
import readWorkbook, { readSheet } from "read-excel-file/node";
import { beforeAll, describe, expect, it } from "vitest";
import type { AttemptContext } from "../../core/job-type.ts";
import { noThread } from "../../testing/no-thread.ts";
import { freshDatabase, tempDir } from "../../testing/services.ts";
import dataExport from "./data-export.ts";

type Payload = Parameters<typeof dataExport.run>[0];
type Resource = AttemptContext<Awaited<ReturnType<NonNullable<typeof dataExport.open>>>>["resource"];

const JOB_ID = "01890a5d-ac96-7000-babc-b302099a8057";
const NO_LINKS = { ARTIFACT_LINK_SECRET: "", ARTIFACT_LINK_TTL: 60, PUBLIC_URL: "" };
/** One row that has what is easily lost, one of nulls. */
const TYPES = `
  select n as id, case when n = 1 then 9007199254740993 end as big, case when n = 1 then 12345678901234567890.123456789012345678::numeric end as exact,
    (case when n = 1 then 1234.50 end)::numeric(10,2) as money, (case when n = 1 then 123456789012345678901234567890.12 end)::numeric(38,2) as wide,
    case when n = 1 then 0.1::float8 end as ratio, case when n = 1 then true end as yes, case when n = 1 then date '2026-03-29' end as day,
    case when n = 1 then timestamp '2026-01-31 12:00:00.123456' end as wall, case when n = 1 then timestamptz '2026-03-29 01:30:00Z' end as instant,
    case when n = 1 then json '{"a": [1,\n 2]}' end as doc, case when n = 1 then array['x', null, 'y,"z'] end as list, case when n = 1 then bytea '\\x00ff' end as bytes,
    case when n = 1 then e'=1+1\\t\\\\ "é" \\u0001 _x0041_ <&>\\r\\n' end as text, case when n = 1 then uuid '01890a5d-ac96-7000-babc-b302099a8057' end as uuid
  from generate_series(1, 2) as n order by n`;
const QUERIES = {
  types: TYPES,
  rows: "select n as id, 'row ' || n as name, n * 1.5 as total from generate_series(1, :count::int) as n",
  infinite: "select timestamptz 'infinity' as at",
  nan: "select 'NaN'::numeric(5,2) as amount",
  long: "select repeat('x', 32768) as text",
  twice: "select 1 as a, 2 as a",
};

let resource: Resource;
let url: string;
beforeAll(async () => {
  const root = tempDir();
  const database = await freshDatabase();
  await mkdir(join(root, "queries"));
  for (const [name, sql] of Object.entries(QUERIES)) await writeFile(join(root, "queries", `${name}.sql`), sql);
  resource = (await dataExport.open?.({
    ARTIFACTS_DIR: join(root, "artifacts"),
    DATABASE_URL: "",
    EXPORT_DATABASE_URL: database.url,
    EXPORT_QUERIES_DIR: join(root, "queries"),
    EXPORT_QUERY_TIMEOUT_MS: 20_000,
    ...NO_LINKS,
  })) as Resource;
  url = database.url;
});

async function exported(
  payload: Payload,
  told: number[] = [],
): Promise<{ readonly rows: number; readonly artifact: string; readonly content: Buffer }> {
  expect(dataExport.check?.(payload)).toEqual([]);
  const context = {
    jobId: JOB_ID,
    attempt: 1,
    timeoutMs: 30_000,
    resource,
    signal: new AbortController().signal,
    progress: (percent: number) => void told.push(percent),
    log: () => undefined,
    onThread: noThread,
  };
  const { rows, artifact } = (await dataExport.run(payload, context)) as { rows: number; artifact: string };
  const stored = await resource.store.open({ jobId: JOB_ID, attempt: 1, name: artifact });
  return { rows, artifact, content: await buffer(stored?.read() ?? new Blob([]).stream()) };
}

const textOf = async (payload: Payload): Promise<string> => (await exported(payload)).content.toString();

/** What hyparquet makes of a file. */
async function parquetRows(content: Buffer): Promise<Record<string, unknown>[]> {
  const file = content.buffer.slice(content.byteOffset, content.byteOffset + content.length) as ArrayBuffer;
  return (await parquetReadObjects({ file, utf8: false })) as Record<string, unknown>[];
}

describe("CSV of a query", () => {
  it("is what COPY writes, with CRLF and without formulas", async () => {
    const select = `copy (${TYPES}) to stdout (format csv, header)`;
    const client = new pg.Client({ connectionString: url });
    await client.connect();
    await client.query("set timezone = 'UTC'");
    const copied = (await buffer(client.query(copyTo(select)))).toString();
    await client.end();
    const own = await textOf({ format: "csv", source: { query: "types" } });
    expect(own.replaceAll("'=1+1", "=1+1").replace(/\r\n(?=2,|$|1,)/g, "\n")).toBe(copied);
    expect(own).toContain(`9007199254740993,12345678901234567890.123456789012345678,1234.50,`);
  });

  it("has the delimiter, mark, point, names and formats that were asked for", async () => {
    const columns = [
      { name: "money", as: "Betrag" },
      { name: "exact", decimals: 3 },
      { name: "day", date: "DD.MM.YYYY" },
      { name: "instant", as: "um", date: "DD.MM.YYYYTHH:mm:ss.SSS" },
      "id",
    ];
    const csv = { delimiter: ";", bom: true, decimal: "," } as const;
    expect(await textOf({ format: "csv", source: { query: "types" }, columns, csv, time_zone: "Europe/Berlin" })).toBe(
      "\uFEFFBetrag;exact;day;um;id\r\n1234,50;12345678901234567890,123;29.03.2026;29.03.2026T03:30:00.000;1\r\n;;;;2\r\n",
    );
    const rows = [
      { money: -1234.5, exact: 0.0005, day: "2026-03-29", instant: "2026-03-29T01:30:00Z", id: 1 },
      { day: "never" },
    ];
    expect(
      await textOf({
        format: "csv",
        source: { rows },
        columns,
        csv: { ...csv, header: false },
        time_zone: "Europe/Berlin",
      }),
    ).toBe("\uFEFF-1234,5;0,001;29.03.2026;29.03.2026T03:30:00.000;1\r\n;;never;;\r\n");
  });

  it("may have one name twice, as the query has it", async () => {
    expect(await textOf({ format: "csv", source: { query: "twice" } })).toBe("a,a\r\n1,2\r\n");
  });
});

describe("JSON of a query", () => {
  it("is exact, and has the names and formats that were asked for", async () => {
    const source = { query: "types" };
    const text = await textOf({
      format: "ndjson",
      source,
      columns: ["big", "exact", "list", "doc", { name: "instant", as: "at" }],
      time_zone: "Europe/Berlin",
    });
    expect(text.split("\n")[0]).toBe(
      String.raw`{"big":9007199254740993,"exact":12345678901234567890.123456789012345678,"list":["x",null,"y,\"z"],"doc":{"a": [1,  2]},"at":"2026-03-29T03:30:00+02:00"}`,
    );
    expect(
      JSON.parse(
        await textOf({
          format: "json",
          source,
          columns: [
            { name: "money", decimals: 1 },
            { name: "wall", date: "YYYY" },
          ],
        }),
      ),
    ).toEqual([
      { money: 1234.5, wall: "2026" },
      { money: null, wall: null },
    ]);
  });
});

describe("XLSX", () => {
  it("keeps every value: numbers and times as such, what a spreadsheet would round as text", async () => {
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

  it("takes rows of a payload, with names and formats", async () => {
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

  it("goes on in another sheet where one is full", async () => {
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
  it("has a type for each of Postgres's, and their values to the last digit", async () => {
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

  it("is cut into row groups, and tells its progress", async () => {
    const told: number[] = [];
    const { content, rows } = await exported(
      {
        format: "parquet",
        source: { query: "rows", params: { count: 40_000 } },
        columns: ["id", { name: "total", as: "sum", decimals: 1 }],
      },
      told,
    );
    expect(rows).toBe(40_000);
    const metadata = parquetMetadata(
      content.buffer.slice(content.byteOffset, content.byteOffset + content.length) as ArrayBuffer,
    );
    expect(metadata.num_rows).toBe(40_000n);
    expect(metadata.row_groups.length).toBeGreaterThan(1);
    expect((await parquetRows(content)).at(-1)).toEqual({ id: 40_000, sum: 60_000 });
    expect(told.every((percent) => percent >= 0 && percent <= 99)).toBe(true);
  });

  it("takes rows of a payload: the type of a column follows from its values", async () => {
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
] as const)("fails for good rather than lose a value: %j is %s", async (payload, code) => {
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
] as const)("refuses %j at %s", (fields, path) => {
  const payload = { format: "csv", source: { rows: [] }, ...fields } as unknown as Payload;
  expect(dataExport.check?.(payload)).toEqual([{ path, message: expect.any(String) as string }]);
});

it("writes zstd where Node can, and else refuses it", async () => {
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
