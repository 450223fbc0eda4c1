import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { Redis } from "ioredis";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { enqueue, enqueueRaw, ioSlots, openQueue, submission } from "../testing/queue.ts";
import { ownRedis } from "../testing/services.ts";
import { until } from "../testing/until.ts";
import type { Change } from "./changes.ts";
import { compareNames, parseEventId, readEntry, readMessage } from "./changes.ts";
import type { Queue } from "./queue.ts";
import type { Settlement } from "./settlement.ts";
import { Subscriber } from "./subscriber.ts";

let server: Awaited<ReturnType<typeof ownRedis>>;
let redis: Redis;
let queue: Queue;
let other: Queue;

beforeAll(async () => {
  server = await ownRedis();
  redis = new Redis(server.port);
});
beforeEach(async () => {
  await redis.flushall();
  [queue, other] = await Promise.all([
    openQueue(`redis://127.0.0.1:${server.port}`),
    openQueue(`redis://127.0.0.1:${server.port}`),
  ]);
});
afterEach(() => {
  queue.close();
  other.close();
});
afterAll(() => redis.disconnect());

function settlement(id: string, changes: Partial<Settlement> = {}): Settlement {
  return {
    id,
    type: "noop",
    priority: 5,
    claimSeq: 0,
    startedAt: 0,
    verdict: "completed",
    attempt: 1,
    crashes: 0,
    deferrals: 0,
    runAt: 0,
    record: "{}",
    ...changes,
  };
}

/** What another replica is told from now on. */
async function watched(): Promise<{
  readonly seen: Change[];
  readonly heard: () => number;
  readonly watch: ReturnType<Queue["watchChanges"]>;
}> {
  const seen: Change[] = [];
  let heard = 0;
  const watch = other.watchChanges({
    onMessage: (message) => seen.push(...readMessage(message).flatMap((entry) => readEntry(entry))),
    onSubscribed: () => {
      heard += 1;
    },
  });
  watch.need();
  await until(() => watch.isSubscribed, { what: "changes are heard" });
  return { seen, heard: () => heard, watch };
}

/** How often Redis ran a command. */
async function calls(command: string): Promise<number> {
  return Number(new RegExp(`cmdstat_${command}:calls=(\\d+)`).exec(await redis.info("commandstats"))?.[1] ?? 0);
}

describe("while nobody watches", () => {
  it("a script looks once whether somebody does, and nothing is published or kept", async () => {
    await redis.config("RESETSTAT");
    const ids = await enqueue(queue, ...Array.from({ length: 50 }, () => submission()));
    await queue.claim(0, 1, ioSlots({ noop: 50 }));
    await queue.settle(
      ids.map((id) => settlement(id)),
      60_000,
    );
    const scripts = await calls("evalsha");
    expect({ looks: await calls("mget"), published: await calls("publish"), kept: await calls("xadd") }).toEqual({
      looks: scripts,
      published: 0,
      kept: 0,
    });
    expect(scripts).toBeLessThan(10);
  });
});

describe("who watches", () => {
  it("is told each change of a job, in order, from whichever replica", async () => {
    const { seen } = await watched();
    const [due = "", later = ""] = await enqueue(
      queue,
      submission(),
      submission({ type: "other", options: { run_at: queue.clock.now() + 60_000 } }),
    );
    await queue.claim(0, 1, ioSlots({ noop: 1 }));
    await queue.settle([settlement(due, { verdict: "retry", runAt: queue.clock.now() + 500 })], 60_000);
    await until(async () => (await queue.claim(1, 1, ioSlots({ noop: 0 }))).nextDueAt > queue.clock.now() + 1_000, {
      what: "the retry is due",
    });
    await queue.claim(2, 1, ioSlots({ noop: 1 }));
    await queue.settle([settlement(due, { claimSeq: 2 })], 60_000);
    await queue.cancel(later, 60_000, () => undefined);
    await until(() => seen.length === 8, { what: "all is told" });
    const told = (id: string) => seen.filter((change) => change.id === id).map(({ status }) => status);
    expect(told(due)).toEqual(["queued", "running", "retrying", "queued", "running", "completed"]);
    expect(told(later)).toEqual(["scheduled", "cancelled"]);
    expect(new Set(seen.map(({ id, type }) => `${id} ${type}`))).toEqual(new Set([`${due} noop`, `${later} other`]));
    const places = seen.map(({ eventId }) => parseEventId(eventId) ?? { name: "", index: NaN });
    expect([...places].sort((a, b) => compareNames(a.name, b.name) || a.index - b.index)).toEqual(places);
  });

  it("is told the ends alone where nobody asks for more, in one message a call", async () => {
    const messages: string[] = [];
    const watch = other.watchEnds({ onMessage: (message) => messages.push(message), onSubscribed: () => undefined });
    watch.need();
    await until(() => watch.isSubscribed, { what: "ends are heard" });
    const ids = await enqueue(queue, submission(), submission());
    await queue.claim(0, 1, ioSlots({ noop: 2 }));
    await queue.settle(
      ids.map((id) => settlement(id)),
      60_000,
    );
    await until(() => messages.length > 0, { what: "the ends are told" });
    expect(messages).toEqual([ids.join("")]);
    expect(await redis.exists("{taskflow:0}:history")).toBe(0);
  });

  it("reads the history page by page, in both directions", async () => {
    const { seen } = await watched();
    const ids = await enqueue(queue, ...Array.from({ length: 250 }, () => submission()));
    await until(() => seen.length === 250, { what: "all is told" });
    const names = [...new Set(seen.map(({ eventId }) => parseEventId(eventId)?.name ?? ""))];
    const [first = "", second = "", third] = names;
    const forward = await queue.history({ from: second }, 100);
    expect(forward.map(({ name }) => name)).toEqual(names.slice(1));
    expect((await queue.history({ from: first }, 2)).flatMap((entry) => readEntry(entry)).map(({ id }) => id)).toEqual(
      ids.slice(0, 200),
    );
    expect((await queue.history({ before: third }, 100)).map(({ name }) => name)).toEqual([second, first]);
    expect((await queue.history({ before: undefined }, 1)).map(({ name }) => name)).toEqual(names.slice(-1));
  });

  it("gets messages and entries of bounded length, however many change in one call, and long their types are", async () => {
    const messages: string[] = [];
    const watch = other.watchChanges({ onMessage: (message) => messages.push(message), onSubscribed: () => undefined });
    watch.need();
    await until(() => watch.isSubscribed, { what: "changes are reported" });
    const [first = "", ...ids] = Array.from({ length: 2_000 }, () => queue.ids.next());
    const type = "t".repeat(255);
    await enqueueRaw(queue, { ids: [first, ...ids], submissions: [first, ...ids].map(() => submission({ type })) });
    const entries = () => messages.flatMap(readMessage);
    await until(() => entries().flatMap((entry) => readEntry(entry)).length === 2_000, { what: "all is reported" });
    expect(
      entries()
        .flatMap((entry) => readEntry(entry))
        .map(({ id }) => id),
    ).toEqual([first, ...ids]);
    expect(Math.max(...entries().map(({ lines }) => lines.length))).toBeLessThan(6_000);
    expect(Math.max(...messages.map(({ length }) => length))).toBeLessThan(80_000);
  });

  it("leaves little behind: the history is bounded, and gone after a minute", async () => {
    await watched();
    for (let i = 0; i < 60; i += 1)
      await Promise.all(
        Array.from({ length: 100 }, () => redis.xadd("{taskflow:0}:history", "*", "c", "x".repeat(5_000))),
      );
    const ids = await enqueue(queue, submission());
    expect(ids).toHaveLength(1);
    expect(await redis.xlen("{taskflow:0}:history")).toBeLessThanOrEqual(4_100);
    expect(await redis.ttl("{taskflow:0}:history")).toBeGreaterThan(50);
    expect(await redis.pttl("{taskflow:0}:watched")).toBeGreaterThan(5_000);
  });

  it("is told on when its connection is cut, and knows that it may have missed something", async () => {
    const { seen, heard } = await watched();
    await redis.call("CLIENT", "KILL", "TYPE", "pubsub");
    await until(() => heard() === 2, { what: "changes are heard anew" });
    await enqueue(queue, submission());
    await until(() => seen.length === 1, { what: "the change is told" });
  });

  it("knows that it may have missed something when its key was lost, at the next renewal", async () => {
    const { seen, heard } = await watched();
    let heardToo = 0; // by a replica that listens to the same channel, whichever of the two renews first
    queue
      .watchChanges({
        onMessage: () => undefined,
        onSubscribed: () => {
          heardToo += 1;
        },
      })
      .need();
    await until(() => heardToo === 1, { what: "changes are heard by both" });
    await enqueue(queue, submission());
    await until(() => seen.length === 1, { what: "the change is told" });
    expect(await redis.del("{taskflow:0}:watched")).toBe(1);
    await enqueue(queue, submission());
    await until(() => heard() === 2 && heardToo === 2, { what: "changes are heard anew" });
    expect((await queue.history({ from: "-" }, 100)).map(({ name }) => name)).not.toContain(
      parseEventId(seen[0]?.eventId ?? "")?.name,
    );
    await enqueue(queue, submission());
    await until(() => seen.length === 2, { what: "the change is told" });
  });

  it("keeps nothing of a channel that was heard by a connection before", async () => {
    setFlagsFromString("--expose-gc");
    const collect = runInNewContext("gc") as () => void;
    let connections = 0;
    const hooks = {
      onWake: () => undefined,
      onCancel: () => undefined,
      onError: () => undefined,
      onReady: () => {
        connections += 1;
      },
    };
    const subscriber = new Subscriber(`redis://127.0.0.1:${server.port}`, "own", hooks);
    await subscriber.open(5_000);
    const hear = async () => {
      const onMessage = (): void => undefined;
      await subscriber.subscribe("other", onMessage);
      return new WeakRef(onMessage);
    };
    const heard = await hear();
    await redis.call("CLIENT", "KILL", "TYPE", "pubsub");
    await until(() => connections === 2, { what: "it hears its own channel again" });
    await until(() => (collect(), heard.deref() === undefined), { what: "the other one is forgotten" });
    subscriber.close();
  });

  it("is told on by a Redis that came back empty, within the time of a renewal", async () => {
    const { seen, watch } = await watched();
    await redis.flushall();
    watch.reconnected(); // as a renewal would find it, without the wait
    await until(() => watch.isSubscribed, { what: "changes are heard" });
    await enqueue(queue, submission());
    await until(() => seen.length === 1, { what: "the change is told" });
  });
});
