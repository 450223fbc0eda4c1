/** Batches of a thousand jobs, including Postgres rows, against BullMQ without HTTP and Postgres. */
import { submitBatches } from "../batches.ts";
import { lastCommitted } from "../committed.ts";
import type { Speed } from "../comparison.ts";
import { compareCompetitors } from "../comparison.ts";
import type { Competitor, Running } from "../competitors/competitor.ts";
import { bullmqAlone, taskflow } from "../competitors/competitor.ts";
import { SMALL_BODY } from "../end-to-end.ts";
import type { Bench, Figure } from "../figure.ts";
import { medianOf } from "../median.ts";

export const batch: Figure = {
  name: "batch",
  title: "batches of 1,000, from the first submission to the last committed row",
  run: async (bench) => {
    const jobs = bench.isQuick ? 20_000 : 100_000;
    const alone = bullmqAlone(jobs, SMALL_BODY);
    const durable = taskflow(bench.program, { ACCEPT_DURABILITY: "postgres" }, "TaskFlow, ACCEPT_DURABILITY=postgres");
    const measure = (running: Running, competitor: Competitor): Promise<Speed> =>
      competitor === alone ? speedOfAlone(running, jobs) : speedOfBatches(bench, running, jobs);
    const { readings, ratiosAgainst } = await compareCompetitors(
      bench,
      taskflow(bench.program),
      [alone, durable],
      measure,
    );
    return {
      readings,
      goals: [
        {
          text: "end to end, batch submit, against BullMQ alone by addBulk",
          value: medianOf(ratiosAgainst(alone)),
          limit: { least: 1.5 },
          unit: "",
        },
      ],
      notes: ["BullMQ alone adds and processes in one process, without HTTP and without Postgres"],
    };
  },
};

async function speedOfAlone({ program }: Running, jobs: number): Promise<Speed> {
  const [, ms] = await program.printed(/^MS (\S+)\n/m);
  return { jobsPerSecond: (jobs * 1_000) / Number(ms) };
}

async function speedOfBatches({ services }: Bench, { url }: Running, jobs: number): Promise<Speed> {
  const warm = Math.ceil(jobs / 4);
  await submitBatches(url, warm, SMALL_BODY);
  await lastCommitted(services, "jobs", warm);
  const startedAt = performance.now();
  await submitBatches(url, jobs, SMALL_BODY);
  const submittedAt = performance.now();
  const { rows, at } = await lastCommitted(services, "jobs", warm + jobs);
  if (rows !== warm + jobs) throw new Error(`${rows} rows for ${warm + jobs} jobs`);
  return {
    jobsPerSecond: (jobs * 1_000) / (at - startedAt),
    submittedPerSecond: (jobs * 1_000) / (submittedAt - startedAt),
  };
}
