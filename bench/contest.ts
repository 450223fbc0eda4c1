/** TaskFlow against others, all by one measure. */
import type { Competitor, Running } from "./competitors/competitor.ts";
import type { Bench } from "./figure.ts";
import { inRounds } from "./figure.ts";
import { ratiosOf } from "./median.ts";
import type { Reading } from "./report.ts";

/** What any throughput is told by. */
export interface Speed {
  readonly jobsPerSecond: number;
  /** Of what was submitted over HTTP, where that is told apart. */
  readonly submittedPerSecond?: number;
  readonly p99Ms?: number;
  /** CPU time for a job, in µs. */
  readonly programUs?: number;
  readonly redisUs?: number;
  readonly postgresUs?: number;
  /** The whole database, indexes included, for each row. */
  readonly postgresBytesPerJob?: number;
}

export interface Contest {
  readonly readings: readonly Reading[];
  /** TaskFlow ÷ another, by round. */
  readonly ratiosAgainst: (other: Competitor) => number[];
}

/** Each contestant once a round; the ratios stand in the rows of the others: how many times as fast TaskFlow is. */
export async function contest(
  bench: Bench,
  own: Competitor,
  others: readonly Competitor[],
  measure: (running: Running, competitor: Competitor) => Promise<Speed>,
): Promise<Contest> {
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
