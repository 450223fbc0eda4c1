/** Brings a database to the present shape: numbered, append-only SQL files, each applied once. */
import { readFileSync, readdirSync } from "node:fs";
import pg from "pg";
import { StartError, codeOf, messageOf } from "../errors.ts";
import { DAY_MS, addPartitions, startOfDay } from "./partitions.ts";

const FOLDER = new URL("./migrations/", import.meta.url);
/** PostgreSQL 15, in the form of `server_version_num`. */
const OLDEST_VERSION = 150_000;
const LOCK = "select pg_advisory_lock(hashtextextended('taskflow.migrations', 0))";
const BOOKS = "create table if not exists taskflow_migrations (name text primary key, applied_at timestamptz not null default now())";

/**
 * Applies the migrations that the database has not seen, each in a transaction, under an advisory lock: of replicas that
 * start at once, one migrates and the others wait for it. Makes the partitions of today and tomorrow as well.
 * @returns the names of the migrations applied by this call
 * @throws StartError, in one sentence, when Postgres cannot be reached, is older than 15, or refuses a migration
 */
export async function migrate(databaseUrl: string): Promise<string[]> {
  const client = new pg.Client({ connectionString: databaseUrl, connectionTimeoutMillis: 10_000, application_name: "taskflow-migrate" });
  client.on("error", () => undefined); // the query under way rejects with it
  const where = `${client.host}:${client.port}`;
  try {
    await client.connect();
    await requireVersion(client, where);
    await client.query(LOCK); // given back when the connection ends
    const applied = await applyMissing(client);
    const today = startOfDay(Date.now());
    await addPartitions(client, [today, today + DAY_MS]);
    return applied;
  } catch (error) {
    if (error instanceof StartError) throw error;
    const reason = codeOf(error) === "ECONNREFUSED" ? "the connection is refused" : messageOf(error);
    throw new StartError(`Postgres at ${where} cannot be used (${reason}): check that it runs and that DATABASE_URL names it, its user and its database.`, error);
  } finally {
    await client.end();
  }
}

async function requireVersion(client: pg.Client, where: string): Promise<void> {
  const { rows } = await client.query<{ version: number; text: string }>(
    "select current_setting('server_version_num')::int as version, current_setting('server_version') as text",
  );
  const found = rows[0];
  if (found && found.version < OLDEST_VERSION) throw new StartError(`Postgres at ${where} is version ${found.text}: TaskFlow needs 15 or later.`);
}

async function applyMissing(client: pg.Client): Promise<string[]> {
  await client.query(BOOKS);
  const { rows } = await client.query<{ name: string }>("select name from taskflow_migrations");
  const known = new Set(rows.map(({ name }) => name));
  const own = readdirSync(FOLDER).filter((file) => file.endsWith(".sql"));
  const foreign = [...known].filter((name) => !own.includes(name)).sort();
  if (foreign.length > 0) {
    throw new StartError(`The database has migrations that this version of TaskFlow does not know (${foreign.join(", ")}): start a version at least as new as the one that applied them.`);
  }
  const missing = own.filter((file) => !known.has(file)).sort();
  for (const file of missing) {
    await client.query("begin"); // a failure ends the connection, and the transaction with it
    await client.query(readFileSync(new URL(file, FOLDER), "utf8"));
    await client.query("insert into taskflow_migrations (name) values ($1)", [file]);
    await client.query("commit");
  }
  return missing;
}
