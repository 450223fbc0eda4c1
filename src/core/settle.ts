/**
 * What follows from an attempt: the one place that decides completed, retry or failed.
 *
 * There are three separate budgets. Failures spend attempts, up to `maxAttempts`. Lost leases spend crashes: a job that
 * kills its process must stop doing so, and a job that a deploy killed must not pay with an attempt. Requests of the
 * other end to come back later spend deferrals. A job that only waits for its turn, under a limit of this side, spends
 * none: otherwise it would fail for being far back in a queue.
 */
import type { Backoff } from "./backoff.ts";
import { delayAfter } from "./backoff.ts";
import type { AttemptRecord, Job, JobError } from "./job.ts";

/** Lost leases that a job survives; one more fails it. */
export const CRASH_BUDGET = 3;
/** Up to this many retries, within this time of the first attempt, do not count as attempts; further ones do. */
export const DEFERRAL_BUDGET = 50;
export const DEFERRAL_WINDOW_MS = 24 * 3_600_000;
/** A wait that a type asks for is clamped to these bounds: a sooner retry would find nothing changed. */
const MIN_RETRY_AFTER_MS = 100;
const MAX_RETRY_AFTER_MS = 24 * 3_600_000;
/**
 * The least wait after an attempt that ended its pool thread, doubled with each attempt: starting a thread takes about
 * a second of CPU, which a short timeout with a short backoff would take from all other jobs of the lane.
 */
const AFTER_THREAD_MS = 1_000;
const MAX_AFTER_THREAD_MS = 60_000;
/** The longest wait: a type's own backoff may return more. */
const MAX_WAIT_MS = 365 * 24 * 3_600_000;
/** A longer message helps no reader, and would be stored as long as the job. */
const MAX_MESSAGE_LENGTH = 2_000;
const MAX_CODE_LENGTH = 100;

/** How an attempt ended, before its verdict. `result` is JSON. `hasSaved`: its handler had saved its state. */
export type AttemptEnd = { readonly hasSaved?: true } & AttemptEndKind;
type AttemptEndKind =
  | { readonly kind: "returned"; readonly result: string }
  | {
      readonly kind: "threw";
      readonly code: string;
      readonly message: string;
      readonly isPermanent: boolean;
      /** Retry after this wait; not counted. */
      readonly retryAfterMs?: number;
      /** With `retryAfterMs`: nothing was tried, the job waits for its turn here. */
      readonly waitsForTurn?: true;
      /** Counted; no retry before this wait is over. */
      readonly atLeastMs?: number;
      /** JSON, for the next attempt. */
      readonly state?: string;
      readonly endedThread?: true;
    }
  /** `endedThread`: its pool thread ended too, and another has to be started. */
  | { readonly kind: "timeout"; readonly timeoutMs: number; readonly endedThread?: true }
  | { readonly kind: "lost" }
  | { readonly kind: "expired" }
  | { readonly kind: "cancelled" }
  | { readonly kind: "released" };

/** The job's counters after a verdict. */
export interface Counters {
  readonly attempt: number;
  readonly crashes: number;
  readonly deferrals: number;
}

export type Verdict = Counters &
  (
    | { readonly kind: "completed"; readonly result: string }
    | {
        readonly kind: "retry";
        readonly runAt: number;
        readonly error: JobError;
        readonly record: "retry" | "lost";
        readonly state?: string;
        readonly waitsForTurn?: true;
      }
    | { readonly kind: "failed"; readonly error: JobError }
    | { readonly kind: "cancelled" }
    | { readonly kind: "released" }
  );

/**
 * @param job as claimed: `attempt` counts the attempt that has ended, `crashes` a lease that was lost
 * @param backoff the job's own, or its type's
 * @param now epoch ms, Redis's
 * @param random a number in [0, 1)
 */
export function settle(job: Job, end: AttemptEnd, backoff: Backoff, now: number, random: number): Verdict {
  // An attempt that ran and ended, or saved its state, shows that the job does not kill its process. One that was put
  // off, or never began, does not.
  const spent: Counters = { attempt: job.attempt, crashes: 0, deferrals: job.deferrals };
  const untried: Counters = { ...spent, crashes: end.hasSaved ? 0 : job.crashes };
  const refunded = Math.max(0, job.attempt - 1);
  switch (end.kind) {
    case "returned": // nearly all attempts: no spread, for speed
      return { kind: "completed", result: end.result, attempt: job.attempt, crashes: 0, deferrals: job.deferrals };
    case "cancelled":
      return { kind: "cancelled", ...spent };
    case "released":
      return { kind: "released", ...untried, attempt: refunded };
    case "expired":
      return {
        kind: "failed",
        error: errorOf("expired", "not started by expires_at", refunded),
        ...untried,
        attempt: refunded,
      };
    case "lost":
      return settleLost(job, refunded, now);
    case "timeout":
      return retryOrFail(
        job,
        errorOf("timeout", `still running after ${end.timeoutMs} ms`, job.attempt),
        spent,
        backoff,
        now,
        random,
        afterThread(job, end),
      );
    case "threw": {
      const error = errorOf(end.code, end.message, job.attempt);
      if (end.isPermanent) return { kind: "failed", error, ...spent };
      if (end.retryAfterMs === undefined) {
        const verdict = retryOrFail(
          job,
          error,
          spent,
          backoff,
          now,
          random,
          Math.max(Math.min(end.atLeastMs ?? 0, MAX_RETRY_AFTER_MS), afterThread(job, end)),
        );
        return verdict.kind === "retry" && end.state !== undefined ? { ...verdict, state: end.state } : verdict;
      }
      const asked = Math.min(Math.max(end.retryAfterMs, MIN_RETRY_AFTER_MS), MAX_RETRY_AFTER_MS);
      // NaN: an invalid date, for example
      const runAt = retryAt(now, Number.isNaN(asked) ? delayAfter(job.attempt, backoff, random) : asked);
      if (end.waitsForTurn)
        return { kind: "retry", runAt, error, record: "retry", waitsForTurn: true, ...untried, attempt: refunded };
      if (isDeferrable(job, now))
        return {
          kind: "retry",
          runAt,
          error,
          record: "retry",
          ...untried,
          attempt: refunded,
          deferrals: job.deferrals + 1,
        };
      return job.attempt < job.maxAttempts
        ? { kind: "retry", runAt, error, record: "retry", ...untried }
        : { kind: "failed", error, ...untried };
    }
    default:
      return end satisfies never;
  }
}

function afterThread({ attempt }: Job, { endedThread }: { readonly endedThread?: true }): number {
  return endedThread ? Math.min(AFTER_THREAD_MS * 2 ** Math.min(attempt - 1, 30), MAX_AFTER_THREAD_MS) : 0;
}

/** Redis stores whole milliseconds, in 13 digits. */
function retryAt(now: number, waitMs: number): number {
  return now + Math.ceil(Math.min(waitMs, MAX_WAIT_MS));
}

function isDeferrable({ deferrals, history }: Job, now: number): boolean {
  if (deferrals === 0) return true;
  if (deferrals >= DEFERRAL_BUDGET) return false;
  const first = history
    .map((text) => JSON.parse(text) as AttemptRecord)
    .find(({ waits_for_turn: waitsForTurn }) => !waitsForTurn);
  return now - (first?.started_at ?? now) < DEFERRAL_WINDOW_MS;
}

function settleLost(job: Job, refunded: number, now: number): Verdict {
  const error = errorOf("lost", "the replica that ran it died, or lost its connection to Redis", job.attempt);
  const counters: Counters = { attempt: refunded, crashes: job.crashes, deferrals: job.deferrals };
  if (job.isCancelRequested) return { kind: "cancelled", ...counters };
  if (job.crashes > CRASH_BUDGET) return { kind: "failed", error, ...counters };
  return { kind: "retry", runAt: now, error, record: "lost", ...counters };
}

function retryOrFail(
  job: Job,
  error: JobError,
  spent: Counters,
  backoff: Backoff,
  now: number,
  random: number,
  atLeastMs = 0,
): Verdict {
  if (job.attempt >= job.maxAttempts) return { kind: "failed", error, ...spent };
  return {
    kind: "retry",
    runAt: retryAt(now, Math.max(atLeastMs, delayAfter(job.attempt, backoff, random))),
    error,
    record: "retry",
    ...spent,
  };
}

function errorOf(code: string, message: string, attempt: number): JobError {
  return { code: shortened(code, MAX_CODE_LENGTH), message: shortened(message, MAX_MESSAGE_LENGTH), attempt };
}

function shortened(text: string, length: number): string {
  return text.length > length ? `${text.slice(0, length)}…` : text;
}
