import pg from "pg";
import { afterEach, expect, it } from "vitest";
import { MINUTE_MS } from "../../core/time.ts";
import { migrate } from "../../results/migrate.ts";
import { enqueue, openQueue, submission } from "../../testing/queue.ts";
import { freshDatabase, freshRedis } from "../../testing/services.ts";
import { until } from "../../testing/until.ts";
import { startQueueSamples } from "./queue-samples.ts";

const open: (() => unknown)[] = [];
afterEach(async () => {
  for (const close of open.splice(0).reverse()) await close();
});

it("samples the queues at once; another replica goes on when the leader ends or loses its connection", async () => {
  const [{ url }, { address }] = [await freshDatabase(), await freshRedis()];
  await migrate(url);
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  open.push(() => client.end());
  const queue = await openQueue(address);
  open.push(() => queue.close());
  await enqueue(queue, submission(), submission());
  const warnings: unknown[] = [];
  const log = { warn: (...words: unknown[]) => warnings.push(words) };
  const start = () => startQueueSamples({ databaseUrl: url, queue, log, periodMs: 20 });
  const backend = () =>
    until(
      async () => {
        const { rows } = await client.query<{ pid: number }>(
          "select pid from pg_locks join pg_stat_activity using (pid) where application_name = 'taskflow-samples' and locktype = 'advisory' and pg_locks.database = (select oid from pg_database where datname = current_database())",
        );
        return rows[0]?.pid;
      },
      { what: "a replica leads" },
    );
  const sampled = async (): Promise<void> => {
    await client.query("delete from queue_samples");
    const { rows } = await until(
      async () => {
        const found = await client.query("select * from queue_samples");
        return found.rowCount === 0 ? undefined : found;
      },
      { what: "the queue is sampled" },
    );
    expect(rows).toMatchObject([{ type: "noop", depth: "2", running: "0" }]);
    expect((rows[0] as { at: Date }).at.getTime() % MINUTE_MS).toBe(0);
  };

  const closeFirst = start();
  const first = await backend();
  const closeSecond = start();
  open.push(closeSecond);
  await sampled();
  expect(await backend()).toBe(first);
  await closeFirst();
  await sampled();
  const second = await backend();
  expect(second).not.toBe(first);
  await client.query("select pg_terminate_backend($1, 10000)", [second]);
  await sampled();
  await closeSecond();
  await until(
    async () =>
      (
        await client.query(
          "select from pg_stat_activity where application_name = 'taskflow-samples' and datname = current_database()",
        )
      ).rowCount === 0 || undefined,
    { what: "the connection is closed" },
  );
});
