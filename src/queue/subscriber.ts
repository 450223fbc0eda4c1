/**
 * Receives the messages to this replica: wake-ups, cancellations of jobs that run here, and the channels that it
 * watches.
 */
import type { Redis } from "ioredis";
import { openRedis } from "./client.ts";
import { readyWithin } from "./connection.ts";

/**
 * A connection that only receives does not notice that the server is gone. It pings this often, and reconnects if no
 * answer arrives.
 */
const PING_PERIOD_MS = 5_000;

export interface SubscriberHooks {
  readonly onWake: () => void;
  readonly onCancel: (id: string) => void;
  /** Takes the messages about the logs of jobs. @returns whether it is one */
  readonly onLog: (message: string) => boolean;
  /**
   * The connection is subscribed to the replica's own channel, for the first time or again. The caller must subscribe
   * to the other channels again.
   */
  readonly onReady: () => void;
  readonly onError: (error: Error) => void;
}

export class Subscriber {
  readonly #redis: Redis;
  readonly #pings: NodeJS.Timeout;
  readonly #others = new Map<string, (message: string) => void>();
  #subscription: Promise<unknown> | undefined;

  constructor(url: string, channel: string, hooks: SubscriberHooks) {
    this.#redis = openRedis(url, "subscriber");
    this.#redis.on("error", hooks.onError);
    this.#redis.on("message", (from: string, message: string) => {
      if (from !== channel) this.#others.get(from)?.(message);
      else if (message.startsWith("cancel "))
        message
          .split(" ")
          .slice(1)
          .forEach((id) => hooks.onCancel(id));
      else if (!hooks.onLog(message)) hooks.onWake();
    });
    // If this fails because the connection is lost again, the next connection repeats it.
    this.#redis.on("ready", () => {
      this.#others.clear(); // subscribed on the previous connection only
      this.#subscription = this.#redis.subscribe(channel);
      this.#subscription.then(hooks.onReady, hooks.onError);
    });
    this.#pings = setInterval(() => {
      if (this.#redis.status === "ready") this.#redis.ping().catch(hooks.onError);
    }, PING_PERIOD_MS);
  }

  async open(timeoutMs: number): Promise<void> {
    await readyWithin(this.#redis, timeoutMs);
    await this.#subscription;
  }

  /** Subscribes to one more channel, until {@link unsubscribe} or until the connection is lost. */
  async subscribe(channel: string, onMessage: (message: string) => void): Promise<void> {
    this.#others.set(channel, onMessage);
    await this.#redis.subscribe(channel);
  }

  unsubscribe(channel: string): void {
    this.#others.delete(channel);
    this.#redis.unsubscribe(channel).catch(() => undefined); // the connection is lost, and its subscriptions with it
  }

  close(): void {
    clearInterval(this.#pings);
    this.#redis.disconnect();
  }
}
