/**
 * The job counts of a scenario: compares the client's answers with Postgres, Redis and the side effects at the peers.
 */

import { call } from "./client.ts";
import type { Cluster } from "./cluster.ts";
import type { Entry, Ledger } from "./ledger.ts";
import { effectsSeen } from "./ledger.ts";
import type { Row } from "./postgres-view.ts";

export interface JobCounts {
  readonly accepted: number;
  /** Terminal records. */
  readonly recorded: number;
  /** The terminal records; empty if the caller needs only their number. */
  readonly rows: readonly Row[];
  /** Accepted jobs without a row. */
  readonly lost: number;
  /** More rows than submissions, or more side effects than attempts. */
  readonly doubled: number;
  /** Attempts that ended in a lost lease and were made again. */
  readonly repeated: number;
  /** Empty if every accepted job is accounted for. */
  readonly violations: readonly string[];
}

export interface CountsOptions {
  /** The scenario empties Redis, so that its counters start at zero. */
  readonly redisWasEmptied?: boolean;
  /** The peers follow a script of the scenario, which checks the side effects itself. */
  readonly peersAreFaulty?: boolean;
  /** An attempt may be repeated without a record of the first one, because Redis lost it. */
  readonly effectsMayRepeat?: boolean;
  /** There are too many rows to read, so Postgres counts them. */
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
  const violations: string[] = [];
  const violated = (what: string, names: readonly string[]): void => {
    if (names.length > 0) violations.push(`${what}: ${some(names)}`);
  };
  const byKey = new Map<string, number>();
  for (const { key } of rows) byKey.set(key ?? "", (byKey.get(key ?? "") ?? 0) + 1);
  const byId = new Map(rows.map((row) => [row.id, row]));
  const accepted = ledger.in("accepted");

  const lost = accepted.filter(({ id }) => !byId.has(id ?? ""));
  violated("accepted and lost", lost.map(label));
  const twice = [...byKey].filter(([key, count]) => count > 1 && ledger.entries.has(key)).map(([key]) => key);
  violated("more than one row of one submission", twice);
  violated(
    "rows without a submission",
    rows.filter(({ key }) => !ledger.entries.has(key ?? "")).map(({ id }) => id),
  );
  violated(
    "rejected, but run",
    ledger
      .in("rejected")
      .filter(({ key, hasUnknownTry }) => !hasUnknownTry && byKey.has(key))
      .map(label),
  );
  violated(
    "more attempts than allowed",
    rows.filter(({ attempt, max_attempts }) => attempt > max_attempts).map(({ id }) => id),
  );

  const excess = options.peersAreFaulty ? [] : checkEffects(cluster, rows, violated);
  if (!options.effectsMayRepeat) violated("more side effects than attempts", excess);
  const byStatus: Record<string, number> = {};
  for (const { status } of rows) byStatus[status] = (byStatus[status] ?? 0) + 1;
  violations.push(...(await checkRedis(cluster, rows.length, byStatus, options)));
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
    violations,
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
  const violations = await checkRedis(cluster, rows, byStatus, options);
  const lost = Math.max(0, accepted - keys);
  if (lost > 0) violations.push(`${lost} of ${accepted} accepted jobs are lost`);
  if (rows !== keys) violations.push(`${rows} rows of ${keys} submissions`);
  if (keys > accepted + ledger.count("unknown")) violations.push(`${keys} rows of ${accepted} accepted jobs`);
  if (sum((counts) => counts.over) > 0) violations.push("more attempts than allowed");
  return { accepted, recorded: rows, rows: [], lost, doubled: rows - keys, repeated: 0, violations };
}

function label({ key, type, id, detail }: Entry): string {
  return `${key} ${type} ${id ?? ""} ${detail}`.trim();
}

/** Checks that each completed job has a side effect. @returns the jobs with more side effects than attempts */
function checkEffects(
  { http, smtp }: Cluster,
  rows: readonly Row[],
  violated: (what: string, names: readonly string[]) => void,
): string[] {
  const seen = effectsSeen(http, smtp);
  const withEffects = rows.filter(({ type, key }) => (type === "webhook" || type === "email") && key !== null);
  const missing = withEffects.filter(({ key, status }) => status === "completed" && !seen.has(key ?? ""));
  const excess = withEffects.filter(({ key, earlier }) => (seen.get(key ?? "") ?? 0) > 1 + earlier.length);
  violated(
    "completed without a side effect",
    missing.map(({ id }) => id),
  );
  return excess.map(({ id, key }) => `${id} (${seen.get(key ?? "") ?? 0})`);
}

/** Checks that Redis has no jobs left and that its counters agree with the table. */
async function checkRedis(
  { redis, alive }: Cluster,
  recorded: number,
  byStatus: StatusCounts,
  { redisWasEmptied = false }: CountsOptions,
): Promise<string[]> {
  const [setSizes, keys, counts] = await Promise.all([redis.setSizes(), redis.jobKeys(), redis.counts()]);
  const violations: string[] = [];
  const expect = (name: string, got: number, wanted: number): void => {
    if (got !== wanted) violations.push(`${name} is ${got} in Redis, not ${wanted}`);
  };
  for (const [set, count] of Object.entries<number>({ ...setSizes })) expect(`the number of jobs in ${set}`, count, 0);
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
      violations.push(`/api/v1/stats says that ${String(body["unaccounted"])} jobs are unaccounted for`);
  }
  return violations;
}
