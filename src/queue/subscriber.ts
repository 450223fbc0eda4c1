/** What other replicas tell this one, by publish: that work waits, or that a job which runs here was cancelled. Hints, both. */
import type { Redis } from "ioredis";
import { openRedis, readyWithin } from "./connection.ts";

/** A connection that only listens does not notice that its other end is gone: it asks so often, and gives it up when it is silent. */
const PING_PERIOD_MS = 5_000;

export interface SubscriberHooks {
  readonly onWake: () => void;
  readonly onCancel: (id: string) => void;
  readonly onError: (error: Error) => void;
}

export class Subscriber {
  readonly #redis: Redis;
  readonly #pings: NodeJS.Timeout;
  #subscription: Promise<unknown> | undefined;

  constructor(url: string, channel: string, hooks: SubscriberHooks) {
    this.#redis = openRedis(url);
    this.#redis.on("error", hooks.onError);
    this.#redis.on("message", (_channel: string, message: string) => {
      if (message.startsWith("cancel ")) hooks.onCancel(message.slice("cancel ".length));
      else hooks.onWake();
    });
    // With each connection anew, by ourselves: where that fails, because the connection is lost again, the next one repeats it.
    this.#redis.on("ready", () => {
      this.#subscription = this.#redis.subscribe(channel);
      this.#subscription.catch(hooks.onError);
    });
    this.#pings = setInterval(() => {
      if (this.#redis.status === "ready") this.#redis.ping().catch(hooks.onError);
    }, PING_PERIOD_MS);
  }

  async open(timeoutMs: number): Promise<void> {
    await readyWithin(this.#redis, timeoutMs);
    await this.#subscription;
  }

  close(): void {
    clearInterval(this.#pings);
    this.#redis.disconnect();
  }
}
