/** Backfills on this replica: enqueues the jobs of past ticks, and records them in the history of their schedule. */
import { setImmediate as nextTurn } from "node:timers/promises";
import type { Submission } from "../../core/job.ts";
import type { Backfill, Backfills, Submitted } from "../../core/schedules/backfill.ts";
import type { ScheduleRun } from "../../core/schedules/schedule.ts";
import type { Schedules } from "../../core/schedules/schedules.ts";
import type { SubmissionRules } from "../../core/schedules/tick-job.ts";
import { submissionOf } from "../../core/schedules/tick-job.ts";
import { reasonOf } from "../../observability/reason.ts";
import { derivedId } from "../../queue/ids.ts";
import type { Queue } from "../../queue/queue.ts";
import type { DerivedJobsParts } from "../derived-jobs.ts";
import { enqueueCharged, neverEnqueued } from "../derived-jobs.ts";
import type { Quotas } from "../rerun-charges.ts";
import { burstOf, RerunCharges } from "../rerun-charges.ts";

/** How long the jobs of a call keep the event loop before other work gets its turn. */
const SLICE_MS = 4;

export interface BackfillsParts extends DerivedJobsParts, SubmissionRules {
  readonly queue: Pick<Queue, "missing" | "enqueue" | "readHeaders" | "take" | "clock">;
  readonly schedules: Pick<Schedules, "get" | "addRuns">;
  readonly quotas: Quotas;
}

export function backfillsOf(parts: BackfillsParts): Backfills {
  const charges = new RerunCharges(parts.queue, parts.quotas);
  return {
    find: (name) => parts.schedules.get(name),
    // more than the pace lets start at once would be made again and again
    submit: (backfill, ticks) => submit({ ...parts, charges }, backfill, ticks.slice(0, burstOf(backfill.rate))),
  };
}

interface TickJob {
  readonly tick: number;
  readonly id: string;
  /** The job, or why it is not valid (anymore). */
  readonly made: { readonly submission: Submission } | { readonly invalid: string };
}

async function submit(
  parts: BackfillsParts & { readonly charges: RerunCharges },
  backfill: Backfill,
  ticks: readonly number[],
): Promise<Submitted> {
  const payer = (await parts.queue.readHeaders([backfill.id]))[0]?.options.payer;
  const jobs = await jobsOf(parts, backfill, ticks, payer?.key ?? null);
  const never = new Set(
    await neverEnqueued(
      parts,
      jobs.map(({ id }) => id),
    ),
  );
  const wanted = jobs.flatMap(({ id, made }) => ("submission" in made && never.has(id) ? [{ id, ...made }] : []));
  const { granted, wait } = await enqueueCharged(parts, { id: backfill.id, rate: backfill.rate, payer }, wanted);
  const waiting = wait && wanted[granted];
  const examined = waiting ? jobs.findIndex(({ id }) => id === waiting.id) : jobs.length;
  const reached = jobs.slice(0, examined);
  const now = parts.queue.clock.now();
  await parts.schedules.addRuns(reached.map((job) => runOf(backfill, job, now)));
  const invalid = reached.flatMap(({ made }) => ("invalid" in made ? [made.invalid] : []));
  return { examined, done: examined - invalid.length, invalid: invalid[0], ...(waiting && { wait }) };
}

async function jobsOf(
  parts: BackfillsParts,
  backfill: Backfill,
  ticks: readonly number[],
  apiKey: string | null,
): Promise<TickJob[]> {
  const jobs: TickJob[] = [];
  let sliceAt = performance.now();
  for (const tick of ticks) {
    jobs.push({ tick, id: backfillIdOf(backfill, tick), made: jobOf(parts, backfill, tick, apiKey) });
    if (performance.now() - sliceAt < SLICE_MS) continue;
    await nextTurn();
    sliceAt = performance.now();
  }
  return jobs;
}

function jobOf(parts: BackfillsParts, backfill: Backfill, tick: number, apiKey: string | null): TickJob["made"] {
  const { name, definition, ticks } = backfill.schedule;
  const previousTick = ticks.last(Number.NEGATIVE_INFINITY, tick - 1);
  try {
    const made = submissionOf(definition, { name, tick, previousTick, apiKey }, parts);
    if ("issues" in made) return { invalid: made.issues.map(({ path, message }) => `${path} ${message}`).join("; ") };
    const { submission } = made;
    // the job waits from now on; its id has the time of the backfill
    return { submission: { ...submission, options: { run_at: parts.queue.clock.now(), ...submission.options } } };
  } catch (error) {
    return { invalid: reasonOf(error) }; // the check of a job type has thrown
  }
}

function runOf(
  { schedule: { id: schedule, name, version } }: Backfill,
  { tick, id, made }: TickJob,
  at: number,
): ScheduleRun {
  const run = { schedule, name, version, kind: "backfill", tick, at, ticks: 1 } as const;
  return "submission" in made
    ? { ...run, outcome: "fired", reason: null, jobId: id }
    : { ...run, outcome: "missed", reason: "invalid_job", jobId: null };
}

/** The id of the job of a tick, with the time and the shard of the job that performs the backfill. */
function backfillIdOf({ id }: Pick<Backfill, "id">, tick: number): string {
  return derivedId(id, `backfill ${id} ${tick}`);
}
