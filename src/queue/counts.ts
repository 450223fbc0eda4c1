/**
 * The job counts of one instant, as one script returns them: accepted = recorded + waiting + ready + scheduled + leased +
 * outbox.
 */

import { at } from "../core/at.ts";
import { timeOfId } from "../core/id.ts";
import { readJob } from "../core/packed-job.ts";
import type { Reply } from "./connection.ts";

export interface TypeCounts {
  readonly type: string;
  readonly accepted: number;
  readonly recorded: number;
  readonly waiting: number;
  readonly queued: number;
  readonly scheduled: number;
  readonly running: number;
  readonly retrying: number;
  readonly completed: number;
  readonly failed: number;
  readonly cancelled: number;
  /**
   * The earliest time at which the next job (the first of the highest priority) can have become ready, epoch ms; null
   * for an empty queue. It is the latest of its acceptance, its time to start, and the start of its last attempt. The
   * time at which a retry became due is not stored.
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
   * Accepted (counted by enqueue) less recorded (counted by forget) less the jobs in the five sets. Always zero: any
   * other number means a job that is in no set, or in two.
   */
  readonly unaccounted: number;
  /** Jobs that ended in the current minute, and in each of the fifteen before it. */
  readonly endedByMinute: readonly number[];
  /** The JSON that each live replica stores about itself. */
  readonly replicas: readonly string[];
  /** The types whose queue is paused, with or without jobs. */
  readonly paused: ReadonlySet<string>;
  /** Why queues are paused, by type; only of pauses with a reason. */
  readonly pauseReasons: ReadonlyMap<string, string>;
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
  readonly string[],
  number,
];

export function readJobCounts(reply: Reply): JobCounts {
  const [now, scheduled, leased, outbox, fields, minutes, replicas, queues, paused, reasons, waiting] =
    reply as unknown as Raw;
  const counts = new Map<string, number>();
  for (let i = 0; i < fields.length; i += 2) counts.set(at(fields, i), Number(fields[i + 1]));
  const pauseReasons = new Map<string, string>();
  for (let i = 0; i < reasons.length; i += 2) pauseReasons.set(at(reasons, i), at(reasons, i + 1));
  const types: TypeCounts[] = [];
  for (let i = 0; i < queues.length; i += 4) {
    const type = String(queues[i]);
    const count = (name: string): number => counts.get(`${name}:${type}`) ?? 0;
    types.push({
      type,
      accepted: count("accepted"),
      recorded: count("recorded"),
      waiting: count("waiting"),
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
  const unaccounted = accepted - sum((t) => t.recorded) - sum((t) => t.queued) - waiting - scheduled - leased - outbox;
  return {
    now,
    types,
    accepted,
    outbox,
    unaccounted,
    endedByMinute: minutes.map(Number),
    replicas,
    paused: new Set(paused),
    pauseReasons,
  };
}

/** How long the next job of a queue has waited, at most; null for an empty queue. */
export function oldestWaitMs({ now }: Pick<JobCounts, "now">, nextSince: TypeCounts["nextSince"]): number | null {
  return nextSince === null ? null : Math.max(0, now - nextSince);
}

/** @param packed the job without its payload and records */
export function readySince(id: string, packed: string): number {
  const { options, startedAt } = readJob(id, packed);
  return Math.max(timeOfId(id), options.run_at ?? 0, startedAt ?? 0);
}
