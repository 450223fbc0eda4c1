/** An attempt that has ended and is not settled yet: its record, and the outcome that follows. */
import { encodeRecord, latestAttempt, shortRecord, withoutResult } from "../core/attempt-record.ts";
import type { AttemptDiagnostics, AttemptOutcome, AttemptRecord, Job, Outcome } from "../core/job.ts";
import { resultOfCancelled } from "../core/operation-counts.ts";
import type { Verdict } from "../core/settle.ts";

/** Each claim of a job transfers its records: above this number of characters, no more log lines are added. */
const MAX_HISTORY_LENGTH = 256 * 1024;

export interface Ended {
  readonly job: Job;
  readonly verdict: Verdict;
  readonly finishedAt: number;
  /** The replica that ran the attempt (another replica settles a lost lease); null without an attempt. */
  readonly worker: string | null;
  readonly startedAt: number | null;
  readonly diagnostics: AttemptDiagnostics | undefined;
  /** The state that the attempt saved last; undefined if it has saved none. */
  readonly saved?: string | undefined;
  /** The job with the payload that ran, if its references were resolved. */
  readonly resolved?: Job | undefined;
  readonly isUnsettleable?: true;
}

export function outcomeName(verdict: Verdict): AttemptOutcome {
  return verdict.kind === "retry" ? verdict.record : verdict.kind;
}

export function fitting(diagnostics: AttemptDiagnostics, { history }: Job): AttemptDiagnostics {
  const length = history.reduce((sum, record) => sum + record.length, 0);
  return length <= MAX_HISTORY_LENGTH || diagnostics.log === undefined
    ? diagnostics
    : { ...diagnostics, log: ["… earlier attempts have filled this job's log"] };
}

/** A job far back in a queue may be sent back thousands of times before its turn: one record covers them all. */
function isReportedAlready({ job, verdict }: Ended): boolean {
  if (verdict.kind !== "retry" || !verdict.waitsForTurn) return false;
  const last = job.history.at(-1);
  return last !== undefined && (JSON.parse(last) as AttemptRecord).waits_for_turn === true;
}

/** One line of history, or "" if nothing is worth recording. */
export function recordOf(ended: Ended): string {
  const { job, verdict, finishedAt, worker, startedAt, diagnostics } = ended;
  if (verdict.kind === "completed" && diagnostics === undefined) return shortRecord(finishedAt, verdict.result);
  if (verdict.kind === "released" || isReportedAlready(ended)) return "";
  return encodeRecord({
    attempt: job.attempt,
    outcome: outcomeName(verdict),
    worker,
    started_at: startedAt,
    finished_at: finishedAt,
    ...(verdict.kind === "completed" && { result: verdict.result }),
    ...("error" in verdict && { error: verdict.error }),
    ...(verdict.kind === "retry" && { next_at: verdict.runAt, ...(verdict.waitsForTurn && { waits_for_turn: true }) }),
    ...diagnostics,
    ...("state" in verdict && { state: verdict.state }),
  });
}

/** The outcome of a terminal verdict; undefined for a verdict that makes the job wait again. */
export function outcomeOf(ended: Ended): Outcome | undefined {
  const { job, verdict, finishedAt, diagnostics, resolved } = ended;
  if (verdict.kind === "retry" || verdict.kind === "released") return undefined;
  const isTried = ended.startedAt !== null;
  const { worker, startedAt } = isTried ? ended : latestAttempt(job.history);
  return {
    job: resolved ?? job,
    status: verdict.kind,
    result: resultOf(ended),
    error: verdict.kind === "failed" ? verdict.error : null,
    attempt: verdict.attempt,
    worker,
    startedAt,
    finishedAt,
    records:
      diagnostics || (!isTried && job.history.length > 0)
        ? [...job.history, withoutResult(recordOf(ended))]
        : job.history,
  };
}

function resultOf({ job, verdict, saved = job.saved }: Ended): string | null {
  if (verdict.kind === "completed") return verdict.result;
  return verdict.kind === "cancelled" ? resultOfCancelled({ type: job.type, saved }) : null;
}
