import pg from "pg";
import { afterEach, describe, expect, it } from "vitest";
import type { Outcome } from "../../core/job.ts";
import { outcomes, outcomeWith } from "../../testing/outcomes.ts";
import { freshDatabase, ownPostgres } from "../../testing/services.ts";
import { smallPayloads } from "../../testing/small-payloads.ts";
import { TcpProxy } from "../../testing/tcp-proxy.ts";
import { until } from "../../testing/until.ts";
import { migrate } from "../migrate.ts";
import { Recorder, type RecorderOptions } from "./recorder.ts";

const open: { close: () => Promise<void> }[] = [];
afterEach(async () => {
  for (const part of open.splice(0).reverse()) await part.close();
});

function recorderOn(databaseUrl: string, options: Partial<RecorderOptions> = {}) {
  const recorded: string[] = [];
  const logged: string[] = [];
  const dropped: number[] = [];
  const note = (_fields: object, message: string): number => logged.push(message);
  const recorder = new Recorder({
    ...smallPayloads,
    databaseUrl,
    maxRows: 100,
    highMark: 20,
    lowMark: 5,
    onRecorded: (batch) => {
      recorded.push(...batch.map(({ job }) => job.id));
      return Promise.resolve();
    },
    log: { info: note, warn: note, error: note },
    observe: { dropped: (n) => dropped.push(n) },
    ...options,
  });
  open.push({ close: () => recorder.close(0) });
  return { recorder, recorded, logged, dropped };
}

async function clientOf(url: string): Promise<pg.Client> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  open.push({ close: () => client.end() });
  return client;
}

async function setup(options: Partial<RecorderOptions> = {}) {
  const { url } = await freshDatabase();
  await migrate(url);
  return { url, client: await clientOf(url), ...recorderOn(url, options) };
}

async function proxied(options: Partial<RecorderOptions> = {}) {
  const { url } = await freshDatabase();
  await migrate(url);
  const proxy = await TcpProxy.start(Number(new URL(url).port));
  open.push(proxy);
  return { proxy, client: await clientOf(url), ...recorderOn(proxy.before(url), options) };
}

const stored = async (client: pg.Client): Promise<number> =>
  (await client.query<{ n: number }>("select count(*)::int as n from jobs")).rows[0]?.n ?? -1;

/** Waits until a COPY of the recorder waits for a lock. */
const copyWaits = (client: pg.Client): Promise<unknown> =>
  until(
    async () => (await client.query("select from pg_locks where not granted and relation = 'jobs'::regclass")).rowCount,
    { what: "a COPY waits" },
  );

describe("a row that Postgres rejects", () => {
  const refused: Readonly<Record<string, Outcome>> = {
    "a NUL in the result": outcomeWith({ result: `"a\0b"` }),
    "a payload that is no JSON": outcomeWith({ job: { payload: "{" } }),
    "JSON too deep for Postgres": outcomeWith({ result: "[".repeat(100_000) + "]".repeat(100_000) }),
    "a NUL in the group": outcomeWith({ job: { groupKey: "a\0b" } }),
    "a NUL in a tag": outcomeWith({ job: { options: { tags: ["x", "a\0b"] } } }),
    "a NUL in the type and in the worker": outcomeWith({ job: { type: "a\0b" }, worker: "a\0b" }),
    "a record that is no JSON": outcomeWith({ records: ["{"] }),
  };

  it("is stored without payload and result, and its batch as it is", async () => {
    const { recorder, recorded, client } = await setup({ highMark: 1_000 });
    const good = outcomes(40);
    const batch = [...good.slice(0, 17), ...Object.values(refused), ...good.slice(17)];
    recorder.add(batch);
    await recorder.idle();
    expect(recorded).toEqual(batch.map(({ job }) => job.id));
    expect(await stored(client)).toBe(batch.length);
    const { rows } = await client.query(
      "select status, payload::text, result::text, attempts from jobs where error ->> 'code' = 'unrecordable'",
    );
    expect(rows).toEqual(
      Object.keys(refused).map(() => ({ status: "completed", payload: "{}", result: null, attempts: null })),
    );
    const texts = await client.query(
      "select type, group_key, tags, worker from jobs where error ->> 'code' = 'unrecordable' and (group_key is not null or tags <> '{}' or worker <> 'replica1')",
    );
    expect(texts.rows).toHaveLength(3);
    expect(texts.rows).toEqual(
      expect.arrayContaining([
        { type: "email", group_key: "a\uFFFDb", tags: [], worker: "replica1" },
        { type: "email", group_key: null, tags: ["x", "a\uFFFDb"], worker: "replica1" },
        { type: "a\uFFFDb", group_key: null, tags: [], worker: "a\uFFFDb" },
      ]),
    );
  });

  it("is set aside if even that fails, and stays in the outbox", async () => {
    const { recorder, recorded, client, logged } = await setup();
    const [a, b] = outcomes(2) as [Outcome, Outcome];
    recorder.add([
      a,
      outcomeWith({ job: { id: "no id" } }),
      outcomeWith({ finishedAt: Number.NaN }),
      outcomeWith({ job: { priority: 70_000 } }),
      b,
    ]);
    await recorder.idle();
    expect(recorded).toEqual([a.job.id, b.job.id]);
    expect(await stored(client)).toBe(2);
    expect(logged.filter((message) => message.includes("cannot be recorded at all"))).toHaveLength(3);
    expect(recorder.isHealthy).toBe(true);
  });
});

describe("a recorder whose Postgres fails", () => {
  it("repeats a COPY whose backend was killed", async () => {
    const { recorder, recorded, client, logged } = await setup();
    await client.query("begin; lock table jobs in exclusive mode");
    recorder.add(outcomes(10));
    await copyWaits(client);
    await client.query(
      "select pg_terminate_backend(pid) from pg_stat_activity where datname = current_database() and application_name = 'taskflow-recorder'",
    );
    await until(() => !recorder.isHealthy, { what: "the failure is noticed" });
    await client.query("commit");
    await recorder.idle();
    expect(recorded).toHaveLength(10);
    expect(await stored(client)).toBe(10);
    expect(logged).toEqual([
      "outcomes cannot be recorded: they stay in the outbox until Postgres takes them",
      "Postgres takes outcomes again",
    ]);
  });

  it("logs the holder of the lock that a COPY waits for", async () => {
    const { recorder, recorded, client, logged } = await setup();
    await client.query("set application_name = 'nightly-dump'; begin; lock table jobs in exclusive mode");
    recorder.add(outcomes(1));
    await until(() => logged.length > 0, { what: "it is logged" });
    await client.query("commit");
    await recorder.idle();
    expect(logged).toEqual([
      expect.stringMatching(
        /^outcomes wait for a lock of Postgres: RowExclusiveLock on jobs, held by nightly-dump \(process \d+, idle in transaction, for \d+ s\)$/,
      ),
    ]);
    expect(recorded).toHaveLength(1);
  });

  it("opens a new connection when the idle one was killed", async () => {
    const { recorder, client, logged } = await setup();
    recorder.add(outcomes(1));
    await recorder.idle();
    await client.query(
      "select pg_terminate_backend(pid, 5000) from pg_stat_activity where datname = current_database() and application_name = 'taskflow-recorder'",
    );
    recorder.add(outcomes(1));
    await recorder.idle();
    expect(await stored(client)).toBe(2);
    expect(logged.length).toBeLessThanOrEqual(2); // the news of the death may come after the COPY was sent
  });

  it("cuts a COPY that hangs, at the server too", async () => {
    const { recorder, recorded, client } = await setup({ flushTimeoutMs: 250 });
    await client.query("begin; lock table jobs in exclusive mode");
    recorder.add(outcomes(10));
    await copyWaits(client);
    await until(() => !recorder.isHealthy, { what: "the COPY is given up" });
    await client.query("commit");
    await recorder.idle();
    expect(recorded).toHaveLength(10);
    expect(await stored(client)).toBe(10);
  });

  it("cuts a connection that goes silent", async () => {
    const { proxy, recorder, recorded, client } = await proxied({ flushTimeoutMs: 250 });
    recorder.add(outcomes(1));
    await recorder.idle();
    proxy.setMode({ kind: "black-hole" });
    recorder.add(outcomes(10));
    await until(() => !recorder.isHealthy, { what: "the COPY is given up" });
    proxy.setMode({ kind: "pass" });
    await recorder.idle();
    expect(recorded).toHaveLength(11);
    expect(await stored(client)).toBe(11);
  });

  it("stores a batch once whose commit was not confirmed", async () => {
    const { proxy, recorder, recorded, client } = await proxied();
    recorder.add(outcomes(1));
    await recorder.idle();
    const COPY_DONE = "c\0\0\0\u0004";
    const dropped = proxy.dropNextReply((request) => request.toString("latin1").endsWith(COPY_DONE));
    recorder.add(outcomes(10));
    await dropped;
    await recorder.idle();
    expect(recorded).toHaveLength(11);
    expect(await stored(client)).toBe(11);
  });

  it("keeps the outcomes that fit, drops the others, and recovers", async () => {
    const server = await ownPostgres();
    await migrate(server.address);
    const { recorder, recorded, logged, dropped } = recorderOn(server.address, { maxRows: 4 });
    recorder.add(outcomes(4));
    await recorder.idle();
    await server.stop();
    recorder.add(outcomes(4));
    await until(() => !recorder.isHealthy, { what: "the outage is noticed" });
    recorder.add(outcomes(19));
    expect(recorder.isFull).toBe(false);
    recorder.add(outcomes(5));
    expect(recorder.isFull).toBe(true);
    recorder.add(outcomes(3));
    expect(dropped).toEqual([4, 3]);
    await server.restart();
    await recorder.idle();
    expect(recorder.isHealthy).toBe(true);
    expect(recorder.isFull).toBe(false);
    expect(recorded).toHaveLength(4 + 4 + 20);
    expect(logged.filter((message) => message === "Postgres takes outcomes again")).toHaveLength(1);
  });

  it("notifies paused producers when they may continue: room is free again, or Postgres is away", async () => {
    const server = await ownPostgres();
    await migrate(server.address);
    const client = await clientOf(server.address);
    let releases = 0;
    const { recorder } = recorderOn(server.address, {
      maxRows: 4,
      observe: {
        released: () => {
          releases += 1;
        },
      },
    });
    await client.query("begin; lock table jobs in exclusive mode");
    recorder.add(outcomes(30));
    await copyWaits(client);
    expect([recorder.shouldPause, releases]).toEqual([true, 0]);
    await client.query("commit");
    await recorder.idle();
    expect([recorder.shouldPause, releases]).toEqual([false, 1]);
    await client.end();
    await server.stop();
    recorder.add(outcomes(30));
    expect(recorder.shouldPause).toBe(true);
    await until(() => !recorder.isHealthy, { what: "the outage is noticed" });
    expect([recorder.isFull, recorder.shouldPause, releases]).toEqual([true, false, 2]);
  });

  it("bounds its memory while a COPY hangs, too", async () => {
    const { recorder, client, dropped } = await setup();
    await client.query("begin; lock table jobs in exclusive mode");
    recorder.add(outcomes(1));
    await copyWaits(client);
    recorder.add(outcomes(45));
    expect(dropped).toEqual([5]);
    expect(recorder.size).toBe(40);
    await client.query("commit");
    await recorder.idle();
    expect(await stored(client)).toBe(41);
  });

  it("ends at the deadline of its close, whatever Postgres does", async () => {
    const rejecting = recorderOn("postgres://user:x@127.0.0.1:1/none").recorder;
    rejecting.add(outcomes(1));
    await until(() => !rejecting.isHealthy, { what: "the rejection is noticed" });
    const { proxy, recorder } = await proxied();
    proxy.setMode({ kind: "black-hole" });
    recorder.add(outcomes(1));
    await until(() => proxy.connections > 0, { what: "it connects" });
    const startedAt = performance.now();
    await Promise.all([rejecting.close(50), recorder.close(50)]);
    expect(performance.now() - startedAt).toBeLessThan(2_000);
  });

  it("records without the next day's partition if it cannot be created", async () => {
    const { recorder, recorded, client, logged } = await setup();
    await client.query("drop function taskflow_add_partition(text, uuid, uuid)");
    recorder.add(outcomes(2));
    await recorder.idle();
    expect(recorded).toHaveLength(2);
    expect(logged).toEqual([
      "the next day's partition could not be created in advance: the flush that needs it creates it",
    ]);
  });
});
