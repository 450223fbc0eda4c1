/** Measures several replicas on one Redis and one Postgres. */
import { submitBatches } from "../batches.ts";
import { lastCommitted } from "../committed.ts";
import type { Running } from "../competitors/competitor.ts";
import { taskflow } from "../competitors/competitor.ts";
import { saturating } from "../end-to-end.ts";
import type { Bench, Figure } from "../figure.ts";
import { medianOf, ratiosOf } from "../median.ts";

const COUNTS = [1, 2, 4];
/** Allows a thousand jobs of 50 ms per second and replica, far below the limit of the machine. */
const SLOTS = "50";

export const replicas: Figure = {
  name: "replicas",
  title: "several replicas on one machine",
  run: async (bench) => {
    const noops = new Map(COUNTS.map((count): [number, number[]] => [count, []]));
    const sleeps = new Map([1, 2].map((count): [number, number[]] => [count, []]));
    for (let round = 0; round < bench.rounds; round += 1) {
      for (const [count, speeds] of noops) {
        bench.log(`round ${round + 1} of ${bench.rounds}: no-op, ${count} replicas`);
        speeds.push(await withReplicas(bench, count, {}, (running) => measureNoops(bench, running)));
      }
      for (const [count, speeds] of sleeps) {
        bench.log(`round ${round + 1} of ${bench.rounds}: 50 ms of sleep, ${count} replicas`);
        speeds.push(await withReplicas(bench, count, { IO_SLOTS: SLOTS }, (running) => measureSleeps(bench, running)));
      }
    }
    const ratios = ratiosOf(sleeps.get(2) ?? [], sleeps.get(1) ?? []);
    return {
      readings: [
        ...[...noops].map(([count, values]) => ({
          name: `TaskFlow, no-op, ${count} replicas`,
          unit: "jobs/s",
          values,
        })),
        ...[...sleeps].map(([count, values]) => ({
          name: `TaskFlow, sleeps 50 ms, ${SLOTS} slots, ${count} replicas`,
          unit: "jobs/s",
          values,
        })),
      ],
      goals: [
        {
          text: "2 replicas against 1, no-op that sleeps 50 ms, slots as the limit",
          value: medianOf(ratios),
          limit: { least: 1.8 },
          unit: "",
        },
      ],
      notes: [
        "replicas share this machine's cores with the services and the load: for no-ops this checks that each accepted job has one row, not that more replicas are faster",
      ],
    };
  },
};

async function withReplicas<Result>(
  { services, program }: Bench,
  count: number,
  settings: Record<string, string>,
  use: (running: readonly Running[]) => Promise<Result>,
): Promise<Result> {
  await services.empty();
  const running: Running[] = [];
  try {
    for (let n = 0; n < count; n += 1) running.push(await taskflow(program, settings).start(services));
    return await use(running);
  } finally {
    await Promise.all(running.map((replica) => replica.program.stop("killed")));
  }
}

/**
 * Loads each replica with a separate generator; the generators share the connections. @throws {Error} if rows and
 * answers differ
 */
async function measureNoops(bench: Bench, running: readonly Running[]): Promise<number> {
  const shape = saturating(bench);
  const connections = Math.ceil(shape.connections / running.length);
  const startedAt = performance.now();
  const answers = await Promise.all(
    running.map(({ url }) => bench.generator.run({ url: `${url}/api/v1/jobs`, ...shape, connections })),
  );
  const accepted = answers.reduce((sum, answer) => sum + answer.accepted, 0);
  const { rows, at } = await lastCommitted(bench.services, "jobs", accepted);
  if (rows > accepted + connections * running.length) throw new Error(`${rows} rows for ${accepted} submissions`);
  return (rows * 1_000) / (at - startedAt);
}

async function measureSleeps({ services, isQuick }: Bench, [first]: readonly Running[]): Promise<number> {
  const jobs = isQuick ? 2_000 : 6_000;
  const startedAt = performance.now();
  await submitBatches(first?.url ?? "", jobs, '{"type":"bench_sleep","payload":{}}');
  const { at } = await lastCommitted(services, "jobs", jobs);
  return (jobs * 1_000) / (at - startedAt);
}
