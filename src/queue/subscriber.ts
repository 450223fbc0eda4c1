/** What other replicas tell this one, by publish: that work waits, or that a job which runs here was cancelled. Hints, both. */
import type { Redis } from "ioredis";
import { openRedis, readyWithin } from "./connection.ts";

export interface SubscriberHooks {
  readonly onWake: () => void;
  readonly onCancel: (id: string) => void;
  readonly onError: (error: Error) => void;
}

export class Subscriber {
  readonly #redis: Redis;
  readonly #channel: string;

  constructor(url: string, channel: string, hooks: SubscriberHooks) {
    this.#channel = channel;
    this.#redis = openRedis(url);
    this.#redis.on("error", hooks.onError);
    this.#redis.on("message", (_channel: string, message: string) => {
      if (message.startsWith("cancel ")) hooks.onCancel(message.slice("cancel ".length));
      else hooks.onWake();
    });
  }

  /** The client subscribes again by itself after each reconnect. */
  async open(timeoutMs: number): Promise<void> {
    await readyWithin(this.#redis, timeoutMs);
    await this.#redis.subscribe(this.#channel);
  }

  close(): void {
    this.#redis.disconnect();
  }
}
