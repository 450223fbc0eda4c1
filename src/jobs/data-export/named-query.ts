/** The operator's queries: one file each. */
import { existsSync, readFileSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import pg from "pg";
import { type PayloadIssue } from "../../core/job-type.ts";
import { codeOf } from "../../errors.ts";
import { exportError } from "./error-codes.ts";
import type { QueryParameter } from "./query-parameters.ts";
import { bindParameters, issuesOfParameters, type QueryParameters, readParameters } from "./query-text.ts";

export interface NamedQuery {
  readonly query: string;
  readonly params?: Readonly<Record<string, QueryParameter>>;
}

/**
 * The SQL of a named query with its parameters. COPY takes no parameters, so the values are inserted as literals that
 * pg quotes.
 * @throws {PermanentError} `query_unknown`, `query_params`
 */
export async function readNamedQuery(folder: string, { query, params = {} }: NamedQuery): Promise<string> {
  let sql: string;
  try {
    sql = await readFile(fileOf(folder, query), "utf8");
  } catch (thrown) {
    if (codeOf(thrown) !== "ENOENT") throw thrown;
    throw exportError.permanent("query_unknown", unknownQuery(query), thrown);
  }
  return bindParameters(sql, params, pg.escapeLiteral);
}

/**
 * The issues of a query's name and parameters, with paths into a payload's source, as far as this replica can know
 * them: a replica that only accepts jobs need not have the folder.
 */
export function issuesOfNamedQuery(folder: string, { query, params = {} }: NamedQuery): PayloadIssue[] {
  const file = fileOf(folder, query);
  let parameters: QueryParameters;
  try {
    parameters = parametersOf(file);
  } catch (thrown) {
    const isMissing = codeOf(thrown) === "ENOENT" && existsSync(folder);
    // other errors of a read may be temporary
    return isMissing ? [{ path: "/query", message: unknownQuery(query) }] : [];
  }
  return issuesOfParameters(parameters, params).map(({ name, message }) => ({ path: `/params/${name}`, message }));
}

/** How long a query is cached: a batch may name one query thousands of times, and each read takes 40 µs or more. */
const FRESH_MS = 1_000;
/** By file. The number of entries is limited by the number of the operator's files. */
const recent = new Map<string, { readonly readAtMs: number; readonly parameters: QueryParameters }>();

function parametersOf(file: string): QueryParameters {
  const nowMs = performance.now();
  const last = recent.get(file);
  if (last !== undefined && nowMs - last.readAtMs < FRESH_MS) return last.parameters;
  const parameters = readParameters(readFileSync(file, "utf8"));
  recent.set(file, { readAtMs: nowMs, parameters });
  return parameters;
}

function fileOf(folder: string, name: string): string {
  return join(folder, `${name}.sql`);
}

function unknownQuery(name: string): string {
  return `there is no query ${name} in EXPORT_QUERIES_DIR`;
}
