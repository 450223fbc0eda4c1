import { afterAll, beforeAll, expect, it } from "vitest";
import type { TestReplica } from "../testing/replica.ts";
import { startReplica } from "../testing/replica.ts";
import { freshDatabase, freshRedis, tempDir } from "../testing/services.ts";
import { TaskFlow } from "./taskflow.ts";

let replica: TestReplica;
let client: TaskFlow;
beforeAll(async () => {
  const [redis, database] = [await freshRedis(), await freshDatabase()];
  replica = await startReplica({ redis: redis.address, database: database.url, artifacts: tempDir() });
  client = new TaskFlow({ url: replica.url });
});
afterAll(() => replica.close());

const YEARLY = { cron: "0 3 1 1 *", timeZone: "Europe/Berlin" };
const job = { type: "noop", payload: { snakeCase: 1, at: "${tick}" }, groupKey: "g", maxAttempts: 1 };

it("puts, reads, changes, previews and deletes a schedule", async () => {
  const made = await client.putSchedule("a", { ...YEARLY, job, catchUp: { withinMs: 1_000 } }, { ifNoneMatch: "*" });
  expect(made).toMatchObject({
    version: 1,
    time_zone: "Europe/Berlin",
    catch_up: { policy: "last", within_ms: 1_000 },
    job: { type: "noop", payload: job.payload, group_key: "g", max_attempts: 1 },
  });
  await expect(client.putSchedule("a", { ...YEARLY, job }, { ifNoneMatch: "*" })).rejects.toMatchObject({
    status: 412,
    code: "precondition_failed",
  });
  const startAt = new Date("2100-01-01T00:00:00Z");
  const patch = { startAt, catchUp: null, job: { payload: { camelCase: 2, snakeCase: null } } };
  expect(await client.updateSchedule("a", patch, { ifMatch: 1 })).toMatchObject({
    version: 2,
    start_at: startAt.toISOString(),
    catch_up: { within_ms: null },
    job: { payload: { camelCase: 2, at: "${tick}" } },
  });
  expect((await client.schedule("a")).next_run_at).toBe("2100-01-01T02:00:00.000Z");
  const [first] = await client.previewSchedule({ ...YEARLY, startAt }, { name: "a" });
  expect(first).toEqual({ at: "2100-01-01T02:00:00.000Z", local: "2100-01-01T03:00:00+01:00", note: null });
  await expect(client.deleteSchedule("a", { ifMatch: 1 })).rejects.toMatchObject({ code: "precondition_failed" });
  expect(await client.deleteSchedule("a", { cancelJobs: true })).toEqual({ name: "a", cancelled_jobs: 0 });
  await expect(client.schedule("a")).rejects.toMatchObject({ status: 404, code: "schedule_not_found" });
});

it("lists schedules and runs over pages, pauses, resumes and runs", async () => {
  for (const name of ["l:1", "l:2", "l:3"]) await client.putSchedule(name, { ...YEARLY, job });
  const until = new Date(Date.now() + 3_600_000);
  expect(await client.pauseSchedule("l:2", { reason: "r", until })).toMatchObject({
    state: "paused",
    paused_reason: "r",
    paused_until: until.toISOString(),
  });
  const names = async (state: "active" | "paused") => {
    const found = [];
    for await (const { name } of client.schedules({ type: "noop", state, pageSize: 1 })) found.push(name);
    return found;
  };
  expect([await names("active"), await names("paused")]).toEqual([["l:1", "l:3"], ["l:2"]]);
  expect(await client.resumeSchedule("l:2", { catchUp: "all" })).toMatchObject({ state: "active" });
  const ids = [];
  for (let i = 0; i < 3; i++) ids.push((await client.runSchedule("l:2")).id);
  const runs = [];
  for await (const { job_id } of client.scheduleRuns("l:2", { pageSize: 2 })) runs.push(job_id);
  expect(runs).toEqual(ids.reverse());
  expect(
    await client.backfillSchedule("l:2", { from: "2020-01-01T12:00:00Z", dryRun: true, to: "2025-01-01T12:00:00Z" }),
  ).toEqual({ matched: 5 });
  await expect(client.revertSchedule("l:2")).rejects.toMatchObject({ code: "schedule_without_file" });
});
