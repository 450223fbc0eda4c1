import { afterEach, describe, expect, it } from "vitest";
import type { JobOptions } from "../core/job.ts";
import { redisCommand } from "../embedded/redis-command.ts";
import { enqueued } from "../queue/enqueued.ts";
import { AcceptanceLogWriter } from "../results/acceptance-log/writer.ts";
import { migrate } from "../results/migrate.ts";
import { RecorderConnection } from "../results/recorder/connection.ts";
import { Store } from "../results/store.ts";
import { outcomeWith } from "../testing/outcomes.ts";
import { openQueue, submission } from "../testing/queue.ts";
import { freshDatabase, ownRedis } from "../testing/services.ts";
import { rerunIdOf, rerunsOf } from "./reruns.ts";

const open: { close: () => unknown }[] = [];
afterEach(async () => {
  for (const part of open.splice(0).reverse()) await part.close();
});

/** Two failed jobs of durability postgres, and a replay that is to copy them. */
async function setup() {
  const [redis, { url }] = await Promise.all([ownRedis(), freshDatabase()]);
  await migrate(url);
  const queue = await openQueue(redis.address);
  const store = new Store(url);
  const acceptanceLogWriter = new AcceptanceLogWriter({
    databaseUrl: url,
    namespace: "taskflow:0",
    log: { info: () => undefined, warn: () => undefined, error: () => undefined },
  });
  open.push(queue, store, acceptanceLogWriter);
  const recordWith = async (options: JobOptions, ids: readonly string[]): Promise<void> => {
    const connection = new RecorderConnection(url, 5_000);
    await connection.copy(ids.map((id) => outcomeWith({ job: { id, options }, status: "failed" })));
    connection.cut();
  };
  const record = (...ids: readonly string[]): Promise<void> => recordWith({ durability: "postgres" }, ids);
  const originals = [queue.ids.next(), queue.ids.next()];
  const rerunId = queue.ids.next();
  await record(...originals);
  const copies = originals.map((id) => rerunIdOf(rerunId, id)) as [string, string];
  const port = Number(new URL(redis.address).port);
  const setMemory = (bytes: string): Promise<unknown> => redisCommand(port, "CONFIG", "SET", "maxmemory", bytes);
  return { queue, store, acceptanceLogWriter, record, recordWith, originals, rerunId, copies, setMemory };
}

describe("copies", () => {
  it("belong to the key that submitted the replay", async () => {
    const { queue, store, acceptanceLogWriter, originals, rerunId, copies } = await setup();
    await enqueued(queue, {
      ids: [rerunId],
      submissions: [submission({ type: "replay", options: { payer: { key: "0123456789abcdef" } } })],
    });
    await rerunsOf({ queue, store, acceptanceLogWriter }).copy(rerunId, originals, 100);
    expect((await queue.read(copies)).map(({ options }) => options.api_key)).toEqual([
      "0123456789abcdef",
      "0123456789abcdef",
    ]);
    expect((await store.accepted(copies[0]))?.options.api_key).toBe("0123456789abcdef");
  });
});

describe("copies of durability postgres", () => {
  it("that were committed and not enqueued are enqueued by the next try", async () => {
    const { queue, store, acceptanceLogWriter, originals, rerunId, copies, setMemory } = await setup();
    const reruns = rerunsOf({ queue, store, acceptanceLogWriter });
    await setMemory("1"); // Redis is full: it answers, and takes nothing
    await expect(reruns.copy(rerunId, originals, 100)).rejects.toMatchObject({ code: "queue_unavailable" });
    await setMemory("0");
    expect(await queue.missing(copies)).toEqual(copies);
    expect(await reruns.copy(rerunId, originals, 100)).toEqual({ examined: 2, done: 2 });
    expect(await queue.missing(copies)).toEqual([]);
  });

  it("that the restore has run meanwhile are not run again", async () => {
    const { queue, store, acceptanceLogWriter, record, originals, rerunId, copies } = await setup();
    const reruns = rerunsOf({
      queue,
      store,
      acceptanceLogWriter: {
        accept: (acceptance, done) => {
          acceptanceLogWriter.accept(acceptance, (answer) => {
            record(copies[0]).then(
              () => done(answer),
              (error: unknown) => {
                throw error;
              },
            );
          });
        },
      },
    });
    expect(await reruns.copy(rerunId, originals, 100)).toEqual({ examined: 2, done: 2 });
    expect(await queue.missing(copies)).toEqual([copies[0]]);
  });
});

it("a job of a flow runs again outside of it, unless its references were never resolved", async () => {
  const { queue, store, acceptanceLogWriter, recordWith, rerunId } = await setup();
  const [resolved, unresolved] = [queue.ids.next(), queue.ids.next()];
  const flow = { id: queue.ids.next(), at: 1, node: "mail", refs: true } as const;
  await recordWith({ flow, template: "{}" }, [resolved]);
  await recordWith({ flow }, [unresolved]);
  const reruns = rerunsOf({ queue, store, acceptanceLogWriter });
  expect(await reruns.copy(rerunId, [resolved, unresolved], 100)).toEqual({ examined: 2, done: 1 });
  const [copy, ...others] = await queue.read([resolved, unresolved].map((id) => rerunIdOf(rerunId, id)));
  expect([copy?.options.retry_of, copy?.options.flow, others]).toEqual([resolved, undefined, []]);
});

it("a job past its retention is examined, and has no rerun; a repeat enqueues none of the others again", async () => {
  const { queue, store, acceptanceLogWriter, originals, rerunId, copies } = await setup();
  const reruns = rerunsOf({ queue, store, acceptanceLogWriter });
  const [one, two] = originals as [string, string];
  const ids = [one, queue.ids.next(), two];
  for (let tries = 1; tries <= 2; tries++)
    expect(await reruns.copy(rerunId, ids, 10_000)).toEqual({ examined: 3, done: 2 });
  expect(await queue.missing(copies)).toEqual([]);
  expect(await reruns.copy(rerunId, ids.slice(0, 2), 10_000)).toEqual({ examined: 2, done: 1 });
});

it("reruns wait for the quota of the replay's key, and those that Redis rejects are not charged", async () => {
  const { queue, store, acceptanceLogWriter, originals, rerunId, copies, setMemory } = await setup();
  const quota = { quota: 1, windowMs: 86_400_000 };
  await enqueued(queue, {
    ids: [rerunId],
    submissions: [submission({ type: "replay", options: { payer: { key: "k", quota } } })],
  });
  const reruns = rerunsOf({ queue, store, acceptanceLogWriter });
  await setMemory("1");
  for (let tries = 1; tries <= 3; tries++)
    await expect(reruns.copy(rerunId, originals, 10_000)).rejects.toMatchObject({ code: "queue_unavailable" });
  await setMemory("0");
  expect(await reruns.copy(rerunId, originals, 10_000)).toMatchObject({
    examined: 1,
    done: 1,
    wait: { for: "quota" },
  });
  expect(await queue.missing(copies)).toEqual([copies[1]]);
  expect(await reruns.copy(rerunId, originals, 10_000)).toMatchObject({
    examined: 1,
    done: 1,
    wait: { for: "quota" },
  }); // the first is there already
});
