/**
 * The leases that this replica holds: renewed in one call every third of a lease (one renewal may fail, and the next still
 * comes in time), together with what the replica says of itself. A job whose lease could not be renewed for a whole
 * lease, by the monotonic clock, is stopped here: by then another replica may have it.
 */
import type { Attempt } from "../execute/attempt.ts";
import type { Queue } from "../queue/queue.ts";

/** How long a handler that was told to stop may take before its slot is given up. */
const STOP_GRACE_MS = 5_000;
/** Timeouts are looked for so often: no timer for each job, and none is late by more than this. */
const TICK_MS = 100;

interface Lease {
  readonly attempt: Attempt;
  readonly job: Attempt["job"];
  /** By `performance.now()`, before the call that granted or renewed it. */
  renewedAt: number;
}

export interface LeasesOptions {
  readonly queue: Pick<Queue, "renew">;
  readonly leaseMs: number;
  /** What this replica says of itself: JSON. */
  readonly about: () => string;
  /** A handler did not stop in time, and its slot was given up: it may run on. */
  readonly onGivenUp: (attempt: Attempt) => void;
  readonly onError: (error: unknown) => void;
}

export class Leases {
  readonly #options: LeasesOptions;
  readonly #held = new Map<string, Lease>();
  #ticker: NodeJS.Timeout | undefined;
  #renewal: Promise<void> | undefined;
  #nextRenewalAt = 0;

  constructor(options: LeasesOptions) {
    this.#options = options;
  }

  /** The first renewal tells the others that this replica is here. */
  start(): void {
    this.#ticker ??= setInterval(() => this.#tick(), TICK_MS);
    this.#tick();
  }

  /** @param grantedAt `performance.now()` before the claim */
  hold(attempt: Attempt, grantedAt: number): void {
    this.#held.set(attempt.job.id, { attempt, job: attempt.job, renewedAt: grantedAt });
  }

  /** The job is settled, or someone else's. */
  release(id: string): void {
    this.#held.delete(id);
  }

  /** Stops a job that runs here. */
  stop(id: string, reason: "cancelled" | "lost"): void {
    this.#held.get(id)?.attempt.stop(reason);
  }

  /** Stops all that still runs, and ends what does not stop within `graceMs`: the leases are given back. */
  async stopAll(graceMs: number): Promise<void> {
    const running = [...this.#held.values()].filter(({ attempt }) => !attempt.hasEnded);
    for (const { attempt } of running) attempt.stop("drain");
    const deadline = performance.now() + graceMs;
    while (running.some(({ attempt }) => !attempt.hasEnded) && performance.now() < deadline) {
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
    for (const { attempt } of running) if (!attempt.hasEnded) attempt.giveUp();
  }

  get size(): number {
    return this.#held.size;
  }

  async close(): Promise<void> {
    clearInterval(this.#ticker);
    await this.#renewal;
  }

  #tick(): void {
    const now = performance.now();
    for (const { attempt, renewedAt } of this.#held.values()) {
      if (attempt.hasEnded) continue;
      if (now - renewedAt > this.#options.leaseMs) attempt.stop("lost");
      if (attempt.stopReason === undefined && now - attempt.startedAt > attempt.timeoutMs) attempt.stop("timeout");
      if (attempt.stoppingMs(now) > STOP_GRACE_MS) {
        attempt.giveUp();
        this.#options.onGivenUp(attempt);
      }
    }
    if (now >= this.#nextRenewalAt && !this.#renewal) {
      this.#nextRenewalAt = now + this.#options.leaseMs / 3;
      this.#renewal = this.#renew(now).finally(() => { this.#renewal = undefined; });
    }
  }

  async #renew(startedAt: number): Promise<void> {
    const leases = [...this.#held.values()];
    try {
      const running = leases.map(({ attempt, job }) => ({ id: job.id, claimSeq: job.claimSeq, progress: attempt.progress }));
      const stops = await this.#options.queue.renew(running, this.#options.about());
      for (const lease of leases) {
        const reason = stops.get(lease.job.id);
        if (reason !== "lost") lease.renewedAt = startedAt;
        if (reason !== undefined) lease.attempt.stop(reason);
      }
    } catch (error) {
      this.#options.onError(error);
      this.#nextRenewalAt = performance.now() + Math.min(1_000, this.#options.leaseMs / 10); // there is time for more than one try
    }
  }
}
