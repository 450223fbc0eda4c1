import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { EventStream } from "../testing/event-stream.ts";
import type { ApiJob, TestReplica } from "../testing/replica.ts";
import { call, getJob, jobWhen, startReplica, submit } from "../testing/replica.ts";
import { freshDatabase, freshRedis, tempDir } from "../testing/services.ts";
import { until } from "../testing/until.ts";

/** Runs the jobs. */
let one: TestReplica;
/** Runs no jobs: the tests wait and follow here. */
let two: TestReplica;
beforeAll(async () => {
  const [redis, database] = await Promise.all([freshRedis(), freshDatabase()]);
  const on = { redis: redis.address, database: database.url, artifacts: tempDir() };
  [one, two] = await Promise.all([
    startReplica({ ...on, env: { RETRY_BASE_MS: "50" } }),
    startReplica({ ...on, env: { TASKFLOW_ROLE: "api" } }),
  ]);
});
afterAll(async () => {
  await Promise.all([one.close(), two.close()]);
});

const LANES = ["test_io", "test_cpu"];
const submitAndWait = async (type: string, payload: object, seconds = 20) => {
  const { status, body } = await call(two, "POST", `/api/v1/jobs?wait=${seconds}`, { type, payload });
  return { status, job: body as ApiJob };
};

describe("waiting", () => {
  it.each(LANES)("is over when another replica has run the job (%s)", async (type) => {
    const { status, job } = await submitAndWait(type, { do: "return", value: { x: 1 } });
    expect({ status, job }).toMatchObject({
      status: 200,
      job: { status: "completed", worker: one.id, result: { x: 1 } },
    });
  });

  it.each(LANES)("ends with a job that fails for good (%s)", async (type) => {
    const { status, job } = await submitAndWait(type, { do: "permanent" });
    expect({ status, job }).toMatchObject({
      status: 200,
      job: { status: "failed", attempt: 1, error: { code: "test_permanent", message: "no use" } },
    });
  });

  it.each(LANES)("continues while the job waits for a retry that it asked for, uncounted (%s)", async (type) => {
    const { status, job } = await submitAndWait(type, { do: "come_back", ms: 1_100 });
    expect({ status, job }).toMatchObject({ status: 200, job: { status: "completed", attempt: 1 } });
    expect(Date.parse(job.finished_at ?? "") - Date.parse(job.created_at)).toBeGreaterThanOrEqual(1_100);
  });

  it("ends after its time, with the current state of the job", async () => {
    const { status, job } = await submitAndWait("test_io", { do: "sleep", ms: 60_000 }, 1);
    expect({ status, job }).toMatchObject({ status: 202, job: { status: "running", worker: one.id } });
    await call(two, "DELETE", `/api/v1/jobs/${job.id}`);
    await jobWhen(two, job.id, "cancelled");
  });
});

describe("following", () => {
  it.each(LANES)("reports each change of a job and its progress, within about a second (%s)", async (type) => {
    const id = await submit(two, type, { do: "steps", percents: [20, 60], ms: 1_500 }, { delay_ms: 500 });
    const stream = await EventStream.open(`${two.url}/api/v1/jobs/${id}/events`);
    await until(() => stream.states.includes(20), { what: "the first step is reported" });
    expect(await getJob(two, id)).toMatchObject({ status: "running", progress: 20 });
    await until(() => stream.isOver, { what: "the job has ended" });
    expect(stream.states).toEqual(["scheduled", "queued", "running", 20, 60, "completed"]);
    expect(stream.events.at(-1)?.data).toMatchObject({ id, result: { steps: 2 }, progress: null });
  });

  it.each(LANES)("reports each line that the job logs, once and in order (%s)", async (type) => {
    const last = type === "test_cpu" ? ["last but one", "last"] : [];
    const lines = ["one", "two\nlines", "three"];
    const payload = { do: "talk", lines, ms: 1_000 };
    const id = await submit(two, type, payload, { delay_ms: 500 });
    const url = `${two.url}/api/v1/jobs/${id}/events`;
    const logged = ({ events }: EventStream) => events.filter(({ event }) => event === "log").map(({ data }) => data);
    const early = await EventStream.open(url);
    await until(() => logged(early).length >= 2, { what: "two lines have arrived" });
    const running = await getJob(two, id);
    const late = await EventStream.open(url);
    await until(() => early.isOver && late.isOver, { what: "the job has ended" });
    const { started_at } = running;
    expect(logged(early)).toEqual(
      [...lines, ...last].map((line, i) => {
        return { id, attempt: 1, started_at, number: i + 1, at: expect.any(String) as string, line };
      }),
    );
    expect(logged(late)).toEqual(logged(early));
    expect(early.events.at(-1)).toMatchObject({ event: "status", data: { status: "completed" } });
    const { attempts } = (await call(two, "GET", `/api/v1/jobs/${id}/attempts`)).body as {
      attempts: { log: string[] }[];
    };
    expect(attempts[0]?.log.map((line) => line.slice(line.indexOf(" ") + 1))).toEqual([...lines, ...last]);
  });

  it("finds running jobs by the replica that runs them", async () => {
    const id = await submit(two, "test_io", { do: "sleep", ms: 60_000 });
    await jobWhen(two, id, "running");
    const found = async (worker: string) => {
      const { body } = await call(two, "GET", `/api/v1/jobs?status=running&worker=${worker}`);
      return (body as { jobs: ApiJob[] }).jobs.map((job) => job.id);
    };
    expect(await found(`${two.id},${one.id}`)).toEqual([id]);
    expect(await found(two.id)).toEqual([]);
    await call(two, "DELETE", `/api/v1/jobs/${id}`);
    await jobWhen(two, id, "cancelled");
  });

  it("of all jobs reports every type", async () => {
    const stream = await EventStream.open(`${two.url}/api/v1/events?status=completed`);
    const ids = [await submit(one, "noop", {}), await submit(two, "test_cpu", { do: "return", value: 1 })];
    await until(() => stream.events.length >= 2, { what: "both are reported" });
    expect(stream.events.map(({ data }) => data.id).sort()).toEqual([...ids].sort());
    await stream.close();
  });
});

describe("cancelling", () => {
  it.each(LANES)("stops a job on another replica within a second (%s)", async (type) => {
    const id = await submit(two, type, type === "test_cpu" ? { do: "spin" } : { do: "sleep", ms: 60_000 });
    const stream = await EventStream.open(`${two.url}/api/v1/jobs/${id}/events`);
    await until(() => stream.states.includes("running"), { what: "the job runs" });
    const startedAt = performance.now();
    expect((await call(two, "DELETE", `/api/v1/jobs/${id}`)).status).toBe(202);
    await until(() => stream.isOver, { what: "it is cancelled" });
    expect(performance.now() - startedAt).toBeLessThan(1_000);
    expect(stream.states.at(-1)).toBe("cancelled");
  });
});

describe("progress", () => {
  it("is null for a job that reports none", async () => {
    const id = await submit(two, "test_io", { do: "sleep", ms: 60_000 });
    expect(await jobWhen(two, id, "running")).toMatchObject({ progress: null });
    await call(two, "DELETE", `/api/v1/jobs/${id}`);
    expect(await jobWhen(two, id, "cancelled")).toMatchObject({ progress: null });
    expect(await jobWhen(two, await submit(two, "noop", {}), "completed")).toMatchObject({ progress: null });
  });
});
