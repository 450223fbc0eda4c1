/** Every SQL type in every text format, read back by Postgres itself (COPY FROM, json_populate_record) and by a reader of another kind. */
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { Readable } from "node:stream";
import { buffer } from "node:stream/consumers";
import { pipeline } from "node:stream/promises";
import { parse as parseCsv } from "csv-parse/sync";
import fc from "fast-check";
import { parse } from "lossless-json";
import pg from "pg";
import { from as copyFrom } from "pg-copy-streams";
import { Compile } from "typebox/compile";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { AttemptContext } from "../core/job-type.ts";
import { noThread } from "../testing/no-thread.ts";
import { freshDatabase, tempDir } from "../testing/services.ts";
import { COLUMNS, ROWS, SCHEMA, valueRows } from "../testing/sql-values.ts";
import dataExport from "./data-export.ts";

type Payload = Parameters<typeof dataExport.run>[0];
type Tool = AttemptContext<Awaited<ReturnType<NonNullable<typeof dataExport.open>>>>["tool"];

/** A json column may have one key twice. */
const parseJson = (text: string): unknown => parse(text, undefined, { onDuplicateKey: ({ newValue }) => newValue });

const validator = Compile(dataExport.payload);
const JOB_ID = "01890a5d-ac96-7000-babc-b302099a8057";
const RUNS = process.env.TEST_FULL === undefined ? 3 : 150;

let url: string;
let client: pg.Client;
let queries: string;
let tool: Tool;
beforeAll(async () => {
  url = (await freshDatabase()).url;
  client = new pg.Client({ connectionString: url });
  await client.connect();
  await client.query(SCHEMA);
  queries = join(tempDir(), "queries");
  mkdirSync(queries);
  tool = await openTool(url);
});
afterAll(() => client.end());

async function openTool(database: string): Promise<Tool> {
  const settings = { ARTIFACTS_DIR: tempDir(), DATABASE_URL: database, EXPORT_DATABASE_URL: "", EXPORT_QUERIES_DIR: queries, EXPORT_QUERY_TIMEOUT_MS: 20_000 };
  return (await dataExport.open?.({ ...settings, ARTIFACT_LINK_SECRET: "", ARTIFACT_LINK_TTL: 60, PUBLIC_URL: "" })) as Tool;
}

async function exported(sql: string, payload: Omit<Payload, "source">, by = tool): Promise<string> {
  writeFileSync(join(queries, "q.sql"), sql);
  return run({ ...payload, source: { query: "q" } }, by);
}

async function run(payload: Payload, by = tool): Promise<string> {
  expect(dataExport.check?.(payload)).toEqual([]);
  const context = { jobId: JOB_ID, attempt: 1, timeoutMs: 30_000, tool: by, signal: new AbortController().signal, progress: () => undefined, log: () => undefined, onThread: noThread };
  const { artifact } = (await dataExport.run(payload, context)) as { artifact: string };
  const stored = await by.store.open({ jobId: JOB_ID, attempt: 1, name: artifact });
  return (await buffer(stored?.read() ?? new Blob([]).stream())).toString();
}

/** Puts rows into the table of all types: `rows` has an SQL expression for each column. */
async function fill(rows: readonly (readonly string[])[]): Promise<void> {
  await client.query("truncate every");
  for (const row of rows) await client.query(`insert into every values (${row.join(", ")})`);
}

/** The texts of a table's rows, as Postgres prints them. */
async function texts(table: string, columns: readonly string[] = COLUMNS): Promise<(string | null)[][]> {
  await client.query("set timezone = 'UTC'");
  const list = columns.map((name) => (name.includes("padded") ? `'|' || concat(${name}, '|')` : `${name}::text`)).join(", ");
  return (await client.query<(string | null)[]>({ text: `select ${list} from ${table} order by ${table}.id`, rowMode: "array" })).rows;
}

async function copyIn(csv: string, options: string): Promise<void> {
  await client.query("truncate again");
  await pipeline(Readable.from([csv]), client.query(copyFrom(`copy again from stdin (format csv, ${options})`)));
}

const SELECT = "select * from every order by id";
/** Read from JSON, these are compared as JSON: NULL is null there, and a reader may write the same JSON with other spaces. */
const AS_JSON = ["c_json", "c_jsonb"];
const comparable = COLUMNS.filter((name) => !AS_JSON.includes(name));

/** The rows of the table are in the file: two readers of CSV and two of JSON find them all. */
async function isKept(timeZone: string): Promise<void> {
  const csv = await exported(SELECT, { format: "csv", time_zone: timeZone, csv: { null: "\\N", formula_guard: false } });
  await copyIn(csv, "header true, null '\\N'");
  const printed = await texts("every");
  expect(await texts("again")).toEqual(printed);
  const cells: string[][] = parseCsv(csv, { record_delimiter: "\r\n" });
  expect(cells[0]).toEqual(COLUMNS);
  const at = COLUMNS.indexOf("c_text");
  expect(cells.slice(1).map((row) => row[at])).toEqual(printed.map((row) => row[at] ?? "\\N"));
  const ndjson = await exported(SELECT, { format: "ndjson", time_zone: timeZone });
  await client.query("truncate again");
  for (const line of ndjson.trimEnd().split("\n")) await client.query("insert into again select * from json_populate_record(null::every, $1)", [line]);
  expect(await texts("again", comparable)).toEqual(await texts("every", comparable));
  for (const name of AS_JSON) {
    const json = (table: string): string => `coalesce(${table}.${name}::jsonb, 'null')::text`;
    expect((await client.query(`select ${json("a")}, ${json("e")} from again a join every e using (id) where ${json("a")} <> ${json("e")}`)).rows).toEqual([]);
  }
  // The digits of the numbers, by a reader that is not Postgres.
  const objects = parseJson(`[${ndjson.trimEnd().split("\n").join(",")}]`) as Record<string, unknown>[];
  for (const name of ["c_numeric", "c_float8", "c_float4", "c_int8", "c_money"]) {
    const { rows } = await client.query<{ text: string | null }>(`select ${name === "c_money" ? "c_money::numeric" : name}::text as text from every order by every.id`);
    expect(objects.map((object) => (object[name] === null ? null : String(object[name])))).toEqual(rows.map(({ text }) => text));
  }
  expect(parseJson(await exported(SELECT, { format: "json", time_zone: timeZone }))).toEqual(objects);
}

describe("every SQL type", () => {
  it("comes back from csv, json and ndjson", async () => {
    await fill(ROWS);
    for (const timeZone of ["UTC", "Europe/Berlin"]) await isKept(timeZone);
  });

  it("comes back, whatever its value", { timeout: 600_000 }, async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(valueRows, { minLength: 1, maxLength: 8 }), fc.constantFrom("UTC", "Europe/Berlin", "Asia/Kathmandu"), async (rows, timeZone) => {
        await fill(rows.map((row, at) => [String(at), ...row]));
        await isKept(timeZone);
      }),
      { numRuns: RUNS },
    );
  });

  it("is written in the same way, whatever the database and the role have set", async () => {
    await fill(ROWS);
    const files = (): Promise<string[]> => Promise.all((["csv", "ndjson"] as const).map((format) => exported(SELECT, { format })));
    const before = await files();
    const database = new URL(url).pathname.slice(1);
    const settings = {
      datestyle: "'SQL, DMY'", intervalstyle: "'sql_standard'", extra_float_digits: "-15", bytea_output: "'escape'", timezone: "'Asia/Tokyo'",
      client_encoding: "'LATIN1'", quote_all_identifiers: "on",
    };
    for (const [name, value] of Object.entries(settings)) await client.query(`alter database ${database} set ${name} = ${value}`);
    try {
      expect(await files()).toEqual(before);
    } finally {
      for (const name of Object.keys(settings)) await client.query(`alter database ${database} reset ${name}`);
    }
  });
});

describe("a value that a format cannot hold", () => {
  it.each([
    ["'NaN'::float8", "json"], ["'Infinity'::float4", "ndjson"], ["'NaN'::numeric", "json"], ["'-Infinity'::numeric", "ndjson"], ["array[1, 'NaN']::float8[]", "json"],
    ["'{{1,2},{3,NaN}}'::numeric[]", "json"], ["row('-Infinity', 'x', 1)::point3", "json"], ["array[null, row('NaN', 'x', 1)::point3]", "json"],
    ["row(array[row('NaN', '', 1)::point3], null, null, null, null)::nest", "json"], ["array[row(null, row('NaN', '', 1)::point3, null, null, null)::nest]", "json"],
    ["row('NaN'::float8, 1)", "json"], ["'[0:1]={1,2}'::int[]", "json"], ["'[1:1][2:3]={{1,2}}'::int[]", "json"], ["row('[5:5]={x}'::text[])", "json"],
  ] as const)("fails the job with export_value: %s", async (value, format) => {
    const sql = `select 1 as id, ${value} as "the value"`;
    const message = expect.stringMatching(/^JSON cannot hold this value of column the value: .*\. Cast it in the query, for example to text\.$/s) as string;
    const rejected = { name: "PermanentError", code: "export_value", message };
    await expect(exported(sql, { format })).rejects.toMatchObject(rejected);
    await expect(exported(sql, { format, columns: ["id", { name: "the value", as: "x".repeat(64) }] })).rejects.toMatchObject(rejected);
    const { rows } = await client.query<{ text: string }>(`select (${value})::text as text`);
    expect(parseCsv(await exported(sql, { format: "csv" }))).toEqual([["id", "the value"], ["1", rows[0]?.text]]);
    expect(parseJson(await exported(`select (${value})::text as v`, { format: "json" }))).toEqual([{ v: rows[0]?.text }]);
  });

  it("does not fail a job for a row that the query leaves out, or for a text", async () => {
    const sql = "select x::float8 as x, x as t, row(x, 'NaN'::text) is null as r from unnest(array['1', 'NaN', 'Infinity']) as u (x)";
    expect(await exported(`${sql} where x::float8 < 'Infinity'`, { format: "ndjson" })).toBe('{"x":1,"t":"1","r":false}\n');
    expect(await exported(`${sql} order by x limit 1`, { format: "ndjson", columns: ["t", "x"] })).toBe('{"t":"1","x":1}\n');
    expect(await exported("select 'NaN' as t, array['Infinity'] as list, null::point3 as p, null::point3[] as ps, '{}'::int[] as e", { format: "ndjson" })).toBe('{"t":"NaN","list":["Infinity"],"p":null,"ps":null,"e":[]}\n');
  });

  it("is a year before Christ in a date pattern", async () => {
    const payload: Omit<Payload, "source"> = { format: "csv", columns: [{ name: "d", date: "YYYY-MM-DD" }] };
    for (const value of ["date '0001-12-31 BC'", "timestamp '4713-01-01 BC'", "timestamptz '0001-01-01 00:00:00+12'"]) {
      await expect(exported(`select ${value} as d`, payload)).rejects.toMatchObject({ code: "export_value", message: expect.stringContaining("A date pattern cannot hold") as string });
    }
    expect(await exported("select unnest(array[date '0001-01-01', '-infinity', '12345-01-02', null]) as d", payload)).toBe("d\r\n0001-01-01\r\n-infinity\r\n12345-01-02\r\n\r\n");
    const rows = async (d: string, time_zone: string): Promise<string> => run({ ...payload, source: { rows: [{ d }] }, time_zone });
    await expect(rows("9999-12-31T23:59:59Z", "Europe/Berlin")).rejects.toMatchObject({ code: "export_value" });
    await expect(rows("0001-01-01T00:00:00Z", "America/New_York")).rejects.toMatchObject({ code: "export_value" });
    expect(await rows("0050-07-01T00:00:00Z", "Europe/Berlin")).toBe("d\r\n0050-07-01\r\n");
    expect(await rows("2026-02-30", "UTC")).toBe("d\r\n2026-02-30\r\n"); // no day: the text stays
    expect(await rows("2026-02-30T00:00:00Z", "UTC")).toBe("d\r\n2026-02-30T00:00:00Z\r\n");
  });

  it("is text that is no UTF-8", async () => {
    const name = `ascii_${Date.now()}`;
    await client.query(`create database ${name} encoding 'SQL_ASCII' lc_collate 'C' lc_ctype 'C' locale_provider libc template template0`);
    const ascii = new URL(url);
    ascii.pathname = `/${name}`;
    try {
      const other = await openTool(ascii.href);
      expect(await exported("select convert_from('\\xc3a9', 'SQL_ASCII') as t", { format: "csv" }, other)).toBe("t\r\né\r\n");
      for (const format of ["csv", "json", "xlsx"] as const) {
        await expect(exported("select convert_from('\\xe9', 'SQL_ASCII') as t", { format }, other)).rejects.toMatchObject({ code: "export_value", message: expect.stringContaining("UTF-8") as string });
      }
    } finally {
      await client.query(`drop database ${name} with (force)`);
    }
    await expect(run({ format: "csv", source: { rows: [{ a: "x\ud800" }] } })).rejects.toMatchObject({ code: "export_value" });
  });
});

describe("columns", () => {
  const long = (last: string): string => "é".repeat(40) + last;

  it("have their titles whole and in order, longer than Postgres's names too", async () => {
    const columns = [{ name: "b", as: long('"2') }, { name: "a", as: long("1") }];
    expect(await exported("select 1 as a, 'x'::text as b", { format: "ndjson", columns })).toBe(`{${JSON.stringify(long('"2'))}:"x",${JSON.stringify(long("1"))}:1}\n`);
    expect(parseCsv(await exported("select 1 as a, 'x'::text as b", { format: "csv", columns }))).toEqual([[long('"2'), long("1")], ["x", "1"]]);
    const many = Array.from({ length: 1_600 }, (_, at) => `c${1_600 - at}`);
    const line = await exported(`select ${many.map((name, at) => `${at} as ${name}`).join(", ")}`, { format: "ndjson", columns: many.map((name) => ({ name, as: `${"x".repeat(64)}${name}` })) });
    expect(Object.entries(JSON.parse(line) as object)).toEqual(many.map((name, at) => [`${"x".repeat(64)}${name}`, at]));
  });

  it("are told apart by their positions where two have one name", async () => {
    const sql = "select 1 as id, 2 as id, 3 as c1, 4 as id_2, 5 as id";
    expect(await exported(sql, { format: "ndjson" })).toBe('{"id":1,"id_3":2,"c1":3,"id_2":4,"id_4":5}\n');
    expect(await exported(sql, { format: "csv", csv: { delimiter: ";", decimal: "," } })).toBe("id;id;c1;id_2;id\r\n1;2;3;4;5\r\n");
    const columns = ["c1", { name: "id", as: "first" }, { name: "id", as: "second" }, "id"];
    expect(await exported(sql, { format: "json", columns })).toBe('[\n{"c1":3,"first":1,"second":2,"id":5}\n]\n');
    expect(await exported("select 7 as a", { format: "ndjson", columns: ["a", { name: "a", as: "b", decimals: 1 }] })).toBe('{"a":7,"b":7.0}\n');
    await expect(exported("select", { format: "csv" })).rejects.toMatchObject({ code: "export_columns" });
  });

  it("are those of all rows of a payload, if asked", async () => {
    const rows = [{ a: 1 }, { b: "x", a: 2 }, { __proto__: null, c: [1] }];
    expect(await run({ format: "csv", source: { rows } })).toBe("a\r\n1\r\n2\r\n\r\n");
    expect(await run({ format: "csv", source: { rows, keys: "all" }, csv: { null: "NULL" } })).toBe("a,b,c\r\n1,NULL,NULL\r\n2,x,NULL\r\nNULL,NULL,[1]\r\n");
    expect(dataExport.check?.({ format: "csv", source: { rows, keys: "all" }, columns: ["a"] })).toEqual([{ path: "/source/keys", message: expect.any(String) as string }]);
  });
});

describe("the formula guard", () => {
  const sql = `select '-Infinity'::float8 as "=f", timestamptz '-infinity' as t, interval '-1 day' as i, ('-' || repeat('9', 70))::numeric as n, -5 as s, '-1.50'::money as m,
    json '-5' as j, '=1'::text as x, '=1+1'::mood as e, xml '=1+1' as xml, '-2'::text as number, '=1'::varchar as v, '=1'::char(2) as c, '-1'::text || repeat('1', 70) as long`;

  it("changes texts alone", async () => {
    const n = `-${"9".repeat(70)}`;
    const typed = `-Infinity,-infinity,-1 days,${n},-5,-1.50,-5`;
    expect(await exported(sql, { format: "csv", csv: { header: false } })).toBe(`${typed},'=1,'=1+1,'=1+1,-2,'=1,'=1,'-1${"1".repeat(70)}\r\n`);
    expect((await exported(sql, { format: "csv" })).split(",")[0]).toBe("'=f");
    const rows = [{ "=a": "=1", b: -5, c: [1, "=1"], d: "-2", e: "+1+1" }];
    expect(await run({ format: "csv", source: { rows } })).toBe(`'=a,b,c,d,e\r\n'=1,-5,"[1,""=1""]",-2,'+1+1\r\n`);
  });

  it("is turned off for machine readers", async () => {
    expect(await exported("select '=1'::text as \"=f\"", { format: "csv", csv: { formula_guard: false } })).toBe("=f\r\n=1\r\n");
    expect(await run({ format: "csv", source: { rows: [{ "=a": "=1" }] }, csv: { formula_guard: false } })).toBe("=a\r\n=1\r\n");
  });
});

it("writes NULL as asked, and quotes a text that equals it", async () => {
  const sql = "select null::text as a, ''::text as b, 'NULL'::text as c";
  expect(await exported(sql, { format: "csv" })).toBe('a,b,c\r\n,"",NULL\r\n');
  expect(await exported(sql, { format: "csv", csv: { null: "NULL" } })).toBe('a,b,c\r\nNULL,,"NULL"\r\n');
  const rows = [{ a: null, b: "", NULL: "NULL" }];
  expect(await run({ format: "csv", source: { rows }, csv: { null: "NULL" } })).toBe('a,b,"NULL"\r\nNULL,,"NULL"\r\n');
  for (const text of ["=1", "-", 'a"', "a,b"]) {
    const payload: Payload = { format: "csv", source: { rows: [] }, csv: { null: text } };
    expect(validator.Check(payload) && dataExport.check?.(payload).length === 0).toBe(false);
  }
});

it("keeps all digits of a float that is rounded", async () => {
  const sql = "select 123456789.12345678::float8 as a, 1e22::float8 as b, '-0.05'::float4 as c";
  const columns = ["a", "b", "c"].map((name) => ({ name, decimals: name === "c" ? 1 : 7 }));
  expect(await exported(sql, { format: "csv", columns, csv: { header: false } })).toBe("123456789.1234568,10000000000000000000000.0000000,-0.1\r\n");
});
