/** Measures how a backlog slows down new jobs of the same type, end to end. */
import { submitBatches } from "../batches.ts";
import { taskflow } from "../competitors/competitor.ts";
import { SMALL_BODY, saturating } from "../end-to-end.ts";
import type { Bench, Figure } from "../figure.ts";
import { medianOf, ratiosOf } from "../median.ts";
import type { Reading } from "../report.ts";

export const backlog: Figure = {
  name: "backlog",
  title: "single POST, by the number of waiting jobs",
  run: async (bench) => {
    const sizes = bench.isQuick ? [0, 1_000, 100_000] : [0, 1_000, 100_000, 1_000_000];
    const runs = new Map(sizes.map((size): [number, Flow[]] => [size, []]));
    for (let round = 0; round < bench.rounds; round += 1) {
      for (const size of sizes) {
        bench.log(`round ${round + 1} of ${bench.rounds}: ${size} wait`);
        runs.get(size)?.push(await measureFlow(bench, size));
      }
    }
    const through = (size: number): number[] =>
      (runs.get(size) ?? []).map(({ submitted, committed }) => (submitted + committed) / 2);
    const ratiosOfSize = (size: number): number[] => ratiosOf(through(size), through(0));
    const readings = sizes.flatMap((size): Reading[] => [
      {
        name: `TaskFlow, ${size.toLocaleString("en-US")} waiting`,
        unit: "jobs/s",
        values: through(size),
        ratios: { of: "this", values: ratiosOfSize(size) },
      },
      {
        name: `TaskFlow, ${size.toLocaleString("en-US")} waiting: submitted`,
        unit: "jobs/s",
        values: (runs.get(size) ?? []).map(({ submitted }) => submitted),
      },
      {
        name: `TaskFlow, ${size.toLocaleString("en-US")} waiting: committed`,
        unit: "jobs/s",
        values: (runs.get(size) ?? []).map(({ committed }) => committed),
      },
    ]);
    const most = sizes.at(-1) ?? 0;
    const text = `end to end with ${most.toLocaleString("en-US")} waiting, against an empty queue`;
    return {
      readings,
      goals: [{ text, value: medianOf(ratiosOfSize(most)), limit: { least: 0.75 }, unit: "" }],
      notes: [
        "a replica with a backlog commits more jobs than are submitted; jobs/s is the mean of submitted and committed jobs during the load",
      ],
    };
  },
};

interface Flow {
  /** Submissions per second answered with 202. */
  readonly submitted: number;
  /** Rows committed per second, of the backlog and of the load. */
  readonly committed: number;
}

async function measureFlow({ services, generator, program, ...bench }: Bench, waiting: number): Promise<Flow> {
  await services.empty();
  const filler = await taskflow(program, { WORKER_TYPES: "bench_sleep" }).start(services);
  try {
    if (waiting > 0) await submitBatches(filler.url, waiting, SMALL_BODY);
  } finally {
    await filler.program.stop("drained");
  }
  await services.compact();
  const replica = await taskflow(program).start(services);
  try {
    const load = { url: `${replica.url}/api/v1/jobs`, ...saturating({ services, generator, program, ...bench }) };
    await generator.run({ ...load, seconds: 1 });
    const before = await services.countRows("jobs");
    const startedAt = performance.now();
    const { accepted } = await generator.run(load);
    const seconds = (performance.now() - startedAt) / 1_000;
    return { submitted: accepted / seconds, committed: ((await services.countRows("jobs")) - before) / seconds };
  } finally {
    await replica.program.stop("killed");
  }
}
