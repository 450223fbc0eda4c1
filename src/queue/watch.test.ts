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
import { Watch } from "./watch.ts";

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

/** Subscribes another replica to all changes, and collects them. */
async function watched(): Promise<{
  readonly seen: Change[];
  readonly subscriptions: () => number;
  readonly watch: ReturnType<Queue["watches"]["ofChanges"]>;
}> {
  const seen: Change[] = [];
  let subscriptions = 0;
  const watch = other.watches.ofChanges({
    onMessage: (message) => seen.push(...readMessage(message).flatMap((entry) => readEntry(entry))),
    onSubscribed: () => {
      subscriptions += 1;
    },
  });
  watch.need();
  await until(() => watch.isSubscribed, { what: "the watch is subscribed" });
  return { seen, subscriptions: () => subscriptions, watch };
}

/** How often Redis ran a command. */
async function calls(command: string): Promise<number> {
  return Number(new RegExp(`cmdstat_${command}:calls=(\\d+)`).exec(await redis.info("commandstats"))?.[1] ?? 0);
}

describe("while nobody watches", () => {
  it("a script checks once for a watcher, and publishes and stores nothing", async () => {
    await redis.config("RESETSTAT");
    const ids = await enqueue(queue, ...Array.from({ length: 50 }, () => submission()));
    await queue.claim(0, 1, ioSlots({ noop: 50 }));
    await queue.settle(
      ids.map((id) => settlement(id)),
      60_000,
    );
    const scripts = await calls("evalsha");
    expect({ checks: await calls("mget"), published: await calls("publish"), stored: await calls("xadd") }).toEqual({
      checks: scripts,
      published: 0,
      stored: 0,
    });
    expect(scripts).toBeLessThan(10);
  });
});

describe("a watching replica", () => {
  it("is notified of each change of a job, in order, by any replica", async () => {
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
    await until(() => seen.length === 8, { what: "all changes arrive" });
    const statuses = (id: string) => seen.filter((change) => change.id === id).map(({ status }) => status);
    expect(statuses(due)).toEqual(["queued", "running", "retrying", "queued", "running", "completed"]);
    expect(statuses(later)).toEqual(["scheduled", "cancelled"]);
    expect(new Set(seen.map(({ id, type }) => `${id} ${type}`))).toEqual(new Set([`${due} noop`, `${later} other`]));
    const eventIds = seen.map(({ eventId }) => parseEventId(eventId) ?? { name: "", index: NaN });
    expect([...eventIds].sort((a, b) => compareNames(a.name, b.name) || a.index - b.index)).toEqual(eventIds);
  });

  it("that watches only ends gets one message per call, and no other changes", async () => {
    const messages: string[] = [];
    const watch = other.watches.ofEnds({
      onMessage: (message) => messages.push(message),
      onSubscribed: () => undefined,
    });
    watch.need();
    await until(() => watch.isSubscribed, { what: "the watch is subscribed" });
    const ids = await enqueue(queue, submission(), submission());
    await queue.claim(0, 1, ioSlots({ noop: 2 }));
    await queue.settle(
      ids.map((id) => settlement(id)),
      60_000,
    );
    await until(() => messages.length > 0, { what: "the ends arrive" });
    expect(messages).toEqual([ids.join("")]);
    expect(await redis.exists("{taskflow:0}:history")).toBe(0);
  });

  it("reads the history page by page, in both directions", async () => {
    const { seen } = await watched();
    const ids = await enqueue(queue, ...Array.from({ length: 250 }, () => submission()));
    await until(() => seen.length === 250, { what: "all changes arrive" });
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

  it("gets messages and entries of bounded length, for any number of changes in one call and long types", async () => {
    const messages: string[] = [];
    const watch = other.watches.ofChanges({
      onMessage: (message) => messages.push(message),
      onSubscribed: () => undefined,
    });
    watch.need();
    await until(() => watch.isSubscribed, { what: "the watch is subscribed" });
    const [first = "", ...ids] = Array.from({ length: 2_000 }, () => queue.ids.next());
    const type = "t".repeat(255);
    await enqueueRaw(queue, { ids: [first, ...ids], submissions: [first, ...ids].map(() => submission({ type })) });
    const entries = () => messages.flatMap(readMessage);
    await until(() => entries().flatMap((entry) => readEntry(entry)).length === 2_000, { what: "all changes arrive" });
    expect(
      entries()
        .flatMap((entry) => readEntry(entry))
        .map(({ id }) => id),
    ).toEqual([first, ...ids]);
    expect(Math.max(...entries().map(({ lines }) => lines.length))).toBeLessThan(6_000);
    expect(Math.max(...messages.map(({ length }) => length))).toBeLessThan(80_000);
  });

  it("leaves a history that is bounded and expires within a minute", async () => {
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

  it("subscribes again after its connection is cut, and learns that it may have missed changes", async () => {
    const { seen, subscriptions } = await watched();
    await redis.call("CLIENT", "KILL", "TYPE", "pubsub");
    await until(() => subscriptions() === 2, { what: "the watch is subscribed again" });
    await enqueue(queue, submission());
    await until(() => seen.length === 1, { what: "the change arrives" });
  });

  it("learns at the next renewal after its key was lost that it may have missed changes", async () => {
    const { seen, subscriptions } = await watched();
    let subscriptionsOfOther = 0; // a second replica on the same channel: either may renew first
    queue.watches
      .ofChanges({
        onMessage: () => undefined,
        onSubscribed: () => {
          subscriptionsOfOther += 1;
        },
      })
      .need();
    await until(() => subscriptionsOfOther === 1, { what: "both are subscribed" });
    await enqueue(queue, submission());
    await until(() => seen.length === 1, { what: "the change arrives" });
    expect(await redis.del("{taskflow:0}:watched")).toBe(1);
    await enqueue(queue, submission());
    await until(() => subscriptions() === 2 && subscriptionsOfOther === 2, { what: "both are subscribed again" });
    expect((await queue.history({ from: "-" }, 100)).map(({ name }) => name)).not.toContain(
      parseEventId(seen[0]?.eventId ?? "")?.name,
    );
    await enqueue(queue, submission());
    await until(() => seen.length === 2, { what: "the change arrives" });
  });

  it("forgets the channels of a previous connection", async () => {
    setFlagsFromString("--expose-gc");
    const collect = runInNewContext("gc") as () => void;
    let connections = 0;
    const hooks = {
      onWake: () => undefined,
      onCancel: () => undefined,
      onLog: () => false,
      onError: () => undefined,
      onReady: () => {
        connections += 1;
      },
    };
    const subscriber = new Subscriber(`redis://127.0.0.1:${server.port}`, "own", hooks);
    await subscriber.open(5_000);
    const subscribe = async () => {
      const onMessage = (): void => undefined;
      await subscriber.subscribe("other", onMessage);
      return new WeakRef(onMessage);
    };
    const listener = await subscribe();
    await redis.call("CLIENT", "KILL", "TYPE", "pubsub");
    await until(() => connections === 2, { what: "it is subscribed to its own channel again" });
    await until(() => (collect(), listener.deref() === undefined), { what: "the other channel is forgotten" });
    subscriber.close();
  });

  it("subscribes again if the connection is replaced while it subscribes", async () => {
    const calls: string[] = [];
    const watch: Watch = new Watch({
      connection: { run: () => Promise.resolve("name") },
      subscriber: {
        subscribe: (channel) => {
          calls.push(`subscribe ${channel}`);
          if (calls.length === 1) watch.reconnected();
          return Promise.resolve();
        },
        unsubscribe: (channel) => calls.push(`unsubscribe ${channel}`),
      },
      namespace: "ns",
      key: "watched",
      channel: "changes:",
      onMessage: () => undefined,
      onSubscribed: () => calls.push("subscribed"),
      onError: () => calls.push("error"),
    });
    watch.need();
    await until(() => watch.isSubscribed, { what: "the watch is subscribed" });
    watch.close();
    const channel = "changes:name";
    expect(calls).toEqual([
      ...[`subscribe ${channel}`, `unsubscribe ${channel}`, `subscribe ${channel}`, "subscribed"],
      `unsubscribe ${channel}`,
    ]);
  });

  it("is notified again by a Redis that restarted empty, after one renewal", async () => {
    const { seen, watch } = await watched();
    await redis.flushall();
    watch.reconnected(); // has the effect of the next renewal, without the wait
    await until(() => watch.isSubscribed, { what: "the watch is subscribed" });
    await enqueue(queue, submission());
    await until(() => seen.length === 1, { what: "the change arrives" });
  });
});
