import { afterAll, describe, expect, it } from "vitest";
import { seen, startEventServer } from "../../testing/event-server.ts";
import type { EventStream } from "../../testing/event-stream.ts";
import { enqueueRaw, submission } from "../../testing/queue.ts";
import { rawSocket } from "../../testing/raw-http.ts";
import { until } from "../../testing/until.ts";

const { server, redis, follow, submitNote, close } = await startEventServer();
afterAll(close);

describe("after the connection to Redis was cut", () => {
  it("streams of all jobs report a gap if the missed changes are no longer available", async () => {
    const stream = await follow("events");
    await submitNote();
    await seen(stream, 1);
    await redis.del("{taskflow:0}:history");
    await redis.call("CLIENT", "KILL", "TYPE", "pubsub");
    await until(() => stream.states.includes("gap"), { what: "the gap is reported" });
    const id = await submitNote();
    await until(() => stream.events.at(-1)?.data.id === id, { what: "the next change is reported" });
    expect(stream.states).toEqual(["queued", "gap", "queued"]);
    await stream.close();
    await server.finishNext("1");
    await server.finishNext("1");
  });
});

describe("clients that reconnect", () => {
  const enqueueMany = async (count: number): Promise<void> => {
    const ids = Array.from({ length: count }, () => server.queue.ids.next());
    await enqueueRaw(server.queue, { ids, submissions: ids.map(() => submission({ type: "burst" })) });
  };
  const eventIds = (stream: EventStream) => stream.events.map(({ id }) => id);

  it("while changes arrive get each of them once, in order", async () => {
    const witness = await follow("events?type=burst");
    await enqueueMany(2_000);
    await seen(witness, 2_000);
    let isOver = false;
    const traffic = (async () => {
      while (!isOver) await enqueueMany(150);
    })();
    const clients: { readonly after: number; readonly stream: EventStream }[] = [];
    for (const after of [0, 99, 100, 1_234, 1_999])
      clients.push({
        after,
        stream: await follow("events?type=burst", { "last-event-id": witness.events[after]?.id ?? "" }),
      });
    for (let i = 0; i < 10; i += 1) {
      const after = witness.events.length - 1; // the newest event
      clients.push({
        after,
        stream: await follow("events?type=burst", { "last-event-id": witness.events[after]?.id ?? "" }),
      });
    }
    await seen(witness, 5_000);
    isOver = true;
    await traffic;
    const last = (await redis.xrevrange("{taskflow:0}:history", "+", "-", "COUNT", 1))[0]?.[0] ?? "";
    await until(
      () => [witness, ...clients.map(({ stream }) => stream)].every(({ events }) => events.at(-1)?.id.startsWith(last)),
      { what: "all clients are up to date" },
    );
    for (const { after, stream } of clients) expect(eventIds(stream)).toEqual(eventIds(witness).slice(after + 1));
    expect(new Set(eventIds(witness)).size).toBe(witness.events.length);
    await Promise.all([witness, ...clients.map(({ stream }) => stream)].map((stream) => stream.close()));
  });

  it("read missed changes at their own pace, even more than may wait for a slow client", async () => {
    const witness = await follow("events?type=burst");
    await enqueueMany(1);
    await seen(witness, 1);
    for (let i = 0; i < 20; i += 1) await enqueueMany(5_000); // 16 MB of events, more than sockets and the buffer take
    await seen(witness, 100_001);
    const slow = await rawSocket(server.port);
    slow.socket.pause();
    slow.socket.write(
      `GET /api/v1/events?type=burst HTTP/1.1\r\nHost: a\r\nLast-Event-ID: ${witness.events[0]?.id ?? ""}\r\n\r\n`,
    );
    await until(() => server.events.size === 2, { what: "both clients follow" });
    await enqueueMany(1);
    await seen(witness, 100_002);
    slow.socket.resume();
    const last = witness.events.at(-1)?.id ?? "";
    const received = await slow.until(new RegExp(`^id: ${last}$`, "m"));
    expect([...received.matchAll(/^id: (\S+)$/gm)].map(([, id]) => id)).toEqual(eventIds(witness).slice(1));
    slow.socket.destroy();
    await witness.close();
    await until(() => server.events.size === 0, { what: "all streams are gone" });
  });

  it("to one job at once share a look at it, and all are served", async () => {
    const id = await submitNote();
    const keeper = await follow(`jobs/${id}/events`);
    await seen(keeper, 1);
    const calls = async () => Number(/cmdstat_hmget:calls=(\d+)/.exec(await redis.info("commandstats"))?.[1] ?? 0);
    const before = await calls();
    const streams = await Promise.all(
      Array.from({ length: 300 }, () => follow(`jobs/${id}/events`, { "last-event-id": "0-0.0" })),
    );
    await until(() => streams.every(({ events }) => events.length === 1), { what: "all clients have the job" });
    expect(streams.every(({ status }) => status === 200)).toBe(true);
    // It depends on the turns in which they arrive, not on their number.
    expect((await calls()) - before).toBeLessThan(60);
    await server.finishNext("1");
    await until(() => [keeper, ...streams].every((stream) => stream.isOver), { what: "all streams have ended" });
    expect(streams.every(({ states }) => JSON.stringify(states) === `["queued","running","completed"]`)).toBe(true);
    expect(server.events.size).toBe(0);
  });
});
