/** The position of one job in its queue, and what it may wait for: the reply of position.lua. */
import type { Job } from "../core/job.ts";
import type { Reply } from "./connection.ts";

export interface QueuePosition {
  /** Redis's time, epoch ms. */
  readonly now: number;
  readonly job: Job;
  /** Jobs of its queue before it; null if it is not in its queue. */
  readonly ahead: number | null;
  /** Jobs in its queue. */
  readonly depth: number;
  /** When it may start, if it is scheduled or to be retried; epoch ms. */
  readonly dueAt: number | null;
  readonly isPaused: boolean;
  /** Running jobs of its type, on all replicas. */
  readonly running: number;
  /** The JSON that each live replica stores about itself. */
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
