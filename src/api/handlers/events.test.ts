import { afterAll, describe, expect, it } from "vitest";
import { request, startApiServer } from "../../testing/api-server.ts";
import { seen, startEventServer } from "../../testing/event-server.ts";
import { EventStream } from "../../testing/event-stream.ts";
import { enqueue, submission } from "../../testing/queue.ts";
import { rawSocket } from "../../testing/raw-http.ts";
import { until } from "../../testing/until.ts";

const { server, redis, follow, submitNote, close, address } = await startEventServer();
afterAll(close);

describe("the events of one job", () => {
  it("begin with the current job, and end with the finished job", async () => {
    const id = await submitNote();
    const stream = await follow(`jobs/${id}/events`);
    expect(stream.headers.get("content-type")).toBe("text/event-stream");
    await seen(stream, 1);
    await server.finishNext(`{"n":1}`);
    await until(() => stream.isOver, { what: "the stream has ended" });
    expect(stream.states).toEqual(["queued", "running", "completed"]);
    expect(stream.events[0]?.data).toMatchObject({ id, payload: null, payload_omitted: true, result: null });
    expect(stream.events[0]?.data).not.toHaveProperty("result_omitted");
    expect(stream.events[1]?.data).toEqual({
      id,
      type: "note",
      status: "running",
      progress: null,
      at: expect.any(String) as string,
    });
    expect(stream.events[2]).toMatchObject({
      id: "end",
      event: "status",
      data: { id, result: { n: 1 }, status: "completed" },
    });
    expect(server.events.size).toBe(0);
  });

  it("of a finished job are only the finished job, from Postgres, too; and none for a client that has received it", async () => {
    const id = await submitNote();
    await server.record(await server.finishNext("1"));
    const stream = await follow(`jobs/${id}/events`);
    await until(() => stream.isOver, { what: "the stream has ended" });
    expect(stream.states).toEqual(["completed"]);
    const again = await follow(`jobs/${id}/events`, { "last-event-id": "end" });
    expect(again.status).toBe(204);
  });

  it("begin with the current job after a reconnect with any last event", async () => {
    const id = await submitNote();
    const stream = await follow(`jobs/${id}/events`);
    await request(server, "DELETE", `/api/v1/jobs/${id}`);
    await until(() => stream.isOver, { what: "the stream has ended" });
    expect(stream.states).toEqual(["queued", "cancelled"]);
    const other = await submitNote();
    for (const lastEventId of ["0-0", "0-0.0", "1-1.1", "x"]) {
      const back = await follow(`jobs/${other}/events`, { "last-event-id": lastEventId });
      await seen(back, 1);
      expect(back.states).toEqual(["queued"]);
      await back.close();
    }
    await server.finishNext("1");
  });

  it("omit payloads and long results, so clients can follow the largest job", async () => {
    const [id = ""] = await enqueue(
      server.queue,
      submission({ type: "note", payload: JSON.stringify({ text: "x".repeat(12 * 1024 * 1024) }) }),
    );
    const stream = await follow(`jobs/${id}/events`);
    await seen(stream, 1);
    const finished = await server.finishNext(JSON.stringify("y".repeat(5 * 1024 * 1024)));
    await until(() => stream.isOver, { what: "the stream has ended" });
    expect(stream.states.at(-1)).toBe("completed");
    expect(stream.events.at(-1)).toMatchObject({
      id: "end",
      data: { payload: null, payload_omitted: true, result: null, result_omitted: true },
    });
    expect(stream.text.length).toBeLessThan(10_000);
    await server.record(finished);
    const late = await follow(`jobs/${id}/events`);
    await until(() => late.isOver, { what: "the stream has ended" });
    expect(late.events).toMatchObject([
      {
        id: "end",
        data: { id, status: "completed", payload: null, payload_omitted: true, result: null, result_omitted: true },
      },
    ]);
    expect((await request(server, "GET", `/api/v1/jobs/${id}`)).body.result).toHaveLength(5 * 1024 * 1024);
  });

  it("are 404 for an unknown job, and support HEAD", async () => {
    expect((await request(server, "GET", "/api/v1/jobs/1/events")).status).toBe(400);
    expect((await request(server, "GET", `/api/v1/jobs/${server.queue.ids.next()}/events`)).status).toBe(404);
    const head = await request(server, "HEAD", `/api/v1/jobs/${await submitNote()}/events`);
    await server.finishNext("1");
    expect({ status: head.status, type: head.headers.get("content-type"), size: server.events.size }).toEqual({
      status: 200,
      type: "text/event-stream",
      size: 0,
    });
  });
});

describe("the events of all jobs", () => {
  it("match the filters", async () => {
    const [all, some, none] = await Promise.all([
      follow("events"),
      follow("events?status=running,completed&type=note"),
      follow("events?type=other"),
    ]);
    const id = await submitNote();
    await server.finishNext("1");
    await seen(all, 3);
    await seen(some, 2);
    expect(all.events.map(({ data }) => data.id)).toEqual([id, id, id]);
    expect([all.states, some.states, none.states]).toEqual([
      ["queued", "running", "completed"],
      ["running", "completed"],
      [],
    ]);
    await Promise.all([all, some, none].map((stream) => stream.close()));
    await until(() => server.events.size === 0, { what: "all streams are gone" });
  });

  it("match the ids, also together with other filters", async () => {
    const [one, two] = [await submitNote(), await submitNote()];
    const other = await submitNote();
    const [ofTwo, ended] = await Promise.all([
      follow(`events?ids=${one},${other.toUpperCase()}`),
      follow(`events?ids=${one},${two}&status=completed`),
    ]);
    const unfinished = new Set([one, two, other]); // jobs of other tests may wait before them
    while (unfinished.size > 0) unfinished.delete((await server.finishNext("1")).id);
    // the news that the last job is queued may come after the streams have begun
    const started = () =>
      ofTwo.events.map(({ data }) => [data.id, data.status]).filter(([, status]) => status !== "queued");
    await until(() => started().length >= 4, { what: "the jobs have ended" });
    await seen(ended, 2);
    expect(started()).toEqual([
      [one, "running"],
      [one, "completed"],
      [other, "running"],
      [other, "completed"],
    ]);
    expect(ended.events.map(({ data }) => [data.id, data.status])).toEqual([
      [one, "completed"],
      [two, "completed"],
    ]);
    await Promise.all([ofTwo.close(), ended.close()]);
  });

  it.each([
    ["", ["/ids/0"]],
    ["x", ["/ids/0"]],
    [`01a20b8f-dc59-7000-a0b8-709b0c88f80f,,1`, ["/ids/1", "/ids/2"]],
    [Array(101).fill("01a20b8f-dc59-7000-a0b8-709b0c88f80f").join(","), ["/ids"]],
    [`${Array(100).fill("01a20b8f-dc59-7000-a0b8-709b0c88f80f").join(",")}&ids=x`, ["/ids"]],
    [`1&status=done`, ["/status", "/ids/0"]],
  ])("reject ids that are not valid, with all issues (%#)", async (ids, paths) => {
    const { status, body } = await request(server, "GET", `/api/v1/events?ids=${ids}`);
    expect(status).toBe(422);
    expect((body.errors as { path: string }[]).map(({ path }) => path).sort()).toEqual([...paths].sort());
  });

  it("reject an invalid filter", async () => {
    const { status, body } = await request(server, "GET", "/api/v1/events?status=done&type=a-b&x=1&type=c");
    expect(status).toBe(422);
    expect((body.errors as { path: string }[]).map(({ path }) => path)).toEqual(["/x", "/type", "/status", "/type"]);
  });

  it("resume on another replica, and report a gap", async () => {
    const other = await startApiServer({ redis: address });
    const stream = await follow("events");
    const id = await submitNote();
    await seen(stream, 1);
    await stream.close();
    await server.finishNext("1"); // there is no follower, but the changes are kept for a moment
    const back = await EventStream.open(`${other.url}/api/v1/events`, { "last-event-id": stream.events[0]?.id ?? "" });
    await seen(back, 2);
    await request(other, "POST", "/api/v1/jobs", { type: "note", payload: { text: "new" } });
    await seen(back, 3);
    expect(back.states).toEqual(["running", "completed", "queued"]);
    expect(back.events[0]?.data.id).toBe(id);
    const third = await startApiServer({ redis: address });
    await redis.del("{taskflow:0}:history");
    const late = await EventStream.open(`${third.url}/api/v1/events`, { "last-event-id": stream.events[0]?.id ?? "" });
    await seen(late, 1);
    expect(late.events[0]?.event).toBe("gap");
    await Promise.all([back.close(), late.close()]);
    await Promise.all([other.close(), third.close()]);
    await server.finishNext("1");
  });

  it("continue with the missed changes after a lost connection to Redis", async () => {
    const stream = await follow("events");
    const first = await submitNote();
    await seen(stream, 1);
    await redis.call("CLIENT", "KILL", "TYPE", "pubsub");
    const second = await submitNote();
    await seen(stream, 2);
    expect(stream.events.map(({ event, data }) => [event, data.id])).toEqual([
      ["status", first],
      ["status", second],
    ]);
    await stream.close();
    await server.finishNext("1");
    await server.finishNext("1");
  });
});

describe("a stream", () => {
  it("to a client that does not read is cut off, and the others continue", async () => {
    const others = server.events.size; // of a test that failed
    const slow = await rawSocket(server.port);
    slow.socket.pause();
    slow.socket.write("GET /api/v1/events HTTP/1.1\r\nHost: a\r\n\r\n");
    const good = await follow("events?type=burst");
    await until(() => server.events.size === others + 2, { what: "both clients follow" });
    let sent = 0;
    await until(
      async () => {
        await enqueue(server.queue, ...Array.from({ length: 2_000 }, () => submission({ type: "burst" })));
        sent += 2_000;
        return server.events.size === others + 1;
      },
      { what: "the slow client is cut off", timeoutMs: 25_000 },
    );
    await seen(good, sent);
    expect(good.events).toHaveLength(sent);
    await good.close();
    slow.socket.destroy();
  });

  it("ends when the replica drains", async () => {
    const draining = await startApiServer({ redis: address });
    const stream = await EventStream.open(`${draining.url}/api/v1/events`);
    await until(() => draining.events.size === 1, { what: "the client follows" });
    draining.events.close();
    await until(() => stream.isOver, { what: "the stream has ended" });
    expect((await request(draining, "GET", "/api/v1/events")).status).toBe(503);
    await draining.close();
  });
});
