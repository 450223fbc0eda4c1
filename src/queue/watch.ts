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
  #subscribed: string | undefined;
  #asking: Promise<void> | undefined;
  #renewals: NodeJS.Timeout | undefined;
  #lingering: NodeJS.Timeout | undefined;

  constructor(options: WatchOptions) {
    this.#options = options;
  }

  get isSubscribed(): boolean {
    return this.#subscribed !== undefined;
  }

  need(): void {
    clearTimeout(this.#lingering);
    this.#lingering = undefined;
    if (this.#renewals) return;
    this.#renewals = setInterval(() => this.#ask(), RENEWAL_MS);
    this.#ask();
  }

  release(): void {
    this.#lingering ??= setTimeout(() => this.close(), LINGER_MS);
  }

  /** The subscriber has a new connection. */
  reconnected(): void {
    this.#subscribed = undefined;
    if (this.#renewals) this.#ask();
  }

  close(): void {
    clearTimeout(this.#lingering);
    clearInterval(this.#renewals);
    this.#lingering = undefined;
    this.#renewals = undefined;
    this.#forget();
    this.#options.onClosed?.();
  }

  #ask(): void {
    this.#asking ??= this.#subscribe()
      .catch(this.#options.onError) // the next renewal tries again
      .finally(() => {
        this.#asking = undefined;
      });
  }

  async #subscribe(): Promise<void> {
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
    await subscriber.subscribe(wanted, onMessage);
    if (!this.#renewals) {
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
