import { once } from "node:events";
import { readdirSync } from "node:fs";
import { join } from "node:path";
import { Readable } from "node:stream";
import { gunzipSync } from "node:zlib";
import pg from "pg";
import { readSheet } from "read-excel-file/node";
import { describe, expect, it } from "vitest";
import { RetryableError } from "../../core/job-type.ts";
import { exportConnections, type Payload, type Resource, setup, validator } from "../../testing/export-attempts.ts";
import dataExport from "./data-export.ts";

describe("data_export of rows", () => {
  it("accepts its own examples, and runs them", async () => {
    const { run, fileOf } = await setup();
    const [csv, ndjson, xlsx] = (dataExport.payload as unknown as { examples: [Payload, Payload, Payload] }).examples;
    const first = await run(csv);
    expect(first).toMatchObject({ artifact: "customers.csv", rows: 2 });
    expect((await fileOf(first)).toString()).toBe("id,name,balance\r\n1,Ada,-2\r\n2,Grace,40.5\r\n");
    const second = await run(ndjson);
    expect(second).toMatchObject({ artifact: "export.ndjson.gz", rows: 1 });
    expect(gunzipSync(await fileOf(second)).toString()).toBe('{"id":1}\n');
    expect(await readSheet(await fileOf(await run(xlsx)))).toEqual([
      ["id", "Paid at", "total"],
      [1, new Date("2026-01-31T13:00:00Z"), 9.5],
    ]);
  });

  it("writes CSV without formulas, which can be read back", async () => {
    const { textOf } = await setup();
    const rows = [
      { "=a": "=HYPERLINK(1)", b: 'say "hi", twice', c: { d: [1] } },
      { b: "two\nlines", c: true, ignored: 1 },
      { "=a": "", b: null, c: "-2+3" },
    ];
    expect(await textOf({ format: "csv", source: { rows } })).toBe(
      `'=a,b,c\r\n'=HYPERLINK(1),"say ""hi"", twice","{""d"":[1]}"\r\n,"two\nlines",true\r\n"",,'-2+3\r\n`,
    );
    expect(await textOf({ format: "csv", source: { rows }, columns: ["c", "none"] })).toBe(
      `c,none\r\n"{""d"":[1]}",\r\ntrue,\r\n'-2+3,\r\n`,
    );
    expect(await textOf({ format: "csv", source: { rows: [] } })).toBe("");
    expect(await textOf({ format: "csv", source: { rows: [] }, columns: ["a"] })).toBe("a\r\n");
  });

  it("writes JSON and NDJSON, each row unchanged or with the requested columns", async () => {
    const { textOf } = await setup();
    const rows = JSON.parse('[{"a":1,"__proto__":"x"},{"b":[null],"a":"\\n"}]') as Record<string, unknown>[];
    expect(await textOf({ format: "ndjson", source: { rows } })).toBe(
      '{"a":1,"__proto__":"x"}\n{"b":[null],"a":"\\n"}\n',
    );
    const picked = await textOf({ format: "json", source: { rows }, columns: ["b", "__proto__"] });
    expect(picked).toBe('[\n{"b":null,"__proto__":"x"}\n,{"b":[null],"__proto__":null}\n]\n');
    expect(JSON.parse(await textOf({ format: "json", source: { rows } }))).toEqual(rows);
    expect(await textOf({ format: "json", source: { rows: [] } })).toBe("[]\n");
  });

  it("writes many rows", async () => {
    const { run, fileOf } = await setup();
    const rows = Array.from({ length: 20_000 }, (_, i) => ({ id: i, name: `customer ${i}` }));
    const result = await run({ format: "csv", source: { rows }, gzip: true });
    expect(result.rows).toBe(rows.length);
    expect(gunzipSync(await fileOf(result)).toString()).toBe(
      `id,name\r\n${rows.map(({ id, name }) => `${id},${name}\r\n`).join("")}`,
    );
  });

  it.each([
    [{ format: "csv" }, "export.csv"],
    [{ format: "csv", filename: "report" }, "report.csv"],
    [{ format: "json", filename: "report.csv" }, "report.csv.json"],
    [{ format: "csv", filename: "report.csv", gzip: true }, "report.csv.gz"],
    [{ format: "csv", filename: "report.csv.gz", gzip: true }, "report.csv.gz"],
    [{ format: "csv", filename: "report.gz" }, "report.csv"],
    [{ format: "ndjson", filename: "x".repeat(112), gzip: true }, `${"x".repeat(112)}.ndjson.gz`],
  ] as const)("names the file of %j %s", async (fields, artifact) => {
    const { run } = await setup();
    expect(await run({ ...fields, source: { rows: [] } })).toMatchObject({ artifact, rows: 0 });
  });

  it.each([
    [{ filename: "../x.csv" }],
    [{ filename: ".hidden" }],
    [{ filename: "" }],
    [{ format: "xml" }],
    [{ columns: [] }],
    [{ source: { jobs: { colour: "red" } } }],
    [{ source: { rows: [1] } }],
    [{ source: { query: "../x" } }],
    [{ source: { query: "x", params: { a: {} } } }],
    [{ source: { query: "x", rows: [] } }],
    [{ extra: 1 }],
  ])("rejects %j", (fields) => expect(validator.Check({ format: "csv", source: { rows: [] }, ...fields })).toBe(false));

  it("stores no part of a file for which the disk has no space", async () => {
    const { resource, run, root } = await setup();
    const full: Resource["store"] = {
      ...resource.store,
      write: (key, source) => {
        const full = Readable.from(
          (async function* () {
            for await (const chunk of source as Readable) yield chunk as Buffer;
            throw Object.assign(new Error("write"), { code: "ENOSPC" });
          })(),
        );
        return resource.store.write(key, full);
      },
    };
    const thrown: unknown = await run({ format: "csv", source: { rows: [{ a: 1 }] } }, full).catch(
      (error: unknown) => error,
    );
    expect(thrown).toBeInstanceOf(RetryableError);
    expect(thrown).toMatchObject({ code: "disk_full" });
    expect(readdirSync(join(root, "artifacts"))).toEqual(["tmp"]);
  });
});

describe("data_export of a query", () => {
  const people = `
    select id, name, born, paid, note -- people;
    from (values (1, 'Ada', timestamptz '1815-12-10 12:00+02', true, json '{"a":\n1}'), (-2, '=Grace', null, false, '"\u2028\\n"')) as p(id, name, born, paid, note)
    where name <> :name and id < :limit::int order by id desc;`;

  it("has its columns, its order and its parameters", async () => {
    const { textOf, run, database } = await setup({ people });
    const source = { query: "people", params: { name: "it's", limit: 5 } };
    expect(await run({ format: "csv", source })).toMatchObject({ rows: 2 });
    expect(await textOf({ format: "csv", source })).toBe(
      `id,name,born,paid,note\r\n1,Ada,1815-12-10 10:00:00+00,t,"{""a"":\n1}"\r\n-2,'=Grace,,f,"""\u2028\\n"""\r\n`,
    );
    expect(
      await textOf({
        format: "csv",
        source: { ...source, params: { name: "Ada", limit: 5 } },
        columns: ["name", "id"],
      }),
    ).toBe("name,id\r\n'=Grace,-2\r\n");
    expect(await textOf({ format: "csv", source: { ...source, params: { name: null, limit: 5 } } })).toBe(
      "id,name,born,paid,note\r\n",
    );
    const ndjson = await textOf({ format: "ndjson", source });
    expect(
      ndjson
        .split("\n")
        .slice(0, -1)
        .map((line) => JSON.parse(line) as unknown),
    ).toEqual([
      { id: 1, name: "Ada", born: "1815-12-10T10:00:00+00:00", paid: true, note: { a: 1 } },
      { id: -2, name: "=Grace", born: null, paid: false, note: "\u2028\n" },
    ]);
    expect(JSON.parse(await textOf({ format: "json", source, columns: ["id"] }))).toEqual([{ id: 1 }, { id: -2 }]);
    expect(await exportConnections(database)).toBe(0);
  });

  it("streams results that are larger than one piece", async () => {
    const { run, fileOf } = await setup({
      many: "select i as id, repeat('x', 100) as text from generate_series(1, :rows::int) as i",
    });
    const result = await run({ format: "csv", source: { query: "many", params: { rows: 50_000 } } });
    expect(result.rows).toBe(50_000);
    const lines = (await fileOf(result)).toString().split("\r\n");
    expect(lines).toHaveLength(50_002);
    expect(lines[50_000]).toBe(`50000,${"x".repeat(100)}`);
  });

  it.each([
    ["none", undefined, "query_unknown"],
    ["people", { name: "a" }, "query_params"],
    ["people", { name: "a", limit: 1, more: 1 }, "query_params"],
    ["people", { name: "a", limit: "many" }, "query_failed"],
    ["broken", undefined, "query_failed"],
    ["writing", undefined, "query_failed"],
    ["late", undefined, "query_failed"],
    ["slow", undefined, "query_timeout"],
  ])("fails permanently: %s with %j is %s", async (query, params, code) => {
    const { failureOf, database } = await setup(
      {
        people,
        broken: "select 1 as a from nowhere",
        writing: "select nextval(pg_get_serial_sequence('t', 'id'))",
        late: "select 1 / (200000 - i) as a from generate_series(1, 300000) as i",
        slow: "select i, pg_sleep(0.01) from generate_series(1, 100000) as i",
      },
      query === "slow" ? 300 : 20_000,
    );
    const source = params === undefined ? { query } : { query, params };
    expect(await failureOf({ format: "csv", source })).toMatchObject({ name: "PermanentError", code });
    expect(await exportConnections(database)).toBe(0);
  });

  it("cannot write to the database, whatever it calls", async () => {
    const { failureOf, database } = await setup({ writing: "select leak() as a" });
    const client = new pg.Client({ connectionString: database });
    await client.connect();
    await client.query(
      "create table t (a int); create function leak() returns int language sql as 'insert into t values (1) returning a'",
    );
    expect(await failureOf({ format: "csv", source: { query: "writing" } })).toMatchObject({ code: "query_failed" });
    expect((await client.query("select * from t")).rows).toEqual([]);
    await client.end();
  });

  it("is retried if the database is unavailable, or becomes so during the export", async () => {
    const { failureOf, resource, database } = await setup({
      slow: "select i, pg_sleep(0.01) from generate_series(1, 100000) as i",
    });
    const payload: Payload = { format: "csv", source: { query: "slow" } };
    const running = failureOf(payload);
    const client = new pg.Client({ connectionString: database });
    await client.connect();
    const terminate =
      "select pg_terminate_backend(pid) from pg_stat_activity where query like 'copy%' and datname = current_database()";
    while ((await client.query(terminate)).rowCount === 0);
    await client.end();
    expect(await running).toMatchObject({ code: "57P01" });
    (resource.queries as { DATABASE_URL: string }).DATABASE_URL = "postgres://127.0.0.1:1/none";
    expect(await failureOf(payload)).toMatchObject({ code: "ECONNREFUSED" });
    (resource.queries as { DATABASE_URL: string }).DATABASE_URL = "";
    expect(await failureOf(payload)).toMatchObject({ name: "PermanentError", code: "query_unavailable" });
  });

  it("is stopped if its file cannot be written", async () => {
    const { resource, run, database } = await setup({
      endless: "select generate_series(1, 100000000) as i, repeat('x', 1000) as text",
    });
    const failing: Resource["store"] = {
      ...resource.store,
      write: async (_key, source) => {
        await once(source as Readable, "readable");
        (source as Readable).destroy();
        throw new RetryableError("no room", { code: "disk_full" });
      },
    };
    await expect(run({ format: "csv", source: { query: "endless" }, gzip: true }, failing)).rejects.toMatchObject({
      code: "disk_full",
    });
    for (let connections = 1; connections > 0; ) connections = await exportConnections(database);
  });
});
