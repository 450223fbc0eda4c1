/**
 * Every SQL type in every text format, read back by Postgres itself (COPY FROM, json_populate_record) and by an
 * independent reader.
 */
import { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import { parse as parseCsv } from "csv-parse/sync";
import fc from "fast-check";
import { type LosslessNumber, parse } from "lossless-json";
import pg from "pg";
import { from as copyFrom } from "pg-copy-streams";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type ExportPayload, type ExportRun, openExports } from "../../testing/exports.ts";
import { isFull } from "../../testing/full.ts";
import { freshDatabase } from "../../testing/services.ts";
import { COLUMNS, ROWS, SCHEMA, valueRows } from "../../testing/sql-values.ts";

/** Parses JSON in which a key may occur twice, as in a json column. */
const parseJson = (text: string): unknown => parse(text, undefined, { onDuplicateKey: ({ newValue }) => newValue });

const RUNS = isFull ? 150 : 3;

let url: string;
let client: pg.Client;
let run: ExportRun["run"];
let exported: ExportRun["exported"];
beforeAll(async () => {
  url = (await freshDatabase()).url;
  client = new pg.Client({ connectionString: url });
  await client.connect();
  await client.query(SCHEMA);
  ({ run, exported } = await openExports(url));
});
afterAll(() => client.end());

/** Inserts rows into the table of all types: `rows` has an SQL expression for each column. */
async function fill(rows: readonly (readonly string[])[]): Promise<void> {
  await client.query("truncate every");
  for (const row of rows) await client.query(`insert into every values (${row.join(", ")})`);
}

/** The texts of a table's rows, as Postgres prints them. */
async function texts(table: string, columns: readonly string[] = COLUMNS): Promise<(string | null)[][]> {
  await client.query("set timezone = 'UTC'");
  const list = columns
    .map((name) => (name.includes("padded") ? `'|' || concat(${name}, '|')` : `${name}::text`))
    .join(", ");
  return (
    await client.query<(string | null)[]>({
      text: `select ${list} from ${table} order by ${table}.id`,
      rowMode: "array",
    })
  ).rows;
}

async function copyIn(csv: string, options: string): Promise<void> {
  await client.query("truncate again");
  await pipeline(Readable.from([csv]), client.query(copyFrom(`copy again from stdin (format csv, ${options})`)));
}

const SELECT = "select * from every order by id";
/**
 * These columns are compared as JSON: in JSON, NULL is null, and a reader may write the same JSON with other
 * whitespace.
 */
const AS_JSON = ["c_json", "c_jsonb"];
const comparable = COLUMNS.filter((name) => !AS_JSON.includes(name));

/** Checks that the file contains the rows of the table, by two readers of CSV and two of JSON. */
async function isKept(timeZone: string): Promise<void> {
  const csv = await exported(SELECT, {
    format: "csv",
    time_zone: timeZone,
    csv: { null: "\\N", formula_guard: false },
  });
  await copyIn(csv, "header true, null '\\N'");
  const printed = await texts("every");
  expect(await texts("again")).toEqual(printed);
  const cells: string[][] = parseCsv(csv, { record_delimiter: "\r\n" });
  expect(cells[0]).toEqual(COLUMNS);
  const at = COLUMNS.indexOf("c_text");
  expect(cells.slice(1).map((row) => row[at])).toEqual(printed.map((row) => row[at] ?? "\\N"));
  const ndjson = await exported(SELECT, { format: "ndjson", time_zone: timeZone });
  await client.query("truncate again");
  for (const line of ndjson.trimEnd().split("\n"))
    await client.query("insert into again select * from json_populate_record(null::every, $1)", [line]);
  expect(await texts("again", comparable)).toEqual(await texts("every", comparable));
  for (const name of AS_JSON) {
    const json = (table: string): string => `coalesce(${table}.${name}::jsonb, 'null')::text`;
    expect(
      (
        await client.query(
          `select ${json("a")}, ${json("e")} from again a join every e using (id) where ${json("a")} <> ${json("e")}`,
        )
      ).rows,
    ).toEqual([]);
  }
  // The digits of the numbers, by a reader that is not Postgres.
  const objects = parseJson(`[${ndjson.trimEnd().split("\n").join(",")}]`) as Record<string, LosslessNumber | null>[];
  for (const name of ["c_numeric", "c_float8", "c_float4", "c_int8", "c_money"]) {
    const { rows } = await client.query<{ text: string | null }>(
      `select ${name === "c_money" ? "c_money::numeric" : name}::text as text from every order by every.id`,
    );
    expect(objects.map((object) => object[name]?.toString() ?? null)).toEqual(rows.map(({ text }) => text));
  }
  expect(parseJson(await exported(SELECT, { format: "json", time_zone: timeZone }))).toEqual(objects);
}

describe("every SQL type", () => {
  it("is read back from csv, json and ndjson", async () => {
    await fill(ROWS);
    for (const timeZone of ["UTC", "Europe/Berlin"]) await isKept(timeZone);
  });

  it("is read back, whatever its value", { timeout: 600_000 }, async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(valueRows, { minLength: 1, maxLength: 8 }),
        fc.constantFrom("UTC", "Europe/Berlin", "Asia/Kathmandu"),
        async (rows, timeZone) => {
          await fill(rows.map((row, at) => [String(at), ...row]));
          await isKept(timeZone);
        },
      ),
      { numRuns: RUNS },
    );
  });

  it("is written in the same way, whatever the settings of the database and the role", async () => {
    await fill(ROWS);
    const files = (): Promise<string[]> =>
      Promise.all((["csv", "ndjson"] as const).map((format) => exported(SELECT, { format })));
    const before = await files();
    const database = new URL(url).pathname.slice(1);
    const settings = {
      datestyle: "'SQL, DMY'",
      intervalstyle: "'sql_standard'",
      extra_float_digits: "-15",
      bytea_output: "'escape'",
      timezone: "'Asia/Tokyo'",
      client_encoding: "'LATIN1'",
      quote_all_identifiers: "on",
    };
    for (const [name, value] of Object.entries(settings))
      await client.query(`alter database ${database} set ${name} = ${value}`);
    try {
      expect(await files()).toEqual(before);
    } finally {
      for (const name of Object.keys(settings)) await client.query(`alter database ${database} reset ${name}`);
    }
  });
});

describe("a value that a format cannot represent", () => {
  beforeAll(async () => {
    await client.query("create domain ratios as float8[]; create domain checked as point3");
  });

  it.each([
    ["'NaN'::float8", "json"],
    ["'Infinity'::float4", "ndjson"],
    ["'NaN'::numeric", "json"],
    ["'-Infinity'::numeric", "ndjson"],
    ["array[1, 'NaN']::float8[]", "json"],
    ["'{{1,2},{3,NaN}}'::numeric[]", "json"],
    ["row('-Infinity', 'x', 1)::point3", "json"],
    ["array[null, row('NaN', 'x', 1)::point3]", "json"],
    ["row(array[row('NaN', '', 1)::point3], null, null, null, null)::nest", "json"],
    ["array[row(null, row('NaN', '', 1)::point3, null, null, null)::nest]", "json"],
    ["'{1,NaN}'::ratios", "json"],
    ["array['{1,NaN}'::ratios]", "json"],
    ["array[row('NaN'::float8)]", "json"],
    ["row('NaN', '', null)::checked", "json"],
    ["row('NaN'::float8, 1)", "json"],
    ["'[0:1]={1,2}'::int[]", "json"],
    ["'[1:1][2:3]={{1,2}}'::int[]", "json"],
    ["row('[5:5]={x}'::text[])", "json"],
  ] as const)("fails the job with export_value: %s", async (value, format) => {
    const sql = `select 1 as id, ${value} as "the value"`;
    const message = expect.stringMatching(
      /^JSON cannot represent this value of column the value: .*\. Cast it in the query, for example to text\.$/s,
    ) as string;
    const rejected = { name: "PermanentError", code: "export_value", message };
    await expect(exported(sql, { format })).rejects.toMatchObject(rejected);
    await expect(
      exported(sql, { format, columns: ["id", { name: "the value", as: "x".repeat(64) }] }),
    ).rejects.toMatchObject(rejected);
    const { rows } = await client.query<{ text: string }>(`select (${value})::text as text`);
    expect(parseCsv(await exported(sql, { format: "csv" }))).toEqual([
      ["id", "the value"],
      ["1", rows[0]?.text],
    ]);
    expect(parseJson(await exported(`select (${value})::text as v`, { format: "json" }))).toEqual([
      { v: rows[0]?.text },
    ]);
  });

  it("does not fail a job if it is in a row that the query excludes, or is a text", async () => {
    const sql =
      "select x::float8 as x, x as t, row(x, 'NaN'::text) is null as r from unnest(array['1', 'NaN', 'Infinity']) as u (x)";
    expect(await exported(`${sql} where x::float8 < 'Infinity'`, { format: "ndjson" })).toBe(
      '{"x":1,"t":"1","r":false}\n',
    );
    expect(await exported(`${sql} order by x limit 1`, { format: "ndjson", columns: ["t", "x"] })).toBe(
      '{"t":"1","x":1}\n',
    );
    expect(
      await exported(
        "select 'NaN' as t, array['Infinity'] as list, null::point3 as p, null::point3[] as ps, '{}'::int[] as e, array[row(1, 'x')] as r",
        { format: "ndjson" },
      ),
    ).toBe('{"t":"NaN","list":["Infinity"],"p":null,"ps":null,"e":[],"r":[{"f1":1,"f2":"x"}]}\n');
  });

  it("is a year before Christ in a date pattern", async () => {
    const payload: Omit<ExportPayload, "source"> = { format: "csv", columns: [{ name: "d", date: "YYYY-MM-DD" }] };
    for (const value of ["date '0001-12-31 BC'", "timestamp '4713-01-01 BC'", "timestamptz '0001-01-01 00:00:00+12'"]) {
      await expect(exported(`select ${value} as d`, payload)).rejects.toMatchObject({
        code: "export_value",
        message: expect.stringContaining("A date pattern cannot represent") as string,
      });
    }
    expect(
      await exported("select unnest(array[date '0001-01-01', '-infinity', '12345-01-02', null]) as d", payload),
    ).toBe("d\r\n0001-01-01\r\n-infinity\r\n12345-01-02\r\n\r\n");
    const rows = async (d: string, time_zone: string): Promise<string> =>
      run({ ...payload, source: { rows: [{ d }] }, time_zone });
    await expect(rows("9999-12-31T23:59:59Z", "Europe/Berlin")).rejects.toMatchObject({ code: "export_value" });
    await expect(rows("0001-01-01T00:00:00Z", "America/New_York")).rejects.toMatchObject({ code: "export_value" });
    expect(await rows("0050-07-01T00:00:00Z", "Europe/Berlin")).toBe("d\r\n0050-07-01\r\n");
    expect(await rows("2026-02-30", "UTC")).toBe("d\r\n2026-02-30\r\n"); // not a date, so the text is unchanged
    expect(await rows("2026-02-30T00:00:00Z", "UTC")).toBe("d\r\n2026-02-30T00:00:00Z\r\n");
  });

  it("is text that is not valid UTF-8", async () => {
    const name = `ascii_${Date.now()}`;
    await client.query(
      `create database ${name} encoding 'SQL_ASCII' lc_collate 'C' lc_ctype 'C' locale_provider libc template template0`,
    );
    const ascii = new URL(url);
    ascii.pathname = `/${name}`;
    try {
      const other = await openExports(ascii.href);
      expect(await other.exported("select convert_from('\\xc3a9', 'SQL_ASCII') as t", { format: "csv" })).toBe(
        "t\r\né\r\n",
      );
      for (const format of ["csv", "json", "xlsx"] as const) {
        await expect(
          other.exported("select convert_from('\\xe9', 'SQL_ASCII') as t", { format }),
        ).rejects.toMatchObject({ code: "export_value", message: expect.stringContaining("UTF-8") as string });
      }
    } finally {
      await client.query(`drop database ${name} with (force)`);
    }
    await expect(run({ format: "csv", source: { rows: [{ a: "x\ud800" }] } })).rejects.toMatchObject({
      code: "export_value",
    });
  });
});
