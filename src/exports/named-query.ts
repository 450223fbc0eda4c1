/** The queries that the operator placed: one file each. */
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import pg from "pg";
import { PermanentError } from "../core/job-type.ts";
import { codeOf } from "../errors.ts";
import { bindParameters, type QueryParameter } from "./query-text.ts";

export interface NamedQuery {
  readonly query: string;
  readonly params?: Readonly<Record<string, QueryParameter>>;
}

/**
 * The text of a named query with its parameters. COPY takes none, so their values go into the text, as literals that pg quotes.
 * @throws {PermanentError} `query_unknown`, `query_params`
 */
export async function readNamedQuery(folder: string, { query, params = {} }: NamedQuery): Promise<string> {
  return bindParameters(await readQuery(folder, query), params, pg.escapeLiteral);
}

async function readQuery(folder: string, name: string): Promise<string> {
  try {
    return await readFile(join(folder, `${name}.sql`), "utf8");
  } catch (thrown) {
    if (codeOf(thrown) !== "ENOENT") throw thrown;
    throw new PermanentError(`there is no query ${name} in EXPORT_QUERIES_DIR`, { code: "query_unknown", cause: thrown });
  }
}
