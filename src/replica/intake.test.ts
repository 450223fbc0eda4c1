import pg from "pg";
import { afterEach, describe, expect, it } from "vitest";
import type { Enqueued, Submitted } from "../queue/enqueuer.ts";
import { Acceptor } from "../results/acceptor.ts";
import { migrate } from "../results/migrate.ts";
import { idAt } from "../testing/outcomes.ts";
import { enqueueRaw, openQueue, submission } from "../testing/queue.ts";
import { freshDatabase, ownRedis } from "../testing/services.ts";
import { until } from "../testing/until.ts";
import { intake } from "./intake.ts";

const open: { close: () => unknown }[] = [];
afterEach(async () => {
  for (const part of open.splice(0).reverse()) await part.close();
});

async function setup() {
  const [redis, { url }] = await Promise.all([ownRedis(), freshDatabase()]);
  await migrate(url);
  const queue = await openQueue(redis.address);
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  const acceptor = new Acceptor({ databaseUrl: url, namespace: "taskflow:0", log: { info: () => undefined, warn: () => undefined, error: () => undefined } });
  open.push(queue, { close: () => client.end() }, acceptor);
  const enqueue = intake({ queue, acceptor });
  const submit = (submitted: Submitted): Promise<Enqueued> => new Promise((resolve) => enqueue(submitted, resolve));
  const committed = async (): Promise<string[]> => (await client.query<{ id: string }>("select id from accepted")).rows.map(({ id }) => id);
  return { redis, queue, client, submit, committed };
}

const durable = submission({ options: { durability: "postgres" } });
const idempotency = { key: "k", fingerprint: "f", ttlMs: 60_000 };

describe("intake", () => {
  it("commits what asks for it, and nothing else", async () => {
    const { queue, submit, committed } = await setup();
    const ids = [queue.ids.next(), queue.ids.next(), queue.ids.next()] as [string, string, string];
    expect(await submit({ ids: [ids[0]], submissions: [submission()] })).toEqual({ kind: "enqueued" });
    expect(await committed()).toEqual([]);
    expect(await submit({ ids: ids.slice(1), submissions: [submission(), durable] })).toEqual({ kind: "enqueued" });
    expect(await committed()).toEqual([ids[2]]);
    expect(await queue.missing(ids)).toEqual([]);
  });

  it("answers a repeat from Redis, and commits nothing for it", async () => {
    const { queue, submit, committed } = await setup();
    const ids = [queue.ids.next()];
    await submit({ ids, submissions: [durable], idempotency });
    expect(await submit({ ids: [queue.ids.next()], submissions: [durable], idempotency })).toEqual({ kind: "replayed", firstId: ids[0] });
    expect(await submit({ ids: [queue.ids.next()], submissions: [durable], idempotency: { ...idempotency, fingerprint: "g" } })).toEqual({ kind: "conflict", firstId: ids[0] });
    expect(await committed()).toEqual(ids);
  });

  it("runs what it committed, though Redis learnt the key from another in the meantime", async () => {
    const { queue, client, submit } = await setup();
    const [id, other] = [queue.ids.next(), queue.ids.next()];
    await client.query("begin");
    await client.query("lock table accepted in exclusive mode");
    const answer = submit({ ids: [id], submissions: [durable], idempotency });
    await until(async () => (await client.query("select from pg_locks where not granted and relation = 'accepted'::regclass")).rowCount, { what: "its COPY waits" });
    await enqueueRaw(queue, { ids: [other], submissions: [submission()], idempotency });
    await client.query("rollback");
    expect(await answer).toEqual({ kind: "enqueued" });
    expect(await queue.missing([id, other])).toEqual([]);
  });

  it("refuses what took too long on its way here, since the restore might meet it", async () => {
    const { submit, committed } = await setup();
    expect(await submit({ ids: [idAt(Date.now() - 4_000)], submissions: [durable] })).toMatchObject({ kind: "failed", error: { code: "store_unavailable" } });
    expect(await committed()).toEqual([]);
  });

  it("refuses while Redis does not answer, before anything is committed", async () => {
    const { redis, queue, submit, committed } = await setup();
    const ids = [queue.ids.next()];
    const waiting = submit({ ids, submissions: [durable], idempotency });
    redis.pause();
    await waiting;
    const silent = submit({ ids: [queue.ids.next()], submissions: [durable], idempotency: { ...idempotency, key: "l" } });
    await redis.kill();
    expect(await silent).toMatchObject({ kind: "failed", error: { status: 503 } });
    await until(() => !queue.isReady, { what: "the connection is lost" });
    expect(await submit({ ids: [queue.ids.next()], submissions: [durable] })).toMatchObject({ kind: "failed", error: { code: "queue_unavailable" } });
    expect((await committed()).length).toBeLessThanOrEqual(1);
  });
});
