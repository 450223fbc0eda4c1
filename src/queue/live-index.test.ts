/** Live jobs are found by filters, from the index and the sets that the filters name. */
import { describe, expect, it } from "vitest";
import type { JobFilters } from "../core/job-filters.ts";
import { passesFilters } from "../core/job-filters.ts";
import { viewOf } from "../core/job-view.ts";
import { FAR, found, indexing, pages, settleAll, tagged } from "../testing/indexed-jobs.ts";
import { enqueue, enqueueRaw, submission } from "../testing/queue.ts";
import { setUpQueues } from "../testing/queue-setup.ts";

const setup = setUpQueues();
const noCallback = (): undefined => undefined;

describe("a search by tag, group or retried job", () => {
  it("reads only the jobs that have the name, newest first", async () => {
    const queue = await indexing(setup());
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
    const queue = await indexing(setup());
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
    const queue = await indexing(setup());
    const idempotency = { key: "k", fingerprint: "f", ttlMs: 60_000 };
    const [first, again, other] = [queue.ids.next(), queue.ids.next(), queue.ids.next()];
    await enqueueRaw(queue, { ids: [first], submissions: [tagged("x")], idempotency });
    await Promise.all([
      enqueueRaw(queue, { ids: [again], submissions: [tagged("x")], idempotency }),
      enqueueRaw(queue, { ids: [other], submissions: [tagged("y")] }),
    ]);
    expect(await found(queue, { tag: ["x", "y"] })).toEqual([other, first]);
    expect(await setup().redis.zcard("{taskflow:0}:index")).toBe(2);
  });

  it("pages through the jobs of many names, each once and in order", async () => {
    const queue = await indexing(setup());
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
    const queue = await indexing(setup());
    const later = { options: { run_at: FAR } };
    const [retrying = ""] = await enqueue(queue, submission());
    await settleAll(setup(), queue, "retry");
    const [failed = ""] = await enqueue(queue, submission());
    await settleAll(setup(), queue, "failed");
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
    const queue = await indexing(setup());
    const [id = ""] = await enqueue(queue, submission());
    await enqueue(queue, ...Array.from({ length: 5 }, () => submission({ type: "idle" })));
    await settleAll(setup(), queue, "retry", 1);
    expect(await found(queue, { error_code: ["boom"] })).toEqual([id]);
    await setup().claim(queue);
    expect(await found(queue, { error_code: ["boom"] })).toEqual([id]);
  });

  it("reads `live` instead of a set that is too large to be sorted", async () => {
    const queue = await indexing(setup());
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
    const queue = await indexing(setup());
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
    await settleAll(setup(), queue, "retry");
    await enqueue(queue, ...some.slice(15, 30));
    await settleAll(setup(), queue, "failed");
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
