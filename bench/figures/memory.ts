/**
 * Measures the memory of a waiting job, the bytes of a recorded one, and the memory of a replica with a million waiting
 * jobs.
 */
import { submitBatches } from "../batches.ts";
import { lastCommitted } from "../committed.ts";
import { taskflow } from "../competitors/competitor.ts";
import type { Bench, Figure } from "../figure.ts";
import { withCompetitor } from "../figure.ts";
import type { Services } from "../services.ts";

/** A payload of 150 bytes. */
const PAYLOAD = `{"text":"${"x".repeat(150 - '{"text":""}'.length)}"}`;
const JOB = `{"type":"noop","payload":${PAYLOAD}}`;
const MIB = 1_048_576;

export const memory: Figure = {
  name: "memory",
  title: "bytes a job, and a replica beside many that wait",
  run: async (bench) => {
    const jobs = bench.isQuick ? 100_000 : 1_000_000;
    const waiting = await measureWaiting(bench, jobs);
    const postgres = await measureRows(bench, bench.isQuick ? 20_000 : 100_000);
    return {
      readings: [
        {
          name: `TaskFlow, Redis, ${jobs.toLocaleString("en-US")} waiting`,
          unit: "bytes/job",
          values: [waiting.redisBytes],
        },
        { name: "TaskFlow, Postgres, indexes included", unit: "bytes/job", values: [postgres] },
        { name: "TaskFlow, replica before", unit: "MiB", values: [waiting.beforeBytes / MIB] },
        {
          name: `TaskFlow, replica with ${jobs.toLocaleString("en-US")} waiting`,
          unit: "MiB",
          values: [waiting.afterBytes / MIB],
        },
      ],
      goals: [
        {
          text: "Redis memory a waiting job, 150-byte payload",
          value: waiting.redisBytes,
          limit: { most: 620 },
          unit: "bytes",
        },
      ],
      notes: [
        "the replica took these jobs itself, in batches; part of its memory is garbage that V8 has not needed to collect",
      ],
    };
  },
};

interface Waiting {
  readonly redisBytes: number;
  readonly beforeBytes: number;
  readonly afterBytes: number;
}

async function measureWaiting(bench: Bench, jobs: number): Promise<Waiting> {
  bench.log(`${jobs} jobs wait`);
  return withCompetitor(bench, taskflow(bench.program, { WORKER_TYPES: "bench_sleep" }), async ({ url, program }) => {
    const usedBefore = await usedBytes(bench.services);
    const beforeBytes = program.residentBytes();
    await submitBatches(url, jobs, JOB);
    return {
      redisBytes: ((await usedBytes(bench.services)) - usedBefore) / jobs,
      beforeBytes,
      afterBytes: program.residentBytes(),
    };
  });
}

async function usedBytes({ redis }: Services): Promise<number> {
  return Number(/^used_memory:(\d+)/m.exec(await redis.info("memory"))?.[1]);
}

async function measureRows(bench: Bench, jobs: number): Promise<number> {
  bench.log(`${jobs} jobs end`);
  return withCompetitor(bench, taskflow(bench.program), async ({ url }) => {
    await submitBatches(url, jobs, JOB);
    const { rows } = await lastCommitted(bench.services, "jobs", jobs);
    return (await bench.services.tableBytes("jobs")) / rows;
  });
}
