/**
 * Measures submitting alone, to a replica that does not run the type, and processing alone, from the queue to a
 * committed row.
 */
import { setTimeout as delay } from "node:timers/promises";
import { submitBatches } from "../batches.ts";
import { lastCommitted } from "../committed.ts";
import type { Competitor } from "../competitors/competitor.ts";
import { baseline, taskflow } from "../competitors/competitor.ts";
import { SMALL_BODY, saturating } from "../end-to-end.ts";
import type { Bench, Figure } from "../figure.ts";
import { inRounds, withCompetitor } from "../figure.ts";
import type { Reading } from "../report.ts";

export const halves: Figure = {
  name: "halves",
  title: "submitting alone, processing alone",
  run: async (bench) => {
    const jobs = bench.isQuick ? 30_000 : 200_000;
    const idle = taskflow(bench.program, { WORKER_TYPES: "bench_sleep" });
    const http: Competitor = { ...baseline, path: "/raw" };
    const singles = await inRounds(bench, [http, idle], async ({ url }, { path }) => {
      const shape = saturating(bench);
      await bench.generator.run({ url: url + path, ...shape, seconds: 1 });
      return (await bench.generator.run({ url: url + path, ...shape })).accepted / shape.seconds;
    });
    const batches: number[] = [];
    const processed: number[] = [];
    for (let round = 0; round < bench.rounds; round += 1) {
      bench.log(`round ${round + 1} of ${bench.rounds}: TaskFlow, ${jobs} jobs in batches, then processed`);
      batches.push(await withCompetitor(bench, idle, (running) => fill(running.url, jobs)));
      processed.push(await processAlone(bench, jobs));
    }
    const readings: Reading[] = [
      { name: "TaskFlow, submit alone, single POST", unit: "jobs/s", values: singles.get(idle) ?? [] },
      { name: "baseline's /raw: HTTP and JSON.parse, no queue", unit: "requests/s", values: singles.get(http) ?? [] },
      { name: "TaskFlow, submit alone, batches of 1,000", unit: "jobs/s", values: batches },
      { name: "TaskFlow, process alone", unit: "jobs/s", values: processed },
    ];
    return { readings, goals: [], notes: [] };
  },
};

async function fill(url: string, jobs: number): Promise<number> {
  const startedAt = performance.now();
  await submitBatches(url, jobs, SMALL_BODY);
  return (jobs * 1_000) / (performance.now() - startedAt);
}

/**
 * Processes the jobs from `fill`. The time starts at the first committed rows, which excludes the start of the process.
 */
async function processAlone({ services, program }: Bench, jobs: number): Promise<number> {
  await services.compact();
  const { program: replica } = await taskflow(program).start(services);
  try {
    let first = 0;
    while (first === 0) {
      await delay(10);
      first = await services.countRows("jobs");
    }
    const firstAt = performance.now();
    const { rows, at } = await lastCommitted(services, "jobs", jobs);
    return ((rows - first) * 1_000) / (at - firstAt);
  } finally {
    await replica.stop("killed");
  }
}
