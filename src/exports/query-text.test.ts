import pg from "pg";
import { describe, expect, it } from "vitest";
import { bindParameters, type QueryParameter } from "./query-text.ts";

const bind = (sql: string, params: Record<string, QueryParameter> = {}) => bindParameters(sql, params, pg.escapeLiteral).replace(/ +/g, " ");

describe("the parameters of a query", () => {
  it.each([
    ["select :a, :b_2", { a: 1, b_2: "x" }, "select '1' , 'x' "],
    ["select :a::int, :a :: text", { a: 1 }, "select '1' ::int, '1' :: text"],
    ["select ':a', 'it''s :a', \":a\"", {}, "select ':a', 'it''s :a', \":a\""],
    ["select e'\\':a', E'\\\\' || :a", { a: 1 }, "select e'\\':a', E'\\\\' || '1' "],
    ["select date'2026-01-01' || ':a\\' || :a", { a: 1 }, "select date'2026-01-01' || ':a\\' || '1' "],
    ["select $$ :a $$, $x$ $$ :a $x$, a$b$ || :a || $b$1", { a: 1 }, "select $$ :a $$, $x$ $$ :a $x$, a$b$ || '1' || $b$1"],
    ["select 1 -- :a\n+ :a", { a: 1 }, "select 1 -- :a\n+ '1' "],
    ["select /* :a /* :a */ :a */ :a", { a: 1 }, "select /* :a /* :a */ :a */ '1' "],
    ["select 1 /* :a", {}, "select 1 /* :a"],
    ["select a[1 : n]; -- the end;", {}, "select a[1 : n] -- the end;"],
    ["select case when :a then 1 else:b end", { a: true, b: null }, "select case when 'true' then 1 else null end"],
    ["select :a", { a: "it's \\ :b" }, "select E'it''s \\\\ :b' "],
    ["select e:a", { a: "\\'" }, "select e E'\\\\''' "],
  ])("of %j with %j are put in: %j", (sql, params: Record<string, QueryParameter>, expected) => expect(bind(sql, params)).toBe(expected));

  it("are all there, all known, and can be stored", () => {
    const fault = expect.objectContaining({
      name: "PermanentError",
      code: "query_params",
      message: "params: a is missing, constructor is missing, c is not a parameter of the query, b has a NUL character",
    }) as Error;
    expect(() => bind("select :a, :b, :constructor", { b: "\0", c: 1 })).toThrow(fault);
  });
});
