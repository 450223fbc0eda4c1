/** Schedules through HTTP, from their definition to the jobs that run at their ticks, on two replicas. */
import { afterAll, beforeAll, expect, it } from "vitest";
import type { TestReplica } from "../../testing/replica.ts";
import { call, jobWhen, startReplica } from "../../testing/replica.ts";
import { freshDatabase, freshRedis, tempDir } from "../../testing/services.ts";
import { until } from "../../testing/until.ts";

let one: TestReplica;
let two: TestReplica;
beforeAll(async () => {
  const database = await freshDatabase();
  const redis = await freshRedis();
  const on = { redis: redis.address, database: database.url, artifacts: tempDir() };
  one = await startReplica(on);
  two = await startReplica(on);
});
afterAll(async () => {
  await Promise.all([one.close(), two.close()]);
});

interface Run {
  readonly tick: string;
  readonly outcome: string;
  readonly reason: string | null;
  readonly kind: string;
  readonly job_id: string | null;
  readonly job_status: string | null;
  readonly ticks: number;
}
interface Schedule {
  readonly version: number;
  readonly state: string;
  readonly next_run_at: string | null;
  readonly last_run: Run | null;
  readonly counts: Readonly<Record<string, number>>;
}

const jobOf = (value: object) => ({ type: "test_io", payload: { do: "return", value } });
const EVERY_SECOND = { every_ms: 1_000, job: jobOf({ at: "${tick}", day: "${tick:YYYY-MM-DD}" }) };
const IN_A_YEAR = { times: [new Date(Date.now() + 300 * 86_400_000).toISOString()], job: jobOf({}) };
const path = (name: string, rest = "") => `/api/v1/schedules/${name}${rest}`;
const get = async (name: string) => (await call(two, "GET", path(name))).body as Schedule;
const runsOf = async (name: string) => ((await call(two, "GET", path(name, "/runs"))).body as { runs: Run[] }).runs;
const firedOf = async (name: string) => (await runsOf(name)).filter(({ outcome }) => outcome === "fired");

it("runs a job at each tick, exactly one, which the history and the schedule name", async () => {
  expect((await call(one, "PUT", path("each"), EVERY_SECOND)).status).toBe(201);
  const fired = await until(
    async () => {
      const found = await firedOf("each");
      return found.length >= 3 ? found : undefined;
    },
    { what: "three ticks have fired" },
  );
  const ticks = fired.map(({ tick }) => Date.parse(tick));
  expect(ticks.every((tick) => tick % 1_000 === 0)).toBe(true);
  expect(ticks).toEqual([...new Set(ticks)].sort((a, b) => b - a));
  const { tick, job_id } = fired.at(-1) as Run;
  const job = await jobWhen(one, String(job_id));
  expect(job).toMatchObject({
    status: "completed",
    result: { at: tick, day: tick.slice(0, 10) },
    schedule: { name: "each", tick },
  });
  const { last_run, counts, state } = await get("each");
  expect([state, counts["fired"] !== undefined && counts["fired"] >= 3]).toEqual(["active", true]);
  expect(last_run?.outcome).toMatch(/^(?:fired|skipped)$/);
  await until(async () => (await runsOf("each")).some(({ job_status }) => job_status === "completed") || undefined, {
    what: "the history shows that a job has completed",
  });
  expect((await call(one, "DELETE", path("each"))).status).toBe(200);
});

it("has no ticks in a pause, and records them when it resumes", async () => {
  await call(one, "PUT", path("paused"), EVERY_SECOND);
  await until(async () => (await firedOf("paused"))[0], { what: "a tick has fired" });
  expect((await call(two, "POST", path("paused", "/pause"), { reason: "test" })).body).toMatchObject({
    state: "paused",
    next_run_at: null,
  });
  const last = (await runsOf("paused"))[0]?.tick ?? "";
  const resumeAfter = Date.parse(last) + 2_500;
  await until(() => Promise.resolve(Date.now() > resumeAfter || undefined), { what: "ticks of the pause have passed" });
  expect((await runsOf("paused"))[0]?.tick).toBe(last);
  expect((await call(one, "POST", path("paused", "/resume"))).body).toMatchObject({ state: "active" });
  const missed = await until(async () => (await runsOf("paused")).find(({ reason }) => reason === "paused"), {
    what: "the ticks of the pause are recorded",
  });
  expect(missed).toMatchObject({ outcome: "missed", job_id: null });
  expect(missed.ticks).toBeGreaterThanOrEqual(2);
  const next = await until(async () => (await firedOf("paused")).find(({ tick }) => tick > missed.tick), {
    what: "a tick after the pause has fired",
  });
  expect(next.kind).toBe("tick");
  await call(one, "DELETE", path("paused"));
});

it("makes one version of a definition that is put a hundred times at once", async () => {
  const puts = Array.from({ length: 100 }, (_, i) => call(i % 2 === 0 ? one : two, "PUT", path("same"), IN_A_YEAR));
  const statuses = (await Promise.all(puts)).map(({ status }) => status).sort((a, b) => b - a);
  expect([statuses[0], ...new Set(statuses.slice(1))]).toEqual([201, 200]);
  expect(await get("same")).toMatchObject({ version: 1, next_run_at: IN_A_YEAR.times[0] });
});

it("fires a schedule that was deleted and created again under its name", async () => {
  for (let i = 0; i < 2; i++) {
    expect((await call(one, "PUT", path("again"), EVERY_SECOND)).status).toBe(201);
    expect((await runsOf("again")).length).toBeLessThanOrEqual(1);
    await until(async () => (await firedOf("again"))[0], { what: "a tick has fired" });
    expect((await call(two, "DELETE", path("again"))).status).toBe(200);
  }
});

it("leaves no waiting job when it is deleted with its jobs", async () => {
  const type = "noop";
  expect((await call(one, "POST", `/api/v1/queues/${type}/pause`)).status).toBe(200);
  const definition = { every_ms: 1_000, overlap: "allow", job: { type, payload: {} } };
  await call(one, "PUT", path("waiting"), definition);
  const waiting = async () => {
    const { body } = await call(one, "GET", `/api/v1/jobs?type=${type}&status=queued`);
    return (body as { jobs: unknown[] }).jobs.length;
  };
  await until(async () => (await waiting()) >= 2 || undefined, { what: "jobs of two ticks wait" });
  const { status, body } = await call(two, "DELETE", path("waiting", "?cancel_jobs=true"));
  expect([status, await waiting()]).toEqual([200, 0]);
  expect((body as { cancelled_jobs: number }).cancelled_jobs).toBeGreaterThanOrEqual(2);
  await call(one, "POST", `/api/v1/queues/${type}/resume`);
});

it("runs now without moving the next tick", async () => {
  await call(one, "PUT", path("manual"), IN_A_YEAR);
  const { status, body } = await call(one, "POST", path("manual", "/run"));
  const { id } = body as { id: string };
  expect([status, (await jobWhen(one, id)).status]).toEqual([202, "completed"]);
  expect(await runsOf("manual")).toMatchObject([{ kind: "manual", outcome: "fired", job_id: id }]);
  expect((await get("manual")).next_run_at).toBe(IN_A_YEAR.times[0]);
});
