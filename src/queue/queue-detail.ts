/** The queue of one type at one instant: the reply of queue-detail.lua. */
import { at } from "../core/at.ts";
import type { Status } from "../core/job.ts";
import { statusOfCode } from "../core/state-code.ts";
import type { Reply } from "./connection.ts";
import type { JobCounts, TypeCounts } from "./counts.ts";
import { readySince } from "./counts.ts";

export interface QueueDetail extends Pick<JobCounts, "now" | "replicas"> {
  /** Whether the queue ever had a job. */
  readonly isKnown: boolean;
  readonly counts: Pick<TypeCounts, "type" | "waiting" | "queued" | "scheduled" | "retrying" | "running" | "nextSince">;
  readonly isPaused: boolean;
  /** Why it is paused; "" without a reason. */
  readonly pauseReason: string;
  /** The waiting jobs of each priority, from 0 on. */
  readonly byPriority: readonly number[];
  /** The groups with the most waiting jobs, up to 20; null for jobs without a group. */
  readonly groups: readonly { readonly groupKey: string | null; readonly waiting: number }[];
  /** The next scheduled and retrying jobs, up to 10; times are epoch ms. */
  readonly nextDue: readonly { readonly id: string; readonly runAt: number; readonly status: Status }[];
  /**
   * Whether more than 2,000 jobs wait, so that the groups are estimates, or `nextDue` may lack jobs that are behind
   * 2,000 jobs, mostly of other types.
   */
  readonly isPartial: boolean;
}

type Raw = readonly [
  now: number,
  isKnown: number,
  waiting: number,
  scheduled: number,
  retrying: number,
  running: number,
  nextId: string,
  nextPacked: string,
  isPaused: number,
  pauseReason: string,
  byPriority: readonly number[],
  groups: readonly (string | number)[],
  due: readonly string[],
  isPartial: number,
  replicas: readonly string[],
];

export function readQueueDetail(type: string, reply: Reply): QueueDetail {
  const [now, isKnown, waiting, scheduled, retrying, running, nextId, nextPacked, isPaused, pauseReason, ...rest] =
    reply as unknown as Raw;
  const [byPriority, groups, due, isPartial, replicas] = rest;
  const queued = byPriority.reduce((sum, n) => sum + n, 0);
  const nextSince = nextId === "" ? null : readySince(nextId, nextPacked);
  return {
    now,
    isKnown: isKnown === 1,
    counts: { type, waiting, queued, scheduled, retrying, running, nextSince },
    isPaused: isPaused === 1,
    pauseReason,
    byPriority,
    groups: inRows(groups, 2).map(([name, waiting]) => ({
      groupKey: name === "" ? null : decodeURIComponent(String(name)),
      waiting: Number(waiting),
    })),
    nextDue: inRows(due, 3).map((row) => ({
      id: at(row, 0),
      runAt: Number(row[1]),
      status: statusOfCode(at(row, 2)) ?? "scheduled",
    })),
    isPartial: isPartial === 1,
    replicas,
  };
}

/** A flat list as rows of this many values. */
function inRows<T>(list: readonly T[], length: number): T[][] {
  return Array.from({ length: list.length / length }, (_, row) => list.slice(row * length, (row + 1) * length));
}
