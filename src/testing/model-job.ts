/**
 * A job in the model of the queue, and the order of its groups. A job's virtual time is the greater of that of the last
 * job that ran and that of its group's last job, plus one.
 */
export type State = "q" | "s" | "t" | "r" | "c" | "f" | "x";

/** The score of a job that is due, in the model and in Redis. */
export const PAST = 1;
/** The score for any future time by Redis's clock: the end of a lease, the ownership of an outbox entry. */
export const AHEAD = Number.MAX_SAFE_INTEGER;

export interface NewJob {
  readonly id: string;
  readonly type: string;
  readonly priority: number;
  readonly group: string;
  /** Bytes of its large payload, or 0. */
  readonly size: number;
  /** PAST, or epoch ms far ahead. */
  readonly runAt: number;
}

export interface ModelJob extends NewJob {
  state: State;
  attempt: number;
  crashes: number;
  deferrals: number;
  isCancelRequested: boolean;
  progress: string;
  /** Replica and claim number of the last lease, as in the header. */
  token: string;
  /** The score in the one set that has the job. */
  score: number;
}

/** The distance between the scores of two priorities. */
const BAND = 2 ** 48;
/** How far behind their turn suspects are, and jobs with large payloads: behind all others. */
const POISON_CANDIDATES = 10 * BAND;
const LARGE = 20 * BAND;

export const tokenOf = (replica: string, seq: number): string => replica + seq.toString(36).padStart(10, "0");

export function modelJob(job: NewJob): ModelJob {
  return {
    ...job,
    state: "s",
    attempt: 0,
    crashes: 0,
    deferrals: 0,
    isCancelRequested: false,
    progress: "---",
    token: tokenOf("--------", 0),
    score: job.runAt,
  };
}

/** Whether it has lost two leases: of such jobs, a replica runs one at a time. */
export const isPoisonCandidate = ({ crashes }: ModelJob): boolean => crashes > 1;

/** The range that a job waits in: 0 suspects, 1 large payloads, 2 all others. */
const rangeOf = (job: ModelJob): number => (isPoisonCandidate(job) ? 0 : job.size > 0 ? 1 : 2);

/** In the order of their turns; with the same score in the order of the ranges. */
export const byTurn = (a: ModelJob, b: ModelJob): number =>
  (a.score % POISON_CANDIDATES) - (b.score % POISON_CANDIDATES) || rangeOf(a) - rangeOf(b) || (a.id < b.id ? -1 : 1);

const scoreOf = (job: ModelJob, tag: number): number =>
  (9 - job.priority) * BAND + tag + ([POISON_CANDIDATES, LARGE, 0][rangeOf(job)] ?? 0);

const slotOf = ({ type, priority }: NewJob): string => `${type}:${priority}`;

/** Who is next among the groups of a slot, which is a type and a priority. */
export class FairTags {
  /** By slot: each group's last tag, as long as one of its jobs may wait before it. */
  readonly last = new Map<string, Map<string, number>>();
  /** By slot: the highest tag that was handed out. */
  readonly taken = new Map<string, number>();

  /** The score of a job that joins the queue. */
  join(job: ModelJob): number {
    const tags = this.last.get(slotOf(job)) ?? new Map<string, number>();
    const tag = Math.max(this.#taken(job), tags.get(job.group) ?? 0) + 1;
    this.last.set(slotOf(job), tags.set(job.group, tag));
    return scoreOf(job, tag);
  }

  /** The score of a job that is given back: in front of all that have waited less. */
  front(job: ModelJob): number {
    return scoreOf(job, this.#taken(job));
  }

  take(job: ModelJob): void {
    const tag = Math.max(this.#taken(job), job.score % BAND);
    this.taken.set(slotOf(job), tag);
    const tags = this.last.get(slotOf(job));
    for (const [group, last] of tags ?? []) if (last <= tag) tags?.delete(group);
    if (tags?.size === 0) this.last.delete(slotOf(job));
  }

  /** Forgets the groups of a job's bucket, which has no waiting jobs left. */
  clear(job: NewJob): void {
    this.last.delete(slotOf(job));
  }

  #taken(job: NewJob): number {
    return this.taken.get(slotOf(job)) ?? 0;
  }
}
