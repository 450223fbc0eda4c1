/** Redis and the model of the queue, side by side, with the calls that both received. */
import type { Redis } from "ioredis";
import { expect } from "vitest";
import { idPrefix, makeId } from "../core/id.ts";
import type { Queue } from "../queue/queue.ts";
import type { TestRunner } from "./queue.ts";
import type { Handed, NewSubmission, QueueModel } from "./queue-model.ts";
import { snapshotOfModel, snapshotOfRedis } from "./queue-snapshot.ts";
import type { ScheduleModel } from "./schedule-steps.ts";

export const NS = "{taskflow:0}:";

/** The state of one sequence of steps. */
export interface Sides {
  readonly model: QueueModel;
  readonly redis: Redis;
  readonly clients: readonly {
    readonly queue: Queue;
    readonly replica: string;
    readonly runner: TestRunner;
    seq: number;
  }[];
  /** All sent submissions, for repeats. */
  readonly sent: NewSubmission[];
  /** All granted leases, which later steps settle and renew, in time or late. */
  readonly leases: (Handed & { readonly client: number; readonly seq: number })[];
  readonly schedules: ScheduleModel;
  /** Ids made so far; they are the same in each run of a sequence. */
  made: number;
}

/**
 * Checks that both sides agree: on the place of each job, the counters and the virtual times; and that every accepted
 * job is accounted for.
 */
export async function expectSame({ model, redis, clients }: Sides): Promise<void> {
  const [found, jobCounts] = await Promise.all([snapshotOfRedis(redis, NS), clients[0]?.queue.jobCounts()]);
  expect(found).toEqual(snapshotOfModel(model));
  expect(jobCounts?.unaccounted).toBe(0);
}

/** Ids of several clients do not come in order. */
export function nextId(sides: Sides): string {
  sides.made += 1;
  return makeId(idPrefix(1_700_000_000_000 + ((sides.made * 7) % 5), 0, 0), sides.made);
}

/** Some of these, each at most once, by numbers of any size. */
export function picked<One>(from: readonly One[], which: readonly number[]): One[] {
  return [...new Set(which.flatMap((n) => from.slice(n % Math.max(1, from.length)).slice(0, 1)))];
}

export function clientOf(clients: Sides["clients"], by: number): Sides["clients"][number] {
  const found = clients[by];
  if (!found) throw new Error(`no client ${by}`);
  return found;
}
