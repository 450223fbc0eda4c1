/** Schedules of a replica whose Redis crashes. */
import { Redis } from "ioredis";
import { expect, it } from "vitest";
import type { ScheduleState } from "../../core/schedules/schedule.ts";
import type { OwnServer } from "../../testing/own-servers.ts";
import { startOwnRedis } from "../../testing/own-servers.ts";
import { rowsOf } from "../../testing/recorded.ts";
import type { TestReplica } from "../../testing/replica.ts";
import { call, startReplica } from "../../testing/replica.ts";
import { freshDatabase, tempDir } from "../../testing/services.ts";
import { until } from "../../testing/until.ts";

const NS = "{taskflow:0}:";
const EVERY_MS = 1_000;

interface Setup {
  readonly server: OwnServer;
  readonly redis: Redis;
  readonly replica: TestReplica;
  readonly database: string;
  readonly put: (definition: object) => Promise<void>;
  readonly state: () => Promise<ScheduleState>;
  readonly runs: () => Promise<
    readonly { tick: string; outcome: string; reason: string | null; job_id: string | null }[]
  >;
}

async function withReplica(test: (setup: Setup) => Promise<void>): Promise<void> {
  const [{ url: database }, server] = [await freshDatabase(), await startOwnRedis()];
  const redis = new Redis(server.address, { maxRetriesPerRequest: null });
  redis.on("error", () => undefined); // the server is killed
  const replica = await startReplica({ redis: server.address, database, artifacts: tempDir() });
  try {
    await test({
      ...{ server, redis, replica, database },
      put: async (definition) => {
        const job = { type: "noop", payload: {} };
        const { status } = await call(replica, "PUT", "/api/v1/schedules/crash", { ...definition, job });
        expect(status).toBe(201);
      },
      state: async () => JSON.parse((await redis.hget(`${NS}schedule_states`, "crash")) ?? "{}") as ScheduleState,
      runs: async () => {
        const { body } = await call(replica, "GET", "/api/v1/schedules/crash/runs?limit=100");
        return (body as { runs: Awaited<ReturnType<Setup["runs"]>> }).runs;
      },
    });
  } finally {
    await replica.close();
    redis.disconnect();
    await server.close();
  }
}

it("a tick that Redis has forgotten does not run again if Postgres has the row of its job", {
  timeout: 120_000,
}, async () => {
  await withReplica(async ({ server, redis, database, put, state, runs }) => {
    const tick = Date.now() + 5_000;
    await put({ times: [new Date(tick).toISOString()] });
    await redis.config("SET", "appendonly", "no"); // Redis loses what comes from now on
    expect((await state()).next).toBe(tick);
    const row = await until(async () => (await rowsOf(database))[0], {
      what: "the job has run and is recorded",
      timeoutMs: 30_000,
    });
    await server.kill();
    await server.restart();
    await until(async () => (await state()).next === null, { what: "the tick is decided again", timeoutMs: 60_000 });
    await until(async () => (await redis.exists(`${NS}schedule_jobs`)) === 0, { what: "Postgres was asked" });
    expect((await state()).last).toEqual({ tick, jobId: row.id });
    expect(await redis.hget(`${NS}counts`, "accepted:noop")).toBeNull();
    expect(await runs()).toMatchObject([{ outcome: "fired", job_id: row.id }]);
  });
});

it("ticks while Redis is away, and comes back with its data, have one run each, and each fired one a job", {
  timeout: 120_000,
}, async () => {
  await withReplica(async ({ server, database, put, state, runs }) => {
    await put({ every_ms: EVERY_MS, overlap: "allow", catch_up: { policy: "all" } });
    const firedAfter = (at: number): Promise<unknown> =>
      until(async () => ((await state()).last?.tick ?? 0) > at, { what: "a tick is fired", timeoutMs: 60_000 });
    await firedAfter(0);
    await server.kill();
    const lastDown = Date.now() + 3 * EVERY_MS;
    await until(() => Date.now() > lastDown, { what: "three ticks are missed" });
    await server.restart();
    await firedAfter(Date.now() + EVERY_MS);
    const history = await runs();
    const ticks = history.map(({ tick }) => Date.parse(tick));
    expect(ticks).toEqual(ticks.map((_, n) => (ticks[0] ?? 0) - n * EVERY_MS));
    expect(ticks.filter((tick) => tick <= lastDown).length).toBeGreaterThan(3);
    expect(history.filter(({ job_id, reason }) => (job_id === null) !== (reason !== null))).toEqual([]);
    const jobs = history.flatMap(({ job_id }) => job_id ?? []);
    expect(new Set(jobs).size).toBe(jobs.length);
    await until(
      async () => {
        const recorded = new Set((await rowsOf(database)).map(({ id }) => id));
        return jobs.every((id) => recorded.has(id));
      },
      { what: "each job has run", timeoutMs: 60_000 },
    );
  });
});
