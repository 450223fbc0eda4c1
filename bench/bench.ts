/** `npm run bench`: `help` in options.ts describes it. */
import { availableParallelism, cpus, release, totalmem } from "node:os";
import { baselineChecksum } from "./competitors/competitor.ts";
import type { Bench, Figure } from "./figure.ts";
import { backlog } from "./figures/backlog.ts";
import { batch } from "./figures/batch.ts";
import { bulk } from "./figures/bulk.ts";
import { dashboard } from "./figures/dashboard.ts";
import { durable } from "./figures/durable.ts";
import { endToEnd } from "./figures/end-to-end.ts";
import { exportRows } from "./figures/export.ts";
import { find } from "./figures/find.ts";
import { flows } from "./figures/flows.ts";
import { halves } from "./figures/halves.ts";
import { idle } from "./figures/idle.ts";
import { images } from "./figures/images.ts";
import { memory } from "./figures/memory.ts";
import { payload } from "./figures/payload.ts";
import { peers } from "./figures/peers.ts";
import { pickup } from "./figures/pickup.ts";
import { replicas } from "./figures/replicas.ts";
import { schedules } from "./figures/schedules.ts";
import { findGenerator } from "./generator.ts";
import type { Options } from "./options.ts";
import { help, parseOptions } from "./options.ts";
import type { FigureResult, Report } from "./report.ts";
import { isMet, reportText } from "./report.ts";
import { startServices } from "./services.ts";

const FIGURES: readonly Figure[] = [
  endToEnd,
  peers,
  durable,
  batch,
  halves,
  pickup,
  idle,
  memory,
  backlog,
  payload,
  replicas,
  images,
  exportRows,
  find,
  bulk,
  schedules,
  flows,
  dashboard,
];

async function main(): Promise<number> {
  const names = FIGURES.map(({ name }) => name);
  const options = parseOptions(process.argv.slice(2), names);
  if (options === undefined) {
    process.stdout.write(help(names));
    return 0;
  }
  const interrupted = new Promise<never>((_resolve, reject) =>
    process.once("SIGINT", () => reject(new Error("interrupted"))),
  );
  const report = await Promise.race([run(options), interrupted]);
  process.stdout.write(options.isJson ? `${JSON.stringify(report, null, 2)}\n` : `\n${reportText(report)}\n`);
  return report.figures.every(({ goals, failure }) => failure === undefined && goals.every(isMet)) ? 0 : 1;
}

async function run({ only, rounds, isQuick, program, against }: Options): Promise<Report> {
  const baselineSha256 = baselineChecksum();
  const generator = findGenerator();
  const services = await startServices();
  try {
    const bench = { services, generator, program, against, rounds, isQuick };
    const figures: Report["figures"][number][] = [];
    for (const figure of FIGURES.filter(({ name }) => only.length === 0 || only.includes(name)))
      figures.push(await runFigure(figure, bench));
    return { machine: machineText(), generator: generator.name, baselineSha256, rounds, isQuick, figures };
  } finally {
    await services.close();
  }
}

async function runFigure(figure: Figure, bench: Omit<Bench, "log">): Promise<Report["figures"][number]> {
  const startedAt = performance.now();
  const log = (text: string): void => {
    process.stderr.write(`${figure.name}: ${text}\n`);
  };
  const result = await figure.run({ ...bench, log }).catch(failed);
  log(`took ${Math.round((performance.now() - startedAt) / 1_000)} s`);
  return { figure: figure.name, title: figure.title, ...result };
}

/** A failed figure does not stop the remaining ones, because a run may take an hour. */
function failed(error: unknown): FigureResult {
  return { readings: [], goals: [], notes: [], failure: error instanceof Error ? error.message : String(error) };
}

function machineText(): string {
  const model = cpus()[0]?.model ?? "unknown CPU";
  return `${availableParallelism()} cores of ${model}, ${Math.round(totalmem() / 2 ** 30)} GiB, ${process.platform} ${release()}, Node ${process.version}`;
}

main().then(
  (code) => process.exit(code),
  (error: unknown) => {
    process.stderr.write(`bench: ${error instanceof Error ? error.message : String(error)}\n`);
    process.exit(2);
  },
);
