/** Live jobs are found by filters, from the index and the sets that the filters name. */
import type { Redis } from "ioredis";
import { describe, expect, it } from "vitest";
import { encodeRecord, outcomeOf } from "../core/attempt-record.ts";
import { idStart, idWith, lowestIdAt } from "../core/id.ts";
import type { Job, Submission } from "../core/job.ts";
import type { JobFilters } from "../core/job-filters.ts";
import { passesFilters } from "../core/job-filters.ts";
import { viewOf } from "../core/job-view.ts";
import { enqueue, enqueueRaw, settlement, submission } from "../testing/queue.ts";
import { setUpQueues } from "../testing/queue-setup.ts";
import { forgettableOf } from "./forgetting.ts";
import type { Queue } from "./queue.ts";

const setup = setUpQueues();
const NS = "{taskflow:0}:";
const FAR = 4_102_444_800_000;
const noCallback = (): undefined => undefined;
const tagged = (...tags: string[]): Submission => submission({ options: { tags } });

/** A queue that maintains the index from the first job on. */
async function indexing(): Promise<Queue> {
  const queue = await setup().replica();
  await queue.renew([], "{}");
  return queue;
}

async function found(queue: Queue, filters: JobFilters, limit = 1_000): Promise<readonly string[]> {
  return (await queue.liveIds({ limit, filters })).ids;
}

/** All pages. */
async function pages(
  queue: Queue,
  filters: JobFilters,
  limit: number,
  below?: string,
  from?: string,
): Promise<string[]> {
  const { ids, isLast } = await queue.liveIds({ below, from, limit, filters });
  expect(ids.length).toBeLessThanOrEqual(limit);
  if (isLast) return [...ids];
  const last = ids.at(-1);
  if (last === undefined) throw new Error("an empty page that is not the last");
  return [...ids, ...(await pages(queue, filters, limit, last, from))];
}

const failure = (job: Job, outcome: "retry" | "failed", code: string): string =>
  encodeRecord({
    attempt: job.attempt,
    outcome,
    worker: job.worker,
    started_at: job.startedAt,
    finished_at: 1_800_000_000_000,
    error: { code, message: "m", attempt: job.attempt },
  });

/** Claims all waiting jobs, and settles each with this verdict. */
async function settleAll(queue: Queue, verdict: "retry" | "failed", runAt = FAR): Promise<void> {
  const { claimed } = await setup().claim(queue, { noop: 100, other: 100 });
  await queue.settle(
    claimed.map((job) => settlement(job, { verdict, runAt, record: failure(job, verdict, "boom") })),
    30_000,
  );
}

/** Records nothing, and forgets all jobs that have ended, as after their rows are stored. */
async function forgetEnded(queue: Queue): Promise<void> {
  const outcomes = (await queue.read(await queue.endedIds(1_000))).map(outcomeOf).filter((one) => one !== undefined);
  await queue.forget(outcomes.map(forgettableOf));
}

async function sizeOfIndex(redis: Redis): Promise<number> {
  return redis.zcard(`${NS}index`);
}

describe("a search by tag, group or retried job", () => {
  it("reads only the jobs that have the name, newest first", async () => {
    const queue = await indexing();
    const original = queue.ids.next();
    const odd = "a b,ü€|%/t\u{1f600}";
    const [a = "", b = "", c = "", d = "", e = ""] = await enqueue(
      queue,
      tagged("one"),
      tagged("one", "two"),
      submission({ groupKey: odd }),
      submission({ options: { retry_of: original } }),
      tagged(odd),
      submission(),
      tagged("on"),
    );
    expect(await found(queue, { tag: ["one"] })).toEqual([b, a]);
    expect(await found(queue, { tag: ["two", "one"] })).toEqual([b, a]);
    expect(await found(queue, { group_key: [odd] })).toEqual([c]);
    expect(await found(queue, { tag: [odd] })).toEqual([e]);
    expect(await found(queue, { retry_of: [original] })).toEqual([d]);
    expect(await found(queue, { tag: ["missing"] })).toEqual([]);
    expect(await found(queue, { group_key: ["one"], tag: ["one"] })).toEqual([]);
    expect(await found(queue, { group_key: ["\ud800"] })).toEqual([]);
  });

  it("finds the jobs of a batch, whatever tags and groups follow each other", async () => {
    const queue = await indexing();
    const batch = [
      tagged("x"),
      tagged("x"),
      submission(),
      submission({ groupKey: "g", options: { tags: ["x", "y"] } }),
      submission({ groupKey: "g" }),
      submission({ type: "other", groupKey: "g", options: { tags: ["y"], run_at: FAR } }),
    ];
    const ids = batch.map(() => queue.ids.next());
    expect(await enqueueRaw(queue, { ids, submissions: batch })).toEqual({ kind: "enqueued" });
    const at = (...indexes: number[]): (string | undefined)[] => indexes.map((i) => ids[i]);
    expect(await found(queue, { tag: ["x"] })).toEqual(at(3, 1, 0));
    expect(await found(queue, { tag: ["y"] })).toEqual(at(5, 3));
    expect(await found(queue, { group_key: ["g"] })).toEqual(at(5, 4, 3));
  });

  it("finds nothing of a submission that repeats another under its key", async () => {
    const queue = await indexing();
    const idempotency = { key: "k", fingerprint: "f", ttlMs: 60_000 };
    const [first, again, other] = [queue.ids.next(), queue.ids.next(), queue.ids.next()];
    await enqueueRaw(queue, { ids: [first], submissions: [tagged("x")], idempotency });
    await Promise.all([
      enqueueRaw(queue, { ids: [again], submissions: [tagged("x")], idempotency }),
      enqueueRaw(queue, { ids: [other], submissions: [tagged("y")] }),
    ]);
    expect(await found(queue, { tag: ["x", "y"] })).toEqual([other, first]);
    expect(await sizeOfIndex(setup().redis)).toBe(2);
  });

  it("pages through the jobs of many names, each once and in order", async () => {
    const queue = await indexing();
    const tags = Array.from({ length: 100 }, (_, i) => `t${i}`);
    // Most jobs have the same tag, and others are far below them.
    const sent = Array.from({ length: 700 }, (_, i) =>
      tagged(i % 7 === 0 ? `t${i % 100}` : "t1", ...(i % 5 ? [] : ["t2"])),
    );
    const ids = await enqueue(queue, ...sent, ...Array.from({ length: 900 }, () => submission()));
    const expected = ids.slice(0, 700).reverse();
    for (const limit of [30, 150, 10_000]) expect(await pages(queue, { tag: tags }, limit)).toEqual(expected);
    const [below, from] = [ids[500], ids[100]];
    expect(await pages(queue, { tag: tags }, 70, below, from)).toEqual(ids.slice(100, 500).reverse());
  });
});

describe("a search by status or error", () => {
  it("reads only the sets that the statuses name", async () => {
    const queue = await indexing();
    const later = { options: { run_at: FAR } };
    const [retrying = ""] = await enqueue(queue, submission());
    await settleAll(queue, "retry");
    const [failed = ""] = await enqueue(queue, submission());
    await settleAll(queue, "failed");
    const [running = ""] = await enqueue(queue, submission());
    await setup().claim(queue);
    const scheduled = await enqueue(queue, ...Array.from({ length: 20 }, () => submission(later)));
    const queued = await enqueue(queue, submission(), submission({ type: "other" }));
    const newest = [...scheduled].reverse();
    expect(await found(queue, { status: ["queued"] })).toEqual([...queued].reverse());
    expect(await found(queue, { status: ["queued"], type: ["other"] })).toEqual(queued.slice(1));
    expect(await found(queue, { status: ["running"] })).toEqual([running]);
    expect(await found(queue, { status: ["failed"] })).toEqual([failed]);
    expect(await found(queue, { status: ["completed", "cancelled"] })).toEqual([failed]);
    expect(await found(queue, { status: ["retrying"] })).toEqual([retrying]);
    expect(await found(queue, { status: ["retrying", "running"] })).toEqual([running, retrying]);
    expect(await found(queue, { status: ["scheduled", "retrying"] })).toEqual([...newest, retrying]);
    expect(await found(queue, { error_code: ["boom"] })).toEqual([failed, retrying]);
    expect(await found(queue, { error_code: ["boom"], status: ["running"] })).toEqual([running]);
    expect(await found(queue, { finished_after: 0 })).toEqual([failed]);
    expect(await found(queue, { type: ["none"], status: ["queued"] })).toEqual([]);
  });

  it("finds a job with an error while it waits, is queued and runs again", async () => {
    const queue = await indexing();
    const [id = ""] = await enqueue(queue, submission());
    await enqueue(queue, ...Array.from({ length: 5 }, () => submission({ type: "idle" })));
    await settleAll(queue, "retry", 1);
    expect(await found(queue, { error_code: ["boom"] })).toEqual([id]);
    await setup().claim(queue);
    expect(await found(queue, { error_code: ["boom"] })).toEqual([id]);
  });

  it("reads `live` instead of a set that is too large to be sorted", async () => {
    const queue = await indexing();
    const submissions = Array.from({ length: 10_001 }, () => submission({ options: { run_at: FAR } }));
    const ids = submissions.map(() => queue.ids.next());
    await enqueueRaw(queue, { ids, submissions });
    const [queued = ""] = await enqueue(queue, submission());
    expect(await found(queue, { status: ["scheduled"] }, 3)).toEqual([queued, ids.at(-1), ids.at(-2)]);
    expect(await found(queue, { status: ["queued"] }, 3)).toEqual([queued]);
    await queue.cancel(ids[0] ?? "", 30_000, noCallback);
    expect(await found(queue, { status: ["scheduled"] }, 3)).toEqual([ids.at(-1), ids.at(-2), ids.at(-3)]);
  });

  it("misses no job that passes, in pages of any size, by any filters", async () => {
    const queue = await indexing();
    const pick = <One>(values: readonly One[], i: number): One => values[i % values.length] as One;
    const some = Array.from({ length: 60 }, (_, i) =>
      submission({
        type: pick(["noop", "other", "idle"], i),
        groupKey: pick([null, null, "g", "h"], i),
        options: {
          ...(i % 3 === 0 && { tags: [pick(["x", "y"], i)] }),
          ...(i % 11 === 0 && { run_at: FAR }),
        },
      }),
    );
    await enqueue(queue, ...some.slice(0, 15));
    await settleAll(queue, "retry");
    await enqueue(queue, ...some.slice(15, 30));
    await settleAll(queue, "failed");
    await enqueue(queue, ...some.slice(30, 45));
    await setup().claim(queue, { noop: 3, other: 2 });
    const ids = await enqueue(queue, ...some.slice(45));
    const all = (await queue.liveIds({ limit: 100 })).ids;
    const jobs = await queue.readHeaders(all);
    const choices: JobFilters[] = [
      {},
      ...["scheduled", "queued", "running", "retrying", "failed"].map((one) => ({ status: [one] }) as JobFilters),
      { status: ["retrying", "failed", "queued"], type: ["other"] },
      { tag: ["x", "y"], status: ["queued"] },
      { group_key: ["g"], error_code: ["boom", "bang"] },
      { error_code: ["boom"], type: ["noop"] },
      { type: ["idle", "noop"] },
    ];
    expect(all).toHaveLength(60);
    for (const filters of choices) {
      const expected = jobs.filter((job) => passesFilters(viewOf(job), filters)).map(({ id }) => id);
      for (const limit of [1, 7, 100]) {
        const read = await pages(queue, filters, limit);
        expect(read).toEqual([...new Set(read)].sort().reverse());
        expect(read.filter((id) => expected.includes(id))).toEqual(expected);
      }
      expect(expected.length).toBeGreaterThan(0);
    }
    expect(await pages(queue, { tag: ["x"] }, 5, ids[0])).not.toContain(ids[0]);
  });
});

describe("the index", () => {
  it("has no member of a plain job, and none of any job that is forgotten", async () => {
    const { redis, claim, loseAll } = setup();
    const queue = await indexing();
    const many = submission({ groupKey: "g", options: { tags: ["x", "x", "y"], retry_of: queue.ids.next() } });
    await enqueue(queue, submission());
    const { claimed } = await claim(queue);
    await queue.settle(
      claimed.map((job) => settlement(job)),
      30_000,
    );
    expect(await sizeOfIndex(redis)).toBe(0);
    await forgetEnded(queue);

    await enqueue(queue, many, many, many, submission());
    expect(await sizeOfIndex(redis)).toBe(12);
    await settleAll(queue, "retry", 1); // failed after a retry
    await settleAll(queue, "failed");
    expect(await sizeOfIndex(redis)).toBe(16);
    await enqueue(queue, many); // lost, then completed
    await claim(queue);
    await loseAll(queue);
    const again = await claim(queue);
    await queue.settle(
      again.claimed.map((job) => settlement(job, { record: `{"finished_at":1}` })),
      30_000,
    );
    const [waiting = "", scheduled = ""] = await enqueue(queue, many, {
      ...many,
      options: { tags: ["z"], run_at: FAR },
    });
    const callback = { id: queue.ids.next(), submission: submission({ type: "webhook" }) };
    await queue.cancel(waiting, 30_000, () => callback);
    await queue.cancel(scheduled, 30_000, noCallback);
    await queue.cancel(queue.ids.next(), 30_000, noCallback, many); // withdrawn
    await forgetEnded(queue);
    expect(await redis.zrange(`${NS}live`, "0", "-1")).toEqual([callback.id]);
    expect(await sizeOfIndex(redis)).toBe(0);
  });

  it("keeps the members of a job that Redis got back after it was recorded", async () => {
    const queue = await indexing();
    const [id = ""] = await enqueue(queue, tagged("x"));
    await queue.forget([{ id, type: "noop", options: { tags: ["x"] } }]);
    expect(await found(queue, { tag: ["x"] })).toEqual([id]);
  });

  it("loses the members of jobs that were forgotten without their names, in the course of sweeps", async () => {
    const { redis, claim } = setup();
    const queue = await indexing();
    const gone = await enqueue(queue, ...Array.from({ length: 250 }, (_, i) => tagged(`t${i % 9}`)));
    const strange = await enqueue(queue, tagged("strange"));
    await redis.set(`${NS}j:${strange[0] ?? ""}`, "q5noop|of another version");
    const { claimed, unreadable } = await claim(queue, { noop: 1_000 });
    await queue.settle(
      [...claimed, ...unreadable].map((job) => settlement(job)),
      30_000,
    );
    await queue.forget([...gone, ...strange].map((id) => ({ id, type: "noop" })));
    const [kept = ""] = await enqueue(queue, tagged("t5"));
    for (let sweeps = 0; sweeps < 3; sweeps += 1) await queue.sweep(30_000, 10);
    expect(await redis.zrange(`${NS}index`, "0", "-1")).toEqual([`tt5\0${kept}`]);
  });
});

describe("jobs that replicas of an earlier version enqueued, without the index", () => {
  /** Enqueues jobs as a version without the index does. */
  async function enqueuePlain(queue: Queue, tags: string[], ageMs = 0): Promise<string> {
    const id = idWith(idStart(queue.clock.now() - ageMs, 0), 1, Math.floor(Math.random() * 2 ** 32));
    await enqueueRaw(queue, { ids: [id], submissions: [tagged(...tags)] });
    await setup().redis.zrem(`${NS}index`, ...tags.map((tag) => `t${tag}\0${id}`));
    return id;
  }

  /** A job that is accepted so far ahead of Redis's clock. */
  async function enqueueAhead(queue: Queue, aheadMs: number, one: Submission): Promise<string> {
    const id = idWith(idStart(queue.clock.now() + aheadMs, 0), 1, Math.floor(Math.random() * 2 ** 32));
    await enqueueRaw(queue, { ids: [id], submissions: [one] });
    return id;
  }

  it("are found while no replica maintains the index", async () => {
    const queue = await setup().replica();
    const id = await enqueuePlain(queue, ["x"]);
    expect(await found(queue, { tag: ["x"] })).toEqual([id]);
    expect(await found(queue, { error_code: ["boom"] })).toEqual([id]);
  });

  it("are found after the upgrade; of later jobs only those with the name are read", async () => {
    const queue = await setup().replica();
    const id = await enqueuePlain(queue, ["x"]);
    await queue.renew([], "{}");
    const plain = await enqueueAhead(queue, 1_000, submission());
    const later = await enqueueAhead(queue, 2_000, tagged("x"));
    expect(await found(queue, { tag: ["x"] })).toEqual([later, id]);
    expect(await pages(queue, { tag: ["x"] }, 1)).toEqual([later, id]);
    expect(await pages(queue, { tag: ["x"] }, 10, later)).toEqual([id]);
    expect(await pages(queue, { tag: ["x"] }, 10, undefined, plain)).toEqual([later]);
    expect(await pages(queue, { tag: ["x"] }, 10, id)).toEqual([]);
    expect((await queue.liveIds({ limit: 10, filters: { tag: ["x"] }, from: lowestIdAt(FAR) })).ids).toEqual([]);
  });

  it("are found while such a replica runs, and after it has ended", async () => {
    const { redis } = setup();
    const queue = await indexing();
    await enqueue(queue, ...Array.from({ length: 3 }, () => submission()));
    await redis.zadd(`${NS}replicas`, String(queue.clock.now()), "earlier1");
    await queue.renew([], "{}");
    const id = await enqueuePlain(queue, ["x"]);
    expect(await found(queue, { tag: ["x"] })).toContain(id);
    await redis.zrem(`${NS}replicas`, "earlier1");
    await queue.renew([], "{}");
    expect(await found(queue, { tag: ["x"] })).toContain(id);
    const later = await enqueueAhead(queue, 3_600_000, tagged("x"));
    const plain = await enqueueAhead(queue, 3_600_000, submission());
    const read = await found(queue, { tag: ["x"] });
    expect(read).toEqual(expect.arrayContaining([later, id]));
    expect(read).not.toContain(plain);
  });

  it("are found after a rollback that no other replica noticed", async () => {
    const { redis } = setup();
    const queue = await indexing();
    await enqueue(queue, submission(), submission());
    // The replicas ended, and those of the earlier version too, longer ago than a replica stays in the set.
    await redis.hset(`${NS}indexed`, "until", "1");
    const id = await enqueuePlain(queue, ["x"]);
    expect(await found(queue, { tag: ["x"] })).toContain(id);
    await queue.renew([], "{}");
    expect(await found(queue, { tag: ["x"] })).toContain(id);
  });

  it("are found if their replica's clock was ahead", async () => {
    const queue = await setup().replica();
    const id = await enqueuePlain(queue, ["x"], -3_600_000);
    await queue.renew([], "{}");
    expect(await found(queue, { tag: ["x"] })).toEqual([id]);
  });
});
