import pg from "pg";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { redisCommand } from "../embedded/redis-command.ts";
import { HttpPeer } from "../testing/http-peer.ts";
import type { OwnServer } from "../testing/own-servers.ts";
import type { ApiJob, TestReplica } from "../testing/replica.ts";
import { call, getJob, jobWhen, startReplica, submit } from "../testing/replica.ts";
import { freshDatabase, ownRedis, tempDir } from "../testing/services.ts";
import { TcpProxy } from "../testing/tcp-proxy.ts";
import { until } from "../testing/until.ts";

let redis: OwnServer;
let proxy: TcpProxy;
let client: pg.Client;
let one: TestReplica;
let two: TestReplica;

beforeAll(async () => {
  const database = await freshDatabase();
  redis = await ownRedis();
  proxy = await TcpProxy.start(Number(new URL(database.url).port));
  client = new pg.Client({ connectionString: database.url });
  await client.connect();
  const env = {
    ACCEPT_DURABILITY: "postgres",
    SUBMIT_TIMEOUT_MS: "1500",
    IO_SLOTS: "10",
    LEASE_MS: "2000",
    OUTBOUND_ALLOW_PRIVATE: "true",
  };
  const start = () =>
    startReplica({ redis: redis.address, database: proxy.before(database.url), artifacts: tempDir(), env });
  one = await start();
  two = await start();
});
afterAll(async () => {
  await Promise.all([one.close(), two.close()]);
  await client.end();
  await proxy.close();
});

async function recorded(): Promise<string[]> {
  return (await client.query<{ id: string }>("select id from jobs")).rows.map(({ id }) => id);
}

/** How many attempts of a job have been settled. */
function attemptsOf(id: string): number {
  return [...one.lines(), ...two.lines()].filter(({ msg, job_id }) => msg === "attempt settled" && job_id === id)
    .length;
}

async function post(replica: TestReplica, fields: object, key?: string) {
  const body = JSON.stringify({ type: "noop", payload: {}, ...fields });
  const answer = await fetch(`${replica.url}/api/v1/jobs`, {
    method: "POST",
    body,
    headers: { "content-type": "application/json", ...(key !== undefined && { "idempotency-key": key }) },
  });
  return {
    status: answer.status,
    headers: answer.headers,
    body: (await answer.json()) as ApiJob & { readonly code?: string; readonly durability: string },
  };
}

/** The job counts once no job runs or waits to be recorded. */
async function restingCounts(): Promise<{ readonly unaccounted: number; readonly accepted: number }> {
  return until(
    async () => {
      const stats = (await call(two, "GET", "/api/v1/stats")).body as {
        outbox_depth: number;
        unaccounted: number;
        accepted: number;
        totals: Record<string, number>;
      };
      return stats.outbox_depth === 0 && stats.totals.running === 0 && stats.totals.queued === 0 ? stats : undefined;
    },
    { what: "everything is recorded" },
  );
}

describe("durability postgres", () => {
  it("is the default according to the setting, and each job may choose", async () => {
    const [durable, plain] = [await post(one, {}), await post(one, { durability: "redis" })];
    expect([durable.body.durability, plain.body.durability]).toEqual(["postgres", "redis"]);
    await Promise.all([durable, plain].map(({ body }) => jobWhen(two, body.id)));
    const { body } = await call(one, "POST", "/api/v1/jobs/batch", {
      jobs: [
        { type: "noop", payload: {}, durability: "redis" },
        { type: "noop", payload: {} },
      ],
    });
    const batch = (body as { jobs: { id: string }[] }).jobs.map(({ id }) => id);
    const { rows } = await client.query<{ id: string }>("select id from accepted order by id");
    // one of the batch asks for it, so that it is committed as a whole
    expect(rows.map(({ id }) => id)).toEqual([durable.body.id, ...batch]);
    const shown = await Promise.all(
      batch.map(async (id) => (await jobWhen(two, id)) as ApiJob & { readonly durability: string }),
    );
    expect(shown.map(({ durability }) => durability)).toEqual(["redis", "postgres"]); // as each asked
  });

  it("runs every accepted job to its end, once, although Redis is emptied meanwhile", async () => {
    const keyed = await post(one, {}, "before");
    await jobWhen(two, keyed.body.id);
    const planned = await submit(one, "noop", {}, { delay_ms: 3_600_000 });
    const jobs = Array.from({ length: 120 }, () => ({ type: "test_io", payload: { do: "sleep", ms: 300 } }));
    const { body } = await call(one, "POST", "/api/v1/jobs/batch", { jobs });
    const ids = (body as { jobs: { id: string }[] }).jobs.map(({ id }) => id);

    const before = await until(
      async () => {
        const rows = await recorded();
        return rows.filter((id) => ids.includes(id)).length >= 20 ? rows : undefined;
      },
      { what: "some are recorded" },
    );
    await redisCommand(redis.port, "FLUSHALL");
    // Postgres has decided about the key, so that a repeat is one even while Redis knows nothing.
    const repeat = await post(two, {}, "before");
    expect(repeat).toMatchObject({ status: 202, body: { id: keyed.body.id } });
    expect(repeat.headers.get("idempotent-replayed")).toBe("true");
    expect(await post(two, { payload: { other: true } }, "before")).toMatchObject({
      status: 422,
      body: { code: "idempotency_key_reused" },
    });

    await until(
      async () => {
        const rows = await recorded();
        return ids.every((id) => rows.includes(id));
      },
      { what: "all have ended", timeoutMs: 30_000 },
    );
    await until(async () => (await getJob(two, planned)).status === "scheduled", { what: "the planned one is back" });
    const { rows } = await client.query<{ status: string; n: number }>(
      "select status, count(*)::int as n from jobs where type = 'test_io' group by status",
    );
    expect(rows).toEqual([{ status: "completed", n: 120 }]);
    expect(before.filter((id) => attemptsOf(id) !== 1)).toEqual([]); // what was recorded did not run again
    const restored = [...one.lines(), ...two.lines()].reduce(
      (sum, { msg, jobs: count }) => sum + (msg === "put back jobs that Redis had lost" ? Number(count) : 0),
      0,
    );
    expect(await restingCounts()).toMatchObject({ unaccounted: 0, accepted: restored });
  });

  it("makes one job of many requests with one key at once, on both replicas", async () => {
    const answers = await Promise.all(Array.from({ length: 20 }, (_, i) => post(i % 2 ? one : two, {}, "same")));
    const id = answers[0]?.body.id ?? "";
    expect([...new Set(answers.map(({ status, body }) => `${status} ${body.id}`))]).toEqual([`202 ${id}`]);
    await jobWhen(two, id);
    const { rows } = await client.query(
      "select first_id from accepted_keys join accepted on id = first_id where key like 'job:%' and first_id = $1",
      [id],
    );
    expect(rows).toHaveLength(1);
    expect((await post(one, {}, "same")).body.id).toBe(id);
  });

  it("is rejected promptly while Postgres is away, and durability redis is not", async () => {
    proxy.setMode({ kind: "reset" });
    const refused = await until(
      async () => {
        const answer = await post(one, {});
        return answer.body.code === "store_unavailable" ? answer : undefined;
      },
      { what: "it is rejected" },
    );
    expect(refused.status).toBe(503);
    expect(refused.headers.get("retry-after")).toBe("2");
    const startedAt = performance.now();
    expect(await post(one, {})).toMatchObject({ status: 503, body: { code: "store_unavailable" } });
    expect(performance.now() - startedAt).toBeLessThan(1_000);
    const plain = await post(one, { durability: "redis" });
    expect(plain.status).toBe(202);
    proxy.setMode({ kind: "pass" });
    const taken = await until(
      async () => {
        const answer = await post(one, {});
        return answer.status === 202 ? answer : undefined;
      },
      { what: "it is accepted again" },
    );
    await Promise.all([plain, taken].map(({ body }) => jobWhen(two, body.id)));
  });

  it("runs a job once that was committed and did not get into Redis, although the caller got a 503", async () => {
    await redisCommand(redis.port, "CONFIG", "SET", "maxmemory", "1");
    const answer = await post(one, {}, "held");
    expect(answer).toMatchObject({ status: 503, body: { code: "outcome_unknown" } });
    await redisCommand(redis.port, "CONFIG", "SET", "maxmemory", "0");
    const repeat = await post(two, {}, "held"); // the job is safe, so it is accepted
    expect(repeat).toMatchObject({ status: 202, body: { id: answer.body.id } });
    await redisCommand(redis.port, "DEL", "{taskflow:0}:epoch"); // otherwise the restore examines it after a minute
    const job = await jobWhen(two, answer.body.id, "completed");
    expect(job.attempt).toBe(1);
    expect(attemptsOf(job.id)).toBe(1);
    expect(await restingCounts()).toMatchObject({ unaccounted: 0 });
  });

  it("is cancelled although Redis never got it: recorded at once, called back, and not run when Redis loses that", async () => {
    const http = await HttpPeer.start();
    await redisCommand(redis.port, "CONFIG", "SET", "maxmemory", "1");
    const [unconfirmed, other] = [await post(one, { callback_url: http.url("/done") }), await post(one, {})];
    expect([unconfirmed.body.code, other.body.code]).toEqual(["outcome_unknown", "outcome_unknown"]);
    await redisCommand(redis.port, "CONFIG", "SET", "maxmemory", "0");
    expect(await call(two, "DELETE", `/api/v1/jobs/${unconfirmed.body.id}`)).toMatchObject({
      status: 200,
      body: { id: unconfirmed.body.id, status: "cancelled" },
    });
    await until(async () => (await recorded()).includes(unconfirmed.body.id), { what: "its row is there" });
    await until(
      () =>
        http.requests.some(
          ({ path, body }) =>
            path === "/done" && body.includes(unconfirmed.body.id) && body.includes('"status":"cancelled"'),
        ),
      { what: "its callback comes" },
    );
    await redisCommand(redis.port, "FLUSHALL");
    await jobWhen(two, other.body.id, "completed"); // what Redis has lost is back
    expect(await getJob(two, unconfirmed.body.id)).toMatchObject({ status: "cancelled", attempt: 0 });
    expect(attemptsOf(unconfirmed.body.id)).toBe(0);
    await http.close();
  });

  it.each([
    ["a key", { "idempotency-key": "mixed" }],
    ["no key", undefined],
  ])("of one job of a batch runs all of them, with %s, although Redis did not accept them", async (_, headers) => {
    const large = "x".repeat(40_000); // its payload has a key of its own in Redis
    const jobs = ["redis", "postgres", "redis"].map((durability, i) => ({
      type: "test_io",
      payload: { do: "return", value: i === 2 ? large : i },
      durability,
    }));
    const postBatch = async (replica: TestReplica) => {
      const answer = await fetch(`${replica.url}/api/v1/jobs/batch`, {
        method: "POST",
        body: JSON.stringify({ jobs }),
        headers: { "content-type": "application/json", ...headers },
      });
      return {
        status: answer.status,
        isRepeat: answer.headers.get("idempotent-replayed"),
        body: (await answer.json()) as { code?: string; ids?: string[]; jobs?: { id: string }[] },
      };
    };
    await redisCommand(redis.port, "CONFIG", "SET", "maxmemory", "1");
    const refused = await postBatch(one);
    expect(refused).toMatchObject({ status: 503, body: { code: "outcome_unknown" } });
    const ids = refused.body.ids ?? [];
    await redisCommand(redis.port, "CONFIG", "SET", "maxmemory", "0");
    if (headers)
      expect(await postBatch(two)).toMatchObject({
        status: 202,
        isRepeat: "true",
        body: { jobs: ids.map((id) => ({ id })) },
      });
    const first = await Promise.all(ids.map((id) => getJob(two, id)));
    expect(first.map(({ status }) => status)).toEqual(["queued", "queued", "queued"]);
    await redisCommand(redis.port, "DEL", "{taskflow:0}:epoch"); // otherwise the restore examines them after a minute
    await until(
      async () => {
        const rows = await recorded();
        return ids.every((id) => rows.includes(id));
      },
      { what: "all have ended", timeoutMs: 30_000 },
    );
    expect(ids.map(attemptsOf)).toEqual([1, 1, 1]);
    if (headers)
      expect(await postBatch(two)).toMatchObject({
        status: 202,
        isRepeat: "true",
        body: { jobs: ids.map((id) => ({ id })) },
      });
    expect(await restingCounts()).toMatchObject({ unaccounted: 0 });
  });

  it("is rejected, with nothing changed, while Redis is away", async () => {
    const committed = async (): Promise<unknown> => (await client.query("select count(*) as n from accepted")).rows[0];
    const before = await committed();
    await redis.stop();
    await until(async () => (await post(one, {})).body.code === "queue_unavailable", { what: "it is rejected" });
    expect(await committed()).toEqual(before);
    await redis.restart();
    await until(async () => (await post(one, {})).status === 202, { what: "it is accepted again" });
  });
});
