import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { encodeRecord } from "../../core/attempt-record.ts";
import type { Job } from "../../core/job.ts";
import type { ApiServer } from "../../testing/api-server.ts";
import { request, startApiServer } from "../../testing/api-server.ts";
import { ioSlots } from "../../testing/queue.ts";

let server: ApiServer;
beforeAll(async () => {
  server = await startApiServer();
});
afterAll(() => server.close());

let seq = 100;
async function submit(fields: object = {}): Promise<string> {
  const { status, body } = await request(server, "POST", "/api/v1/jobs", {
    type: "note",
    payload: { text: "a" },
    ...fields,
  });
  expect(status).toBe(202);
  return String(body.id);
}
const why = async (id: string) => (await request(server, "GET", `/api/v1/jobs/${id}/why`)).body;

async function claimNext(): Promise<Job> {
  const {
    claimed: [job],
  } = await server.queue.claim((seq += 1), 1, ioSlots({ note: 1 }));
  if (!job) throw new Error("there is no waiting job");
  return job;
}

/** One replica reports how many of its ten slots for type note are in use. */
async function heartbeat(running: number, laneRunning = running): Promise<void> {
  const lanes = { io: { limit: 12, running: laneRunning }, cpu: { limit: 1, running: 0 } };
  await server.queue.renew([], JSON.stringify({ id: "r1", slots: { note: { limit: 10, running } }, lanes }));
}

async function endInRetry({ id, type, priority, claimSeq, startedAt }: Job, code: string): Promise<number> {
  const now = server.queue.clock.now();
  const runAt = now + 60_000;
  const record = encodeRecord({
    attempt: 1,
    outcome: "retry",
    worker: "r1",
    started_at: startedAt,
    finished_at: now,
    error: { code, message: "not now", attempt: 1 },
    next_at: runAt,
  });
  await server.queue.settle(
    [
      {
        id,
        type,
        priority,
        claimSeq,
        startedAt: 0,
        verdict: "retry",
        attempt: 1,
        crashes: 0,
        deferrals: 0,
        runAt,
        record,
      },
    ],
    60_000,
  );
  return runAt;
}

describe("why a job is not running", () => {
  it("no_worker_for_type: no live replica runs its type", async () => {
    const id = await submit();
    expect(await why(id)).toMatchObject({ reason: "no_worker_for_type", position: 1, until: null });
    await heartbeat(0);
    expect(await why(id)).toMatchObject({ reason: "position" });
    await claimNext();
  });

  it("position: with the number of jobs before it", async () => {
    await heartbeat(0);
    const ids = [await submit(), await submit(), await submit({ priority: 9 })];
    expect(await Promise.all(ids.map(why))).toMatchObject([
      { reason: "position", position: 2 },
      { reason: "position", position: 3, detail: expect.stringContaining("number 3 of 3") as string },
      { reason: "position", position: 1 },
    ]);
    for (let left = ids.length; left > 0; left -= 1) await claimNext();
  });

  it("slots_full: it is next, and its type, or its lane, has no free slot", async () => {
    const id = await submit();
    await heartbeat(10);
    expect(await why(id)).toMatchObject({ reason: "slots_full", position: 1 });
    await heartbeat(5, 12);
    expect(await why(id)).toMatchObject({ reason: "slots_full" });
    await heartbeat(0);
    expect(await why(id)).toMatchObject({ reason: "position" });
    await claimNext();
  });

  it("queue_paused: with its position", async () => {
    const id = await submit();
    await request(server, "POST", "/api/v1/queues/note/pause");
    expect(await why(id)).toMatchObject({ reason: "queue_paused", position: 1 });
    await request(server, "POST", "/api/v1/queues/note/resume");
    await claimNext();
  });

  it("scheduled: until its run_at", async () => {
    const runAt = new Date(Date.now() + 3_600_000).toISOString();
    expect(await why(await submit({ run_at: runAt }))).toMatchObject({
      reason: "scheduled",
      until: runAt,
      position: null,
    });
  });

  it("retry_at: until its next attempt, with the error of the last one", async () => {
    const id = await submit();
    const runAt = await endInRetry(await claimNext(), "http_500");
    expect(await why(id)).toMatchObject({
      reason: "retry_at",
      until: new Date(runAt).toISOString(),
      detail: "Attempt 1 ended with the error http_500: not now",
    });
  });

  it("destination_limited: its destination is at its limit", async () => {
    const id = await submit();
    const runAt = await endInRetry(await claimNext(), "destination_limited");
    expect(await why(id)).toMatchObject({
      reason: "destination_limited",
      until: new Date(runAt).toISOString(),
      detail: "not now",
    });
  });

  it("running: with its replica, and whether it was asked to stop", async () => {
    const id = await submit();
    const { worker } = await claimNext();
    expect(await why(id)).toMatchObject({
      reason: "running",
      detail: `Attempt 1 of 3 is running on replica ${worker ?? ""}.`,
    });
    await request(server, "DELETE", `/api/v1/jobs/${id}`);
    expect(await why(id)).toMatchObject({
      reason: "running",
      detail: expect.stringContaining("asked to stop") as string,
    });
  });

  it("finished: in the outbox, and in Postgres", async () => {
    const id = await submit();
    const job = await server.finishNext("1");
    expect(await why(id)).toMatchObject({
      reason: "finished",
      detail: expect.stringContaining("It is completed, since 20") as string,
    });
    await server.record(job);
    expect(await why(id)).toMatchObject({ reason: "finished" });
  });

  it("is 404 for an unknown job", async () => {
    expect(await request(server, "GET", "/api/v1/jobs/01890000-0000-7000-8000-000000000000/why")).toMatchObject({
      status: 404,
      body: { code: "job_not_found" },
    });
  });
});
