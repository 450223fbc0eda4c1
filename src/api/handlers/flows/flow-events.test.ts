import { afterAll, beforeAll, expect, it } from "vitest";
import type { ApiServer } from "../../../testing/api-server.ts";
import { request, startApiServer } from "../../../testing/api-server.ts";
import { EventStream } from "../../../testing/event-stream.ts";
import { until } from "../../../testing/until.ts";

const note = (more: object = {}) => ({ type: "note", payload: { text: "a" }, ...more });

let server: ApiServer;
beforeAll(async () => {
  server = await startApiServer();
});
afterAll(() => server.close());

const follow = (path: string, headers = {}) => EventStream.open(`${server.url}/api/v1/${path}/events`, headers);
const submitted = async (path: string, body: object): Promise<string> =>
  String((await request(server, "POST", `/api/v1/${path}`, body)).body["id"]);
const seen = (what: string, isSeen: () => boolean) => until(isSeen, { what });

it("shows a flow, its changes and its end", async () => {
  const id = await submitted("flows", { jobs: { a: note(), b: note({ after: ["a"] }) } });
  const stream = await follow(`flows/${id}`);
  expect([stream.status, stream.headers.get("content-type")]).toEqual([200, "text/event-stream"]);
  await seen("the first state has arrived", () => stream.events.length > 0);
  expect(stream.events[0]).toMatchObject({
    ...{ id: "", event: "flow" },
    data: { id, status: "running", jobs: { a: { status: "running" }, b: { status: "waiting" } } },
  });
  await server.finishNext("{}");
  await seen("b has started", () => JSON.stringify(stream.events.at(-1)?.data).includes('"waiting":0'));
  expect(stream.events.at(-1)?.data).toMatchObject({ jobs: { a: { status: "completed" }, b: { status: "running" } } });
  await server.finishNext("{}");
  await seen("the stream ends", () => stream.isOver);
  expect(stream.events.at(-1)).toMatchObject({
    ...{ id: "end", event: "flow" },
    data: { status: "completed", finished_at: expect.any(String) as string },
  });
  expect((await follow(`flows/${id}`, { "last-event-id": "end" })).status).toBe(204);
  const again = await follow(`flows/${id}`, { "last-event-id": "anything" });
  await seen("the stream of an ended flow ends", () => again.isOver);
  expect(again.events).toEqual([stream.events.at(-1)]);
});

it("shows a batch as such, and jobs that are added to it", async () => {
  const id = await submitted("batches", { jobs: [note({ delay_ms: 3_600_000 })], open: true });
  const stream = await follow(`batches/${id}`);
  await seen("the first state has arrived", () => stream.events.length > 0);
  expect(stream.events[0]).toMatchObject({ event: "batch", data: { id, total: 1, open: true } });
  await request(server, "POST", `/api/v1/batches/${id}/jobs`, { jobs: [note({ delay_ms: 3_600_000 })] });
  await seen("the added job is counted", () => stream.events.at(-1)?.data["total"] === 2);
  await request(server, "DELETE", `/api/v1/batches/${id}`);
  await seen("the stream ends", () => stream.isOver);
  expect(stream.events.at(-1)).toMatchObject({
    ...{ id: "end", event: "batch" },
    data: { status: "cancelled", counts: { cancelled: 2 } },
  });
});

it("serves several clients with one state, and goes on without those that leave", async () => {
  const id = await submitted("batches", { jobs: [note(), note()] });
  const [one, other, asFlow] = [
    await follow(`batches/${id}`),
    await follow(`batches/${id}`),
    await follow(`flows/${id}`),
  ];
  for (const stream of [one, other, asFlow]) await seen("the first state has arrived", () => stream.events.length > 0);
  await one.close();
  await server.finishNext("{}");
  await seen("one job has ended", () => other.events.at(-1)?.data["progress"] === 50);
  await server.finishNext("{}");
  for (const stream of [other, asFlow]) await seen("the stream ends", () => stream.isOver);
  expect(other.events.at(-1)?.data).toMatchObject({ status: "completed", progress: 100 });
  expect(asFlow.events.at(-1)).toMatchObject({ event: "flow", data: { status: "completed", kind: "batch" } });
  await until(() => server.events.size === 0, { what: "the streams have left" });
});
