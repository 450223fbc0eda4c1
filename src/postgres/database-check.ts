/**
 * Checks at the start of a replica that TaskFlow can use this database, instead of failing later when nobody watches.
 */
import type pg from "pg";
import { StartError } from "../errors.ts";
import { readSql } from "./sql.ts";

const FACTS = readSql(new URL("./database-facts.sql", import.meta.url));
const RIGHTS = readSql(new URL("./database-rights.sql", import.meta.url));
/** PostgreSQL 15, in the form of `server_version_num`. */
const OLDEST_VERSION = 150_000;
/** SQL_ASCII stores the bytes of a text unchanged. Any other encoding lacks characters that a job may contain. */
const ENCODINGS: readonly string[] = ["UTF8", "SQL_ASCII"];

export interface DatabaseFacts {
  readonly version: number;
  readonly versionText: string;
  readonly encoding: string;
  readonly role: string;
  readonly database: string;
  readonly isStandby: boolean;
  readonly isReadOnly: boolean;
  /** Where tables are created; null if no schema of the search path exists. */
  readonly schema: string | null;
  readonly searchPath: string;
  /** Whether the tables are found on the search path. */
  readonly isMigrated: boolean;
  /** Whether the role may create tables in the schema. */
  readonly mayCreate: boolean;
  /** Schemas that have TaskFlow's tables. */
  readonly elsewhere: string | null;
}

/** @param address "HOST:PORT" @throws StartError, in one sentence, if TaskFlow cannot use this database */
export async function requireUsable(client: pg.Client, address: string): Promise<DatabaseFacts> {
  const { rows } = await client.query<DatabaseFacts>(FACTS);
  const [facts] = rows as [DatabaseFacts];
  const wrong = wrongWith(facts);
  if (wrong !== undefined) throw new StartError(`Postgres at ${address} ${wrong}.`);
  return facts;
}

function wrongWith({
  version,
  versionText,
  encoding,
  role,
  database,
  isStandby,
  isReadOnly,
  schema,
  searchPath,
  isMigrated,
  elsewhere,
}: DatabaseFacts): string | undefined {
  if (version < OLDEST_VERSION) return `is version ${versionText}: TaskFlow needs 15 or later`;
  if (isStandby) return "is a standby that takes no writes: set DATABASE_URL to the primary";
  if (isReadOnly)
    return `takes no writes from role "${role}" (default_transaction_read_only is on): alter role or database to reset it, or use another role in DATABASE_URL`;
  if (!ENCODINGS.includes(encoding)) {
    return `stores database "${database}" in ${encoding}, which cannot hold every text of a job: make one with "create database … encoding 'UTF8' template template0", and name it in DATABASE_URL`;
  }
  if (isMigrated) return undefined;
  if (elsewhere !== null) {
    return `has TaskFlow's tables in schema ${elsewhere}, where role "${role}" does not find them (search_path is ${searchPath}): grant it usage on that schema, and put that into its search_path`;
  }
  if (schema === null)
    return `has no schema for the tables that role "${role}" may use (search_path is ${searchPath}): create one that is in its search_path, or grant it usage there`;
  return undefined;
}

/** The error for a role that may not create tables while migrations are pending. */
export function mustMigrate({ role, schema }: DatabaseFacts, address: string, pending: readonly string[]): StartError {
  return new StartError(
    `Postgres at ${address} does not let role "${role}" create tables in schema ${schema ?? ""}, and migrations are pending (${pending.join(", ")}): run "taskflow migrate" as the owner of the tables, or "grant create on schema ${schema ?? ""} to ${role}".`,
  );
}

/**
 * Checks the rights that a replica needs, including those to create the partitions of later days.
 * @throws StartError, in one sentence that names what is missing
 */
export async function requireRights(
  client: pg.Client,
  { role, schema }: DatabaseFacts,
  address: string,
): Promise<void> {
  const { rows } = await client.query<{
    lacks: readonly string[] | null;
    weakOwner: string | null;
    hidden: string | null;
  }>(RIGHTS);
  const { lacks = null, weakOwner = null, hidden = null } = rows[0] ?? {};
  if (lacks !== null) {
    throw new StartError(
      `Role "${role}" lacks rights in Postgres at ${address}: ${lacks.map((lack) => `"grant ${lack} to ${role}"`).join(", ")}.`,
    );
  }
  if (weakOwner !== null) {
    throw new StartError(
      `The partitions of later days cannot be made in Postgres at ${address}, since their owner may not create tables: "grant create on schema ${schema ?? ""} to ${weakOwner}", or make it the owner of table jobs.`,
    );
  }
  if (hidden !== null) {
    throw new StartError(
      `Row-level security hides rows of ${hidden} from role "${role}" in Postgres at ${address}: "alter table … disable row level security", or "alter role ${role} bypassrls".`,
    );
  }
}
