/** Lost leases and renewals. */
import { Redis } from "ioredis";
import { describe, expect, it } from "vitest";
import { enqueue, enqueueRaw, idsOf, ioSlots, settlement, submission } from "../testing/queue.ts";
import { setUpQueues } from "../testing/queue-setup.ts";
import { ownRedis } from "../testing/services.ts";
import { until } from "../testing/until.ts";

const setup = setUpQueues();
const noCallback = (): undefined => undefined;

describe("leases", () => {
  it("gives a lost job to another replica, with the crash counted and the attempt not", async () => {
    const { replica, claim, expireLeases } = setup();
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

  it("returns the same lost job to a repeated claim number", async () => {
    const { replica, claim, expireLeases } = setup();
    const [one, two] = [await replica(), await replica()];
    await enqueue(one, submission());
    await claim(one);
    await expireLeases();
    const first = await two.claim(1, 1, ioSlots({}));
    const again = await two.claim(1, 1, ioSlots({}));
    expect(again.lost).toMatchObject([{ id: first.lost[0]?.id, crashes: 1, claimSeq: 1 }]);
  });

  it("starts a poison candidate only if none runs, and lets other jobs pass it", async () => {
    const { replica, claim, expireLeases, loseAll } = setup();
    const [one, two] = [await replica(), await replica()];
    const [poisonCandidate = "", innocent = ""] = await enqueue(one, submission({ priority: 9 }), submission());
    await claim(one, { noop: 1 });
    await expireLeases();
    await loseAll(two); // once, and it runs again with the others
    expect(idsOf((await claim(two, { noop: 1 }, 0)).claimed)).toEqual([poisonCandidate]);
    await expireLeases();
    await loseAll(two);
    expect(idsOf((await claim(two, { noop: 5 }, 0)).claimed)).toEqual([innocent]);
    expect(idsOf((await claim(two, { noop: 5 }, 1)).claimed)).toEqual([poisonCandidate]);
  });

  it("gives a poison candidate its turn by priority and age, like any other job", async () => {
    const { replica, claim, loseAll } = setup();
    const queue = await replica();
    const lost = await enqueue(queue, submission(), submission({ priority: 4 }));
    for (let losses = 0; losses < 2; losses += 1) {
      await claim(queue);
      await loseAll(queue);
    }
    const [urgent = "", later = ""] = await enqueue(queue, submission({ priority: 6 }), submission());
    const order = [urgent, lost[0], later, lost[1]];
    const places = await Promise.all(order.map(async (id = "") => (await queue.position(id))?.ahead));
    expect(places).toEqual([0, 1, 1, 3]); // a poison candidate may come before `later`, or have to wait
    const claims = [await claim(queue, { noop: 1 }), await claim(queue, { noop: 1 }), await claim(queue)];
    expect(claims.map(({ claimed }) => idsOf(claimed))).toEqual([[urgent], [lost[0]], [later, lost[1]]]);
  });

  it("finds a new job behind any number of poison candidates in one claim, without reading them", async () => {
    const { replica, claim, loseAll } = setup();
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
    expect(idsOf((await claim(queue, { noop: 10 }, 0)).claimed)).toEqual(fresh);
    expect(await stats.info("commandstats")).toContain("cmdstat_get:calls=2,"); // its own last claim, and the job
    expect(await queue.jobCounts()).toMatchObject({ unaccounted: 0, types: [{ queued: 1_500, running: 1 }] });
    stats.disconnect();
  });

  it("counts no lease as lost for one lease after a time without claims", async () => {
    const { redis, replica, claim, expireLeases } = setup();
    const queue = await replica({ leaseMs: 1_500 });
    await enqueue(queue, submission());
    await claim(queue);
    await redis.hset("{taskflow:0}:clock", "claimed_at", Date.now() - 60_000);
    await expireLeases();
    expect((await claim(queue)).lost).toEqual([]);
    await until(async () => (await claim(queue, {})).lost.length === 1, { what: "the grace is over" });
  });

  it("renews its own leases, names lost and cancelled jobs, and shows the replica", async () => {
    const { replica, claim, expireLeases } = setup();
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
