import pg from "pg";
import { afterEach, describe, expect, it } from "vitest";
import { idsFrom, timeOfId } from "../core/id.ts";
import { DAY_MS } from "../core/time.ts";
import { redisCommand } from "../embedded/redis-command.ts";
import type { Enqueued, Submitted } from "../queue/enqueuer.ts";
import { AcceptanceLogWriter } from "../results/acceptance-log/writer.ts";
import { migrate } from "../results/migrate.ts";
import { RecorderConnection } from "../results/recorder/connection.ts";
import { Store } from "../results/store.ts";
import { idAt, outcomeWith } from "../testing/outcomes.ts";
import { enqueueRaw, openQueue, submission } from "../testing/queue.ts";
import { freshDatabase, ownRedis } from "../testing/services.ts";
import { until } from "../testing/until.ts";
import { PIPELINE_MS, submissionPipeline } from "./submission-pipeline.ts";

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
  const acceptanceLogWriter = new AcceptanceLogWriter({
    databaseUrl: url,
    namespace: "taskflow:0",
    log: { info: () => undefined, warn: () => undefined, error: () => undefined },
  });
  const store = new Store(url);
  open.push(queue, { close: () => client.end() }, acceptanceLogWriter, store);
  const enqueue = submissionPipeline({ queue, acceptanceLogWriter, store, retentionMs: DAY_MS });
  const submit = (submitted: Submitted): Promise<Enqueued> => new Promise((resolve) => enqueue(submitted, resolve));
  const committed = async (): Promise<string[]> =>
    (await client.query<{ id: string }>("select id from accepted")).rows.map(({ id }) => id);
  const record = async (id: string): Promise<void> => {
    const connection = new RecorderConnection(url, 5_000);
    await connection.copy([outcomeWith({ job: { id } })]);
    connection.cut();
  };
  return { redis, queue, client, store, submit, committed, record };
}

const durable = submission({ options: { durability: "postgres" } });
const idempotency = { key: "k", fingerprint: "f", ttlMs: 60_000 };

describe("the submission pipeline", () => {
  it("commits submissions of durability postgres with their whole batch, and no others", async () => {
    const { queue, submit, committed } = await setup();
    const ids = idsFrom(queue.ids.next(3), 3) as [string, string, string];
    expect(await submit({ ids: [ids[0]], submissions: [submission()] })).toEqual({ kind: "enqueued" });
    expect(await committed()).toEqual([]);
    expect(await submit({ ids: ids.slice(1), submissions: [submission(), durable] })).toEqual({ kind: "enqueued" });
    expect(await committed()).toEqual(ids.slice(1));
    expect(await queue.missing(ids)).toEqual([]);
  });

  it("answers a repeat from Redis, and commits nothing for it", async () => {
    const { queue, submit, committed } = await setup();
    const ids = [queue.ids.next()];
    await submit({ ids, submissions: [durable], idempotency });
    expect(await submit({ ids: [queue.ids.next()], submissions: [durable], idempotency })).toEqual({
      kind: "replayed",
      firstId: ids[0],
    });
    expect(
      await submit({
        ids: [queue.ids.next()],
        submissions: [durable],
        idempotency: { ...idempotency, fingerprint: "g" },
      }),
    ).toEqual({ kind: "conflict", firstId: ids[0] });
    expect(await committed()).toEqual(ids);
  });

  it("runs its committed jobs, although Redis got the key from another submission meanwhile", async () => {
    const { queue, client, submit } = await setup();
    const [id, other] = [queue.ids.next(), queue.ids.next()];
    await client.query("begin");
    await client.query("lock table accepted in exclusive mode");
    const answer = submit({ ids: [id], submissions: [durable], idempotency });
    await until(
      async () =>
        (await client.query("select from pg_locks where not granted and relation = 'accepted'::regclass")).rowCount,
      { what: "its COPY waits" },
    );
    await enqueueRaw(queue, { ids: [other], submissions: [submission()], idempotency });
    await client.query("rollback");
    expect(await answer).toEqual({ kind: "enqueued" });
    expect(await queue.missing([id, other])).toEqual([]);
  });

  it("answers a repeat that only Postgres knows, if each of its jobs exists", async () => {
    const { redis, queue, client, store, submit, record } = await setup();
    const ids = idsFrom(queue.ids.next(3), 3) as [string, string, string];
    const again = (): Promise<Enqueued> =>
      submit({ ids: idsFrom(queue.ids.next(3), 3), submissions: [submission(), durable, submission()], idempotency });
    await redisCommand(redis.port, "CONFIG", "SET", "maxmemory", "1");
    expect(await submit({ ids, submissions: [submission(), durable, submission()], idempotency })).toMatchObject({
      kind: "failed",
      error: { code: "outcome_unknown" },
    });
    await redisCommand(redis.port, "CONFIG", "SET", "maxmemory", "0");
    const replayed = { kind: "replayed", firstId: ids[0] };
    expect(await again()).toEqual(replayed); // in Postgres, from where they are put back
    expect([...(await store.committed(ids))].sort()).toEqual(ids);
    await enqueueRaw(queue, { ids: [ids[1]], submissions: [durable] });
    await client.query("delete from accepted where id = $1", [ids[1]]);
    expect(await again()).toEqual(replayed); // one is in Redis
    await record(ids[0]);
    await client.query("delete from accepted");
    expect(await again()).toMatchObject({
      kind: "failed",
      error: {
        code: "outcome_unknown",
        message: expect.stringContaining(
          `1 of its 3 jobs are in neither Redis nor Postgres (the first is ${ids[2]})`,
        ) as string,
      },
      firstId: ids[0],
    });
    await client.query("update accepted_keys set first_id = $1", [idAt(Date.now() - DAY_MS - 1)]);
    expect(await again()).toMatchObject({ kind: "replayed" }); // retention may have dropped their rows
  });

  it("does not answer such a repeat while it cannot read", async () => {
    const { redis, queue, submit } = await setup();
    await redisCommand(redis.port, "CONFIG", "SET", "maxmemory", "1");
    const again = (): Promise<Enqueued> => submit({ ids: [queue.ids.next()], submissions: [durable], idempotency });
    expect(await again()).toMatchObject({ kind: "failed", error: { code: "outcome_unknown" } });
    await redisCommand(redis.port, "ACL", "SETUSER", "default", "-zmscore");
    expect(await again()).toMatchObject({ kind: "failed", error: { code: "queue_unavailable" } });
    await redisCommand(redis.port, "ACL", "SETUSER", "default", "+zmscore");
    expect(await again()).toMatchObject({ kind: "replayed" });
  });

  it("sends no job to Redis that the restore may have examined, however late it is", async () => {
    const { queue, submit, committed } = await setup();
    const [late, young] = [idAt(queue.clock.now() - PIPELINE_MS - 1_000), queue.ids.next()];
    const answers = await Promise.all([
      enqueueRaw(queue, { ids: [late], submissions: [durable], sendBy: timeOfId(late) + PIPELINE_MS }),
      submit({ ids: [young], submissions: [durable] }),
    ]);
    expect(answers).toMatchObject([{ kind: "failed", error: { code: "queue_unavailable" } }, { kind: "enqueued" }]);
    expect(await queue.missing([late, young])).toEqual([late]);
    expect(await committed()).toEqual([young]);
  });

  it("rejects a submission that took too long to arrive, since the restore might examine it", async () => {
    const { submit, committed } = await setup();
    expect(await submit({ ids: [idAt(Date.now() - 4_000)], submissions: [durable] })).toMatchObject({
      kind: "failed",
      error: { code: "store_unavailable" },
    });
    expect(await committed()).toEqual([]);
  });

  it("rejects submissions while Redis does not answer, before a commit", async () => {
    const { redis, queue, submit, committed } = await setup();
    const ids = [queue.ids.next()];
    const waiting = submit({ ids, submissions: [durable], idempotency });
    redis.pause();
    await waiting;
    const silent = submit({
      ids: [queue.ids.next()],
      submissions: [durable],
      idempotency: { ...idempotency, key: "l" },
    });
    await redis.kill();
    expect(await silent).toMatchObject({ kind: "failed", error: { status: 503 } });
    await until(() => !queue.isReady, { what: "the connection is lost" });
    expect(await submit({ ids: [queue.ids.next()], submissions: [durable] })).toMatchObject({
      kind: "failed",
      error: { code: "queue_unavailable" },
    });
    expect((await committed()).length).toBeLessThanOrEqual(1);
  });
});
