import { Redis } from "ioredis";
import pg from "pg";
import { afterEach, describe, expect, it } from "vitest";
import { DAY_MS } from "../../core/time.ts";
import { redisCommand } from "../../embedded/redis-command.ts";
import type { Queue } from "../../queue/queue.ts";
import { AcceptanceLogReader } from "../../results/acceptance-log/reader.ts";
import { AcceptanceLogWriter } from "../../results/acceptance-log/writer.ts";
import { migrate } from "../../results/migrate.ts";
import { addPartitions, dayOf } from "../../results/partitions.ts";
import { RecorderConnection } from "../../results/recorder/connection.ts";
import { idAt, outcomeWith } from "../../testing/outcomes.ts";
import { enqueueRaw, ioSlots, openQueue, submission } from "../../testing/queue.ts";
import { settableClock } from "../../testing/script-clock.ts";
import { freshDatabase, ownRedis } from "../../testing/services.ts";
import { until } from "../../testing/until.ts";
import type { RestoreOptions } from "./restore.ts";
import { Restore } from "./restore.ts";

const open: { close: () => unknown }[] = [];
afterEach(async () => {
  for (const part of open.splice(0).reverse()) await part.close();
});
const keep = <Part extends { close: () => unknown }>(part: Part): Part => (open.push(part), part);

const OLD_MS = 61_000;
const setClock = settableClock();

async function setup() {
  const [redis, { url }] = await Promise.all([ownRedis(), freshDatabase()]);
  await migrate(url);
  const queue = keep(await openQueue(redis.address));
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  keep({ close: () => client.end() });
  const log = { info: () => undefined, warn: () => undefined, error: () => undefined };
  await redisCommand(redis.port, "SET", "{taskflow:0}:epoch", "first");
  await client.query("insert into accepted_epochs values ('taskflow:0', 'first')");
  const acceptanceLogWriter = keep(new AcceptanceLogWriter({ databaseUrl: url, namespace: "taskflow:0", log }));
  const accept = async (ids: readonly string[], payload = "{}"): Promise<void> => {
    await new Promise((resolve) =>
      acceptanceLogWriter.accept(
        { jobs: ids.map((id) => ({ id, submission: submission({ payload, options: { durability: "postgres" } }) })) },
        resolve,
      ),
    );
  };
  const record = async (...ids: readonly string[]): Promise<void> => {
    await addPartitions(client, new Set(ids.map(dayOf))); // midnight may be between the test and its ids
    const connection = new RecorderConnection(url, 5_000);
    await connection.copy(ids.map((id) => outcomeWith({ job: { id } })));
    connection.cut();
  };
  const events: string[] = [];
  const restore = (changes: Partial<RestoreOptions> = {}): Restore => {
    const one = keep(
      new Restore({
        queue,
        acceptanceLog: new AcceptanceLogReader(url, "taskflow:0"),
        underWayMs: 500,
        enqueueMs: 50,
        freshMs: 400,
        periodMs: 20,
        onEmptied: () => events.push("emptied"),
        onRestored: (jobs) => events.push(`restored ${jobs}`),
        onError: (error) => events.push(String(error)),
        ...changes,
      }),
    );
    one.start();
    return one;
  };
  const generation = async (): Promise<string | undefined> =>
    (await client.query<{ generation: string }>("select epoch as generation from accepted_epochs")).rows[0]?.generation;
  return { redis, url, queue, client, accept, record, restore, events, generation };
}

const ids = (count: number, ageMs: number): string[] => Array.from({ length: count }, () => idAt(Date.now() - ageMs));
const live = async (queue: Queue): Promise<string[]> =>
  (await queue.liveIds(undefined, undefined, 10_000)).toReversed();

describe("restore", () => {
  it("puts back jobs that are neither recorded nor in Redis, unchanged, once their ids are old enough", async () => {
    const { queue, accept, record, restore, events } = await setup();
    const [recorded, waiting, lost] = [ids(3, OLD_MS), ids(2, OLD_MS), ids(1_500, OLD_MS)];
    const young = ids(2, 5_000);
    await accept([...recorded, ...waiting, ...lost, ...young], `{"n":1e400}`);
    await record(...recorded);
    await enqueueRaw(queue, { ids: waiting, submissions: waiting.map(() => submission({ payload: "1" })) });
    restore();
    await until(() => events.at(-1)?.startsWith("restored"), { what: "some are restored" });
    await until(async () => (await live(queue)).length === waiting.length + lost.length, { what: "all are restored" });
    expect(await live(queue)).toEqual([...waiting, ...lost].toSorted());
    const [back] = await queue.read([lost[7] ?? ""]);
    expect(back).toMatchObject({
      ...submission({ payload: `{"n":1e400}`, options: { durability: "postgres" } }),
      status: "queued",
      attempt: 0,
    });
    expect((await queue.jobCounts()).unaccounted).toBe(0);
    expect(events.every((line) => line.startsWith("restored"))).toBe(true);
  });

  it("does not wait if Redis came back empty, and stores the new generation only afterwards", async () => {
    const { redis, queue, accept, record, restore, events, generation } = await setup();
    const [recorded, lost] = [ids(3, 5_000), ids(5, 5_000)];
    await accept([...recorded, ...lost]);
    await record(...recorded);
    await redisCommand(redis.port, "FLUSHALL");
    const justNow = ids(1, 0);
    await accept(justNow);
    restore({ underWayMs: 3_000 });
    await until(() => events.includes("emptied"), { what: "it is noticed" });
    await until(async () => (await live(queue)).length === 5, {
      what: "the jobs that no replica still sends are restored",
    });
    expect(await generation()).toBe("first");
    await until(async () => (await live(queue)).length === 6, { what: "the last one comes back" });
    await until(async () => (await generation()) !== "first", { what: "the new generation is stored" });
    expect(await live(queue)).toEqual([...lost, ...justNow].toSorted());
    expect((await queue.jobCounts()).unaccounted).toBe(0);
    expect(events.filter((line) => line === "emptied")).toHaveLength(1);
  });

  it("does not wait either if no generation is stored yet", async () => {
    const { redis, queue, client, accept, restore, events, generation } = await setup();
    await redisCommand(redis.port, "FLUSHALL");
    await client.query("delete from accepted_epochs");
    await accept(ids(2, 1_000));
    restore();
    await until(generation, { what: "a generation is stored" });
    expect(await live(queue)).toHaveLength(2);
    expect(events).toEqual(["restored 2"]);
  });

  it("examines all ids again after a restart of Redis, which may have lost a part", async () => {
    const { redis, queue, accept, restore, events } = await setup();
    const mine = ids(3, OLD_MS);
    await accept(mine);
    restore();
    await until(() => events.includes("restored 3"), { what: "all are there" });
    await redis.stop();
    await until(() => events.some((line) => line.includes("QueueDisconnected")), { what: "Redis is missed" });
    await redis.restart();
    await until(async () => (await live(queue)).length === 3, { what: "Redis is back" });
    await redisCommand(redis.port, "DEL", `{taskflow:0}:j:${mine[1] ?? ""}`);
    await redisCommand(redis.port, "ZREM", "{taskflow:0}:live", mine[1] ?? "");
    await redis.restart();
    await until(() => events.includes("restored 1"), { what: "the lost one is back" });
  });

  it("puts back jobs accepted while Redis's clock was ahead, before that time", async () => {
    const { queue, accept, restore, events } = await setup();
    const future = ids(1_500, -DAY_MS);
    await accept(future);
    restore({ settledMs: 100 });
    await until(() => events.length > 0, { what: "they are restored" });
    expect(await live(queue)).toEqual(future.toSorted());
    expect(events).toEqual(["restored 1500"]);
  });

  it("examines new ids after Redis's clock went back", async () => {
    const { redis, queue, accept, restore, events } = await setup();
    const client = new Redis(redis.port);
    keep({ close: () => client.disconnect() });
    await setClock(client, DAY_MS);
    await queue.renew([], "{}"); // it learns the time
    await accept(ids(1, OLD_MS - DAY_MS));
    restore();
    await until(() => events.includes("restored 1"), { what: "one is restored while the clock is ahead" });
    await accept(ids(2, OLD_MS));
    await setClock(client, 0);
    await queue.renew([], "{}");
    await until(() => events.includes("restored 2"), { what: "the next ones are restored" });
    expect(await live(queue)).toHaveLength(3);
  });

  it("runs on one replica at a time, and the next continues where it stopped", async () => {
    const { queue, accept, restore, events } = await setup();
    await accept(ids(1, OLD_MS));
    const one = restore();
    await until(() => events.includes("restored 1"), { what: "the first restores" });
    await accept(ids(2, OLD_MS)); // too late for the first, which looks at new ids only
    const two = restore();
    await one.close();
    await one.close();
    await until(() => events.includes("restored 2"), { what: "the second restores" });
    expect(await live(queue)).toHaveLength(3);
    await two.close();
  });

  it("leaves an old job alone that a submission may still bring", async () => {
    const { queue, accept, restore, events } = await setup();
    const [under, over] = [ids(1, OLD_MS), ids(1, 70_000)];
    await accept([...under, ...over]);
    restore({ underWayMs: 66_000 });
    await until(() => events.length > 0, { what: "one is restored" });
    expect(await live(queue)).toEqual(over);
  });

  it("does not send data read too long ago, since another replica may lead", async () => {
    const { queue, accept, restore, events } = await setup();
    await accept(ids(1, OLD_MS));
    const late = restore({ freshMs: -1 });
    await until(() => events.some((line) => line.includes("waited too long to be sent")), { what: "it is not sent" });
    expect(await live(queue)).toEqual([]);
    await late.close();
    restore();
    await until(() => events.includes("restored 1"), { what: "it is read again" });
  });

  it("ends at once, even while it connects", async () => {
    const { restore, events } = await setup();
    await restore().close();
    expect(events).toEqual([]);
  });

  it("retries later the jobs that Redis rejects", async () => {
    const { redis, queue, accept, restore, events } = await setup();

    await redisCommand(redis.port, "ACL", "SETUSER", "default", "-evalsha");
    await accept(ids(3, OLD_MS), "x".repeat(1024 * 1024 * 3)); // more than one part
    restore();
    await until(() => events.some((line) => line.includes("NOPERM")), { what: "Redis rejects them" });
    await redisCommand(redis.port, "ACL", "SETUSER", "default", "+evalsha");
    await until(() => events.includes("restored 3"), { what: "they are there" });
    const { claimed } = await queue.claim(1, 1, ioSlots({ noop: 10 }));
    const lengths = await Promise.all(claimed.map(async ({ id }) => (await queue.payload(id, 0))?.length));
    expect(lengths).toEqual([3, 3, 3].map((mib) => mib * 1024 * 1024)); // their payloads as well
    expect((await queue.jobCounts()).unaccounted).toBe(0);
  });
});
