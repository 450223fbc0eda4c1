/** The books of one instant, as one script returns them: accepted = recorded + ready + scheduled + leased + outbox. */
import { timeOfId } from "../core/id.ts";
import { HEAD_LENGTH } from "../core/packed-job.ts";
import type { Reply } from "./connection.ts";

export interface TypeCounts {
  readonly type: string;
  readonly accepted: number;
  readonly recorded: number;
  readonly queued: number;
  readonly scheduled: number;
  readonly running: number;
  readonly retrying: number;
  readonly completed: number;
  readonly failed: number;
  readonly cancelled: number;
  /**
   * Since when the job that is next (the first of the highest priority) can have been ready, epoch ms, or null for an empty queue: since
   * its acceptance, its time to start, or the start of its last attempt. When a retry became due is not kept, so it may be a little less.
   */
  readonly nextSince: number | null;
}

export interface JobCounts {
  /** Redis's time, epoch ms. */
  readonly now: number;
  readonly types: readonly TypeCounts[];
  readonly accepted: number;
  readonly outbox: number;
  /**
   * Accepted (counted by enqueue) less recorded (counted by forget) less what stands in the four sets. Zero, always:
   * anything else is a job in no place or in two.
   */
  readonly unaccounted: number;
  /** Jobs that ended in the running minute, and in each of the fifteen before it. */
  readonly endedByMinute: readonly number[];
  /** What each live replica says of itself: JSON texts. */
  readonly replicas: readonly string[];
  /** The types whose queue is paused, whether they ever had a job or not. */
  readonly paused: ReadonlySet<string>;
}

type Raw = readonly [
  number,
  number,
  number,
  number,
  readonly string[],
  readonly (string | null)[],
  readonly string[],
  readonly (string | number)[],
  readonly string[],
];

export function readJobCounts(reply: Reply): JobCounts {
  const [now, scheduled, leased, outbox, fields, minutes, replicas, queues, paused] = reply as unknown as Raw;
  const counts = new Map<string, number>();
  for (let i = 0; i < fields.length; i += 2) counts.set(fields[i] ?? "", Number(fields[i + 1]));
  const types: TypeCounts[] = [];
  for (let i = 0; i < queues.length; i += 4) {
    const type = String(queues[i]);
    const count = (name: string): number => counts.get(`${name}:${type}`) ?? 0;
    types.push({
      type,
      accepted: count("accepted"),
      recorded: count("recorded"),
      queued: Number(queues[i + 1]),
      scheduled: count("scheduled"),
      running: count("running"),
      retrying: count("retrying"),
      completed: count("completed"),
      failed: count("failed"),
      cancelled: count("cancelled"),
      nextSince: queues[i + 2] === "" ? null : readySince(String(queues[i + 2]), String(queues[i + 3])),
    });
  }
  const sum = (of: (jobCounts: TypeCounts) => number): number =>
    types.reduce((total, jobCounts) => total + of(jobCounts), 0);
  const accepted = sum((t) => t.accepted);
  const unaccounted = accepted - sum((t) => t.recorded) - sum((t) => t.queued) - scheduled - leased - outbox;
  return {
    now,
    types,
    accepted,
    outbox,
    unaccounted,
    endedByMinute: minutes.map(Number),
    replicas,
    paused: new Set(paused),
  };
}

/** @param start how the job's string begins */
function readySince(id: string, start: string): number {
  const runAt = /^[^|]*\|\d+\|[^|]*\|\{"run_at":(\d+)/.exec(start.slice(HEAD_LENGTH))?.[1] ?? 0;
  return Math.max(timeOfId(id), Number(runAt), Number(start.slice(11, 24)));
}
