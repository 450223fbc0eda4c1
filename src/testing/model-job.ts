/**
 * /** A job in the model of the queue, and the order of its groups. A job's virtual time, given when it enters the
 * queue, is the greater of that of the last job taken from its bucket (a type and a priority) and that of its group's
 * last job, plus one.
 */
import { encodeSeq, NO_PROGRESS, REPLICA_LENGTH } from "../core/header.ts";
import type { Status } from "../core/job.ts";

/** The score of a job that is due, in the model and in Redis. */
export const PAST = 1;
/** The score for any future time by Redis's clock: the end of a lease, the ownership of an outbox entry. */
export const AHEAD = Number.MAX_SAFE_INTEGER;

export interface NewJob {
  readonly id: string;
  readonly type: string;
  readonly priority: number;
  readonly group: string;
  readonly tags: readonly string[];
  /** Bytes of its large payload, or 0. */
  readonly size: number;
  /** PAST, or epoch ms far ahead. */
  readonly runAt: number;
}

export interface ModelJob extends NewJob {
  priority: number;
  size: number;
  state: Status;
  attempt: number;
  crashes: number;
  deferrals: number;
  isCancelRequested: boolean;
  /** An attempt ended, and the job waited again. */
  isAttempted: boolean;
  progress: string;
  /** Replica and claim number of the last lease, as in the header. */
  token: string;
  /** The score in the one set that has the job. */
  score: number;
}

/** What changes of a job; an absent field does not change. */
export interface ModelUpdate {
  readonly id: string;
  readonly priority?: number;
  /** Any number is another payload. */
  readonly size?: number;
  /** PAST, or epoch ms far ahead. */
  readonly dueAt?: number;
}

/** The distance between the scores of two priorities. */
const BAND = 2 ** 48;
/** How far behind their turn poison candidates are, and jobs with large payloads: behind all others. */
const POISON_CANDIDATES = 10 * BAND;
const LARGE = 20 * BAND;

export const tokenOf = (replica: string, seq: number): string => replica + encodeSeq(seq);

export function modelJob(job: NewJob): ModelJob {
  return {
    ...job,
    state: "scheduled",
    attempt: 0,
    crashes: 0,
    deferrals: 0,
    isCancelRequested: false,
    isAttempted: false,
    progress: NO_PROGRESS,
    token: tokenOf("-".repeat(REPLICA_LENGTH), 0),
    score: job.runAt,
  };
}

/** Whether no replica has leased it. */
export const isUnclaimed = ({ token }: ModelJob): boolean => token === tokenOf("-".repeat(REPLICA_LENGTH), 0);

/** Whether it has lost two leases: of such jobs, a replica runs one at a time. */
export const isPoisonCandidate = ({ crashes }: ModelJob): boolean => crashes > 1;

/** The answer to a change of a job that does not wait; undefined for one that waits. */
export function notWaiting(job: ModelJob | undefined): string | undefined {
  if (!job) return "missing";
  if (job.state === "running") return "running";
  return ["queued", "scheduled", "retrying"].includes(job.state) ? undefined : "finished";
}

/** The count that a job in each state belongs to; queued jobs are counted by their set. */
export const COUNT_OF: Readonly<Record<Status, string>> = {
  waiting: "waiting",
  queued: "",
  scheduled: "scheduled",
  retrying: "retrying",
  running: "running",
  completed: "completed",
  failed: "failed",
  cancelled: "cancelled",
};

/** The range that a job waits in: 0 poison candidates, 1 large payloads, 2 all others. */
const rangeOf = (job: ModelJob): 0 | 1 | 2 => (isPoisonCandidate(job) ? 0 : job.size > 0 ? 1 : 2);
const OFFSET_OF_RANGE = [POISON_CANDIDATES, LARGE, 0] as const;

/** In the order of their turns; with the same score in the order of the ranges. */
export const byTurn = (a: ModelJob, b: ModelJob): number =>
  (a.score % POISON_CANDIDATES) - (b.score % POISON_CANDIDATES) || rangeOf(a) - rangeOf(b) || (a.id < b.id ? -1 : 1);

const scoreOf = (job: ModelJob, vtime: number): number =>
  (9 - job.priority) * BAND + vtime + OFFSET_OF_RANGE[rangeOf(job)];

const bucketOf = ({ type, priority }: NewJob): string => `${type}:${priority}`;

/** The virtual times of the groups of each bucket, which decide whose job is next. */
export class VirtualTimes {
  /** By bucket: the virtual time of each group's last job, as long as one of its jobs may wait before that. */
  readonly last = new Map<string, Map<string, number>>();
  /** By bucket: the highest virtual time of a job that was taken. */
  readonly taken = new Map<string, number>();

  /** The score of a job that joins the queue. */
  join(job: ModelJob): number {
    const groups = this.last.get(bucketOf(job)) ?? new Map<string, number>();
    const vtime = Math.max(this.#taken(job), groups.get(job.group) ?? 0) + 1;
    this.last.set(bucketOf(job), groups.set(job.group, vtime));
    return scoreOf(job, vtime);
  }

  /** The score of a released job: in front of all that have waited less. */
  front(job: ModelJob): number {
    return scoreOf(job, this.#taken(job));
  }

  /** The score of a job that keeps its turn, in the range that it belongs to now. */
  stay(job: ModelJob): number {
    return scoreOf(job, job.score % BAND);
  }

  take(job: ModelJob): void {
    const vtime = Math.max(this.#taken(job), job.score % BAND);
    this.taken.set(bucketOf(job), vtime);
    const groups = this.last.get(bucketOf(job));
    for (const [group, last] of groups ?? []) if (last <= vtime) groups?.delete(group);
    if (groups?.size === 0) this.last.delete(bucketOf(job));
  }

  /** Forgets the groups of a job's bucket, which has no waiting jobs left. */
  clear(job: NewJob): void {
    this.last.delete(bucketOf(job));
  }

  #taken(job: NewJob): number {
    return this.taken.get(bucketOf(job)) ?? 0;
  }
}
