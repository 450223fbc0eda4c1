/** Where one job stands, and what it may wait for, as one script returns it. */
import type { Job } from "../core/job.ts";
import type { Reply } from "./connection.ts";

export interface QueuePosition {
  /** Redis's time, epoch ms. */
  readonly now: number;
  readonly job: Job;
  /** How many of its queue come before it; null where it does not stand in its queue. */
  readonly ahead: number | null;
  /** Jobs in its queue. */
  readonly depth: number;
  /** When it may start, where it is scheduled or to be retried; epoch ms. */
  readonly dueAt: number | null;
  readonly isPaused: boolean;
  /** Jobs of its type that run, on all replicas. */
  readonly running: number;
  /** What each live replica says of itself: JSON texts. */
  readonly replicas: readonly string[];
}

/** @param job as it was read just before */
export function readPosition(job: Job, reply: Reply): QueuePosition {
  const [now, ahead, depth, dueAt, isPaused, running, ...replicas] = reply as unknown as [
    number,
    number,
    number,
    number,
    number,
    number,
    ...string[],
  ];
  return {
    now,
    job,
    ahead: ahead === -1 ? null : ahead,
    depth,
    dueAt: dueAt === 0 ? null : dueAt,
    isPaused: isPaused === 1,
    running,
    replicas,
  };
}
