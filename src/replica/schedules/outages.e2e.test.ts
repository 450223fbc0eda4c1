import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { Redis } from "ioredis";
import { expect, it } from "vitest";
import type { ScheduleState } from "../../core/schedules/schedule.ts";
import { call, startReplica } from "../../testing/replica.ts";
import { freshDatabase, freshRedis, tempDir } from "../../testing/services.ts";
import { TcpProxy } from "../../testing/tcp-proxy.ts";
import { until } from "../../testing/until.ts";

const EVERY = 1_000;

it("ticks go on while Postgres is away, and from the last recorded one after Redis was emptied", {
  timeout: 120_000,
}, async () => {
  const [{ url }, { address }, schedulesDir] = [
    await freshDatabase(),
    await freshRedis(),
    join(tempDir(), "schedules"),
  ];
  mkdirSync(schedulesDir);
  const definition = {
    every_ms: EVERY,
    overlap: "allow",
    catch_up: { policy: "all", max: 1_000 },
    job: { type: "noop", payload: { tick: "${tick}" } },
  };
  writeFileSync(join(schedulesDir, "seconds.json"), JSON.stringify(definition));
  const proxy = await TcpProxy.start(Number(new URL(url).port));
  const redis = new Redis(address);
  const replica = await startReplica({
    redis: address,
    database: proxy.before(url),
    artifacts: tempDir(),
    env: { SCHEDULES_DIR: schedulesDir },
  });
  const state = async (): Promise<ScheduleState | undefined> => {
    const text = await redis.hget("{taskflow:0}:schedule_states", "seconds");
    return text === null ? undefined : (JSON.parse(text) as ScheduleState);
  };
  const fired = async (): Promise<number> => {
    const { fired = 0, late = 0 } = (await state())?.counts ?? {};
    return fired + late;
  };
  const firedMore = async (): Promise<void> => {
    const before = await fired();
    await until(async () => (await fired()) >= before + 2, { what: "two more ticks are fired" });
  };
  const runs = async () => {
    const { status, body } = await call(replica, "GET", "/api/v1/schedules/seconds/runs?limit=100");
    return status === 200
      ? (body as { runs: { tick: string; outcome: string; job_id: string | null }[] }).runs
      : undefined;
  };
  try {
    await firedMore();
    proxy.setMode({ kind: "reset" });
    const away = await call(replica, "PUT", "/api/v1/schedules/other", definition);
    expect(away).toMatchObject({ status: 503, body: { code: "store_unavailable" } });
    await firedMore();
    const last = (await state())?.last?.tick ?? 0;
    proxy.setMode({ kind: "pass" });
    await until(async () => (await runs())?.some(({ tick }) => Date.parse(tick) === last), {
      what: "the history has what was fired meanwhile",
    });
    await redis.flushdb();
    await until(async () => ((await state())?.last?.tick ?? 0) > last + 2 * EVERY, { what: "ticks are fired again" });
    const history = (await runs()) ?? [];
    const ticks = history.map(({ tick }) => Date.parse(tick));
    expect(ticks).toEqual(ticks.map((_, n) => (ticks[0] ?? 0) - n * EVERY));
    expect(new Set(history.map(({ job_id }) => job_id)).size).toBe(history.length);
    expect(history.filter(({ job_id }) => job_id === null)).toEqual([]);
  } finally {
    await replica.close();
    redis.disconnect();
    await proxy.close();
  }
});

it("a replica does not start with a file in SCHEDULES_DIR that is not valid", async () => {
  const [{ url }, { address }, schedulesDir] = [await freshDatabase(), await freshRedis(), tempDir()];
  writeFileSync(
    join(schedulesDir, "broken.json"),
    JSON.stringify({ every_ms: 10, job: { type: "noop", payload: {} } }),
  );
  const started = startReplica({
    redis: address,
    database: url,
    artifacts: tempDir(),
    env: { SCHEDULES_DIR: schedulesDir },
  });
  await expect(started).rejects.toThrow(/^SCHEDULES_DIR: broken\.json is not a valid schedule: \/every_ms [^\n]*\.$/);
});
