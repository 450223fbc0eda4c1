/**
 * One of the two things that a replica can watch: all changes, or the ends of jobs (announce.lua). A key shows the scripts that somebody
 * does, and how the channel is called; it expires unless it is renewed, so nothing is published for long for a replica that died.
 *
 *   closed ──need──▶ asking ──key set, channel subscribed──▶ subscribed ──release, LINGER_MS──▶ closed
 *                      ▲────── the connection is new, or the key names another channel ─────┘
 *
 * What is published while it is not subscribed is missed: who needs it looks each time it is subscribed anew.
 */
import { randomUUID } from "node:crypto";
import type { Connection } from "./connection.ts";
import { scripts } from "./scripts.ts";
import type { Subscriber } from "./subscriber.ts";

const KEY_TTL_MS = 15_000;
/** A third: one renewal may fail. */
const RENEWAL_MS = KEY_TTL_MS / 3;
/** It stays subscribed for so long after its last user: the next one need not wait for it, and one that comes back misses nothing. */
const LINGER_MS = 10_000;
const CALL_TIMEOUT_MS = 5_000;

export interface WatchHooks {
  readonly onMessage: (message: string) => void;
  /** From now on no message is missed; earlier ones may have been. */
  readonly onSubscribed: () => void;
  /** Nobody needs it any more: later messages are missed. */
  readonly onClosed?: () => void;
}

export interface WatchOptions extends WatchHooks {
  readonly connection: Pick<Connection, "run">;
  readonly subscriber: Pick<Subscriber, "subscribe" | "unsubscribe">;
  readonly namespace: string;
  /** What the scripts look at. */
  readonly key: "watched" | "awaited";
  /** What its name is put behind. */
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

  /** The connection that subscribes is new. */
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
    // A fresh name, so that all who watched learn that the key was lost: their channel is another one.
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
