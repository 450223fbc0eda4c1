/**
 * Flows in Redis against their evaluation: for any graphs and any ends of their jobs, in any order, both decide the same,
 * and each flow ends.
 */
import fc from "fast-check";
import { Redis } from "ioredis";
import { afterAll, beforeAll, expect, it } from "vitest";
import { idPrefix, makeId } from "../core/id.ts";
import type { Ending, EventCounts } from "../testing/flow-events.ts";
import { EVENTS } from "../testing/flow-events.ts";
import { FAR_AHEAD } from "../testing/flow-retry.ts";
import { FlowSides } from "../testing/flow-sides.ts";
import { openQueue } from "../testing/queue.ts";
import { picked } from "../testing/queue-sides.ts";
import { flowOf, randomFlow } from "../testing/random-flows.ts";
import { freshRedis } from "../testing/services.ts";
import type { Queue } from "./queue.ts";

const NS = "{taskflow:0}:";
const LEASE_MS = 3_600_000;

let redis: Redis;
let queue: Queue;

beforeAll(async () => {
  const { address } = await freshRedis();
  redis = new Redis(address);
  queue = await openQueue(address, { leaseMs: LEASE_MS });
});
afterAll(() => {
  queue.close();
  redis.disconnect();
});

const ending = fc.record({
  which: fc.nat(20),
  how: fc.constantFrom<Ending[]>(
    "completed",
    "completed",
    "completed",
    "failed",
    "failed",
    "cancelled",
    "expired",
    "retry",
    "released",
  ),
});
const step = fc.oneof(
  { weight: 4, arbitrary: fc.record({ do: fc.constant("claim" as const), slots: fc.integer({ min: 1, max: 4 }) }) },
  {
    weight: 6,
    arbitrary: fc.record({
      do: fc.constant("settle" as const),
      ends: fc.array(ending, { minLength: 1, maxLength: 3 }),
    }),
  },
  {
    weight: 4,
    arbitrary: fc.record({
      do: fc.constant("work" as const),
      limit: fc.integer({ min: 1, max: 5 }),
      isDone: fc.constantFrom(true, true, false),
    }),
  },
  { weight: 1, arbitrary: fc.record({ do: fc.constant("settleAgain" as const), which: fc.nat(20) }) },
  {
    weight: 2,
    arbitrary: fc.record({
      do: fc.constant("cancelJobs" as const),
      which: fc.array(fc.nat(40), { minLength: 1, maxLength: 2 }),
    }),
  },
  {
    weight: 2,
    arbitrary: fc.record({
      do: fc.constant("erase" as const),
      which: fc.array(fc.nat(40), { minLength: 1, maxLength: 3 }),
    }),
  },
  {
    weight: 2,
    arbitrary: fc.record({
      do: fc.constant("retry" as const),
      which: fc.nat(5),
      from: fc.array(fc.nat(7), { maxLength: 2 }),
    }),
  },
  { weight: 1, arbitrary: fc.record({ do: fc.constant("cancelFlow" as const), which: fc.nat(5) }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant("close" as const), which: fc.nat(5) }) },
  {
    weight: 3,
    arbitrary: fc.record({
      do: fc.constant("add" as const),
      which: fc.nat(5),
      jobs: fc.integer({ min: 1, max: 2 }),
      from: fc.constantFrom(undefined, 0, 1),
    }),
  },
  { weight: 1, arbitrary: fc.record({ do: fc.constantFrom("expire" as const, "due" as const, "forget" as const) }) },
);
type Step = typeof step extends fc.Arbitrary<infer S> ? S : never;

let made = 0;
/** The first of 1,000 consecutive ids. */
function nextIds(): string {
  made += 1;
  return makeId(idPrefix(1_700_000_000_000 + (made % 5), 0, made), 0xffff_0000);
}

async function take(sides: FlowSides, step: Step): Promise<void> {
  const flows = [...sides.flows.keys()];
  const flow = "which" in step && typeof step.which === "number" ? picked(flows, [step.which])[0] : undefined;
  const newest = [...sides.leases].reverse();
  switch (step.do) {
    case "claim":
      return sides.claim(step.slots);
    case "settle": {
      const ends = step.ends.flatMap(({ which, how }) => picked(newest, [which]).map((job) => ({ job, how })));
      await sides.settle(ends);
      return;
    }
    case "settleAgain":
      return sides.settleAgain(picked(sides.settled, [step.which]));
    case "work":
      await sides.work(step.limit, step.isDone);
      return;
    case "cancelJobs":
      return sides.cancel(picked(members(sides), step.which).map((id) => ({ id })));
    case "erase":
      return sides.erase(picked(members(sides), step.which));
    case "retry": {
      const [ended] = picked([...sides.recorded.keys()], [step.which]);
      return ended === undefined ? undefined : sides.retry(ended, step.from, nextIds());
    }
    case "cancelFlow":
      return flow === undefined ? undefined : sides.requestCancel(flow);
    case "close":
      return flow === undefined ? undefined : sides.close(flow, "caller");
    case "add": {
      const ofFlow = [...sides.running].filter((id) => sides.flows.get(flow ?? "")?.nodeOf.has(id));
      const from = step.from === undefined ? undefined : [...ofFlow, ...newest.map(({ id }) => id)][step.from];
      return flow === undefined ? undefined : sides.add(flow, nextIds(), step.jobs, from);
    }
    case "expire":
      return sides.expireLeases();
    case "due":
      return sides.makeDue();
    case "forget":
      return sides.forget();
    default:
      step satisfies never;
  }
}

/** The jobs of all flows that Redis has. */
function members(sides: FlowSides): string[] {
  return [...sides.flows.values()].flatMap(({ nodeOf }) => [...nodeOf.keys()]);
}

/** Lets every job end. @param how those that are not cancelled */
async function drain(sides: FlowSides, how: Ending): Promise<void> {
  for (let round = 0; sides.flows.size > 0; round += 1) {
    if (round === 30) throw new Error(`flows that do not end: ${[...sides.flows.keys()].join(" ")}`);
    await sides.expireLeases();
    await sides.makeDue();
    await sides.claim(100);
    await sides.claim(100); // what was lost, too
    const jobs = [...new Map(sides.leases.map((job) => [job.id, job])).values()];
    for (const one of [how, "cancelled"] as const) await sides.settle(jobs.map((job) => ({ job, how: one })));
    while ((await sides.work(50, true)) > 0) await sides.expectSame();
  }
  await sides.work(50, true); // what is left is for flows that are gone
  await sides.forget();
}

/** A failure prints its seed. MODEL_SEED repeats it; MODEL_RUNS sets the number of sequences. */
const numRuns = Number(process.env["MODEL_RUNS"] ?? 300);
const seed = process.env["MODEL_SEED"] === undefined ? {} : { seed: Number(process.env["MODEL_SEED"]) };
const LEFTOVERS = /^(counts|clock|vtime|replicas|indexing|indexed|replica:.*|claim:.*|idle:.*|ended:\d+)$/;

it(`decides as the evaluation through ${numRuns} random flows, and each of them ends`, {
  timeout: 3_600_000,
}, async () => {
  const happened: EventCounts = new Map();
  const property = fc.asyncProperty(
    fc.array(randomFlow, { minLength: 1, maxLength: 2 }),
    fc.array(step, { maxLength: 40, size: "max" }),
    fc.record({
      how: fc.constantFrom<Ending>("completed", "failed", "expired"),
      retryFrom: fc.array(fc.nat(7), { maxLength: 2 }),
    }),
    async (random, steps, { how, retryFrom }) => {
      await redis.flushdb();
      const sides = new FlowSides(queue, redis, { ns: NS, happened });
      for (const one of random) await sides.submit(flowOf(one, nextIds(), FAR_AHEAD));
      await sides.expectSame();
      for (const each of steps) {
        await take(sides, each);
        await sides.expectSame();
      }
      await drain(sides, how);
      for (const [nth, id] of [...sides.recorded.keys()].entries()) {
        await sides.retry(id, retryFrom.slice(nth), nextIds());
        await sides.expectSame();
      }
      await drain(sides, how);
      const keys = (await redis.keys(`${NS}*`)).map((key) => key.slice(NS.length));
      expect(keys.filter((key) => !LEFTOVERS.test(key))).toEqual([]);
    },
  );
  await fc.assert(property, { numRuns, ...seed });
  if (process.env["MODEL_RUNS"] !== undefined)
    process.stdout.write(`${JSON.stringify(Object.fromEntries(happened))}\n`);
  // a few runs, or the shrinking of one, need not have them all
  if (numRuns >= 300) expect(EVENTS.filter((event) => !happened.has(event))).toEqual([]);
});
