/**
 * Reconciles Redis, Postgres and the counters of a running system.
 *
 *   walk over all jobs, page by page ─▶ candidates ─▶ pause, check again ─▶ pause, check again ─▶ inconsistencies
 *
 * One script's answer shows one instant, so a contradiction within it is certain. Two answers may differ because a job
 * moved between them, so such a contradiction is reported only if both later checks find it again. Pages and a limited
 * number of candidates bound the memory.
 */
import { setTimeout as pause } from "node:timers/promises";
import { DAY_MS } from "../core/time.ts";
import type { Audit, AuditCounts } from "../queue/audit.ts";
import type { JobSnapshot } from "../queue/snapshot.ts";
import { inconsistencyOf, stateOf } from "../queue/snapshot.ts";
import type { StoredJobs } from "../results/stored-jobs.ts";
import { lostAccepted } from "./acceptance-check.ts";
import type { StatusCounts } from "./counts-check.ts";
import { contradictions, isSame, miscounts } from "./counts-check.ts";
import { flowInconsistencies } from "./flow-check.ts";
import { historyInconsistencies } from "./history-check.ts";
import type { Inconsistencies, Inconsistency } from "./inconsistency.ts";
import { stillThere } from "./inconsistency.ts";
import { stillUnindexed, unindexedJobs } from "./index-check.ts";
import { overdueEntries } from "./overdue.ts";
import type { ScheduleCheckOptions } from "./schedule-check.ts";
import { scheduleInconsistencies } from "./schedule-check.ts";

/** Further candidates are counted but not checked again. */
const MAX_CANDIDATES = 10_000;
const PAGE = 500;
const NONE: Inconsistencies = new Map();

export interface VerificationOptions {
  readonly audit: Audit;
  readonly storedJobs: StoredJobs;
  readonly schedules: ScheduleCheckOptions["schedules"];
  /** The generation of the queue that Postgres stores. */
  readonly namespace: string;
  readonly leaseMs: number;
  readonly retentionDays: number;
  /** The pause before each later check. */
  readonly pauseMs: number;
}

export interface Verification {
  readonly jobCounts: AuditCounts;
  /** The number of jobs in Redis that were checked. */
  readonly jobsSeen: number;
  /** The number of rows in Postgres. */
  readonly rows: number;
  readonly inconsistencies: readonly Inconsistency[];
  /** The number of candidates beyond the limit, which were not checked again. */
  readonly unexamined: number;
  /** Other observations, as sentences for the operator. */
  readonly notes: readonly string[];
}

/** @throws QueueUnavailable, OutcomeUnknown or pg's error if Redis or Postgres fails during the check */
export async function verify(options: VerificationOptions): Promise<Verification> {
  const before = await options.audit.jobCounts();
  const walk = await walkOver(options);
  const { inconsistencies: ofRows, rows, notes } = await compareRows(options, before);
  const jobCounts = await options.audit.jobCounts();
  const ofHistory = await historyInconsistencies(options.storedJobs, options.retentionDays, jobCounts.now);
  const candidates: Inconsistencies = new Map([
    ...walk.candidates,
    ...contradictions(jobCounts),
    ...(await overdueEntries(options)),
  ]);
  const inconsistencies = await afterTwoChecks(options, candidates, () => checkAgain(options, candidates));
  const lost = await afterTwoChecks(options, await lostAccepted(options), () => lostAccepted(options));
  const unindexed = await unindexedJobs(options.audit);
  const leftOut = await afterTwoChecks(options, unindexed, () => stillUnindexed(options.audit, unindexed));
  const ofSchedules = await afterTwoChecks(options, await scheduleInconsistencies(options), () =>
    scheduleInconsistencies(options),
  );
  const ofFlows = await afterTwoChecks(options, await flowInconsistencies(options), () => flowInconsistencies(options));
  const miscounted = await afterTwoChecks(
    options,
    walk.miscounts ?? NONE,
    async () => (await walkOver(options)).miscounts ?? NONE,
  );
  if (!walk.miscounts)
    notes.push("Jobs came or went meanwhile: the counters were compared with the sets, and not with each job.");
  return {
    jobCounts,
    jobsSeen: walk.seen,
    rows,
    inconsistencies: [
      ...[inconsistencies, lost, leftOut, ofSchedules, ofFlows, miscounted].flatMap((found) => [...found.values()]),
      ...ofRows,
      ...ofHistory,
    ],
    unexamined: walk.unexamined,
    notes,
  };
}

async function afterTwoChecks(
  { pauseMs }: VerificationOptions,
  candidates: Inconsistencies,
  check: () => Promise<Inconsistencies>,
): Promise<Inconsistencies> {
  let left = candidates;
  for (let checks = 0; checks < 2 && left.size > 0; checks += 1) {
    await pause(pauseMs);
    left = stillThere(left, await check());
  }
  return left;
}

async function checkAgain(options: VerificationOptions, inconsistencies: Inconsistencies): Promise<Inconsistencies> {
  const found: Inconsistencies = new Map([
    ...contradictions(await options.audit.jobCounts()),
    ...(await overdueEntries(options)),
  ]);
  const ids = [...inconsistencies.values()].flatMap(({ id }) => (id === null ? [] : [id]));
  for (let at = 0; at < ids.length; at += PAGE) {
    const snapshots = await options.audit.inspect(ids.slice(at, at + PAGE));
    for (const [id, inconsistency] of await inconsistenciesAmong(options, snapshots)) found.set(id, inconsistency);
  }
  return found;
}

async function inconsistenciesAmong(
  { storedJobs }: VerificationOptions,
  snapshots: readonly JobSnapshot[],
): Promise<Inconsistencies> {
  const inconsistencies: Inconsistencies = new Map();
  const unfinished = new Map<string, string>();
  for (const snapshot of snapshots) {
    const inconsistency = inconsistencyOf(snapshot);
    const status = stateOf(snapshot)?.status ?? "";
    if (inconsistency) inconsistencies.set(snapshot.id, { ...inconsistency, id: snapshot.id });
    else if (["waiting", "queued", "scheduled", "retrying", "running"].includes(status))
      unfinished.set(snapshot.id, status);
  }
  for (const id of await storedJobs.among([...unfinished.keys()])) {
    inconsistencies.set(id, {
      kind: "recorded_and_live",
      id,
      text: `is ${unfinished.get(id) ?? ""} in Redis, and Postgres has its outcome`,
    });
  }
  return inconsistencies;
}

interface Walk {
  readonly seen: number;
  readonly candidates: Inconsistencies;
  readonly unexamined: number;
  /** Undefined if jobs came or went during the walk, because then it cannot be compared with the counters. */
  readonly miscounts: Inconsistencies | undefined;
}

/** Checks each job in Redis once. */
async function walkOver(options: VerificationOptions): Promise<Walk> {
  const { audit } = options;
  const before = await audit.jobCounts();
  const statusCounts: StatusCounts = new Map();
  const candidates: Inconsistencies = new Map();
  let [seen, unexamined] = [0, 0];
  const check = async (ids: readonly string[]): Promise<void> => {
    if (ids.length === 0) return;
    const snapshots = await audit.inspect(ids);
    seen += count(snapshots, statusCounts);
    for (const [id, inconsistency] of await inconsistenciesAmong(options, snapshots)) {
      if (candidates.size < MAX_CANDIDATES) candidates.set(id, inconsistency);
      else unexamined += 1;
    }
  };
  for await (const ids of audit.strangers()) await check(ids);
  for await (const ids of audit.liveIds()) await check(ids);
  const after = await audit.jobCounts();
  return {
    seen,
    candidates,
    unexamined,
    miscounts: isSame(before, after) ? miscounts(after, statusCounts) : undefined,
  };
}

/** @returns the number of ids that belong to jobs */
function count(snapshots: readonly JobSnapshot[], statusCounts: StatusCounts): number {
  let jobs = 0;
  for (const snapshot of snapshots) {
    const state = stateOf(snapshot);
    if (!snapshot.isLive || !state) continue;
    jobs += 1;
    const key = `${state.status}:${state.type}`;
    statusCounts.set(key, (statusCounts.get(key) ?? 0) + 1);
  }
  return jobs;
}

/** Checks that each job counted as recorded has a row, unless retention may have dropped rows. */
async function compareRows(
  { audit, storedJobs, retentionDays }: VerificationOptions,
  before: AuditCounts,
): Promise<{ inconsistencies: Inconsistency[]; rows: number; notes: string[] }> {
  const recorded = (jobCounts: AuditCounts): number =>
    jobCounts.types.reduce((total, type) => total + type.recorded, 0);
  const { rows, since } = await storedJobs.total();
  const after = await audit.jobCounts();
  const inconsistencies: Inconsistency[] = [];
  const notes: string[] = [];
  if (rows < recorded(before)) {
    const text = `Postgres has ${rows} rows, but ${recorded(before)} jobs were recorded`;
    if (after.now - since < retentionDays * DAY_MS)
      inconsistencies.push({ kind: "books", id: null, text: `${text}, none of which is past its retention` });
    else notes.push(`${text}: retention has dropped the others.`);
  } else if (rows > recorded(after) + after.outbox) {
    notes.push(
      `Postgres has ${rows} rows, but this Redis has counted ${recorded(after)} as recorded: Redis was emptied once, or is not the only one that records there.`,
    );
  }
  return { inconsistencies, rows, notes };
}
