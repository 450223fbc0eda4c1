import { exportError } from "./error-codes.ts";
import {
  type Declaration,
  issueOfParameter,
  parameterSql,
  type QueryParameter,
  readDeclarations,
} from "./query-parameters.ts";

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

type Parameters = Readonly<Record<string, QueryParameter>>;

export interface ParameterIssue {
  /** Of the parameter. */
  readonly name: string;
  readonly message: string;
}

/**
 * The text of a query with its parameters put in as literals, and without `;` at its end.
 * @param literal writes a text as an SQL literal
 * @throws {PermanentError} `query_params`: one is missing, unknown, or not of its type
 */
export function bindParameters(sql: string, params: Parameters, literal: (text: string) => string): string {
  const parameters = readParameters(sql);
  const issues = issuesOfParameters(parameters, params);
  if (issues.length > 0)
    throw exportError.permanent(
      "query_params",
      `params: ${issues.map(({ name, message }) => `${name} ${message}`).join(", ")}`,
    );
  const { declarations } = parameters;
  let bound = "";
  let at = 0;
  for (const { name, start, end } of placesOf(sql)) {
    bound += sql.slice(at, start);
    at = end;
    if (name === undefined) continue;
    const declaration = declarations.get(name);
    // in blanks: what stands before it could make a text of another kind of it
    bound += ` ${parameterSql(valueOf(name, params, declaration) ?? null, declaration, literal)} `;
  }
  return bound + sql.slice(at);
}

/** The parameters that a query has, and what it declares of them. */
export interface QueryParameters {
  readonly names: ReadonlySet<string>;
  readonly declarations: ReadonlyMap<string, Declaration>;
}

export function readParameters(sql: string): QueryParameters {
  const names = new Set(Array.from(placesOf(sql), ({ name }) => name).filter((name) => name !== undefined));
  return { names, declarations: readDeclarations(sql) };
}

/** Every fault of the values that a query is given. */
export function issuesOfParameters({ names, declarations }: QueryParameters, params: Parameters): ParameterIssue[] {
  const issues: ParameterIssue[] = [];
  for (const name of names)
    if (valueOf(name, params, declarations.get(name)) === undefined) issues.push({ name, message: "is missing" });
  for (const name of Object.keys(params))
    if (!names.has(name)) issues.push({ name, message: "is not a parameter of the query" });
  for (const [name, value] of Object.entries(params)) {
    const message = issueOfParameter(value, declarations.get(name));
    if (message !== undefined) issues.push({ name, message });
  }
  return issues;
}

function valueOf(name: string, params: Parameters, declaration: Declaration | undefined): QueryParameter | undefined {
  return Object.hasOwn(params, name) ? params[name] : declaration?.fallback;
}

/** Where a query has a parameter, or (without a name) a `;`. */
function* placesOf(
  sql: string,
): Generator<{ readonly name: string | undefined; readonly start: number; readonly end: number }> {
  const tokens = new RegExp(TOKENS);
  for (let token = tokens.exec(sql); token !== null; token = tokens.exec(sql)) {
    const { comment, name, end } = token.groups ?? {};
    if (comment !== undefined) tokens.lastIndex = endOfComment(sql, token.index);
    if (name !== undefined || end !== undefined) yield { name, start: token.index, end: tokens.lastIndex };
  }
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
