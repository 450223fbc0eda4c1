import { PermanentError } from "../core/job-type.ts";

/** What a query may be given for one of its parameters. */
export type QueryParameter = string | number | boolean | null;

/**
 * What is skipped or found in SQL (PostgreSQL 15, "Lexical Structure"): texts, quoted names, dollar-quoted texts and
 * comments are skipped whole, as is `::`; `:name` is a parameter. `[a:b]` would be one too: write `[a : b]`.
 */
const TOKENS = new RegExp(
  [
    String.raw`(?<![\w$])[eE]'(?:[^'\\]|\\.|'')*'`,
    String.raw`'[^']*'`, // two quotes within are the end of one text and the beginning of the next
    String.raw`"[^"]*"`,
    String.raw`(?<![\w$])\$(?<tag>[A-Za-z_]\w*)?\$[^]*?\$\k<tag>\$`,
    String.raw`--[^\n]*`,
    String.raw`(?<comment>/\*)`,
    String.raw`::`,
    String.raw`:(?<name>[A-Za-z_]\w*)`,
    String.raw`(?<end>;)`,
  ].join("|"),
  "gs",
);

/**
 * The text of a query with its parameters put in as literals, and without `;` at its end.
 * @param literal writes a text as an SQL literal
 * @throws {PermanentError} `query_params`: one is missing, unknown, or has a NUL, which Postgres stores nowhere
 */
export function bindParameters(sql: string, params: Readonly<Record<string, QueryParameter>>, literal: (text: string) => string): string {
  const names = new Set<string>();
  let bound = "";
  let at = 0;
  TOKENS.lastIndex = 0;
  for (let token = TOKENS.exec(sql); token !== null; token = TOKENS.exec(sql)) {
    const { comment, name, end } = token.groups ?? {};
    if (comment !== undefined) TOKENS.lastIndex = endOfComment(sql, token.index);
    if (name === undefined && end === undefined) continue;
    bound += sql.slice(at, token.index);
    at = TOKENS.lastIndex;
    if (name !== undefined) {
      names.add(name);
      bound += ` ${literalOf(params[name] ?? null, literal)} `; // in blanks: what stands before it could make a text of another kind of it
    }
  }
  assertNames(names, params);
  return bound + sql.slice(at);
}

function literalOf(value: QueryParameter, literal: (text: string) => string): string {
  return value === null ? "null" : literal(String(value));
}

/** Where the comment that begins at `start` ends; comments nest. */
function endOfComment(sql: string, start: number): number {
  const edges = /\/\*|\*\//g;
  edges.lastIndex = start;
  let depth = 0;
  for (let edge = edges.exec(sql); edge !== null; edge = edges.exec(sql)) {
    depth += edge[0] === "/*" ? 1 : -1;
    if (depth === 0) return edges.lastIndex;
  }
  return sql.length;
}

function assertNames(names: ReadonlySet<string>, params: Readonly<Record<string, QueryParameter>>): void {
  const missing = [...names].filter((name) => !Object.hasOwn(params, name)).map((name) => `${name} is missing`);
  const unknown = Object.keys(params).filter((name) => !names.has(name)).map((name) => `${name} is not a parameter of the query`);
  const broken = Object.keys(params).filter((name) => String(params[name]).includes("\0")).map((name) => `${name} has a NUL character`);
  const faults = [...missing, ...unknown, ...broken];
  if (faults.length > 0) throw new PermanentError(`params: ${faults.join(", ")}`, { code: "query_params" });
}
