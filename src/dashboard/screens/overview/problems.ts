/** What is wrong, worst first, from the data that the overview has read anyway. */
import type { Destination, Health, Queue, Schedule, Worker } from "../../../client/taskflow.ts";
import { countOf, countText, durationText } from "../../parts/format.ts";

export interface Problem {
  /** Identifies the line while its numbers change. */
  readonly key: string;
  readonly severity: "error" | "warning";
  /** A sentence. */
  readonly text: string;
  /** The screen behind it. */
  readonly path: readonly string[];
  /** The filter text, where the screen is that of the jobs. */
  readonly q?: string;
}

/** Undefined for data that was not read yet, or cannot be read. */
export interface Observed {
  readonly health?: Health | undefined;
  readonly unaccounted?: number | undefined;
  readonly queues?: readonly Queue[] | undefined;
  /** The queues some seconds earlier. */
  readonly earlierQueues?: readonly Queue[] | undefined;
  readonly workers?: readonly Worker[] | undefined;
  readonly destinations?: readonly Destination[] | undefined;
  /** Schedules whose next tick is more than a minute overdue; not necessarily all of them. */
  readonly lateSchedules?: readonly Pick<Schedule, "name" | "next_run_at">[] | undefined;
  /** Failed jobs by type. */
  readonly failures?: { readonly lastHour: Counts; readonly yesterday: Counts } | undefined;
}

export type Counts = ReadonlyMap<string, number>;

const LONG_WAIT_MS = 60_000;
const FAILURES_FACTOR = 3;
const LEAST_FAILURES = 10;
/** More lines of one rule are summed up in one. */
const LINES_OF_RULE = 5;

interface Rule {
  readonly of: (observed: Observed) => readonly Problem[];
  /** The sentence for the lines beyond the first ones. */
  readonly more: (count: number) => string;
}

/** The worst first. */
const RULES: readonly Rule[] = [
  { of: servicesAway, more: (count) => `${countOf(count, "more service")} away.` },
  { of: unaccounted, more: () => "" },
  { of: withoutReplica, more: (count) => `${countOf(count, "more type")} without a replica.` },
  { of: pausedQueues, more: (count) => `${countOf(count, "more queue")} paused.` },
  { of: longWaits, more: (count) => `${countOf(count, "more queue")} with a long and growing wait.` },
  { of: lateSchedules, more: () => "More schedules are late." },
  { of: suspendedHosts, more: (count) => `${countOf(count, "more host")} suspended.` },
  { of: manyFailures, more: (count) => `${countOf(count, "more type")} with three times yesterday's failures.` },
];

export function problemsOf(all: Observed): Problem[] {
  // without Redis, the other data is old
  const observed = all.health && all.health.checks.redis.status !== "ok" ? { health: all.health } : all;
  return RULES.flatMap(({ of, more }) => {
    const lines = of(observed);
    const [first] = lines;
    if (!first || lines.length <= LINES_OF_RULE) return lines;
    const { severity, path } = first;
    const screen = path.slice(0, 1);
    const rest = { key: `${first.key} …`, severity, text: more(lines.length - LINES_OF_RULE), path: screen };
    return [...lines.slice(0, LINES_OF_RULE), rest];
  });
}

function servicesAway({ health }: Observed): Problem[] {
  if (!health) return [];
  const { redis, postgres } = health.checks;
  const line = (key: string, text: string): Problem => ({ key, severity: "error", text, path: ["replicas"] });
  const problems: Problem[] = [];
  if (redis.status !== "ok")
    problems.push(line("redis", "Redis does not answer: no jobs are accepted or started. The figures here are old."));
  if (postgres.status !== "ok")
    problems.push(
      line(
        "postgres",
        // with a latency, it has answered
        postgres.latency_ms === undefined
          ? "Postgres does not answer: finished jobs wait in Redis, and the history cannot be read."
          : "Postgres does not accept outcomes: finished jobs wait in Redis.",
      ),
    );
  return problems;
}

function unaccounted({ unaccounted: count = 0 }: Observed): Problem[] {
  if (count === 0) return [];
  const text =
    count > 0
      ? `${countOf(count, "accepted job is", "accepted jobs are")} unaccounted for. taskflow verify lists them.`
      : `${countOf(-count, "job is", "jobs are")} counted twice. taskflow verify lists them.`;
  return [{ key: "unaccounted", severity: "error", text, path: ["jobs"] }];
}

function withoutReplica({ queues, workers }: Observed): Problem[] {
  if (!queues || !workers) return [];
  const waiting = queues.filter(({ type, depth }) => depth > 0 && !isRun(type, workers)).sort(byDepth);
  const total = waiting.reduce((sum, { depth }) => sum + depth, 0);
  if (workers.length === 0 && waiting.length > 1)
    return [
      {
        key: "no replica",
        severity: "error",
        text: `No replica runs jobs: ${countOf(total, "job waits", "jobs wait")}.`,
        path: ["replicas"],
      },
    ];
  return waiting.map(({ type, depth }) => ({
    key: `no replica ${type}`,
    severity: "error",
    text: `No replica runs ${type}: ${countOf(depth, "job waits", "jobs wait")}.`,
    path: ["jobs"],
    q: `type:${type} status:queued`,
  }));
}

function pausedQueues({ queues = [] }: Observed): Problem[] {
  return queues
    .filter(({ state }) => state === "paused")
    .sort(byDepth)
    .map(({ type, paused_reason: reason, depth }) => ({
      key: `paused ${type}`,
      severity: "warning",
      text: `The queue ${type} is paused${reason === null ? "" : ` (${reason})`}: ${depth === 0 ? "no job waits" : countOf(depth, "job waits", "jobs wait")}.`,
      path: ["queues", type],
    }));
}

/** Long waits that no other line explains. Without earlier data, a long wait counts as growing. */
function longWaits({ queues = [], earlierQueues, workers = [] }: Observed): Problem[] {
  const earlier = new Map(earlierQueues?.map(({ type, oldest_wait_ms: wait }) => [type, wait ?? 0]));
  return queues
    .filter(
      ({ type, state, oldest_wait_ms: wait }) =>
        state === "active" &&
        isRun(type, workers) &&
        (wait ?? 0) > LONG_WAIT_MS &&
        (wait ?? 0) > (earlier.get(type) ?? 0),
    )
    .sort((a, b) => (b.oldest_wait_ms ?? 0) - (a.oldest_wait_ms ?? 0))
    .map(({ type, oldest_wait_ms: wait }) => ({
      key: `wait ${type}`,
      severity: "warning",
      text: `The next job of ${type} has waited for ${durationText(wait)}, and the wait grows.`,
      path: ["queues", type],
    }));
}

function lateSchedules({ lateSchedules: late = [] }: Observed): Problem[] {
  return late.map(({ name, next_run_at: tick }) => ({
    key: `late ${name}`,
    severity: "warning",
    text: `The schedule ${name} is late: its tick of ${tick?.slice(0, 19) ?? ""}Z is not decided.`,
    path: ["schedules", name],
  }));
}

function suspendedHosts({ destinations = [] }: Observed): Problem[] {
  return destinations
    .filter(({ state }) => state === "open")
    .sort((a, b) => b.waiting - a.waiting || a.host.localeCompare(b.host))
    .map(({ host, consecutive_failures: count }) => ({
      key: `host ${host}`,
      severity: "warning",
      text: `${host} is suspended after ${countOf(count, "failure")} in a row.`,
      path: ["destinations"],
    }));
}

function manyFailures({ failures }: Observed): Problem[] {
  if (!failures) return [];
  const { lastHour, yesterday } = failures;
  const isMany = (count: number, before: number): boolean =>
    count >= LEAST_FAILURES && count >= FAILURES_FACTOR * before;
  const line = (key: string, count: number, before: number, type?: string): Problem => ({
    key,
    severity: "warning",
    text:
      `${countOf(count, "job")}${type === undefined ? "" : ` of ${type}`} failed in the last hour, ` +
      `${countText(before)} in the same hour yesterday.`,
    path: ["jobs"],
    q: `${type === undefined ? "" : `type:${type} `}status:failed finished-since:1h`,
  });
  const types = [...lastHour]
    .filter(([type, count]) => isMany(count, yesterday.get(type) ?? 0))
    .sort(([a, x], [b, y]) => y - x || a.localeCompare(b));
  if (types.length > 0)
    return types.map(([type, count]) => line(`failures ${type}`, count, yesterday.get(type) ?? 0, type));
  const [count, before] = [sumOf(lastHour), sumOf(yesterday)];
  return isMany(count, before) ? [line("failures", count, before)] : [];
}

function sumOf(counts: Counts): number {
  return [...counts.values()].reduce((sum, count) => sum + count, 0);
}

/** A draining replica claims no more jobs. */
function isRun(type: string, workers: readonly Worker[]): boolean {
  return workers.some(({ types, draining }) => !draining && (types[type]?.limit ?? 0) > 0);
}

function byDepth(a: Queue, b: Queue): number {
  return b.depth - a.depth || a.type.localeCompare(b.type);
}
