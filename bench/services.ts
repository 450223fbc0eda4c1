/** Starts the Redis and the Postgres that all competitors use in turn, and empties them before each. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { Redis } from "ioredis";
import pg from "pg";
import { startEmbedded } from "../src/embedded/services.ts";
import { cpuMsOf, cpuMsOfFamily, parentOf } from "./cpu-time.ts";

export interface Services {
  readonly dataDir: string;
  readonly redisPort: number;
  /** The URL of the database, which `empty` creates again. */
  readonly databaseUrl: string;
  readonly redis: Redis;
  /** Counts rows on a connection that stays open, because a login for each count would load Postgres. */
  query<Row extends pg.QueryResultRow>(text: string): Promise<Row[]>;
  /** The CPU time of both so far, in milliseconds. Linux only. */
  cpuMs(): { readonly redis: number; readonly postgres: number };
  /** Rewrites Redis's append-only file. Otherwise earlier writes would slow down the next measurement. */
  compact(): Promise<void>;
  /** Restores the initial state: an empty Redis with an empty append-only file, a new database after a checkpoint. */
  empty(): Promise<void>;
  /** @param table the text after `from` */
  countRows(table: string): Promise<number>;
  /** The size of a table in bytes, including its partitions, indexes and large values. */
  tableBytes(table: string): Promise<number>;
  close(): Promise<void>;
}

const DATABASE = "bench";

/**
 * Starts both as TaskFlow does on a machine without them: Redis with an append-only file that is synced each second,
 * and Postgres with its defaults.
 */
export async function startServices(): Promise<Services> {
  const dataDir = mkdtempSync(join(tmpdir(), "taskflow-bench-"));
  const embedded = await startEmbedded({ dataDir, needs: { redis: true, postgres: true, mail: false } });
  const adminUrl = embedded.databaseUrl ?? "";
  const databaseUrl = adminUrl.replace(/[^/]+$/, DATABASE);
  const redisPort = Number(new URL(embedded.redisAddr ?? "").port);
  const redis = new Redis(embedded.redisAddr ?? "");
  await redis.config("SET", "requirepass", ""); // the competitors only get a port
  const admin = new pg.Client({ connectionString: adminUrl });
  await admin.connect();
  const [backend] = (await admin.query<{ pid: number }>("select pg_backend_pid() as pid")).rows;
  const postgresPid = parentOf(backend?.pid ?? 0);
  const redisPid = Number(/process_id:(\d+)/.exec(await redis.info("server"))?.[1]);
  let observer = admin;
  const query = async <Row extends pg.QueryResultRow>(text: string): Promise<Row[]> =>
    (await observer.query<Row>(text)).rows;
  return {
    dataDir,
    redisPort,
    databaseUrl,
    redis,
    query,
    cpuMs: () => ({ redis: cpuMsOf(redisPid), postgres: cpuMsOfFamily(postgresPid) }),
    compact: () => rewriteAppendOnlyFile(redis),
    empty: async () => {
      await redis.flushall();
      await rewriteAppendOnlyFile(redis);
      if (observer !== admin) await observer.end();
      observer = admin;
      await admin.query(`drop database if exists ${DATABASE} with (force)`);
      await admin.query(`create database ${DATABASE}`);
      await admin.query("checkpoint");
      observer = new pg.Client({ connectionString: databaseUrl });
      await observer.connect();
    },
    countRows: async (table) =>
      (await query<{ count: number }>(`select count(*)::int as count from ${table}`))[0]?.count ?? 0,
    tableBytes: async (table) => {
      const name = table.split(" ")[0] ?? "";
      const partitions = `select sum(pg_total_relation_size(inhrelid)) from pg_inherits where inhparent = '${name}'::regclass`;
      const [size] = await query<{ bytes: number }>(
        `select (pg_total_relation_size('${name}') + coalesce((${partitions}), 0))::float8 as bytes`,
      );
      return size?.bytes ?? 0;
    },
    close: async () => {
      redis.disconnect();
      if (observer !== admin) await observer.end();
      await admin.end();
      await embedded.close();
      rmSync(dataDir, { recursive: true, force: true });
    },
  };
}

async function rewriteAppendOnlyFile(redis: Redis): Promise<void> {
  for (let isAsked = false; ; ) {
    const info = await redis.info("persistence");
    if (info.includes("aof_rewrite_in_progress:0") && info.includes("aof_rewrite_scheduled:0")) {
      if (isAsked) return;
      await redis.bgrewriteaof(); // Redis rejects a second rewrite while one runs
      isAsked = true;
    }
    await delay(20);
  }
}
