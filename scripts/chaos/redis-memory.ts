/** Samples the memory of Redis during a fault, because a caller may fill its buffers only briefly. */
import { setTimeout as delay } from "node:timers/promises";
import type { RedisView } from "./redis-view.ts";

const SAMPLE_EVERY_MS = 200;

export class RedisMemory {
  readonly #redis: RedisView;
  readonly #before: { readonly used: number; readonly peak: number };
  #highest = 0;
  #isStopped = false;
  readonly #sampling: Promise<void>;

  private constructor(redis: RedisView, before: { readonly used: number; readonly peak: number }) {
    this.#redis = redis;
    this.#before = before;
    this.#sampling = this.#sample();
    this.#sampling.catch(() => undefined); // `stop` reports it
  }

  static async start(redis: RedisView): Promise<RedisMemory> {
    return new RedisMemory(redis, await redis.memory());
  }

  /** The bytes in use at the start. */
  get idleBytes(): number {
    return this.#before.used;
  }

  /** Resolves to the highest number of bytes in use since the start. */
  async stop(): Promise<number> {
    this.#isStopped = true;
    await this.#sampling;
    return this.#highest;
  }

  async #sample(): Promise<void> {
    while (!this.#isStopped) {
      const { used, peak } = await this.#redis.memory();
      // Redis's peak includes use that was shorter than a sampling period, if it exceeds all earlier values.
      this.#highest = Math.max(this.#highest, used, peak > this.#before.peak ? peak : 0);
      await delay(SAMPLE_EVERY_MS);
    }
  }
}
