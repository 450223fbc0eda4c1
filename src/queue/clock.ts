import { performance } from "node:perf_hooks"; // not the global, which is looked up at each use

/**
 * This process's estimate of Redis's clock. All times that more than one replica reads are Redis's, so that replicas
 * whose own clocks differ agree. Each reply of a script refines the estimate.
 */
export class RedisClock {
  /**
   * Redis's epoch time less this process's monotonic time, in milliseconds; the machine's own clock until Redis has
   * answered.
   */
  #offsetMs = Date.now() - performance.now();
  #errorMs = Number.POSITIVE_INFINITY;

  /** Takes one sample: Redis's time was `redisMs` at some point between two readings of `performance.now()`. */
  learn(redisMs: number, sentAt: number, receivedAt: number): void {
    const errorMs = (receivedAt - sentAt) / 2;
    const offsetMs = redisMs - (sentAt + errorMs);
    this.#errorMs += 0.05; // the estimate ages
    // both estimates cannot be right; 1: Redis returns whole milliseconds
    const wasSet = Math.abs(offsetMs - this.#offsetMs) > errorMs + this.#errorMs + 1;
    if (errorMs > this.#errorMs && !wasSet) return;
    this.#errorMs = errorMs;
    this.#offsetMs = offsetMs;
  }

  /** Epoch milliseconds. */
  now(): number {
    return Math.round(this.#offsetMs + performance.now());
  }
}
