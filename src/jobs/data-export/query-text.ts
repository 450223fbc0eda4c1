import { exportError } from "./error-codes.ts";
import {
  type Declaration,
  issueOfParameter,
  parameterSql,
  type QueryParameter,
  readDeclarations,
} from "./query-parameters.ts";

/**
 * The tokens to find in SQL (PostgreSQL 15, "Lexical Structure"): strings, quoted names, dollar-quoted strings,
 * comments and `::` are skipped whole; `:name` is a parameter. The `:b` of `[a:b]` would be a parameter too: queries
 * must write `[a : b]`.
 */
const TOKENS = new RegExp(
  [
    String.raw`(?<![\w$])[eE]'(?:[^'\\]|\\.|'')*'`,
    String.raw`'[^']*'`, // a doubled quote ends one string and begins the next
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
  /** The parameter's name. */
  readonly name: string;
  readonly message: string;
}

/**
 * Inserts the parameters into a query as literals, and removes the `;` at its end.
 * @param literal quotes a text as an SQL literal
 * @throws {PermanentError} `query_params`: a parameter is missing, unknown, or not of its type
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
  for (const { name, start, end } of positionsOf(sql)) {
    bound += sql.slice(at, start);
    at = end;
    if (name === undefined) continue;
    const declaration = declarations.get(name);
    // between blanks: a preceding character such as E would change the kind of the string literal
    bound += ` ${parameterSql(valueOf(name, params, declaration) ?? null, declaration, literal)} `;
  }
  return bound + sql.slice(at);
}

/** The parameters of a query, and their declarations. */
export interface QueryParameters {
  readonly names: ReadonlySet<string>;
  readonly declarations: ReadonlyMap<string, Declaration>;
}

export function readParameters(sql: string): QueryParameters {
  const names = new Set(Array.from(positionsOf(sql), ({ name }) => name).filter((name) => name !== undefined));
  return { names, declarations: readDeclarations(sql) };
}

/** All issues with the values given for a query's parameters. */
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

/** The positions of parameters and, without a name, of each `;`. */
function* positionsOf(
  sql: string,
): Generator<{ readonly name: string | undefined; readonly start: number; readonly end: number }> {
  const tokens = new RegExp(TOKENS);
  for (let token = tokens.exec(sql); token !== null; token = tokens.exec(sql)) {
    const { comment, name, end } = token.groups ?? {};
    if (comment !== undefined) tokens.lastIndex = endOfComment(sql, token.index);
    if (name !== undefined || end !== undefined) yield { name, start: token.index, end: tokens.lastIndex };
  }
}

/** The end of the comment that begins at `start`; comments nest. */
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
