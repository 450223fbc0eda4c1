/**
 * A watch of all changes, or of the ends of jobs (announce.lua). A key shows the scripts that a replica watches, and
 * names the channel. It expires unless it is renewed, so the scripts soon stop publishing for a replica that died.
 *
 *   closed ──need──▶ asking ──key set, channel subscribed──▶ subscribed ──release, LINGER_MS──▶ closed
 *                      ▲────── the connection is new, or the key names another channel ─────┘
 *
 * Messages published while unsubscribed are lost: read the state again after every (re)subscribe (`onSubscribed`).
 */
import { randomUUID } from "node:crypto";
import { Periodic } from "../concurrency/periodic.ts";
import type { Connection } from "./connection.ts";
import { scripts } from "./scripts.ts";
import type { Subscriber } from "./subscriber.ts";

const KEY_TTL_MS = 15_000;
/** A third: one renewal may fail. */
const RENEWAL_MS = KEY_TTL_MS / 3;
/**
 * It stays subscribed this long after its last user: the next user need not wait, and one that returns misses nothing.
 */
const LINGER_MS = 10_000;
const CALL_TIMEOUT_MS = 5_000;

export interface WatchHooks {
  readonly onMessage: (message: string) => void;
  /** From now on no message is missed; earlier ones may have been missed. */
  readonly onSubscribed: () => void;
  /** The last user has released it: later messages are missed. */
  readonly onClosed?: () => void;
}

export interface WatchOptions extends WatchHooks {
  readonly connection: Pick<Connection, "run">;
  readonly subscriber: Pick<Subscriber, "subscribe" | "unsubscribe">;
  readonly namespace: string;
  /** The key that the scripts read. */
  readonly key: "watched" | "awaited";
  /** The channel without its name. */
  readonly channel: string;
  readonly onError: (error: Error) => void;
}

export class Watch {
  readonly #options: WatchOptions;
  /** Sets the key and subscribes; a run that fails is repeated by the next. */
  readonly #renewals: Periodic;
  #isNeeded = false;
  /** Of the subscriber: a subscription on an earlier one is lost. */
  #connections = 0;
  #subscribed: string | undefined;
  #lingering: NodeJS.Timeout | undefined;

  constructor(options: WatchOptions) {
    this.#options = options;
    this.#renewals = new Periodic({
      task: () => (this.#isNeeded ? this.#renew() : Promise.resolve()), // else closed since the run was asked for
      periodMs: RENEWAL_MS,
      onError: (error) => options.onError(error as Error),
    });
  }

  get isSubscribed(): boolean {
    return this.#subscribed !== undefined;
  }

  need(): void {
    clearTimeout(this.#lingering);
    this.#lingering = undefined;
    if (this.#isNeeded) return;
    this.#isNeeded = true;
    this.#renewals.start();
    this.#renewals.wake();
  }

  release(): void {
    this.#lingering ??= setTimeout(() => this.close(), LINGER_MS);
  }

  /** The subscriber has a new connection. */
  reconnected(): void {
    this.#connections += 1;
    this.#subscribed = undefined;
    if (this.#isNeeded) this.#renewals.wake();
  }

  close(): void {
    clearTimeout(this.#lingering);
    this.#lingering = undefined;
    this.#isNeeded = false;
    this.#renewals.stop();
    this.#forget();
    this.#options.onClosed?.();
  }

  async #renew(): Promise<void> {
    const { connection, subscriber, namespace, key, channel, onMessage, onSubscribed } = this.#options;
    // If the key was lost, it gets this new name, which differs from the channel of all watching replicas.
    const name = (await connection.run(
      scripts.watch,
      [namespace, key, randomUUID().slice(0, 8), String(KEY_TTL_MS)],
      CALL_TIMEOUT_MS,
    )) as string;
    const wanted = channel + name;
    if (this.#subscribed === wanted) return;
    this.#forget();
    const usedConnection = this.#connections;
    await subscriber.subscribe(wanted, onMessage);
    if (!this.#isNeeded || usedConnection !== this.#connections) {
      subscriber.unsubscribe(wanted);
      return;
    }
    this.#subscribed = wanted;
    onSubscribed();
  }

  #forget(): void {
    if (this.#subscribed !== undefined) this.#options.subscriber.unsubscribe(this.#subscribed);
    this.#subscribed = undefined;
  }
}
