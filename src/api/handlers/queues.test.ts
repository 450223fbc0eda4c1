import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { ApiServer } from "../../testing/api-server.ts";
import { request, startApiServer } from "../../testing/api-server.ts";
import { ioSlots } from "../../testing/queue.ts";
import { until } from "../../testing/until.ts";

let server: ApiServer;
beforeAll(async () => {
  server = await startApiServer();
});
afterAll(() => server.close());

interface QueueJson {
  readonly type: string;
  readonly state: string;
  readonly depth: number;
  readonly oldest_wait_ms: number | null;
}
async function queueOf(type: string): Promise<QueueJson | undefined> {
  const { body } = await request(server, "GET", "/api/v1/queues");
  return (body.queues as QueueJson[]).find((queue) => queue.type === type);
}

describe("queues", () => {
  it("exist for each type, even before its first job", async () => {
    expect(await queueOf("strict")).toEqual({
      type: "strict",
      state: "active",
      paused_reason: null,
      depth: 0,
      oldest_wait_ms: null,
      waiting: 0,
      scheduled: 0,
      retrying: 0,
      running: 0,
    });
  });

  it("are paused and resumed, repeatedly, and show their state", async () => {
    for (const call of ["pause", "pause"])
      expect(await request(server, "POST", `/api/v1/queues/strict/${call}`)).toMatchObject({
        status: 200,
        body: { type: "strict", state: "paused" },
      });
    expect(await queueOf("strict")).toMatchObject({ state: "paused" });
    for (const call of ["resume", "resume"])
      expect(await request(server, "POST", `/api/v1/queues/strict/${call}`)).toMatchObject({
        status: 200,
        body: { state: "active" },
      });
  });

  it("show why they are paused, until they are resumed", async () => {
    const pause = async (body?: object) => (await request(server, "POST", "/api/v1/queues/strict/pause", body)).body;
    expect(await pause({ reason: "the gateway \u{1f525} is down" })).toMatchObject({
      paused_reason: "the gateway \u{1f525} is down",
    });
    expect(await pause()).toMatchObject({ paused_reason: "the gateway \u{1f525} is down" });
    expect(await pause({ reason: "maintenance" })).toMatchObject({ paused_reason: "maintenance" });
    expect(await queueOf("strict")).toMatchObject({ state: "paused", paused_reason: "maintenance" });
    expect((await request(server, "POST", "/api/v1/queues/strict/resume")).body).toMatchObject({ paused_reason: null });
    expect(await pause()).toMatchObject({ paused_reason: null });
    await request(server, "POST", "/api/v1/queues/strict/resume");
  });

  it("are unchanged by a call whose reason is not valid", async () => {
    const wrong = [{ reason: "" }, { reason: "x".repeat(201) }, { reason: null }, [], "reason"];
    for (const body of wrong)
      expect((await request(server, "POST", "/api/v1/queues/strict/pause", JSON.stringify(body))).status).toBe(422);
    expect(await queueOf("strict")).toMatchObject({ state: "active" });
  });

  it("are unchanged by a call whose body has fields", async () => {
    expect(await request(server, "POST", "/api/v1/queues/strict/pause", { until: "tomorrow" })).toMatchObject({
      status: 422,
      body: { errors: [{ path: "/until", message: "is not a known field" }] },
    });
    expect(await queueOf("strict")).toMatchObject({ state: "active" });
    for (const call of ["pause", "resume"])
      expect((await request(server, "POST", `/api/v1/queues/strict/${call}`, {})).status).toBe(200);
  });

  it("are 404 for an unknown type", async () => {
    for (const call of ["pause", "resume"])
      expect(await request(server, "POST", `/api/v1/queues/nope/${call}`)).toMatchObject({
        status: 404,
        body: { code: "queue_not_found" },
      });
  });

  it("show how long the next job has waited since it was due, not since it was accepted", async () => {
    await request(server, "POST", "/api/v1/jobs", {
      type: "note",
      payload: { text: "a" },
      delay_ms: 400,
      group_key: "g|1",
    });
    await request(server, "POST", "/api/v1/queues/note/pause");
    let seq = 0;
    const queue = await until(
      async () => {
        await server.queue.claim((seq += 1), 1, ioSlots({ note: 1 }));
        const note = await queueOf("note");
        return note?.depth === 1 ? note : undefined;
      },
      { what: "the job is due" },
    );
    expect(queue.oldest_wait_ms).toBeLessThan(390);
    await request(server, "POST", "/api/v1/queues/note/resume");
  });
});
