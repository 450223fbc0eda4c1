import { readFileSync } from "node:fs";
import pg from "pg";
import { afterEach, describe, expect, it } from "vitest";
import { DAY_MS } from "../core/time.ts";
import { startPartitionIndexes } from "../replica/maintenance/partition-indexes.ts";
import { idAt, outcomeWith } from "../testing/outcomes.ts";
import { freshDatabase } from "../testing/services.ts";
import { until } from "../testing/until.ts";
import { migrate } from "./migrate.ts";
import { buildPartitionIndexes } from "./partition-indexes.ts";
import { addPartitions, partitionName, startOfDay } from "./partitions.ts";
import { RecorderConnection } from "./recorder/connection.ts";
import { Store } from "./store.ts";

const MIGRATION = readFileSync(new URL("./migrations/0020_find_rows.sql", import.meta.url), "utf8");
const INDEXES = MIGRATION.match(/^create index .*;$/gm) ?? [];
const TODAY = startOfDay(Date.now());
const NAMES = ["error_code", "group_key", "not_completed", "retry_of", "tags"].map(
  (name) => `${partitionName(TODAY)}_${name}`,
);

const open: { close: () => unknown }[] = [];
afterEach(async () => {
  for (const part of open.splice(0).reverse()) await part.close();
});

async function connect(url: string, user?: string): Promise<pg.Client> {
  const client = new pg.Client({ connectionString: url, ...(user !== undefined && { user }) });
  client.on("error", () => undefined);
  await client.connect();
  open.push({ close: () => client.end() });
  return client;
}

/** A database whose partitions are from before the migration, with a failed job of today. */
async function setup() {
  const { url } = await freshDatabase();
  await migrate(url);
  const client = await connect(url);
  for (const statement of INDEXES) await client.query(`drop index ${/index (\w+)/.exec(statement)?.[1] ?? ""}`);
  for (const statement of INDEXES) await client.query(statement);
  const id = idAt(TODAY);
  await record(url, id);
  const valid = async (): Promise<string[]> =>
    (
      await client.query<{ name: string }>(
        "select relname as name from pg_index join pg_class on pg_class.oid = indexrelid join pg_inherits on inhrelid = indexrelid where indrelid = $1::regclass and indisvalid and not indisprimary order by relname",
        [partitionName(TODAY)],
      )
    ).rows.map(({ name }) => name);
  return { url, client, id, valid };
}

async function record(url: string, id: string): Promise<void> {
  const connection = new RecorderConnection(url, 5_000);
  const error = { code: "timeout", message: "m", attempt: 1 };
  await connection.copy([outcomeWith({ job: { id }, status: "failed", error })]);
  connection.cut();
}

describe("the indexes of earlier partitions", () => {
  it("are built and attached once; lists are right before and after", async () => {
    const { url, client, id, valid } = await setup();
    const store = new Store(url);
    open.push(store);
    const list = async () =>
      (await store.range({ limit: 10, filters: { status: ["failed"] } })).jobs.map((job) => job.id);
    expect([await valid(), await list()]).toEqual([[], [id]]);
    const { built, remaining } = await buildPartitionIndexes(url);
    expect(built.filter((name) => name.startsWith(partitionName(TODAY)))).toEqual(NAMES);
    expect(remaining).toBe(0);
    expect([await valid(), await list()]).toEqual([NAMES, [id]]);
    expect(await buildPartitionIndexes(url)).toEqual({ built: [], remaining: 0 });
    const { rows } = await client.query("select from pg_index where indrelid = 'jobs'::regclass and not indisvalid");
    expect(rows).toEqual([]);
  });

  it("come with each new partition", async () => {
    const { url, client } = await setup();
    await addPartitions(client, [TODAY - 9 * DAY_MS]);
    const { built } = await buildPartitionIndexes(url);
    expect(built.filter((name) => name.startsWith(partitionName(TODAY - 9 * DAY_MS)))).toEqual([]);
  });

  it("are built again where a build was interrupted", async () => {
    const { url, client, valid } = await setup();
    const [name = ""] = NAMES;
    await client.query(
      `create index ${name} on ${partitionName(TODAY)} ((error ->> 'code'), id) where error is not null`,
    );
    await client.query("update pg_index set indisvalid = false where indexrelid = $1::regclass", [name]);
    await buildPartitionIndexes(url);
    expect(await valid()).toEqual(NAMES);
  });

  it("wait for no one, while jobs are recorded and a long read goes on", async () => {
    const { url, client, valid } = await setup();
    const reader = await connect(url);
    await reader.query("begin");
    await reader.query(`select count(*) from ${partitionName(TODAY)}`);
    let hasEnded = false; // the build may be quicker than the look at it
    const building = buildPartitionIndexes(url).finally(() => (hasEnded = true));
    await until(
      async () =>
        hasEnded ||
        (
          await client.query(
            "select from pg_stat_activity where application_name = 'taskflow-indexes' and datname = current_database() and query ilike 'create index%'",
          )
        ).rowCount,
      { what: "the build has begun" },
    );
    await record(url, idAt(TODAY));
    await reader.query("commit");
    await building;
    await buildPartitionIndexes(url); // those that could not be attached at once
    expect(await valid()).toEqual(NAMES);
  });

  it("are left to another replica that builds them, and stop with the signal", async () => {
    const { url, client, valid } = await setup();
    await client.query("select pg_advisory_lock(hashtextextended('taskflow.partition-indexes', 0))");
    expect(await buildPartitionIndexes(url)).toMatchObject({ built: [] });
    expect(await valid()).toEqual([]);
    await expect(buildPartitionIndexes(url, AbortSignal.abort(new Error("stop")))).rejects.toThrow("stop");
  });

  it("need the owner of the tables: another role gets one warning that tells what to do", async () => {
    const { url, client, valid } = await setup();
    const role = `app_${new URL(url).pathname.slice(6, 18)}`;
    await client.query(
      `create role ${role} login password 'x'; grant select on all tables in schema public to ${role}`,
    );
    open.push({ close: () => client.query(`drop owned by ${role}; drop role ${role}`) });
    const own = new URL(url);
    own.username = role;
    own.password = "x";
    const warnings: string[] = [];
    const log = { info: () => undefined, warn: (...words: unknown[]) => warnings.push(String(words.at(-1))) };
    let runs = 0;
    const close = startPartitionIndexes({
      databaseUrl: own.href,
      log: { ...log, warn: (...words: unknown[]) => log.warn(...words) },
      get periodMs() {
        runs += 1;
        return 20;
      },
    });
    await until(() => warnings.length > 0, { what: "it warns" });
    await close();
    expect(runs).toBe(1);
    expect(warnings).toEqual([
      expect.stringMatching(new RegExp(`^Role "${role}" may not build .*"grant postgres to ${role}"`)),
    ]);
    expect(await valid()).toEqual([]);
  });
});
