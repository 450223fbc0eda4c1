/**
 * The queue against its model (testing/queue-model.ts): for any actions of three replicas in any order, both sides
 * agree.
 */
import fc from "fast-check";
import { Redis } from "ioredis";
import { afterAll, beforeAll, expect, it } from "vitest";
import { isFull } from "../testing/full.ts";
import { openQueue, TestRunner } from "../testing/queue.ts";
import { drain, sequences } from "../testing/queue-commands.ts";
import { QueueModel } from "../testing/queue-model.ts";
import type { Sides } from "../testing/queue-sides.ts";
import { NS } from "../testing/queue-sides.ts";
import { ScheduleModel } from "../testing/schedule-steps.ts";
import { freshRedis } from "../testing/services.ts";
import type { Queue } from "./queue.ts";

/** Longer than any run: leases end only in a step that ends them, and a stalled machine starts no grace. */
const LEASE_MS = 3_600_000;
const REPLICAS = ["model_00", "model_01", "model_02"];

let redis: Redis;
let queues: Queue[];
const runners = REPLICAS.map(() => new TestRunner());

beforeAll(async () => {
  const { address } = await freshRedis();
  redis = new Redis(address);
  queues = await Promise.all(
    REPLICAS.map((replica, i) =>
      openQueue(address, { replica, leaseMs: LEASE_MS, runsJobs: true, runner: runnerOf(i) }),
    ),
  );
});
afterAll(() => {
  queues.forEach((queue) => queue.close());
  redis.disconnect();
});

function runnerOf(client: number): TestRunner {
  const runner = runners[client];
  if (!runner) throw new Error(`no client ${client}`);
  return runner;
}

async function freshSides(): Promise<Sides> {
  await redis.flushdb();
  const clients = queues.map((queue, i) => ({ queue, replica: REPLICAS[i] ?? "", runner: runnerOf(i), seq: 0 }));
  return { model: new QueueModel(), redis, clients, sent: [], leases: [], schedules: new ScheduleModel(), made: 0 };
}

/** A failure prints its seed. MODEL_SEED repeats it; MODEL_RUNS sets the number of sequences. */
const numRuns = Number(process.env.MODEL_RUNS ?? (isFull ? 1_000 : 300));
const seed = process.env.MODEL_SEED === undefined ? {} : { seed: Number(process.env.MODEL_SEED) };

/** Keys that may remain after every job is forgotten: bounded, or expiring. */
const LEFTOVERS = /^(counts|clock|vtime|replicas|indexing|indexed|replica:.*|claim:.*|idle:.*|idem:.*|ended:\d+)$/;

it(`agrees with the model through ${numRuns} random sequences, and then lets every job end`, {
  timeout: 3_600_000,
}, async () => {
  const property = fc.asyncProperty(sequences, async (steps) => {
    const sides = await freshSides();
    await fc.asyncModelRun(() => ({ model: { sides }, real: sides }), steps);
    await drain(sides);
    const keys = (await redis.keys(`${NS}*`)).filter((key) => !LEFTOVERS.test(key.slice(NS.length)));
    // the payload of a repeated submission expires
    const lasting = await Promise.all(keys.map(async (key) => ((await redis.pttl(key)) === -1 ? [key] : [])));
    expect(lasting.flat()).toEqual([]);
  });
  await fc.assert(property, { numRuns, ...seed });
});
