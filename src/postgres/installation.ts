/** The id that distinguishes this database from those of other installations. */
import { ExclusiveClient } from "./exclusive-client.ts";
import { readSql } from "./sql.ts";

const ID = readSql(new URL("./installation-id.sql", import.meta.url));
const TIMEOUT_MS = 10_000;

/** @throws pg's error when Postgres is away */
export async function installationId(databaseUrl: string): Promise<string> {
  const client = new ExclusiveClient({
    databaseUrl,
    name: "installation",
    connectTimeoutMs: TIMEOUT_MS,
    timeoutMs: TIMEOUT_MS,
  });
  try {
    const { rows } = await client.use((connection) => connection.query<{ id: string }>(ID));
    return rows[0]?.id ?? "";
  } finally {
    client.cut();
  }
}
