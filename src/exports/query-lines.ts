/**
 * A query that the operator placed, as lines. Postgres itself writes them, by COPY: a million rows of six columns cost
 * 0.8 s of processor time here, guarded cells included, where a cursor (pg-query-stream) with an encoder of rows costs
 * 1.7 s and misses 0.6 of the speed of `psql \copy`. COPY takes no parameters, so their values go into the text, as
 * literals that pg quotes.
 */
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import pg from "pg";
import { to as copyTo } from "pg-copy-streams";
import { Type, type Static, type TObject } from "typebox";
import { PermanentError } from "../core/job-type.ts";
import { codeOf, messageOf } from "../errors.ts";
import type { ExportFormat, LineSource } from "./line-source.ts";
import { bindParameters, type QueryParameter } from "./query-text.ts";

export const querySettings = {
  DATABASE_URL: Type.String({ default: "", description: "The Postgres that holds the outcomes, and that exports query: postgres://user@host/database." }),
  EXPORT_QUERIES_DIR: Type.String({ default: "./queries", description: "The folder of the named queries of data_export: NAME.sql, one SELECT each, with parameters as :name." }),
  EXPORT_QUERY_TIMEOUT_MS: Type.Integer({
    default: 300_000,
    minimum: 1,
    maximum: 86_400_000,
    description: "How long a query of data_export may run, its rows written, in milliseconds.",
  }),
};

export type QuerySettings = Static<TObject<typeof querySettings>>;

export interface NamedQuery {
  readonly query: string;
  readonly params?: Readonly<Record<string, QueryParameter>>;
}

/** SQLSTATE classes that tell of the query or its values, which no repeat mends: features, data, read-only, syntax and names. */
const FINAL_CLASSES = new Set(["0A", "21", "22", "25", "42"]);
const QUERY_CANCELED = "57014";

/**
 * Begins a named query in a read-only transaction, on a connection of its own.
 * @param columns which of the query's columns, in which order; by default all
 * @throws {PermanentError} `query_unavailable`, `query_unknown`, `query_params`; while its lines are read `query_timeout`, `query_failed`
 * @throws what pg throws when the database is away
 */
export async function openQuery(settings: QuerySettings, named: NamedQuery, format: ExportFormat, columns: readonly string[] | undefined): Promise<LineSource> {
  // pg would turn to the environment and to localhost
  if (settings.DATABASE_URL === "") throw new PermanentError("DATABASE_URL is not set", { code: "query_unavailable" });
  const sql = bindParameters(await readQuery(settings.EXPORT_QUERIES_DIR, named.query), named.params ?? {}, pg.escapeLiteral);
  const client = new pg.Client({ connectionString: settings.DATABASE_URL, application_name: "taskflow-export", connectionTimeoutMillis: 10_000, keepAlive: true });
  client.on("error", () => undefined); // whoever waits for an answer gets it too; nobody else is to
  try {
    await client.connect();
    await begin(client, settings.EXPORT_QUERY_TIMEOUT_MS);
  } catch (thrown) {
    await client.end();
    throw thrown;
  }
  const copy = copyTo(copyText(sql, format, columns));
  return {
    chunks: copied(client, copy, settings.EXPORT_QUERY_TIMEOUT_MS),
    rowCount: () => copy.rowCount,
    close: () => client.end(), // breaks off a COPY under way
  };
}

async function readQuery(folder: string, name: string): Promise<string> {
  try {
    return await readFile(join(folder, `${name}.sql`), "utf8");
  } catch (thrown) {
    if (codeOf(thrown) !== "ENOENT") throw thrown;
    throw new PermanentError(`there is no query ${name} in EXPORT_QUERIES_DIR`, { code: "query_unknown", cause: thrown });
  }
}

/** A snapshot that stays one, and times as api.md writes them: in UTC. */
async function begin(client: pg.Client, timeoutMs: number): Promise<void> {
  await client.query("begin isolation level repeatable read read only");
  const set = "select set_config('statement_timeout', $1, true), set_config('timezone', 'UTC', true), set_config('datestyle', 'ISO', true)";
  await client.query(set, [String(timeoutMs)]);
}

/** Line feeds around the query keep a comment at its end from what follows. */
function copyText(sql: string, format: ExportFormat, columns: readonly string[] | undefined): string {
  const rows = `select ${columns?.map(pg.escapeIdentifier).join(", ") ?? "*"} from (\n${sql}\n) as taskflow_rows`;
  if (format === "csv") return `copy (${rows}) to stdout (format csv, header)`;
  // a json column may hold line breaks, never inside a text of JSON; without them, and as CSV whose quote and delimiter
  // no JSON has, a line is the JSON itself
  const json = String.raw`replace(replace(row_to_json(taskflow_row)::text, e'\n', ' '), e'\r', ' ')`;
  return String.raw`copy (select ${json} from (${rows}) as taskflow_row) to stdout (format csv, quote e'\x01', delimiter e'\x02')`;
}

async function* copied(client: pg.Client, copy: ReturnType<typeof copyTo>, timeoutMs: number): AsyncGenerator<Buffer> {
  const startedMs = performance.now();
  try {
    for await (const chunk of client.query(copy) as AsyncIterable<Buffer>) yield chunk;
    await client.query("commit"); // and with it comes the count of rows
  } catch (thrown) {
    throw queryFault(thrown, performance.now() - startedMs >= timeoutMs);
  }
}

function queryFault(thrown: unknown, isOverdue: boolean): unknown {
  const code = codeOf(thrown) ?? "";
  if (code === QUERY_CANCELED && isOverdue) return new PermanentError("the query took too long", { code: "query_timeout", cause: thrown });
  if (FINAL_CLASSES.has(code.slice(0, 2))) return new PermanentError(`the query failed: ${messageOf(thrown)}`, { code: "query_failed", cause: thrown });
  return thrown;
}
