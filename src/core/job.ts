/**
 * A job and its life.
 *
 *   waiting ──what it waits for has ended──▶ scheduled or queued
 *   scheduled ──due──▶ queued ──claim──▶ running ──settle──▶ completed | failed | cancelled
 *                        ▲                  │
 *                        └──due── retrying ◀┘ retry
 *
 * The set that contains a job in Redis gives its status; a terminal job is in the outbox until Postgres has stored its
 * row.
 */
import type { Backoff } from "./backoff.ts";
import type { FlowMember } from "./flows/flow.ts";
import type { Payload } from "./payload.ts";
import type { RatePolicy } from "./rate-policy.ts";

const LIVE_STATUSES = ["waiting", "scheduled", "queued", "running", "retrying"] as const;
export const TERMINAL_STATUSES = ["completed", "failed", "cancelled"] as const;
export const STATUSES = [...LIVE_STATUSES, ...TERMINAL_STATUSES] as const;
export type TerminalStatus = (typeof TERMINAL_STATUSES)[number];
export type Status = (typeof STATUSES)[number];

/** Whether a job with this status has finished: the status does not change again. */
export function isFinished(status: string): status is TerminalStatus {
  return (TERMINAL_STATUSES as readonly string[]).includes(status);
}

export type Durability = "redis" | "postgres";

/**
 * The options of a submission beyond type, payload and priority, under the names of the API. An option that was not
 * given is absent.
 */
export interface JobOptions {
  /** Epoch milliseconds: start no earlier. */
  readonly run_at?: number;
  /** Epoch milliseconds: fail as `expired` when it has not started by then. */
  readonly expires_at?: number;
  readonly timeout_ms?: number;
  readonly backoff?: Backoff;
  readonly tags?: readonly string[];
  readonly callback_url?: string;
  readonly durability?: Durability;
  readonly retry_of?: string;
  /**
   * The id of the API key that submitted it; no answer shows it. Absent if no key was needed, and from jobs of
   * earlier versions.
   */
  readonly api_key?: string;
  /** How often the job was updated, so that no two of its submissions are equal; no answer shows it. */
  readonly revision?: number;
  /** Of a job that enqueues others: the key that pays for those. Only this program sets it, and no answer shows it. */
  readonly payer?: Payer;
  /** The tick of a schedule that submitted it. Only this program sets it. */
  readonly schedule?: ScheduleTick;
  /** The flow that it belongs to. Only this program sets it. */
  readonly flow?: FlowMember;
  /**
   * In the row of a job whose payload had references: the payload before they were resolved, as JSON. A retry of its
   * flow resolves it again.
   */
  readonly template?: string;
}

/** The tick that submitted a job. */
export interface ScheduleTick {
  /** The schedule's name. */
  readonly name: string;
  /** Epoch ms: the time of the tick, not that of the job's start. */
  readonly tick: number;
}

/** The API key whose quotas jobs are charged to. */
export interface Payer {
  /** Its id. */
  readonly key: string;
  /** Its own quota of jobs; absent if the installation's quota applies. */
  readonly quota?: RatePolicy;
}

/** A submission, parsed, checked, and with its type's defaults filled in: all of a job except its id. */
export interface Submission {
  readonly type: string;
  /** The submitted JSON in one line. Only the replica that runs the job parses it. */
  readonly payload: Payload;
  /** 0 to 9, higher first. */
  readonly priority: number;
  readonly maxAttempts: number;
  readonly groupKey: string | null;
  readonly options: JobOptions;
}

export interface JobError {
  readonly code: string;
  readonly message: string;
  /** The number of the attempt that failed. */
  readonly attempt: number;
}

/** How one attempt ended. */
export type AttemptOutcome = TerminalStatus | "retry" | "lost" | "released";

/** Diagnostics of an attempt beside its outcome, if it left any. */
export interface AttemptDiagnostics {
  /** The pool thread that it ran on (lane `cpu`). */
  readonly thread?: number;
  /** The log lines of its handler, capped. */
  readonly log?: readonly string[];
}

/**
 * The record of one ended attempt; the last of a finished job is its outcome. Times are epoch milliseconds, Redis's.
 */
export interface AttemptRecord extends AttemptDiagnostics {
  readonly attempt: number;
  readonly outcome: AttemptOutcome;
  /** Null if a job ended without an attempt (cancelled while it waited). */
  readonly worker: string | null;
  readonly started_at: number | null;
  readonly finished_at: number;
  readonly result?: unknown;
  readonly error?: JobError;
  /** Where another attempt follows: when it may start. */
  readonly next_at?: number;
  /** The job waits for its turn: nothing was tried. One record covers all such waits in a row. */
  readonly waits_for_turn?: true;
  /**
   * The state that a failed attempt left for the next one ({@link RetryableError.state}): JSON in a string, so that its
   * names are not taken for those of the record.
   */
  readonly state?: string;
}

/** A job as Redis stores it. */
export interface Job extends Submission {
  readonly id: string;
  readonly status: Status;
  /** Counted attempts, the running one included. */
  readonly attempt: number;
  /** Leases lost: what the crash budget is spent on. */
  readonly crashes: number;
  /** Retries that were not counted (the other end asked to come back later). */
  readonly deferrals: number;
  readonly isCancelRequested: boolean;
  /** 0 to 100, or null when the attempt has reported none. */
  readonly progress: number | null;
  /** When the latest attempt was claimed, and by whom; null before the first. */
  readonly startedAt: number | null;
  readonly worker: string | null;
  /** The claim that the lease belongs to: with `worker`, its token. */
  readonly claimSeq: number;
  /** One JSON text for each attempt that has ended, oldest first ({@link AttemptRecord}). */
  readonly history: readonly string[];
  /** The state that its handler saved, if no later record has a state: a JSON text. */
  readonly saved?: string;
}

/** The terminal record of a job, as the recorder writes it to Postgres. */
export interface Outcome {
  readonly job: Submission & { readonly id: string };
  readonly status: TerminalStatus;
  /** JSON, or null. */
  readonly result: string | null;
  readonly error: JobError | null;
  readonly attempt: number;
  readonly worker: string | null;
  readonly startedAt: number | null;
  readonly finishedAt: number;
  /**
   * The records that the other fields do not cover: those of the attempts before the last, oldest first, and that of
   * the last if it left diagnostics. JSON; empty for most jobs.
   */
  readonly records: readonly string[];
  /** The recorder must not forget the job in Redis: a sweep does so later (queue/lua/cancel.lua). */
  readonly staysInRedis?: true;
}

/**
 * The job that delivers an outcome to a callback URL. Its id follows from the id of the ended job, so that it is
 * enqueued once.
 */
export interface Callback {
  readonly id: string;
  readonly submission: Submission;
}

/** The callback of an outcome, if the submission asked for one. */
export type CallbackOf = (outcome: Outcome) => Callback | undefined;

/** A job as the API shows it, wherever it lives. `result` is JSON. */
export interface JobView {
  readonly id: string;
  readonly type: string;
  readonly status: Status;
  readonly priority: number;
  readonly durability: Durability;
  readonly group_key: string | null;
  readonly payload: Payload;
  readonly result: string | null;
  readonly error: JobError | null;
  readonly attempt: number;
  readonly max_attempts: number;
  readonly progress: number | null;
  readonly tags: readonly string[];
  readonly retry_of: string | null;
  /** The tick of a schedule that submitted it. */
  readonly schedule: ScheduleTick | null;
  /** The flow that it belongs to; null for none, and for a job of a batch that was submitted as such. */
  readonly flow_id: string | null;
  /** The batch that it belongs to, if that was submitted as such. */
  readonly batch_id: string | null;
  /** The name of its node in the flow or batch. */
  readonly node: string | null;
  readonly worker: string | null;
  /** Epoch milliseconds, as all times here. */
  readonly run_at: number | null;
  readonly expires_at: number | null;
  readonly created_at: number;
  readonly started_at: number | null;
  readonly finished_at: number | null;
  /** When its payload, result, messages and logs were erased. */
  readonly erased_at: number | null;
}
