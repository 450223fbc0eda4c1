/** Updates of waiting jobs, beside what the model test covers. */
import { describe, expect, it } from "vitest";
import type { Job } from "../core/job.ts";
import { dataOf, isLarge, largePayload, type Payload } from "../core/payload.ts";
import { enqueue, idsOf, ioSlots, settlement, submission } from "../testing/queue.ts";
import { setUpQueues } from "../testing/queue-setup.ts";
import { until } from "../testing/until.ts";
import { readEntry, readMessage } from "./changes.ts";
import type { Queue } from "./queue.ts";

const NS = "{taskflow:0}:";
const setup = setUpQueues();
const large = (char: string, size = 40_000): Payload => largePayload(Buffer.from(char.repeat(size)));

async function textOf(queue: Queue, { id, payload }: Job): Promise<string> {
  return isLarge(payload) ? String(await queue.payload(id, payload.size)) : payload;
}

describe("update", () => {
  it("answers with the job as it is then, whatever its state", async () => {
    const { replica, claim } = setup();
    const queue = await replica();
    const [running = "", waiting = "", ended = ""] = await enqueue(queue, submission(), submission(), submission());
    await claim(queue, { noop: 1 });
    await queue.cancel(ended, 30_000, () => undefined);
    const ids = [running, waiting, ended, queue.ids.next()];
    const answers = await queue.updateMany(ids.map((id) => ({ id, change: (job) => ({ ...job, maxAttempts: 8 }) })));
    expect(answers).toMatchObject([
      { kind: "running", job: { status: "running", maxAttempts: 3 } },
      { kind: "updated", job: { status: "queued", maxAttempts: 8, options: { revision: 1 } } },
      { kind: "finished", job: { status: "cancelled" } },
      { kind: "missing" },
    ]);
    expect(await queue.read([waiting])).toMatchObject([{ maxAttempts: 8, payload: `{"n":1}` }]);
    expect(await queue.update(waiting, () => undefined)).toMatchObject({ kind: "unchanged", job: { maxAttempts: 8 } });
    expect(await queue.update(waiting, (job) => ({ ...job }))).toMatchObject({ kind: "unchanged" });
    expect(await queue.jobCounts()).toMatchObject({ unaccounted: 0 });
  });

  it("moves a job between small and large payloads, and leaves no other payload", async () => {
    const { replica, redis } = setup();
    const queue = await replica();
    const [id = ""] = await enqueue(queue, submission());
    for (const payload of [large("a"), large("b"), `{"c":1}`, large("d", 50_000)]) {
      await queue.update(id, (job) => ({ ...job, payload }));
      const [job] = await queue.read([id]);
      const expected = isLarge(payload) ? Buffer.from(dataOf(payload)).toString() : payload;
      expect(await textOf(queue, job as Job)).toBe(expected);
      expect(await redis.keys(`${NS}[pu]:*`)).toEqual(isLarge(payload) ? [`${NS}p:${id}`] : []);
      if (isLarge(payload)) expect(await redis.pttl(`${NS}p:${id}`)).toBe(-1);
    }
    const { claimed } = await queue.claim(1, 1, { ...ioSlots({ noop: 1 }), bytes: { free: 60_000, isUnused: true } });
    expect(idsOf(claimed)).toEqual([id]);
  });

  it("reads the job again if it changed meanwhile, and loses neither of two updates", async () => {
    const { replica } = setup();
    const [one, two] = [await replica(), await replica()];
    const [id = ""] = await enqueue(one, submission({ payload: large("a") }));
    const reads: number[] = [];
    const answer = await one.update(id, async (job) => {
      reads.push(job.priority);
      // of the same size, so that only its revision shows that it is another
      if (reads.length === 1) await two.update(id, (other) => ({ ...other, priority: 6, payload: large("b") }));
      return { ...job, maxAttempts: 7 };
    });
    expect(reads).toEqual([5, 6]);
    expect(answer).toMatchObject({ kind: "updated", job: { priority: 6, maxAttempts: 7, options: { revision: 2 } } });
    expect(await textOf(one, (await one.read([id]))[0] as Job)).toMatch(/^b+$/);
  });

  it("answers that the job runs if a claim came first", async () => {
    const { replica, claim } = setup();
    const queue = await replica();
    const [id = ""] = await enqueue(queue, submission());
    const answer = await queue.update(id, async (job) => {
      if (job.status === "queued") await claim(queue);
      return { ...job, priority: 9 };
    });
    expect(answer).toMatchObject({ kind: "running", job: { priority: 5 } });
  });

  it("gives up on a job that changes each time", async () => {
    const { replica } = setup();
    const queue = await replica();
    const [id = ""] = await enqueue(queue, submission());
    const change = queue.update(id, async (job) => {
      await queue.update(id, (other) => ({ ...other, priority: (other.priority + 1) % 10 }));
      return { ...job, maxAttempts: 9 };
    });
    await expect(change).rejects.toMatchObject({ code: "queue_unavailable" });
    expect(await queue.read([id])).toMatchObject([{ maxAttempts: 3 }]);
  });

  it("lets each of 200 jobs run as it was or as it became, while claims take them", async () => {
    const { replica, claim } = setup();
    const [one, two] = [await replica(), await replica()];
    const old = submission({ payload: `{"v":"old"}`, maxAttempts: 1 });
    const ids = await enqueue(one, ...Array.from({ length: 200 }, () => old));
    const updates = ids.map((id) =>
      one.update(id, (job) => ({ ...job, payload: `{"v":"new"}`, maxAttempts: 2, priority: 6 })),
    );
    const claimed: Job[] = [];
    while (claimed.length < ids.length) claimed.push(...(await claim(two, { noop: 7 })).claimed);
    const answers = await Promise.all(updates);
    const byId = new Map(claimed.map((job) => [job.id, job]));
    expect(byId.size).toBe(200);
    ids.forEach((id, i) => {
      const isNew = answers[i]?.kind === "updated";
      expect(byId.get(id)).toMatchObject(
        isNew
          ? { payload: `{"v":"new"}`, maxAttempts: 2, priority: 6 }
          : { payload: `{"v":"old"}`, maxAttempts: 1, priority: 5 },
      );
    });
    expect(await one.jobCounts()).toMatchObject({ unaccounted: 0, types: [{ running: 200 }] });
  });

  it("keeps a retrying job retrying at its new time, with its attempts and its records", async () => {
    const { replica, claim } = setup();
    const queue = await replica();
    const [id = ""] = await enqueue(queue, submission());
    const { claimed } = await claim(queue);
    const runAt = queue.clock.now() + 60_000;
    await queue.settle(
      [settlement(claimed[0] as Job, { verdict: "retry", runAt, record: `{"attempt":1,"outcome":"retry"}` })],
      30_000,
    );
    const later = runAt + 60_000;
    expect(await queue.update(id, (job) => ({ ...job, options: { run_at: later } }))).toMatchObject({
      kind: "updated",
      job: { status: "retrying", attempt: 1 },
    });
    expect(await queue.position(id)).toMatchObject({ dueAt: later });
    expect(await queue.run([id, id])).toMatchObject([{ kind: "updated" }, { kind: "unchanged" }]);
    expect((await claim(queue)).claimed).toMatchObject([
      { id, attempt: 2, history: [expect.stringContaining("retry")] },
    ]);
  });

  it("wakes an idle replica for a job that is due now, or before all others", async () => {
    const { replica, claim } = setup();
    let wakes = 0;
    const [idle, other] = [await replica({ onWake: () => (wakes += 1) }), await replica()];
    const [id = ""] = await enqueue(other, submission({ options: { run_at: other.clock.now() + 3_600_000 } }));
    for (const dueAt of [other.clock.now() + 60_000, 0]) {
      await claim(idle);
      const before = wakes;
      await other.update(id, (job) => ({ ...job, dueAt }));
      await until(() => wakes > before, { what: "the replica is woken" });
    }
  });

  it("announces each change of a status, and no other change", async () => {
    const { replica } = setup();
    const queue = await replica();
    const seen: string[] = [];
    const watch = queue.watches.ofChanges({
      onMessage: (message) =>
        seen.push(...readMessage(message).flatMap((entry) => readEntry(entry).map(({ status }) => status))),
      onSubscribed: () => undefined,
    });
    watch.need();
    await until(() => watch.isSubscribed, { what: "the watch is subscribed" });
    const [id = ""] = await enqueue(queue, submission());
    const later = queue.clock.now() + 60_000;
    for (const change of [{ priority: 9 }, { dueAt: later }, { dueAt: later + 1 }, { dueAt: 0 }, { maxAttempts: 9 }])
      await queue.update(id, (job) => ({ ...job, ...change }));
    await queue.cancel(id, 30_000, () => undefined);
    await until(() => seen.includes("cancelled"), { what: "all changes arrive" });
    expect(seen).toEqual(["queued", "scheduled", "queued", "cancelled"]);
  });

  it("moves the job among the tags of the index", async () => {
    const { replica, redis } = setup();
    const queue = await replica();
    const [id = ""] = await enqueue(queue, submission({ options: { tags: ["a", "b"] } }));
    await redis.zadd(`${NS}index`, "0", `ta\0${id}`, "0", `tb\0${id}`);
    await queue.update(id, (job) => ({ ...job, options: { tags: ["b", "c"] } }));
    expect(await redis.zrange(`${NS}index`, "0", "-1")).toEqual([`tb\0${id}`, `tc\0${id}`]);
    expect(await queue.read([id])).toMatchObject([{ options: { tags: ["b", "c"] } }]);
  });
});

describe("cancelMany", () => {
  it("notifies each replica of its running jobs in one message", async () => {
    const { replica, claim, redis } = setup();
    const cancelled: string[] = [];
    const queue = await replica({ onCancel: (id) => cancelled.push(id) });
    const ids = await enqueue(queue, ...Array.from({ length: 3 }, () => submission()));
    await claim(queue);
    const messages: string[] = [];
    const listener = redis.duplicate();
    listener.on("pmessage", (_pattern, _channel, message: string) => messages.push(message));
    await listener.psubscribe(`${NS}to:*`);
    const answers = await queue.cancelMany(
      ids.map((id) => ({ id })),
      30_000,
      () => undefined,
    );
    expect(answers).toMatchObject(ids.map(() => ({ kind: "running" })));
    await until(() => cancelled.length === 3 && messages.length > 0, { what: "the replica is notified" });
    expect(cancelled).toEqual(ids);
    expect(messages).toEqual([`cancel ${ids.join(" ")}`]);
    listener.disconnect();
  });

  it("cancels a repeated id once, and any number of jobs", async () => {
    const { replica } = setup();
    const queue = await replica();
    const ids = await enqueue(
      queue,
      ...Array.from({ length: 150 }, () => submission({ payload: `{"x":"${"y".repeat(9_000)}"}` })),
    );
    const answers = await queue.cancelMany(
      [...ids, ids[0] ?? ""].map((id) => ({ id })),
      30_000,
      () => undefined,
    );
    expect(answers.map(({ kind }) => kind)).toEqual([...ids.map(() => "cancelled"), "finished"]);
    expect(await queue.jobCounts()).toMatchObject({ outbox: 150, unaccounted: 0, types: [{ cancelled: 150 }] });
  });
});

describe("erase", () => {
  it("drops what an ended job contained, and nothing of others", async () => {
    const { replica, claim, redis } = setup();
    const queue = await replica();
    const [big = "", small = "", waiting = ""] = await enqueue(
      queue,
      submission({ payload: large("s") }),
      submission({ payload: `{"secret":"s3"}` }),
      submission({ options: { run_at: queue.clock.now() + 60_000 } }),
    );
    const { claimed } = await claim(queue);
    const record = `{"attempt":1,"outcome":"failed","worker":"w","started_at":5,"finished_at":1796005293955,"error":{"code":"x","message":"s3 \\"finished_at\\":1","attempt":1}}`;
    await queue.settle(
      claimed.map((job) => settlement(job, { verdict: "failed", record, isLarge: job.id === big })),
      30_000,
    );
    const [done = ""] = await enqueue(queue, submission());
    const ran = (await claim(queue)).claimed.map((job) => settlement(job, { record: `=1796005293956{"secret":"s3"}` }));
    await queue.settle(ran, 30_000);
    expect(await queue.erase([done])).toBe(1);
    expect(await queue.read([done])).toMatchObject([
      {
        status: "completed",
        history: [`{"attempt":1,"outcome":"completed","worker":null,"started_at":null,"finished_at":1796005293956}`],
      },
    ]);
    const before = await queue.read([waiting]);
    for (let times = 0; times < 2; times += 1)
      expect(await queue.erase([big, small, waiting, queue.ids.next()])).toBe(2);
    const read = await queue.read([big, small]);
    expect(read).toMatchObject([big, small].map((id) => ({ id, status: "failed", payload: "{}", attempt: 1 })));
    expect(JSON.stringify([read, await redis.hvals(`${NS}states`)])).not.toContain("s3");
    expect(read[0]?.history).toEqual([
      `{"attempt":1,"outcome":"failed","worker":null,"started_at":null,"finished_at":1796005293955}`,
    ]);
    expect(await redis.exists(`${NS}p:${big}`)).toBe(0);
    expect(await queue.read([waiting])).toEqual(before);
    await queue.forget([...read, { id: done, type: "noop" }]);
    expect(await redis.keys(`${NS}[jpu]:*`)).toEqual([`${NS}j:${waiting}`]);
  });
});
