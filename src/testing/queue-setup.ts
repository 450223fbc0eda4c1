/** The setup of the queue's tests: a fresh Redis for each test, and replicas that are closed after it. */
import { Redis } from "ioredis";
import { afterEach, beforeEach } from "vitest";
import type { Claim } from "../queue/claim.ts";
import type { Queue } from "../queue/queue.ts";
import type { Settlement } from "../queue/settlement.ts";
import { ioSlots, openQueue, settlement } from "./queue.ts";
import { freshRedis } from "./services.ts";

export interface QueueSetup {
  /** Of the test's Redis. */
  readonly address: string;
  readonly redis: Redis;
  /** Opens the queue of one more replica. */
  readonly replica: (options?: Parameters<typeof openQueue>[1]) => Promise<Queue>;
  /** Claims with the replica's next claim number. */
  readonly claim: (queue: Queue, free?: Record<string, number>, poisonCandidateSlots?: 0 | 1) => Promise<Claim>;
  /** Lets all leases run out. */
  readonly expireLeases: (client?: Redis) => Promise<void>;
  /** Lets all leases run out, and sends their jobs back to wait. */
  readonly loseAll: (queue: Queue, client?: Redis) => Promise<void>;
}

/** @returns the setup of the current test */
export function setUpQueues(): () => QueueSetup {
  let current: QueueSetup;
  let open: Queue[];

  beforeEach(async () => {
    open = [];
    current = setupOf((await freshRedis()).address, open);
  });
  afterEach(() => {
    open.forEach((queue) => queue.close());
    current.redis.disconnect();
  });
  return () => current;
}

function setupOf(address: string, open: Queue[]): QueueSetup {
  const redis = new Redis(address);
  const seqs = new Map<Queue, number>();

  const claim: QueueSetup["claim"] = async (queue, free = { noop: 10 }, poisonCandidateSlots = 1) => {
    const seq = (seqs.get(queue) ?? 0) + 1;
    seqs.set(queue, seq);
    return queue.claim(seq, poisonCandidateSlots, ioSlots(free));
  };
  const expireLeases: QueueSetup["expireLeases"] = async (client = redis) => {
    const leased = await client.zrange("{taskflow:0}:leased", "0", "-1");
    await client.zadd("{taskflow:0}:leased", ...leased.flatMap((id) => [1, id]));
  };
  return {
    address,
    redis,
    replica: async (options = {}) => {
      const queue = await openQueue(address, options);
      open.push(queue);
      return queue;
    },
    claim,
    expireLeases,
    loseAll: async (queue, client = redis) => {
      await expireLeases(client);
      for (let isMoreLeft = true; isMoreLeft; ) {
        const { lost, ...rest } = await claim(queue, {});
        const settlements: Settlement[] = lost.map((job) => settlement(job, { verdict: "retry", attempt: 0 }));
        await queue.settle(settlements, 30_000);
        isMoreLeft = rest.isMoreLeft;
      }
    },
  };
}
