import pg from "pg";
import { describe, expect, it } from "vitest";
import type { QueryParameter } from "./query-parameters.ts";
import { bindParameters, issuesOfParameters, readParameters } from "./query-text.ts";

const bind = (sql: string, params: Record<string, QueryParameter> = {}) =>
  bindParameters(sql, params, pg.escapeLiteral).replace(/ +/g, " ");

describe("the parameters of a query", () => {
  it.each([
    ["select :a, :b_2", { a: 1, b_2: "x" }, "select '1' , 'x' "],
    ["select :a::int, :a :: text", { a: 1 }, "select '1' ::int, '1' :: text"],
    ["select ':a', 'it''s :a', \":a\"", {}, "select ':a', 'it''s :a', \":a\""],
    ["select e'\\':a', E'\\\\' || :a", { a: 1 }, "select e'\\':a', E'\\\\' || '1' "],
    ["select date'2026-01-01' || ':a\\' || :a", { a: 1 }, "select date'2026-01-01' || ':a\\' || '1' "],
    [
      "select $$ :a $$, $x$ $$ :a $x$, a$b$ || :a || $b$1",
      { a: 1 },
      "select $$ :a $$, $x$ $$ :a $x$, a$b$ || '1' || $b$1",
    ],
    ["select 1 -- :a\n+ :a", { a: 1 }, "select 1 -- :a\n+ '1' "],
    ["select /* :a /* :a */ :a */ :a", { a: 1 }, "select /* :a /* :a */ :a */ '1' "],
    ["select 1 /* :a", {}, "select 1 /* :a"],
    ["select a[1 : n]; -- the end;", {}, "select a[1 : n] -- the end;"],
    ["select case when :a then 1 else:b end", { a: true, b: null }, "select case when 'true' then 1 else null end"],
    ["select :a", { a: "it's \\ :b" }, "select E'it''s \\\\ :b' "],
    ["select e:a", { a: "\\'" }, "select e E'\\\\''' "],
  ])("of %j with %j are inserted: %j", (sql, params: Record<string, QueryParameter>, expected) =>
    expect(bind(sql, params)).toBe(expected),
  );

  it("must be complete, known and free of NUL characters", () => {
    const issue = expect.objectContaining({
      name: "PermanentError",
      code: "query_params",
      message: "params: a is missing, constructor is missing, c is not a parameter of the query, b has a NUL character",
    }) as Error;
    expect(() => bind("select :a, :b, :constructor", { b: "\0", c: 1 })).toThrow(issue);
  });

  const typed =
    "-- @param n integer\n-- @param ids bigint[]\n--@param country text = it's DE \n-- @param odd money\nselect :n, :ids, :country, :odd";

  it("have the types that the query declares, and its defaults", () => {
    expect(bind(typed, { n: 1, ids: [1, null, "2"], odd: "3" })).toMatch(
      /select '1'::integer , '{"1",NULL,"2"}'::bigint\[\] , 'it''s DE'::text , '3' $/,
    );
    expect(bind("-- @param a text[]\nselect :a", { a: ['x"y', "\\", ","] })).toContain(
      String.raw`E'{"x\\"y","\\\\",","}'::text[]`,
    );
    expect(bind(typed, { n: null, ids: null, country: null, odd: null })).toMatch(
      /select null::integer , null::bigint\[\] , null::text , null $/,
    );
  });

  it.each([
    ["integer", [0, "-2147483647", 5], [1.5, 2147483648, "x", true, "", [1]]],
    ["bigint", ["9223372036854775807", -1], ["9223372036854775808", 1.5, "1e3"]],
    [
      "numeric",
      [1.5, "-12345678901234567890.12", 1e21, "1.", ".5", "-1.5E-10"],
      ["NaN", "1,5", true, ".", "1.2.3", "e5", "1e12345", ""],
    ],
    ["boolean", [true, "false"], ["yes", 1]],
    ["date", ["2024-02-29"], ["2026-02-29", "2026-01-31T00:00:00Z", "today", 20260131]],
    [
      "timestamptz",
      ["2026-01-31T12:00:00Z", "2026-01-31T12:00:00.123+02:00"],
      ["2026-01-31", "2026-01-31T12:00:00", "2026-02-30T12:00:00Z", "now"],
    ],
    ["uuid", ["01890a5d-ac96-7000-babc-b302099a8057"], ["01890a5d"]],
    ["text", ["", "x"], [1, true, "\0"]],
  ] as [string, QueryParameter[], QueryParameter[]][])("of type %s", (type, right, wrong) => {
    const issueOf = (value: QueryParameter) =>
      issuesOfParameters(readParameters(`-- @param a ${type}\nselect :a`), { a: value })[0]?.message;
    expect(right.map(issueOf)).toEqual(right.map(() => undefined));
    expect(wrong.filter((value) => issueOf(value) === undefined)).toEqual([]);
  });

  it.each(["integer", "bigint", "numeric", "boolean", "date", "timestamptz", "uuid"])(
    "of type %s are rejected quickly, however long they are",
    (type) => {
      const long = ["1", "0.", "-", "T00:00:00Z", "2026-01-31", "a-", " "].map(
        (unit) => `${unit.repeat(60_000 / unit.length)}x`,
      );
      const startedMs = performance.now();
      const issues = issuesOfParameters(readParameters(`-- @param a ${type}[]\nselect :a`), {
        a: long.flatMap((text) => Array<string>(20).fill(text)),
      });
      expect(issues).toHaveLength(1);
      for (const text of long)
        expect(issuesOfParameters(readParameters(`-- @param a ${type}\nselect :a`), { a: text })).toHaveLength(1);
      // quadratic parsing would take some seconds for each value
      expect(performance.now() - startedMs).toBeLessThan(2_000);
    },
  );
});
