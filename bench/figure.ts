/** Defines figures, and how most of them measure: competitors in turn, in rounds. */
import type { Competitor, Running } from "./competitors/competitor.ts";
import type { Generator } from "./generator.ts";
import type { FigureResult } from "./report.ts";
import type { Services } from "./services.ts";

export interface Bench {
  readonly services: Services;
  readonly generator: Generator;
  /** The main.js of the TaskFlow under test. */
  readonly program: string;
  /** The main.js of a second build to compare with, if any. */
  readonly against?: string | undefined;
  readonly rounds: number;
  readonly isQuick: boolean;
  /** Prints the progress for the user. */
  log(text: string): void;
}

export interface Figure {
  readonly name: string;
  readonly title: string;
  run(bench: Bench): Promise<FigureResult>;
}

/**
 * Starts a competitor on emptied services, and always kills it afterwards, because nothing uses its state again. It
 * waits until the start is over: a replica serves before the last of its threads are loaded, which takes a second of
 * CPU.
 */
export async function withCompetitor<Result>(
  { services }: Bench,
  competitor: Competitor,
  use: (running: Running) => Promise<Result>,
): Promise<Result> {
  await services.empty();
  const running = await competitor.start(services);
  try {
    await running.program.idle();
    return await use(running);
  } catch (error) {
    throw new Error(
      `${competitor.name}: ${error instanceof Error ? error.message : String(error)}\n${running.program.output().slice(-1_000)}`,
      { cause: error },
    );
  } finally {
    await running.program.stop("killed");
  }
}

/**
 * Measures each competitor once a round. The order rotates from round to round, so drifts of the machine affect all
 * competitors.
 * @returns the measures of each competitor, by round
 */
export async function inRounds<Measure>(
  bench: Bench,
  competitors: readonly Competitor[],
  measure: (running: Running, competitor: Competitor) => Promise<Measure>,
): Promise<Map<Competitor, Measure[]>> {
  const measures = new Map<Competitor, Measure[]>(competitors.map((competitor) => [competitor, []]));
  for (let round = 0; round < bench.rounds; round += 1) {
    for (let turn = 0; turn < competitors.length; turn += 1) {
      const competitor = competitors[(round + turn) % competitors.length];
      if (competitor === undefined) continue;
      bench.log(`round ${round + 1} of ${bench.rounds}: ${competitor.name}`);
      measures
        .get(competitor)
        ?.push(await withCompetitor(bench, competitor, (running) => measure(running, competitor)));
    }
  }
  return measures;
}
