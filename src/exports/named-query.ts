/** The queries that the operator placed: one file each. */
import { existsSync, readFileSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import pg from "pg";
import { PermanentError, type PayloadFault } from "../core/job-type.ts";
import { codeOf } from "../errors.ts";
import type { QueryParameter } from "./query-parameters.ts";
import { bindParameters, faultsOfParameters } from "./query-text.ts";

export interface NamedQuery {
  readonly query: string;
  readonly params?: Readonly<Record<string, QueryParameter>>;
}

/**
 * The text of a named query with its parameters. COPY takes none, so their values go into the text, as literals that pg quotes.
 * @throws {PermanentError} `query_unknown`, `query_params`
 */
export async function readNamedQuery(folder: string, { query, params = {} }: NamedQuery): Promise<string> {
  let sql: string;
  try {
    sql = await readFile(fileOf(folder, query), "utf8");
  } catch (thrown) {
    if (codeOf(thrown) !== "ENOENT") throw thrown;
    throw new PermanentError(unknownQuery(query), { code: "query_unknown", cause: thrown });
  }
  return bindParameters(sql, params, pg.escapeLiteral);
}

/**
 * The faults of a query's name and parameters, with paths into a payload's source, as far as they can be known here: a
 * replica that only takes jobs need not have the folder. A few µs, for a file that the system has in memory.
 */
export function faultsOfNamedQuery(folder: string, { query, params = {} }: NamedQuery): PayloadFault[] {
  if (!existsSync(folder)) return [];
  try {
    const sql = readFileSync(fileOf(folder, query), "utf8");
    return faultsOfParameters(sql, params).map(({ name, message }) => ({ path: `/params/${name}`, message }));
  } catch (thrown) {
    return codeOf(thrown) === "ENOENT" ? [{ path: "/query", message: unknownQuery(query) }] : []; // what else hinders a read may be over by then
  }
}

function fileOf(folder: string, name: string): string {
  return join(folder, `${name}.sql`);
}

function unknownQuery(name: string): string {
  return `there is no query ${name} in EXPORT_QUERIES_DIR`;
}
