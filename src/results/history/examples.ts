import type pg from "pg";
import { readSql } from "../../postgres/sql.ts";

const REMOVE = readSql(new URL("./examples-remove.sql", import.meta.url));

/** Removes jobs from the examples of the error groups, in the transaction of the client. The rows must still be there. */
export async function removeExamples(client: pg.ClientBase, ids: readonly string[]): Promise<void> {
  if (ids.length > 0) await client.query(REMOVE, [ids]);
}
