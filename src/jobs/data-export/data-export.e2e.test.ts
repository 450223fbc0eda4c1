/** data_export in a replica: rejected submissions, and cancelled jobs. */
import { readdirSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import pg from "pg";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { TestReplica } from "../../testing/replica.ts";
import { call, jobWhen, startReplica, submit } from "../../testing/replica.ts";
import { freshDatabase, freshRedis, tempDir } from "../../testing/services.ts";
import { until } from "../../testing/until.ts";

/** Computes for hours and sends nothing, so Postgres does not notice by itself that the client has gone. */
const SILENT = "select count(*) as n from generate_series(1, 1000000000000) as n";
const MANY = "-- @param rows integer\nselect n as id, repeat('x', 100) as text from generate_series(1, :rows) as n";

let replica: TestReplica;
let client: pg.Client;
const artifacts = tempDir();

beforeAll(async () => {
  const [redis, database] = await Promise.all([freshRedis(), freshDatabase()]);
  const queries = tempDir();
  for (const [name, sql] of Object.entries({ silent: SILENT, many: MANY }))
    writeFileSync(join(queries, `${name}.sql`), sql);
  client = new pg.Client({ connectionString: database.url });
  await client.connect();
  replica = await startReplica({
    redis: redis.address,
    database: database.url,
    artifacts,
    env: { EXPORT_QUERIES_DIR: queries, DRAIN_MS: "500", ARTIFACT_LINK_SECRET: "x".repeat(32) },
  });
});
afterAll(async () => {
  await replica.close();
  await client.end();
});

/** The number of export queries that Postgres is running. */
async function running(): Promise<number> {
  const text =
    "select count(*)::int as n from pg_stat_activity where application_name = 'taskflow-export' and state = 'active' and datname = current_database()";
  return (await client.query<{ n: number }>(text)).rows[0]?.n ?? -1;
}

function artifactFiles(): string[] {
  return readdirSync(artifacts, { recursive: true, encoding: "utf8" }).filter(
    (name) => !name.startsWith("tmp") && statSync(join(artifacts, name)).isFile(),
  );
}

describe("data_export", () => {
  it.each([
    [{ query: "none" }, ["/payload/source/query"]],
    [
      { query: "many", params: { rows: "many", more: 1 } },
      ["/payload/source/params/more", "/payload/source/params/rows"],
    ],
    [{ query: "many" }, ["/payload/source/params/rows"]],
  ])("is rejected for %j", async (source, paths) => {
    const { status, body } = await call(replica, "POST", "/api/v1/jobs", {
      type: "data_export",
      payload: { format: "csv", source },
    });
    expect(status).toBe(422);
    expect((body as { errors: { path: string }[] }).errors.map(({ path }) => path)).toEqual(paths);
  });

  it("ends its query in Postgres and leaves no file if it is cancelled", async () => {
    const id = await submit(replica, "data_export", { format: "csv", source: { query: "silent" } });
    await until(async () => (await running()) === 1, { what: "Postgres is at the query" });
    await call(replica, "DELETE", `/api/v1/jobs/${id}`);
    expect(await jobWhen(replica, id)).toMatchObject({ status: "cancelled" });
    await until(async () => (await running()) === 0, { what: "Postgres has ended the query" });
    expect(artifactFiles()).toEqual([]);
  });

  it("completes in a thread, with its row count and checksum", async () => {
    const job = await jobWhen(
      replica,
      await submit(replica, "data_export", { format: "parquet", source: { query: "many", params: { rows: 1_000 } } }),
    );
    expect(job).toMatchObject({
      status: "completed",
      result: { artifact: "export.parquet", rows: 1_000, sha256: expect.stringMatching(/^[0-9a-f]{64}$/) as string },
    });
    expect(artifactFiles()).toHaveLength(1);
    const { link, link_expires_at } = job.result as { link: string; link_expires_at: string };
    expect(Date.parse(link_expires_at)).toBeGreaterThan(Date.now());
    expect((await fetch(replica.url + link.slice(link.indexOf("/api/")))).status).toBe(200);
  });
});
