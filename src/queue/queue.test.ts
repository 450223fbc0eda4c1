import { setTimeout as sleep } from "node:timers/promises";
import { Redis } from "ioredis";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { timeOfId } from "../core/id.ts";
import type { Job } from "../core/job.ts";
import { OutcomeUnknown, QueueUnavailable } from "../errors.ts";
import { enqueue, enqueueRaw, ioSlots, openQueue, submission, TestRunner } from "../testing/queue.ts";
import { freshRedis, ownRedis } from "../testing/services.ts";
import { TcpProxy } from "../testing/tcp-proxy.ts";
import { until } from "../testing/until.ts";
import type { Queue } from "./queue.ts";
import type { Settlement } from "./settlement.ts";

let address: string;
let redis: Redis;
let open: Queue[];
let seqs: Map<Queue, number>;

beforeEach(async () => {
  address = (await freshRedis()).address;
  redis = new Redis(address);
  open = [];
  seqs = new Map();
});
afterEach(() => {
  open.forEach((queue) => queue.close());
  redis.disconnect();
});

async function replica(options: Parameters<typeof openQueue>[1] = {}): Promise<Queue> {
  const queue = await openQueue(address, options);
  open.push(queue);
  return queue;
}

async function claim(queue: Queue, free: Record<string, number> = { noop: 10 }, poisonCandidateSlots: 0 | 1 = 1) {
  const seq = (seqs.get(queue) ?? 0) + 1;
  seqs.set(queue, seq);
  return queue.claim(seq, poisonCandidateSlots, ioSlots(free));
}

function settlement(job: Job, changes: Partial<Settlement> = {}): Settlement {
  const { id, type, priority, claimSeq, attempt, crashes, deferrals } = job;
  return {
    id,
    type,
    priority,
    claimSeq,
    startedAt: 0,
    attempt,
    crashes,
    deferrals,
    verdict: "completed",
    runAt: 0,
    record: `{"outcome":"completed"}`,
    ...changes,
  };
}

const ids = (jobs: readonly Job[]): string[] => jobs.map(({ id }) => id);
const noCallback = (): undefined => undefined;

async function expireLeases(client = redis): Promise<void> {
  const leased = await client.zrange("{taskflow:0}:leased", "0", "-1");
  await client.zadd("{taskflow:0}:leased", ...leased.flatMap((id) => [1, id]));
}

/** All that runs loses its lease, and waits again. */
async function loseAll(queue: Queue, client = redis): Promise<void> {
  await expireLeases(client);
  for (let isMoreLeft = true; isMoreLeft; ) {
    const { lost, ...rest } = await claim(queue, {});
    await queue.settle(
      lost.map((job) => settlement(job, { verdict: "retry", attempt: 0 })),
      30_000,
    );
    isMoreLeft = rest.isMoreLeft;
  }
}

describe("an enqueue with free slots", () => {
  async function running(): Promise<{ queue: Queue; runner: TestRunner }> {
    const runner = new TestRunner();
    runner.hasSlots = true;
    return { queue: await replica({ runsJobs: true, runner }), runner };
  }

  it("leases its jobs to its own replica, as a claim would", async () => {
    const { queue, runner } = await running();
    const payload = `{"text":"ünïcode"}`;
    const [first = "", later = ""] = await enqueue(
      queue,
      submission({ payload, groupKey: "a|b" }),
      submission({ options: { run_at: queue.clock.now() + 60_000 } }),
      submission({ type: "other" }),
    );
    expect(runner.started.map(({ type }) => type)).toEqual(["noop", "other"]);
    expect(runner.started.slice(0, 1)).toEqual(await queue.read([first]));
    expect(runner.started[0]).toMatchObject({ payload, groupKey: "a|b", status: "running", attempt: 1 });
    expect((await queue.read([later]))[0]?.status).toBe("scheduled");
    expect((await claim(queue, { noop: 5, other: 5 })).claimed).toEqual([]);
    const answers = await queue.settle(
      runner.started.map((job) => settlement(job, { startedAt: job.startedAt ?? 0 })),
      60_000,
    );
    expect(answers).toEqual(["done", "done"]);
    expect(await queue.jobCounts()).toMatchObject({ accepted: 3, unaccounted: 0 });
    expect(runner.reserved).toBe(0);
  });

  it("starts its jobs when what its answers set off is done", async () => {
    const { queue, runner } = await running();
    const startedBefore = await new Promise((resolve) => {
      queue.enqueue({ ids: [queue.ids.next()], submissions: [submission()] }, () =>
        queueMicrotask(() => resolve(runner.started.length)),
      );
    });
    expect(startedBefore).toBe(0);
    await until(() => runner.started.length === 1, { what: "the job is started" });
  });

  it("overtakes nobody, and runs nothing of a queue that is paused", async () => {
    const { queue, runner } = await running();
    await queue.pause("other");
    const [before = ""] = await enqueue(await replica(), submission());
    const [after = "", paused = ""] = await enqueue(queue, submission(), submission({ type: "other" }));
    expect(runner.started).toEqual([]);
    expect(ids((await claim(queue, { noop: 5, other: 5 })).claimed)).toEqual([before, after]);
    expect((await queue.read([paused]))[0]?.status).toBe("queued");
    expect(runner.reserved).toBe(0);
  });

  it("starts no job a second time that it sends again, and none of a key that was known", async () => {
    const { queue, runner } = await running();
    const keyed = () => ({
      ids: [queue.ids.next(), queue.ids.next()],
      submissions: [submission(), submission()],
      idempotency: { key: "k", fingerprint: "f", ttlMs: 60_000 },
    });
    const first = keyed();
    const single = { ids: [queue.ids.next()], submissions: [submission()] };
    await Promise.all([enqueueRaw(queue, first), enqueueRaw(queue, single)]);
    const last = { ids: [queue.ids.next()], submissions: [submission()] };
    const answers = await Promise.all([first, keyed(), single, last].map((submitted) => enqueueRaw(queue, submitted)));
    expect(answers.map(({ kind }) => kind)).toEqual(["enqueued", "replayed", "enqueued", "enqueued"]);
    expect(ids(runner.started)).toEqual([...first.ids, ...single.ids, ...last.ids]);
    expect(runner.reserved).toBe(0);
  });

  it("finds what was leased to it when the answer is lost, and burns no attempt", async () => {
    const proxy = await TcpProxy.start(Number(new URL(address).port));
    const runner = new TestRunner();
    const queue = await replica({ url: proxy.before(address), runsJobs: true, runner });
    runner.hasSlots = true;
    const dropped = proxy.dropNextReply((request) => request.includes("+noop"));
    const id = queue.ids.next();
    expect(await enqueueRaw(queue, { ids: [id], submissions: [submission()] })).toMatchObject({
      kind: "failed",
      error: expect.any(OutcomeUnknown) as OutcomeUnknown,
    });
    await dropped;
    await until(() => runner.started.length > 0, { what: "the leased job is found" });
    expect(runner.started).toEqual(await queue.read([id]));
    expect(runner.started[0]).toMatchObject({ id, attempt: 1, crashes: 0, status: "running" });
    await until(() => runner.reserved === 0, { what: "the slot is given back" });
    queue.close();
    await proxy.close();
  });
});

describe("enqueue and claim", () => {
  it("hands out jobs by priority, and first in, first out within one", async () => {
    const queue = await replica();
    const sent = await enqueue(queue, ...[5, 0, 9, 5, 9].map((priority) => submission({ priority })));
    const { claimed } = await claim(queue);
    expect(ids(claimed)).toEqual([2, 4, 0, 3, 1].map((i) => sent[i]));
    expect(claimed[0]).toMatchObject({
      attempt: 1,
      crashes: 0,
      status: "running",
      worker: expect.any(String) as string,
    });
  });

  it("keeps the bytes of a payload", async () => {
    const queue = await replica();
    const payload = `{"big":12345678901234567890,"huge":1e400,"text":"ünïcode \\u0000 \\ud800","x|y":[1,{}]}`;
    await enqueue(queue, submission({ payload, groupKey: "a|b c", options: { tags: ["x\ny"], timeout_ms: 5 } }));
    const { claimed } = await claim(queue);
    expect(claimed[0]).toMatchObject({ payload, groupKey: "a|b c", options: { tags: ["x\ny"], timeout_ms: 5 } });
  });

  it("claims no more than is free, in the type and in its lane, and says when more is left", async () => {
    const queue = await replica();
    await enqueue(queue, ...Array.from({ length: 5 }, () => submission()), submission({ type: "other" }));
    const first = await queue.claim(1, 1, {
      io: 3,
      cpu: 0,
      types: [
        { type: "noop", lane: "io", slots: 2 },
        { type: "other", lane: "io", slots: 9 },
      ],
    });
    expect(first.claimed.map(({ type }) => type)).toEqual(["noop", "noop", "other"]);
    expect(first.isMoreLeft).toBe(true);
    const full = await queue.claim(2, 1, { io: 0, cpu: 0, types: [{ type: "noop", lane: "io", slots: 2 }] });
    expect(full).toMatchObject({ claimed: [], isMoreLeft: false });
  });

  it("gives the same jobs again to a repeated claim number, and burns no attempt", async () => {
    const queue = await replica();
    await enqueue(queue, submission(), submission());
    const first = await queue.claim(1, 1, ioSlots({ noop: 1 }));
    const again = await queue.claim(1, 1, ioSlots({ noop: 1 }));
    expect(again.claimed).toEqual(first.claimed);
    const next = await queue.claim(2, 1, ioSlots({ noop: 5 }));
    expect(next.claimed).toHaveLength(1);
    expect(next.claimed[0]?.attempt).toBe(1);
  });

  it("leases nothing to a replica that no longer waits for the answer", async () => {
    const queue = await replica();
    await enqueue(queue, submission());
    queue.clock.learn(Date.now() - 60_000, performance.now(), performance.now()); // sent a minute ago, as it were
    expect((await claim(queue, { noop: 1 })).claimed).toEqual([]);
    expect((await claim(queue, { noop: 1 })).claimed).toHaveLength(1); // the answer told the time
  });

  it("starts a scheduled job when it is due by Redis's clock, and says when to look again", async () => {
    const queue = await replica();
    const runAt = queue.clock.now() + 60_000;
    const [id = ""] = await enqueue(queue, submission({ options: { run_at: runAt } }));
    expect(await claim(queue)).toMatchObject({ claimed: [], nextDueAt: runAt });
    expect((await queue.read([id]))[0]?.status).toBe("scheduled");
    await redis.zadd("{taskflow:0}:scheduled", 1, id);
    expect(ids((await claim(queue)).claimed)).toEqual([id]);
  });

  it("changes nothing when the same id comes again", async () => {
    const queue = await replica();
    const [id = ""] = await enqueue(queue, submission());
    expect(await enqueueRaw(queue, { ids: [id], submissions: [submission()] })).toEqual({ kind: "enqueued" });
    expect(await queue.jobCounts()).toMatchObject({ accepted: 1, unaccounted: 0 });
  });

  it("makes one job of one idempotency key, and tells another body apart", async () => {
    const queue = await replica();
    const send = (fingerprint: string) => {
      const id = queue.ids.next();
      return enqueueRaw(queue, {
        ids: [id],
        submissions: [submission()],
        idempotency: { key: "k", fingerprint, ttlMs: 60_000 },
      });
    };
    const answers = await Promise.all(Array.from({ length: 200 }, () => send("same")));
    expect(answers.filter(({ kind }) => kind === "enqueued")).toHaveLength(1);
    const firsts = new Set(answers.flatMap((answer) => (answer.kind === "replayed" ? [answer.firstId] : [])));
    expect(firsts.size).toBe(1);
    expect(await send("other")).toMatchObject({ kind: "conflict", firstId: [...firsts][0] });
    expect((await queue.jobCounts()).accepted).toBe(1);
  });

  it("carries a batch as a whole", async () => {
    const queue = await replica();
    const batch = Array.from({ length: 5_000 }, () => submission());
    const batchIds = batch.map(() => queue.ids.next());
    expect(await enqueueRaw(queue, { ids: batchIds, submissions: batch })).toEqual({ kind: "enqueued" });
    expect(await queue.jobCounts()).toMatchObject({ accepted: 5_000, unaccounted: 0 });
    expect(await queue.liveIds(undefined, undefined, 10_000)).toEqual([...batchIds].reverse());
  });

  it("sends, and reads, large jobs a few at a time", async () => {
    const calls: string[] = [];
    const queue = await replica({ onRoundTrip: (script) => calls.push(script) });
    const payload = `{"text":"${"x".repeat(1_500_000)}"}`;
    const ids = await enqueue(queue, ...Array.from({ length: 5 }, () => submission({ payload })), submission());
    expect(calls.filter((script) => script === "enqueue")).toHaveLength(4); // two, two and one, and the small one by itself
    expect((await queue.read([...ids, queue.ids.next()])).map(({ id }) => id)).toEqual(ids);
  });

  it("takes the scripts anew after Redis has lost them", async () => {
    const queue = await replica();
    await redis.script("FLUSH");
    await enqueue(queue, submission());
    expect((await claim(queue)).claimed).toHaveLength(1);
  });

  it("refuses a submission that Redis gets to too late", async () => {
    const queue = await replica();
    queue.clock.learn(Date.now() - 60_000, performance.now(), performance.now()); // a clock that is a minute behind
    const answer = await enqueueRaw(queue, { ids: [queue.ids.next()], submissions: [submission()] });
    expect(answer).toMatchObject({ kind: "failed", error: expect.any(QueueUnavailable) as QueueUnavailable });
    expect((await queue.jobCounts()).accepted).toBe(0);
  });

  it("learns from such a refusal what time it is", async () => {
    const queue = await replica();
    queue.clock.learn(Date.now() - 60_000, performance.now(), performance.now());
    let tries = 0;
    for (let kind = "failed"; kind === "failed" && tries < 100; tries += 1)
      ({ kind } = await enqueueRaw(queue, { ids: [queue.ids.next()], submissions: [submission()] }));
    expect(tries).toBeGreaterThan(1);
    expect((await queue.jobCounts()).accepted).toBe(1);
  });
});

describe("groups", () => {
  it("share a queue fairly: a group that comes late with one job is next", async () => {
    const queue = await replica();
    await enqueue(queue, ...Array.from({ length: 50 }, () => submission({ groupKey: "big" })));
    await claim(queue, { noop: 10 });
    const [small = ""] = await enqueue(queue, submission({ groupKey: "small" }));
    expect(ids((await claim(queue, { noop: 2 })).claimed)).toContain(small);
  });

  it("alternate while both have work, and leave nothing behind", async () => {
    const queue = await replica();
    await enqueue(queue, ...["a", "a", "a", "b", "b", "b"].map((groupKey) => submission({ groupKey })));
    const { claimed } = await claim(queue);
    expect(
      claimed
        .map(({ groupKey }) => groupKey)
        .slice(0, 4)
        .sort(),
    ).toEqual(["a", "a", "b", "b"]);
    expect(await redis.exists("{taskflow:0}:fair:noop:5")).toBe(0);
  });
});

describe("settle and forget", () => {
  it("moves a terminal job to the outbox and then out of Redis, with balanced books", async () => {
    const queue = await replica();
    const [id = ""] = await enqueue(queue, submission());
    const { claimed } = await claim(queue);
    expect(
      await queue.settle(
        claimed.map((job) => settlement(job)),
        30_000,
      ),
    ).toEqual(["done"]);
    expect(await queue.jobCounts()).toMatchObject({
      accepted: 1,
      outbox: 1,
      unaccounted: 0,
      types: [{ completed: 1, running: 0, recorded: 0 }],
    });
    expect((await queue.read([id]))[0]).toMatchObject({ status: "completed", history: [`{"outcome":"completed"}`] });
    await queue.forget([{ id, type: "noop" }]);
    await queue.forget([{ id, type: "noop" }]);
    expect(await queue.jobCounts()).toMatchObject({ accepted: 1, outbox: 0, unaccounted: 0, types: [{ recorded: 1 }] });
    expect(await redis.keys("{taskflow:0}:j:*")).toEqual([]);
  });

  it("does not forget a job that waits again by the time its outcome is recorded", async () => {
    const queue = await replica();
    const [id = ""] = await enqueue(queue, submission());
    await queue.forget([{ id, type: "noop" }]);
    expect(await queue.jobCounts()).toMatchObject({ accepted: 1, unaccounted: 0, types: [{ recorded: 0, queued: 1 }] });
    expect(ids((await claim(queue)).claimed)).toEqual([id]);
  });

  it("answers a repeat with done, and a lease that is not ours with stale", async () => {
    const [one, two] = [await replica(), await replica()];
    await enqueue(one, submission());
    const { claimed } = await claim(one);
    const [mine] = claimed.map((job) => settlement(job));
    if (!mine) throw new Error("nothing claimed");
    expect(await two.settle([mine], 30_000)).toEqual(["stale"]);
    expect(await one.settle([{ ...mine, claimSeq: 77 }], 30_000)).toEqual(["stale"]);
    expect(await one.settle([mine], 30_000)).toEqual(["done"]);
    expect(await one.settle([mine], 30_000)).toEqual(["repeated"]);
    expect(await one.jobCounts()).toMatchObject({ outbox: 1, unaccounted: 0, types: [{ completed: 1 }] });
  });

  it("sends a retry to wait, keeps its record, and counts the next attempt", async () => {
    const queue = await replica();
    const [id = ""] = await enqueue(queue, submission());
    const { claimed } = await claim(queue);
    const later = queue.clock.now() + 60_000;
    await queue.settle(
      claimed.map((job) => settlement(job, { verdict: "retry", runAt: later, record: `{"outcome":"retry"}` })),
      30_000,
    );
    expect((await queue.read([id]))[0]).toMatchObject({ status: "retrying", attempt: 1 });
    expect(await queue.jobCounts()).toMatchObject({ unaccounted: 0, types: [{ retrying: 1, running: 0 }] });
    await redis.zadd("{taskflow:0}:scheduled", 1, id);
    expect((await claim(queue)).claimed[0]).toMatchObject({ attempt: 2, history: [`{"outcome":"retry"}`] });
    expect(await queue.jobCounts()).toMatchObject({ unaccounted: 0, types: [{ retrying: 0, running: 1 }] });
  });

  it("puts a released job in front again, with its attempt given back", async () => {
    const queue = await replica();
    const sent = await enqueue(queue, submission(), submission());
    const { claimed } = await claim(queue, { noop: 1 });
    await queue.settle(
      claimed.map((job) => settlement(job, { verdict: "released", attempt: 0, record: "" })),
      30_000,
    );
    const again = await claim(queue, { noop: 1 });
    expect(again.claimed[0]).toMatchObject({ id: sent[0], attempt: 1, history: [] });
  });

  it("enqueues a callback with the settle that it belongs to, once", async () => {
    const queue = await replica();
    await enqueue(queue, submission());
    const { claimed } = await claim(queue);
    const callback = { id: queue.ids.next(), submission: submission({ type: "webhook" }) };
    const all = claimed.map((job) => settlement(job, { callback }));
    expect(await queue.settle(all, 30_000)).toEqual(["done"]);
    expect(await queue.settle(all, 30_000)).toEqual(["repeated"]);
    expect(ids((await claim(queue, { webhook: 5 })).claimed)).toEqual([callback.id]);
    expect(await queue.jobCounts()).toMatchObject({ accepted: 2, unaccounted: 0 });
  });
});

describe("leases", () => {
  it("gives a lost job to another replica, with the crash counted and the attempt not", async () => {
    const [one, two] = [await replica(), await replica()];
    const [id = ""] = await enqueue(one, submission());
    await claim(one);
    await expireLeases();
    const { claimed, lost } = await claim(two);
    expect(claimed).toEqual([]);
    expect(lost).toMatchObject([{ id, crashes: 1, attempt: 1, worker: expect.any(String) as string }]);
    expect(
      await two.settle(
        lost.map((job) => settlement(job, { verdict: "retry", attempt: 0, runAt: 0 })),
        30_000,
      ),
    ).toEqual(["done"]);
    expect((await claim(two)).claimed).toMatchObject([{ id, crashes: 1, attempt: 1 }]);
    expect(await two.jobCounts()).toMatchObject({ unaccounted: 0 });
  });

  it("gives the same lost job again to a repeated claim number", async () => {
    const [one, two] = [await replica(), await replica()];
    await enqueue(one, submission());
    await claim(one);
    await expireLeases();
    const first = await two.claim(1, 1, ioSlots({}));
    const again = await two.claim(1, 1, ioSlots({}));
    expect(again.lost).toMatchObject([{ id: first.lost[0]?.id, crashes: 1, claimSeq: 1 }]);
  });

  it("lets a suspect start only where none runs, and the others pass it", async () => {
    const [one, two] = [await replica(), await replica()];
    const [poisonCandidate = "", innocent = ""] = await enqueue(one, submission({ priority: 9 }), submission());
    await claim(one, { noop: 1 });
    await expireLeases();
    await loseAll(two); // once, and it runs again with the others
    expect(ids((await claim(two, { noop: 1 }, 0)).claimed)).toEqual([poisonCandidate]);
    await expireLeases();
    await loseAll(two);
    expect(ids((await claim(two, { noop: 5 }, 0)).claimed)).toEqual([innocent]);
    expect(ids((await claim(two, { noop: 5 }, 1)).claimed)).toEqual([poisonCandidate]);
  });

  it("gives a suspect its turn by priority and age, as if it were none", async () => {
    const queue = await replica();
    const lost = await enqueue(queue, submission(), submission({ priority: 4 }));
    for (let losses = 0; losses < 2; losses += 1) {
      await claim(queue);
      await loseAll(queue);
    }
    const [urgent = "", later = ""] = await enqueue(queue, submission({ priority: 6 }), submission());
    const order = [urgent, lost[0], later, lost[1]];
    const places = await Promise.all(order.map(async (id = "") => (await queue.position(id))?.ahead));
    expect(places).toEqual([0, 1, 1, 3]); // a suspect may come before `later`, or have to wait
    const claims = [await claim(queue, { noop: 1 }), await claim(queue, { noop: 1 }), await claim(queue)];
    expect(claims.map(({ claimed }) => ids(claimed))).toEqual([[urgent], [lost[0]], [later, lost[1]]]);
  });

  it("finds a fresh job behind any number of suspects in one claim, which fetches nothing of theirs", async () => {
    const own = await ownRedis();
    const stats = new Redis(own.address);
    const queue = await replica({ url: own.address });
    const lost = Array.from({ length: 1_500 }, () => submission());
    await enqueueRaw(queue, { ids: lost.map(() => queue.ids.next()), submissions: lost });
    for (let losses = 0; losses < 2; losses += 1) {
      for (let left = lost.length; left > 0; left -= 500) await claim(queue, { noop: 500 });
      await loseAll(queue, stats);
    }
    const fresh = await enqueue(queue, submission({ priority: 0 }));
    await stats.config("RESETSTAT");
    expect(ids((await claim(queue, { noop: 10 }, 0)).claimed)).toEqual(fresh);
    expect(await stats.info("commandstats")).toContain("cmdstat_get:calls=2,"); // its own last claim, and the job
    expect(await queue.jobCounts()).toMatchObject({ unaccounted: 0, types: [{ queued: 1_500, running: 1 }] });
    stats.disconnect();
  });

  it("takes nothing as lost for one lease after nobody claimed for a while", async () => {
    const queue = await replica({ leaseMs: 1_500 });
    await enqueue(queue, submission());
    await claim(queue);
    await redis.hset("{taskflow:0}:clock", "claimed_at", Date.now() - 60_000);
    await expireLeases();
    expect((await claim(queue)).lost).toEqual([]);
    await until(async () => (await claim(queue, {})).lost.length === 1, { what: "the grace is over" });
  });

  it("renews what is ours, names what is lost or cancelled, and shows the replica", async () => {
    const queue = await replica();
    const sent = await enqueue(queue, submission(), submission());
    const { claimed } = await claim(queue);
    expect(await queue.cancel(sent[1] ?? "", 30_000, noCallback)).toMatchObject({ kind: "running" });
    const running = [
      ...claimed.map(({ id, claimSeq }) => ({ id, claimSeq, progress: 42 })),
      { id: queue.ids.next(), claimSeq: 1, progress: null },
    ];
    await expireLeases();
    const stops = await queue.renew(running, `{"id":"me"}`);
    expect([...stops]).toEqual([
      [sent[1], "cancelled"],
      [running[2]?.id, "lost"],
    ]);
    expect((await queue.read([sent[0] ?? ""]))[0]?.progress).toBe(42);
    expect((await claim(queue)).lost).toEqual([]);
    expect((await queue.jobCounts()).replicas).toEqual([`{"id":"me"}`]);
  });
});

describe("cancel and sweep", () => {
  it("cancels what waits at once: queued, scheduled or retrying", async () => {
    const queue = await replica();
    const sent = await enqueue(queue, submission(), submission({ options: { run_at: queue.clock.now() + 60_000 } }));
    for (const id of sent) {
      const answer = await queue.cancel(id, 30_000, noCallback);
      expect(answer).toMatchObject({ kind: "cancelled", job: { status: "cancelled" } });
    }
    expect(await queue.cancel(sent[0] ?? "", 30_000, noCallback)).toMatchObject({ kind: "finished" });
    expect(await queue.cancel(queue.ids.next(), 30_000, noCallback)).toEqual({ kind: "missing" });
    expect((await claim(queue)).claimed).toEqual([]);
    expect(await queue.jobCounts()).toMatchObject({
      outbox: 2,
      unaccounted: 0,
      types: [{ cancelled: 2, scheduled: 0 }],
    });
  });

  it("enqueues the callback of what it cancels, once, and none of what it does not", async () => {
    const queue = await replica();
    const [running = "", waiting = ""] = await enqueue(queue, submission(), submission());
    await claim(queue, { noop: 1 });
    const callback = { id: queue.ids.next(), submission: submission({ type: "webhook" }) };
    for (const id of [running, waiting, waiting]) await queue.cancel(id, 30_000, () => callback);
    expect(ids((await claim(queue, { webhook: 5 })).claimed)).toEqual([callback.id]);
    expect(await queue.jobCounts()).toMatchObject({ accepted: 3, unaccounted: 0 });
  });

  it("makes the callback of the job as it ends, though it runs once more after it was read", async () => {
    const queue = await replica();
    const [id = ""] = await enqueue(queue, submission());
    const meanwhile: Promise<unknown>[] = [];
    const attempts: number[] = [];
    const answer = await queue.cancel(id, 30_000, ({ job, attempt }) => {
      attempts.push(attempt);
      if (attempts.length > 1) return undefined;
      const ran = { ...job, claimSeq: 1, attempt: 1, crashes: 0, deferrals: 0 };
      meanwhile.push(claim(queue), queue.settle([settlement(ran as Job, { verdict: "retry" })], 30_000)); // sent before the cancellation
      return { id: queue.ids.next(), submission: submission({ type: "webhook" }) };
    });
    await Promise.all(meanwhile);
    expect(attempts).toEqual([0, 1]);
    expect(answer).toMatchObject({ kind: "cancelled", job: { status: "cancelled", attempt: 1 } });
    expect(await queue.jobCounts()).toMatchObject({ accepted: 1, outbox: 1, unaccounted: 0 });
  });

  it("tells the replica that runs the job, and lets only completion stand against it", async () => {
    const cancelled: string[] = [];
    const [one, two] = [await replica({ onCancel: (id) => cancelled.push(id) }), await replica()];
    const sent = await enqueue(one, submission(), submission());
    const { claimed } = await claim(one);
    for (const id of sent) await two.cancel(id, 30_000, noCallback);
    await until(() => cancelled.length === 2, { what: "the replica has heard of it" });
    expect(
      await one.settle(
        claimed.map((job, i) => settlement(job, { verdict: i === 0 ? "completed" : "retry" })),
        30_000,
      ),
    ).toEqual(["done", "cancelRequested"]);
    expect(
      await one.settle(
        claimed.slice(1).map((job) => settlement(job, { verdict: "cancelled" })),
        30_000,
      ),
    ).toEqual(["done"]);
    expect(await one.jobCounts()).toMatchObject({ unaccounted: 0, types: [{ completed: 1, cancelled: 1 }] });
  });

  it("takes over outcomes that are overdue, and no others", async () => {
    const queue = await replica();
    await enqueue(queue, submission(), submission());
    const { claimed } = await claim(queue);
    await queue.settle([settlement(claimed[0] as Job)], 30_000);
    await queue.settle([settlement(claimed[1] as Job)], -1);
    expect(ids(await queue.sweep(30_000, 10))).toEqual([claimed[1]?.id]);
    expect(await queue.sweep(30_000, 10)).toEqual([]);
  });
});

describe("wake-ups", () => {
  it("wake one idle replica that runs the type", async () => {
    const woken: string[] = [];
    const one = await replica({ onWake: () => woken.push("one") });
    const two = await replica({ onWake: () => woken.push("two") });
    const front = await replica();
    await claim(one);
    await claim(two, { other: 1 });
    woken.length = 0;
    await enqueue(front, submission());
    await until(() => woken.length > 0, { what: "somebody is woken" });
    expect(woken).toEqual(["one"]);
  });

  it("pass over replicas that hear nothing any more, however many", async () => {
    const woken: string[] = [];
    const one = await replica({ onWake: () => woken.push("one") });
    await claim(one);
    await redis.sadd("{taskflow:0}:idle:noop", ...Array.from({ length: 500 }, (_, i) => `gone${i}`));
    woken.length = 0;
    await enqueue(await replica(), submission());
    await until(() => woken.length > 0, { what: "the one that lives is woken" });
  });

  it("are left to those who live once a replica starts", async () => {
    const [old, started] = [await replica(), await replica({ replica: "started1" })];
    await claim(old);
    await started.claim(0, 1, ioSlots({ noop: 1 }));
    expect(await redis.smembers("{taskflow:0}:idle:noop")).toEqual(["started1"]);
    await claim(old); // as it does within a second
    expect(await redis.scard("{taskflow:0}:idle:noop")).toBe(2);
  });

  it("go on to the next replica while a claim leaves work", async () => {
    const woken: string[] = [];
    const one = await replica();
    const two = await replica({ onWake: () => woken.push("two") });
    await enqueue(one, submission(), submission());
    await claim(two, { noop: 0 });
    await redis.sadd("{taskflow:0}:idle:noop", (await nameOf(two)) ?? "");
    woken.length = 0;
    await claim(one, { noop: 1 });
    await until(() => woken.length > 0, { what: "the next is woken" });
  });
});

async function nameOf(queue: Queue): Promise<string | undefined> {
  await queue.renew([], `{"id":"named"}`);
  const names = await redis.zrange("{taskflow:0}:replicas", "0", "-1");
  return names.at(-1);
}

describe("when Redis is away", () => {
  it("refuses at once, and says so where nobody knows", async () => {
    const own = await ownRedis();
    const queue = await openQueue(own.address, { submitTimeoutMs: 300 });
    open.push(queue);
    own.pause();
    const id = queue.ids.next();
    const answer = await enqueueRaw(queue, { ids: [id], submissions: [submission()] });
    expect(answer).toMatchObject({ kind: "failed", error: expect.any(OutcomeUnknown) as OutcomeUnknown });
    await sleep(100); // what a replica takes for Redis's time is off by half a round trip
    own.resume();
    expect(await queue.read([id])).toEqual([]); // it came later than not_after
    queue.close();
    const after = await enqueueRaw(queue, { ids: [queue.ids.next()], submissions: [submission()] });
    expect(after).toMatchObject({ kind: "failed", error: expect.any(QueueUnavailable) as QueueUnavailable });
  });

  it("tells the server's settings, and ids carry Redis's time", async () => {
    const queue = await replica();
    expect(await queue.setting("maxmemory-policy")).toBe("noeviction");
    const [seconds] = await redis.time();
    expect(Math.abs(timeOfId(queue.ids.next()) - Number(seconds) * 1_000)).toBeLessThan(5_000);
  });
});
