/** Measures TaskFlow and other systems in the same way. */
import type { Competitor, Running } from "./competitors/competitor.ts";
import type { Bench } from "./figure.ts";
import { inRounds } from "./figure.ts";
import { ratiosOf } from "./median.ts";
import type { Reading } from "./report.ts";

/** The measures of a throughput. */
export interface Speed {
  readonly jobsPerSecond: number;
  /** Submissions over HTTP, if they are measured separately. */
  readonly submittedPerSecond?: number;
  readonly p99Ms?: number;
  /** CPU time per job, in µs. */
  readonly programUs?: number;
  readonly redisUs?: number;
  readonly postgresUs?: number;
  /** The size of the whole database per row, indexes included. */
  readonly postgresBytesPerJob?: number;
}

export interface Comparison {
  readonly readings: readonly Reading[];
  /** The ratio of TaskFlow's rate to another competitor's, by round. */
  readonly ratiosAgainst: (other: Competitor) => number[];
}

/**
 * Measures each competitor once a round. The rows of the other competitors show how many times as fast TaskFlow is.
 */
export async function compareCompetitors(
  bench: Bench,
  own: Competitor,
  others: readonly Competitor[],
  measure: (running: Running, competitor: Competitor) => Promise<Speed>,
): Promise<Comparison> {
  const measures = await inRounds(bench, [...others, own], measure);
  const valuesOf = (competitor: Competitor, field: keyof Speed): number[] =>
    (measures.get(competitor) ?? []).flatMap((speed) => speed[field] ?? []);
  const ratiosAgainst = (other: Competitor): number[] =>
    ratiosOf(valuesOf(own, "jobsPerSecond"), valuesOf(other, "jobsPerSecond"));
  const readings = [own, ...others].flatMap((competitor): Reading[] => [
    {
      name: competitor.name,
      unit: "jobs/s",
      values: valuesOf(competitor, "jobsPerSecond"),
      ...(competitor === own ? {} : { ratios: { of: own.name, values: ratiosAgainst(competitor) } }),
    },
    ...extra(`${competitor.name}: submitted`, "jobs/s", valuesOf(competitor, "submittedPerSecond")),
    ...extra(`${competitor.name}: answer p99`, "ms", valuesOf(competitor, "p99Ms")),
    ...extra(`${competitor.name}: CPU of its process`, "µs/job", valuesOf(competitor, "programUs")),
    ...extra(`${competitor.name}: CPU of Redis`, "µs/job", valuesOf(competitor, "redisUs")),
    ...extra(`${competitor.name}: CPU of Postgres`, "µs/job", valuesOf(competitor, "postgresUs")),
    ...extra(`${competitor.name}: Postgres`, "bytes/job", valuesOf(competitor, "postgresBytesPerJob")),
  ]);
  return { readings, ratiosAgainst };
}

function extra(name: string, unit: string, values: readonly number[]): Reading[] {
  return values.length === 0 ? [] : [{ name, unit, values }];
}
