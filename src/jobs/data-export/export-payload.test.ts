import { mkdirSync, mkdtempSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { compileValidator } from "../../core/validator.ts";
import { exportPayload, issuesOfExport, issuesOfQuery } from "./export-payload.ts";

const validator = compileValidator(exportPayload);
const issuesOf = (fields: object): string[] => {
  const payload = { format: "csv", source: { rows: [] }, ...fields };
  return (validator.isValid(payload) ? issuesOfExport(payload) : validator.issuesOf(payload)).map(
    ({ path, message }) => `${path} ${message}`,
  );
};

describe("the payload of data_export", () => {
  it.each([
    [["a", "a"], ["/columns/1 another column has the same name in the file"]],
    [
      ["a", { name: "b", as: "a" }, "c", "c"],
      [
        "/columns/1 another column has the same name in the file",
        "/columns/3 another column has the same name in the file",
      ],
    ],
    [
      [
        { name: "a", as: "x" },
        { name: "a", as: "y" },
      ],
      [],
    ],
    [["a\0"], ["/columns/0 has a NUL character"]],
    [
      ["a", { name: "b", as: "\0" }, { name: "\0", as: "b" }],
      ["/columns/1 has a NUL character", "/columns/2 has a NUL character"],
    ],
    [Array<string>(1_601).fill("a"), ["/columns expected at most 1600 items"]],
  ])("has columns that can be combined: case %#", (columns, expected) =>
    expect(issuesOf({ columns })).toEqual(expected),
  );

  it("has columns without control characters, in their names and in the file, and in rows that name them", () => {
    const controls = Array.from({ length: 0xa0 }, (_, code) => String.fromCharCode(code)).filter((character) =>
      /\p{Cc}/u.test(character),
    );
    const odd = [...controls, "\ud800", "\udfff"].flatMap((character) => [
      character,
      `a${character}`,
      `${character}b`,
      `a${character}b`,
    ]);
    expect(odd).toHaveLength(268);
    for (const name of odd) {
      for (const column of [name, { name }, { name: "a", as: name }])
        expect(issuesOf({ columns: [column] })).toEqual([
          expect.stringMatching(/^\/columns\/0 has (a NUL character|a control character|half of a surrogate pair)$/),
        ]);
      for (const format of ["csv", "xlsx", "parquet"])
        expect(issuesOf({ format, source: { rows: [{ [name]: 1 }] } })).toHaveLength(1);
      expect(issuesOf({ filename: name })).toHaveLength(1);
      for (const filter of ["tag", "group_key", "type", "error_code"])
        if (name.includes("\0")) expect(issuesOf({ source: { jobs: { [filter]: name } } })).toHaveLength(1);
    }
  });

  it.each([
    ["UTC", true],
    ["europe/berlin", true],
    ["Europe/Berlin", true],
    ["EUROPE/BERLIN", true],
    ["+01:00", false],
    ["Europe/Nowhere", false],
    ["", false],
  ])("has a time zone of IANA: %s", (time_zone, isZone) =>
    expect(issuesOf({ time_zone })).toHaveLength(isZone ? 0 : 1),
  );

  it("is checked quickly with 60,000 columns of the same name", () => {
    const startedMs = performance.now();
    expect(issuesOf({ columns: Array<string>(60_000).fill("a") })).toEqual(["/columns expected at most 1600 items"]);
    expect(performance.now() - startedMs).toBeLessThan(2_000); // quadratic time would take minutes
  });

  it("must have the parameters of its query in the folder, and those of a changed query a second later", async () => {
    const EXPORT_QUERIES_DIR = join(mkdtempSync(join(tmpdir(), "queries-")), "queries");
    const source = { query: "ours", params: { a: 1 } };
    const issues = () =>
      issuesOfQuery({ format: "csv", source }, { EXPORT_QUERIES_DIR }, () => JSON.stringify({ source })).map(
        ({ path, message }) => `${path} ${message}`,
      );
    expect(issues()).toEqual([]); // this replica need not have the folder
    mkdirSync(EXPORT_QUERIES_DIR);
    expect(issues()).toEqual(["/source/query there is no query ours in EXPORT_QUERIES_DIR"]);
    writeFileSync(join(EXPORT_QUERIES_DIR, "ours.sql"), "select :b");
    expect(issues()).toEqual(["/source/params/b is missing", "/source/params/a is not a parameter of the query"]);
    writeFileSync(join(EXPORT_QUERIES_DIR, "ours.sql"), "select :a");
    await expect.poll(issues, { timeout: 10_000 }).toEqual([]);
  });
});
