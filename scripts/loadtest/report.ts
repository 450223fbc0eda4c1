/** Computes the figures and problems of a run, and formats them. */
import { plainTable } from "../../src/cli/text-table.ts";
import type { Entry, JobCounts } from "./accounting.ts";
import type { PeerCounts } from "./peer-process.ts";
import type { PhaseResult } from "./phase.ts";
import type { Statistics } from "./statistics.ts";
import { statisticsOf } from "./statistics.ts";

interface TypeRow {
  readonly type: string;
  readonly ended: number;
  readonly completed: number;
  readonly failed: number;
  readonly cancelled: number;
  /** Attempts beyond the first of each job. */
  readonly retries: number;
}

export interface Report {
  readonly jobs_per_minute: number;
  readonly burst: PhaseReport;
  /** Null if the phase was omitted. */
  readonly paced: PhaseReport | null;
  readonly types: readonly TypeRow[];
  readonly completion_rate: number;
  readonly jobCounts: {
    readonly source: JobCounts["source"];
    readonly submitted: number;
    readonly completed: number;
    readonly failed: number;
    readonly cancelled: number;
    readonly missing: number;
    readonly rejected: number;
  };
  readonly peers: Omit<PeerCounts, "kind">;
  /** The reasons why the run did not pass; empty if it passed. */
  readonly problems: readonly string[];
}

interface PhaseReport {
  readonly jobs: number;
  readonly seconds: number;
  readonly submit_ms: Statistics | null;
  readonly pickup_ms: Statistics | null;
}

const LEAST_COMPLETION_RATE = 0.995;
const MOST_MEAN_PICKUP_MS = 100;

export interface Run {
  readonly burst: PhaseResult;
  readonly paced: PhaseResult | null;
  readonly source: JobCounts["source"];
  readonly peers: PeerCounts;
}

export function makeReport({ burst, paced, source, peers }: Run): Report {
  const phases = paced === null ? [burst] : [burst, paced];
  const entries = phases.flatMap((phase) => phase.entries);
  const acceptedIds = phases.flatMap(({ submissions }) => submissions.acceptedIds);
  const ended = new Set(entries.map(({ id }) => id));
  const count = (status: string) => entries.filter((entry) => entry.status === status).length;
  const rejected = phases
    .flatMap(({ submissions }) => [...submissions.rejected.values()])
    .reduce((sum, n) => sum + n, 0);
  const missing = acceptedIds.filter((id) => !ended.has(id)).length;
  const jobCounts = {
    source,
    submitted: acceptedIds.length,
    completed: count("completed"),
    failed: count("failed"),
    cancelled: count("cancelled"),
    missing,
    rejected,
  };
  const burstReport = phaseReport(burst);
  const report = {
    jobs_per_minute: burst.seconds > 0 ? Math.round((burst.entries.length * 60) / burst.seconds) : 0,
    burst: burstReport,
    paced: paced === null ? null : phaseReport(paced),
    types: typeRows(entries),
    completion_rate: acceptedIds.length === 0 ? 0 : jobCounts.completed / acceptedIds.length,
    jobCounts,
    peers: { mails: peers.mails, webhooks: peers.webhooks, images: peers.images },
  };
  return { ...report, problems: problemsOf(report, entries.length) };
}

function phaseReport({ submissions, entries, seconds }: PhaseResult): PhaseReport {
  const pickupMs = entries.flatMap((entry) => entry.pickupMs ?? []);
  return {
    jobs: submissions.acceptedIds.length,
    seconds,
    submit_ms: statisticsOf(submissions.submitMs),
    pickup_ms: statisticsOf(pickupMs),
  };
}

function typeRows(entries: readonly Entry[]): TypeRow[] {
  const types = [...new Set(entries.map(({ type }) => type))].sort();
  return types.map((type) => {
    const own = entries.filter((entry) => entry.type === type);
    const count = (status: string) => own.filter((entry) => entry.status === status).length;
    const retries = own.reduce((sum, { attempt }) => sum + Math.max(0, attempt - 1), 0);
    return {
      type,
      ended: own.length,
      completed: count("completed"),
      failed: count("failed"),
      cancelled: count("cancelled"),
      retries,
    };
  });
}

function problemsOf({ jobCounts, completion_rate, paced }: Omit<Report, "problems">, ended: number): string[] {
  const problems: string[] = [];
  if (jobCounts.rejected > 0) problems.push(`${jobCounts.rejected} submissions were rejected or not answered`);
  if (jobCounts.missing > 0) problems.push(`${jobCounts.missing} accepted jobs are missing`);
  // a submission without an answer in time may have been accepted
  if (ended > jobCounts.submitted - jobCounts.missing + jobCounts.rejected)
    problems.push(`${ended} jobs ended, of ${jobCounts.submitted} accepted`);
  if (completion_rate < LEAST_COMPLETION_RATE)
    problems.push(`${percent(completion_rate)} completed, less than ${percent(LEAST_COMPLETION_RATE)}`);
  const pickup = paced?.pickup_ms?.mean ?? 0;
  if (pickup > MOST_MEAN_PICKUP_MS)
    problems.push(`mean pickup is ${pickup.toFixed(1)} ms, over ${MOST_MEAN_PICKUP_MS} ms`);
  return problems;
}

function percent(share: number): string {
  return `${(share * 100).toFixed(2)} %`;
}

const NUMBERS = { isRight: (column: number): boolean => column > 0 };

/** Formats the report as text. */
export function reportText(report: Report): string {
  const { burst, paced, jobCounts, types, peers, problems } = report;
  const latencies = [
    ["burst: submit", burst.submit_ms],
    ["burst: pickup", burst.pickup_ms],
    ["paced: submit", paced?.submit_ms ?? null],
    ["paced: pickup", paced?.pickup_ms ?? null],
  ] as const;
  return [
    `${report.jobs_per_minute.toLocaleString("en")} jobs/min (${burst.jobs} jobs, ${burst.seconds.toFixed(2)} s from the first submission to the last ${jobCounts.source === "postgres" ? "committed row" : "ended job"})`,
    ...(paced === null ? [] : [`paced: ${paced.jobs} jobs in ${paced.seconds.toFixed(2)} s`]),
    "",
    plainTable(
      [
        ["latency, ms", "mean", "p50", "p95", "p99", "max"],
        ...latencies.flatMap(([name, s]) =>
          s === null ? [] : [[name, ...[s.mean, s.p50, s.p95, s.p99, s.max].map((ms) => ms.toFixed(1))]],
        ),
      ],
      NUMBERS,
    ),
    "",
    plainTable(
      [
        ["type", "ended", "completed", "failed", "cancelled", "retries", "rate"],
        ...types.map((row) => [
          row.type,
          ...[row.ended, row.completed, row.failed, row.cancelled, row.retries].map(String),
          percent(row.completed / row.ended),
        ]),
      ],
      NUMBERS,
    ),
    "",
    `jobs (${jobCounts.source}): ${jobCounts.submitted} submitted = ${jobCounts.completed} completed + ${jobCounts.failed} failed + ${jobCounts.cancelled} cancelled; ${jobCounts.missing} missing, ${jobCounts.rejected} rejected`,
    `peers: ${peers.mails} mails, ${peers.webhooks} webhooks, ${peers.images} image downloads`,
    "",
    problems.length === 0 ? "passed" : `FAILED: ${problems.join("; ")}`,
    "",
  ].join("\n");
}
