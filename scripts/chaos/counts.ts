/** The books of a scenario: what the client was told, against Postgres, Redis and what the peers saw. */

import { call } from "./client.ts";
import type { Cluster } from "./cluster.ts";
import type { Entry, Ledger } from "./ledger.ts";
import { effectsSeen } from "./ledger.ts";
import type { Row } from "./postgres-view.ts";

export interface JobCounts {
  readonly accepted: number;
  /** Terminal records. */
  readonly recorded: number;
  /** The same, to be looked at; none where only their number was asked for. */
  readonly rows: readonly Row[];
  /** Accepted, and no row. */
  readonly lost: number;
  /** More rows than submissions, or more side effects than attempts. */
  readonly doubled: number;
  /** Attempts that ended in a lost lease and were made again. */
  readonly repeated: number;
  /** Empty when the books balance. */
  readonly faults: readonly string[];
}

export interface CountsOptions {
  /** Redis was emptied: its counters began anew. */
  readonly redisWasEmptied?: boolean;
  /** The other ends do what the scenario tells them, which looks at side effects itself. */
  readonly peersAreFaulty?: boolean;
  /** An attempt may be made again without a record of the first: what Redis knew of it is gone. */
  readonly effectsMayRepeat?: boolean;
  /** Too many rows to look at each: they are counted in Postgres. */
  readonly countOnly?: boolean;
}

/** Terminal records by status. */
type StatusCounts = Readonly<Record<string, number>>;

const NAMED = 5;

function some(names: readonly string[]): string {
  return names.length <= NAMED
    ? names.join(", ")
    : `${names.slice(0, NAMED).join(", ")} and ${names.length - NAMED} more`;
}

export async function checkCounts(cluster: Cluster, ledger: Ledger, options: CountsOptions = {}): Promise<JobCounts> {
  if (options.countOnly) return countCluster(cluster, ledger, options);
  const rows = await cluster.postgres.rows();
  const faults: string[] = [];
  const fault = (what: string, names: readonly string[]): void => {
    if (names.length > 0) faults.push(`${what}: ${some(names)}`);
  };
  const byKey = new Map<string, number>();
  for (const { key } of rows) byKey.set(key ?? "", (byKey.get(key ?? "") ?? 0) + 1);
  const byId = new Map(rows.map((row) => [row.id, row]));
  const accepted = ledger.in("accepted");

  const lost = accepted.filter(({ id }) => !byId.has(id ?? ""));
  fault("accepted and lost", lost.map(label));
  const twice = [...byKey].filter(([key, count]) => count > 1 && ledger.entries.has(key)).map(([key]) => key);
  fault("more than one row of one submission", twice);
  fault(
    "rows that nobody submitted",
    rows.filter(({ key }) => !ledger.entries.has(key ?? "")).map(({ id }) => id),
  );
  fault(
    "refused, and run all the same",
    ledger
      .in("refused")
      .filter(({ key, hasUnknownTry }) => !hasUnknownTry && byKey.has(key))
      .map(label),
  );
  fault(
    "more attempts than allowed",
    rows.filter(({ attempt, max_attempts }) => attempt > max_attempts).map(({ id }) => id),
  );

  const excess = options.peersAreFaulty ? [] : checkEffects(cluster, rows, fault);
  if (!options.effectsMayRepeat) fault("more side effects than attempts", excess);
  const byStatus: Record<string, number> = {};
  for (const { status } of rows) byStatus[status] = (byStatus[status] ?? 0) + 1;
  faults.push(...(await checkRedis(cluster, rows.length, byStatus, options)));
  return {
    accepted: accepted.length,
    recorded: rows.length,
    rows,
    lost: lost.length,
    doubled: twice.length + (options.effectsMayRepeat ? 0 : excess.length),
    repeated: rows.reduce(
      (sum, { earlier }) => sum + earlier.filter(({ outcome }) => outcome === "lost").length,
      options.effectsMayRepeat ? excess.length : 0,
    ),
    faults,
  };
}

interface Counted {
  readonly status: string;
  readonly rows: string;
  readonly keys: string;
  readonly over: string;
}

const COUNTS =
  "select status, count(*) as rows, count(distinct tags[1]) as keys, count(*) filter (where attempt > max_attempts) as over from jobs group by status";

async function countCluster(cluster: Cluster, ledger: Ledger, options: CountsOptions): Promise<JobCounts> {
  const counted = await cluster.postgres.query<Counted>(COUNTS);
  const sum = (of: (counts: Counted) => string): number =>
    counted.reduce((total: number, counts) => total + Number(of(counts)), 0);
  const [accepted, rows, keys] = [ledger.count("accepted"), sum((counts) => counts.rows), sum((counts) => counts.keys)];
  const byStatus = Object.fromEntries(counted.map(({ status, rows: count }) => [status, Number(count)]));
  const faults = await checkRedis(cluster, rows, byStatus, options);
  const lost = Math.max(0, accepted - keys);
  if (lost > 0) faults.push(`${lost} of ${accepted} accepted jobs are lost`);
  if (rows !== keys) faults.push(`${rows} rows of ${keys} submissions`);
  if (keys > accepted + ledger.count("unknown")) faults.push(`${keys} rows of ${accepted} accepted jobs`);
  if (sum((counts) => counts.over) > 0) faults.push("more attempts than allowed");
  return { accepted, recorded: rows, rows: [], lost, doubled: rows - keys, repeated: 0, faults };
}

function label({ key, type, id, detail }: Entry): string {
  return `${key} ${type} ${id ?? ""} ${detail}`.trim();
}

/** Side effects: at least one of each completed job. @returns the jobs with more of them than attempts */
function checkEffects(
  { http, smtp }: Cluster,
  rows: readonly Row[],
  fault: (what: string, names: readonly string[]) => void,
): string[] {
  const seen = effectsSeen(http, smtp);
  const withEffects = rows.filter(({ type, key }) => (type === "webhook" || type === "email") && key !== null);
  const missing = withEffects.filter(({ key, status }) => status === "completed" && !seen.has(key ?? ""));
  const excess = withEffects.filter(({ key, earlier }) => (seen.get(key ?? "") ?? 0) > 1 + earlier.length);
  fault(
    "completed without a side effect",
    missing.map(({ id }) => id),
  );
  return excess.map(({ id, key }) => `${id} (${seen.get(key ?? "") ?? 0})`);
}

/** Redis holds no job any more, and its counters say the same as the table. */
async function checkRedis(
  { redis, alive }: Cluster,
  recorded: number,
  byStatus: StatusCounts,
  { redisWasEmptied = false }: CountsOptions,
): Promise<string[]> {
  const [places, keys, counts] = await Promise.all([redis.places(), redis.jobKeys(), redis.counts()]);
  const faults: string[] = [];
  const expect = (name: string, got: number, wanted: number): void => {
    if (got !== wanted) faults.push(`${name} is ${got} in Redis, not ${wanted}`);
  };
  for (const [place, count] of Object.entries<number>({ ...places }))
    expect(`the number of jobs in ${place}`, count, 0);
  expect("the number of job keys", keys.length, 0);
  for (const name of ["running", "retrying", "scheduled"]) expect(`the counter ${name}`, counts[name] ?? 0, 0);
  expect("accepted less recorded", (counts["accepted"] ?? 0) - (counts["recorded"] ?? 0), 0);
  if (!redisWasEmptied) {
    expect("the counter accepted", counts["accepted"] ?? 0, recorded);
    for (const status of ["completed", "failed", "cancelled"])
      expect(`the counter ${status}`, counts[status] ?? 0, byStatus[status] ?? 0);
  }
  const [replica] = alive;
  if (replica) {
    const { body } = await call(`${replica.url}/api/v1/stats`, "GET");
    if (body["unaccounted"] !== 0)
      faults.push(`/api/v1/stats says that ${String(body["unaccounted"])} jobs are unaccounted for`);
  }
  return faults;
}
