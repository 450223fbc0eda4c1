/** Columns, titles, the formula guard and the text of NULL, in the text formats. */
import { parse as parseCsv } from "csv-parse/sync";
import { Compile } from "typebox/compile";
import { beforeAll, describe, expect, it } from "vitest";
import { type ExportPayload, type ExportRun, openExports } from "../../testing/exports.ts";
import { freshDatabase } from "../../testing/services.ts";
import dataExport from "./data-export.ts";

const validator = Compile(dataExport.payload);

let run: ExportRun["run"];
let exported: ExportRun["exported"];
beforeAll(async () => {
  ({ run, exported } = await openExports((await freshDatabase()).url));
});

describe("columns", () => {
  const long = (last: string): string => "é".repeat(40) + last;

  it("have complete titles in order, even if they are longer than Postgres's names", async () => {
    const columns = [
      { name: "b", as: long('"2') },
      { name: "a", as: long("1") },
    ];
    expect(await exported("select 1 as a, 'x'::text as b", { format: "ndjson", columns })).toBe(
      `{${JSON.stringify(long('"2'))}:"x",${JSON.stringify(long("1"))}:1}\n`,
    );
    expect(parseCsv(await exported("select 1 as a, 'x'::text as b", { format: "csv", columns }))).toEqual([
      [long('"2'), long("1")],
      ["x", "1"],
    ]);
    const many = Array.from({ length: 1_600 }, (_, at) => `c${1_600 - at}`);
    const line = await exported(`select ${many.map((name, at) => `${at} as ${name}`).join(", ")}`, {
      format: "ndjson",
      columns: many.map((name) => ({ name, as: `${"x".repeat(64)}${name}` })),
    });
    expect(Object.entries(JSON.parse(line) as object)).toEqual(
      many.map((name, at) => [`${"x".repeat(64)}${name}`, at]),
    );
  });

  it("are distinguished by their positions if two have the same name", async () => {
    const sql = "select 1 as id, 2 as id, 3 as c1, 4 as id_2, 5 as id";
    expect(await exported(sql, { format: "ndjson" })).toBe('{"id":1,"id_3":2,"c1":3,"id_2":4,"id_4":5}\n');
    expect(await exported(sql, { format: "csv", csv: { delimiter: ";", decimal: "," } })).toBe(
      "id;id;c1;id_2;id\r\n1;2;3;4;5\r\n",
    );
    const columns = ["c1", { name: "id", as: "first" }, { name: "id", as: "second" }, "id"];
    expect(await exported(sql, { format: "json", columns })).toBe('[\n{"c1":3,"first":1,"second":2,"id":5}\n]\n');
    expect(
      await exported("select 7 as a", { format: "ndjson", columns: ["a", { name: "a", as: "b", decimals: 1 }] }),
    ).toBe('{"a":7,"b":7.0}\n');
    await expect(exported("select", { format: "csv" })).rejects.toMatchObject({ code: "export_columns" });
  });

  it("are those of all rows of a payload, if the job asks for it", async () => {
    const rows = [{ a: 1 }, { b: "x", a: 2 }, { __proto__: null, c: [1] }];
    expect(await run({ format: "csv", source: { rows } })).toBe("a\r\n1\r\n2\r\n\r\n");
    expect(await run({ format: "csv", source: { rows, keys: "all" }, csv: { null: "NULL" } })).toBe(
      "a,b,c\r\n1,NULL,NULL\r\n2,x,NULL\r\nNULL,NULL,[1]\r\n",
    );
    expect(dataExport.check?.({ format: "csv", source: { rows, keys: "all" }, columns: ["a"] })).toEqual([
      { path: "/source/keys", message: expect.any(String) as string },
    ]);
  });
});

describe("the formula guard", () => {
  const sql = `select '-Infinity'::float8 as "=f", timestamptz '-infinity' as t, interval '-1 day' as i, ('-' || repeat('9', 70))::numeric as n, -5 as s, '-1.50'::money as m,
    json '-5' as j, '=1'::text as x, xml '=1+1' as xml, '-2'::text as number, '=1'::varchar as v, '=1'::char(2) as c, '-1'::text || repeat('1', 70) as long`;

  it("changes only texts", async () => {
    const n = `-${"9".repeat(70)}`;
    const typed = `-Infinity,-infinity,-1 days,${n},-5,-1.50,-5`;
    expect(await exported(sql, { format: "csv", csv: { header: false } })).toBe(
      `${typed},'=1,'=1+1,-2,'=1,'=1,'-1${"1".repeat(70)}\r\n`,
    );
    expect((await exported(sql, { format: "csv" })).split(",")[0]).toBe("'=f");
    const rows = [{ "=a": "=1", b: -5, c: [1, "=1"], d: "-2", e: "+1+1" }];
    expect(await run({ format: "csv", source: { rows } })).toBe(`'=a,b,c,d,e\r\n'=1,-5,"[1,""=1""]",-2,'+1+1\r\n`);
  });

  it("is turned off for machine readers", async () => {
    expect(await exported("select '=1'::text as \"=f\"", { format: "csv", csv: { formula_guard: false } })).toBe(
      "=f\r\n=1\r\n",
    );
    expect(await run({ format: "csv", source: { rows: [{ "=a": "=1" }] }, csv: { formula_guard: false } })).toBe(
      "=a\r\n=1\r\n",
    );
  });
});

it("writes NULL as configured, and quotes a text that equals it", async () => {
  const sql = "select null::text as a, ''::text as b, 'NULL'::text as c";
  expect(await exported(sql, { format: "csv" })).toBe('a,b,c\r\n,"",NULL\r\n');
  expect(await exported(sql, { format: "csv", csv: { null: "NULL" } })).toBe('a,b,c\r\nNULL,,"NULL"\r\n');
  const rows = [{ a: null, b: "", NULL: "NULL" }];
  expect(await run({ format: "csv", source: { rows }, csv: { null: "NULL" } })).toBe('a,b,"NULL"\r\nNULL,,"NULL"\r\n');
  for (const text of ["=1", "-", 'a"', "a,b"]) {
    const payload: ExportPayload = { format: "csv", source: { rows: [] }, csv: { null: text } };
    expect(validator.Check(payload) && dataExport.check?.(payload).length === 0).toBe(false);
  }
});

it("keeps all digits of a float that is rounded", async () => {
  const sql = "select 123456789.12345678::float8 as a, 1e22::float8 as b, '-0.05'::float4 as c";
  const columns = ["a", "b", "c"].map((name) => ({ name, decimals: name === "c" ? 1 : 7 }));
  expect(await exported(sql, { format: "csv", columns, csv: { header: false } })).toBe(
    "123456789.1234568,10000000000000000000000.0000000,-0.1\r\n",
  );
});
