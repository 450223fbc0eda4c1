/** TaskFlow against others, all by one measure. */
import type { Contestant, Running } from "./competitors/competitor.ts";
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
  readonly ratiosAgainst: (other: Contestant) => number[];
}

/** Each contestant once a round; the ratios stand in the rows of the others: how many times as fast TaskFlow is. */
export async function contest(
  bench: Bench,
  own: Contestant,
  others: readonly Contestant[],
  measure: (running: Running, contestant: Contestant) => Promise<Speed>,
): Promise<Contest> {
  const measures = await inRounds(bench, [...others, own], measure);
  const valuesOf = (contestant: Contestant, field: keyof Speed): number[] =>
    (measures.get(contestant) ?? []).flatMap((speed) => speed[field] ?? []);
  const ratiosAgainst = (other: Contestant): number[] =>
    ratiosOf(valuesOf(own, "jobsPerSecond"), valuesOf(other, "jobsPerSecond"));
  const readings = [own, ...others].flatMap((contestant): Reading[] => [
    {
      name: contestant.name,
      unit: "jobs/s",
      values: valuesOf(contestant, "jobsPerSecond"),
      ...(contestant === own ? {} : { ratios: { of: own.name, values: ratiosAgainst(contestant) } }),
    },
    ...extra(`${contestant.name}: submitted`, "jobs/s", valuesOf(contestant, "submittedPerSecond")),
    ...extra(`${contestant.name}: answer p99`, "ms", valuesOf(contestant, "p99Ms")),
    ...extra(`${contestant.name}: CPU of its process`, "µs/job", valuesOf(contestant, "programUs")),
    ...extra(`${contestant.name}: CPU of Redis`, "µs/job", valuesOf(contestant, "redisUs")),
    ...extra(`${contestant.name}: CPU of Postgres`, "µs/job", valuesOf(contestant, "postgresUs")),
    ...extra(`${contestant.name}: Postgres`, "bytes/job", valuesOf(contestant, "postgresBytesPerJob")),
  ]);
  return { readings, ratiosAgainst };
}

function extra(name: string, unit: string, values: readonly number[]): Reading[] {
  return values.length === 0 ? [] : [{ name, unit, values }];
}
