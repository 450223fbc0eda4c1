import { setTimeout as sleep } from "node:timers/promises";
import { afterEach, beforeEach, expect, it } from "vitest";
import { fixed } from "../core/backoff.ts";
import type { Job } from "../core/job.ts";
import { RetryAfterError, RetryableError } from "../core/job-type.ts";
import { endOfThrow } from "../execute/attempt.ts";
import type { Queue } from "../queue/queue.ts";
import { enqueue, ioSlots, openQueue, submission } from "../testing/queue.ts";
import { freshRedis } from "../testing/services.ts";
import { Settler } from "./settler.ts";

let queue: Queue;
let settler: Settler;
let settle: Queue["settle"];
let settled: string[];
let errors: unknown[];
let seq: number;
beforeEach(async () => {
  const { address } = await freshRedis();
  queue = await openQueue(address);
  [settled, errors, seq] = [[], [], 0];
  settle = (...args) => queue.settle(...args);
  settler = new Settler({
    queue: { clock: queue.clock, settle: (...args) => settle(...args) },
    replica: "unused",
    backoffOf: () => fixed(60_000),
    onTerminal: () => undefined,
    onSettled: (_job, outcome) => settled.push(outcome),
    callbackOf: () => undefined,
    onError: (error) => errors.push(error),
  });
});
afterEach(async () => {
  await settler.idle();
  queue.close();
});

async function claim(jobs: number): Promise<readonly Job[]> {
  seq += 1;
  const { claimed } = await queue.claim(seq, 1, ioSlots({ noop: jobs }));
  expect(claimed).toHaveLength(jobs);
  return claimed;
}

it("fails the one job that the script does not take, and settles those around it", async () => {
  await enqueue(queue, submission(), submission(), submission());
  const [first, middle, last] = (await claim(3)) as [Job, Job, Job];
  settler.ended(first, endOfThrow(new RetryableError("again", { code: "busy" })));
  settler.ended({ ...middle, priority: 77 }, endOfThrow(new RetryableError("again", { code: "busy" })));
  settler.ended(last, { kind: "returned", result: "1" });
  await settler.idle();
  expect(settled).toEqual(["retry", "failed", "completed"]);
  expect(errors).toHaveLength(1);
  const jobs = await queue.read([first.id, middle.id, last.id]);
  expect(jobs.map(({ status }) => status)).toEqual(["retrying", "failed", "completed"]);
  expect(JSON.parse(jobs[1]?.history.at(-1) ?? "")).toMatchObject({
    error: { code: "unrecordable", message: expect.stringContaining("no time and priority") as string },
  });
  expect(await queue.jobCounts()).toMatchObject({ unaccounted: 0, types: [{ running: 0 }] });
});

it("settles large results a few at a time", async () => {
  await enqueue(queue, ...Array.from({ length: 9 }, () => submission()));
  const calls: number[] = [];
  settle = (settlements, ownedMs) => {
    calls.push(settlements.length);
    return queue.settle(settlements, ownedMs);
  };
  for (const job of await claim(9)) settler.ended(job, { kind: "returned", result: `"${"x".repeat(900_000)}"` });
  await settler.idle();
  expect(calls).toEqual([3, 3, 3]);
});

it("keeps one record of a job that is sent back to its place in a queue again and again, and counts nothing", async () => {
  await enqueue(queue, submission());
  for (let turn = 0; turn < 3; turn += 1) {
    const [job] = (await claim(1)) as [Job];
    settler.ended(job, endOfThrow(new RetryAfterError("later", 100, { code: "host_full", waitsForTurn: true })));
    await settler.idle();
    await sleep(110);
  }
  const [job] = (await claim(1)) as [Job];
  expect(job).toMatchObject({ attempt: 1, deferrals: 0, crashes: 0 });
  expect(job.history.map((record) => JSON.parse(record) as unknown)).toMatchObject([
    { outcome: "retry", error: { code: "host_full" }, waits_for_turn: true },
  ]);
});
