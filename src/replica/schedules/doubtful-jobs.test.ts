/** Tickers on a real Redis that says it was restarted just now. */
import { beforeEach, describe, expect, it } from "vitest";
import { at } from "../../core/at.ts";
import type { Queue } from "../../queue/queue.ts";
import { setUpQueues } from "../../testing/queue-setup.ts";
import { PERIOD_MS, scheduleOf, tickOnce } from "../../testing/ticking.ts";

const setup = setUpQueues();

let queue: Queue;
/** The tick that is due. */
let tick: number;
beforeEach(async () => {
  queue = await setup().replica();
  tick = Math.floor((await queue.time()) / PERIOD_MS) * PERIOD_MS;
});

/** Puts a schedule whose tick is due, and is made up if it is late. */
async function put(name: string, job?: string): Promise<void> {
  const changes = { catchUp: { policy: "all", withinMs: null, max: 1 }, ...(job !== undefined && { job }) } as const;
  expect(await queue.schedules.put([scheduleOf(name, tick - PERIOD_MS, changes)])).toEqual([true]);
}

const idOf = async (name: string): Promise<string> =>
  at(await queue.schedules.read([name]), 0)?.state.last?.jobId ?? "";

describe("a tick that an earlier process of Redis may have decided", () => {
  const restarted = { redisProcess: () => Promise.resolve({ runId: "new", upMs: 0 }) };

  it("has its job enqueued unless Postgres has its row, or another decision about the tick", async () => {
    const names = ["new", "recorded", "skipped"];
    for (const name of names) await put(name);
    await tickOnce(queue, restarted);
    expect((await queue.schedules.pendingRuns(10)).runs.map(({ jobId }) => jobId === null)).toEqual(
      names.map(() => false),
    );
    expect((await queue.jobCounts()).types).toEqual([]);
    const ids = new Map<string, string>();
    for (const name of names) ids.set(name, await idOf(name));
    const asked: unknown[] = [];
    await tickOnce(queue, {
      ...restarted,
      store: { among: (those) => Promise.resolve(new Set(those.filter((id) => id === ids.get("recorded")))) },
      decidedOtherwise: (jobs) => {
        asked.push(...jobs);
        return Promise.resolve(new Set([ids.get("skipped") ?? ""]));
      },
      acceptanceLogWriter: { accept: () => expect.fail("the jobs are not durable") },
    });
    expect(new Set(asked)).toEqual(new Set([...ids].map(([name, id]) => ({ name, tick, id }))));
    expect(await queue.missing([...ids.values()])).toEqual([ids.get("recorded"), ids.get("skipped")]);
    expect((await queue.jobCounts()).types).toMatchObject([{ accepted: 1, queued: 1 }]);
  });

  it("is not committed if Postgres has another decision about it", async () => {
    await put("skipped", `{"type":"noop","payload":{},"durability":"postgres"}`);
    await tickOnce(queue, restarted);
    await tickOnce(queue, {
      ...restarted,
      decidedOtherwise: (jobs) => Promise.resolve(new Set(jobs.map(({ id }) => id))),
      acceptanceLogWriter: { accept: () => expect.fail("a restore would enqueue it") },
    });
    expect((await queue.jobCounts()).types).toEqual([]);
    expect((await queue.schedules.take()).jobs).toEqual([]);
  });
});
