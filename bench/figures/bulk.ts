/** Measures how long a bulk cancellation of many waiting jobs takes, and how it delays the jobs of another type. */
import { setTimeout as delay } from "node:timers/promises";
import { submitBatches } from "../batches.ts";
import { lastCommitted } from "../committed.ts";
import type { Running } from "../competitors/competitor.ts";
import { taskflow } from "../competitors/competitor.ts";
import type { Bench, Figure } from "../figure.ts";
import { inRounds } from "../figure.ts";
import { medianOf, quantileOf, ratiosOf } from "../median.ts";
import { pauseQueue } from "../pause.ts";
import { PICKUP_ROWS, pickupLatencies, submitPickups } from "../pickups.ts";

const WARM_PICKUPS = 100;
/** Between two looks at the job that cancels the others: few, because they must not load the replica. */
const LOOK_EVERY_MS = 250;

export const bulk: Figure = {
  name: "bulk",
  title: "cancelling many waiting jobs with one call",
  run: async (bench) => {
    const jobs = bench.isQuick ? 20_000 : 1_000_000;
    const own = taskflow(bench.program);
    const runs = (await inRounds(bench, [own], (running) => measureBulk(bench, running, jobs))).get(own) ?? [];
    const seconds = runs.map((run) => run.seconds);
    const idle = runs.map((run) => quantileOf(run.idle, 0.99));
    const during = runs.map((run) => quantileOf(run.during, 0.99));
    const count = jobs.toLocaleString("en-US");
    const cpu = (name: keyof Cpu) => ({
      name: `TaskFlow, CPU time of ${name} a cancelled job`,
      unit: "µs",
      values: runs.map((run) => (run.cpu[name] * 1_000) / jobs),
    });
    return {
      readings: [
        { name: `TaskFlow, cancelling ${count} waiting jobs`, unit: "s", values: seconds },
        { name: "TaskFlow, pickup p99 of another type before", unit: "ms", values: idle },
        { name: "TaskFlow, pickup p99 of another type meanwhile", unit: "ms", values: during },
        {
          name: "TaskFlow, pickup p50 of another type meanwhile",
          unit: "ms",
          values: runs.map((run) => quantileOf(run.during, 0.5)),
        },
        cpu("replica"),
        cpu("redis"),
        cpu("postgres"),
      ],
      goals: [
        { text: `cancelling ${count} waiting jobs`, value: medianOf(seconds), limit: { most: 60 }, unit: "s" },
        {
          text: "pickup p99 of another type meanwhile, against an idle system",
          value: medianOf(ratiosOf(during, idle)),
          limit: { most: 2 },
          unit: "",
        },
      ],
      notes: ["from the call to the last committed row; the other type gets about 40 jobs/s before and meanwhile"],
    };
  },
};

/** CPU time in milliseconds. */
interface Cpu {
  readonly replica: number;
  readonly redis: number;
  readonly postgres: number;
}

interface BulkRun {
  readonly seconds: number;
  /** Milliseconds from the POST to the handler of another type, on the idle system and during the cancellation. */
  readonly idle: readonly number[];
  readonly during: readonly number[];
  readonly cpu: Cpu;
}

async function measureBulk(bench: Bench, running: Running, jobs: number): Promise<BulkRun> {
  const { services } = bench;
  const { url } = running;
  const idleJobs = WARM_PICKUPS + (bench.isQuick ? 150 : 600);
  await submitPickups(url, (submitted) => submitted === idleJobs);
  await pauseQueue(url, "noop");
  bench.log(`${jobs} jobs wait`);
  await submitBatches(url, jobs, `{"type":"noop","payload":{}}`);
  await services.compact();
  bench.log("cancelling");
  const before = cpuOf(bench, running);
  let isDone = false;
  const others = submitPickups(url, () => isDone);
  const cancelled = cancelAll(bench, url, jobs).finally(() => {
    isDone = true;
  });
  const [seconds, duringJobs] = await Promise.all([cancelled, others]);
  const after = cpuOf(bench, running);
  await lastCommitted(services, PICKUP_ROWS, idleJobs + duringJobs);
  const latencies = await pickupLatencies(services);
  return {
    seconds,
    idle: latencies.slice(WARM_PICKUPS, idleJobs),
    during: latencies.slice(idleJobs),
    cpu: {
      replica: after.replica - before.replica,
      redis: after.redis - before.redis,
      postgres: after.postgres - before.postgres,
    },
  };
}

function cpuOf({ services }: Bench, { program }: Running): Cpu {
  return { replica: program.cpuMs(), ...services.cpuMs() };
}

/** The seconds from the call to the last committed row. @throws {Error} if a job was not cancelled */
async function cancelAll(bench: Bench, url: string, jobs: number): Promise<number> {
  const startedAt = performance.now();
  const response = await fetch(`${url}/api/v1/jobs/cancel`, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: `{"type":"noop"}`,
  });
  const text = await response.text();
  if (response.status !== 202) throw new Error(`the cancellation was answered with ${response.status}: ${text}`);
  const job = await finished(`${url}/api/v1/jobs/${(JSON.parse(text) as { id: string }).id}`);
  bench.log(`the operation ended after ${((performance.now() - startedAt) / 1_000).toFixed(1)} s`);
  const { at, rows } = await lastCommitted(bench.services, "jobs where type = 'noop' and status = 'cancelled'", jobs);
  if (job.result?.done !== jobs || rows !== jobs)
    throw new Error(`${rows} of ${jobs} jobs are cancelled, and the operation ended as ${JSON.stringify(job)}`);
  return (at - startedAt) / 1_000;
}

interface Operation {
  readonly status: string;
  readonly result: { readonly done: number } | null;
  readonly finished_at: string | null;
}

async function finished(url: string): Promise<Operation> {
  for (;;) {
    const job = (await (await fetch(url)).json()) as Operation;
    if (job.finished_at !== null) return job;
    await delay(LOOK_EVERY_MS);
  }
}
