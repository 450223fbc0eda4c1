/** The watches of one replica, which share a subscriber: it subscribes again after each reconnect. */
import type { Connection } from "./connection.ts";
import type { Subscriber } from "./subscriber.ts";
import type { WatchHooks, WatchOptions } from "./watch.ts";
import { Watch } from "./watch.ts";

export interface WatchesParts {
  readonly ns: string;
  readonly connection: Pick<Connection, "run">;
  readonly subscriber: Pick<Subscriber, "subscribe" | "unsubscribe">;
  readonly onError: (error: Error) => void;
}

export class Watches {
  readonly #parts: WatchesParts;
  readonly #watches: Watch[] = [];

  constructor(parts: WatchesParts) {
    this.#parts = parts;
  }

  /** Watches the ids of jobs that end, 36 characters each. */
  ofEnds(hooks: WatchHooks): Watch {
    return this.#watch("awaited", "ended:", hooks);
  }

  /** Watches every change of a job's status or progress, as changes.ts decodes it. */
  ofChanges(hooks: WatchHooks): Watch {
    return this.#watch("watched", "changes:", hooks);
  }

  /** The subscriber has a new connection. */
  reconnected(): void {
    for (const watch of this.#watches) watch.reconnected();
  }

  close(): void {
    for (const watch of this.#watches) watch.close();
  }

  #watch(key: WatchOptions["key"], channel: string, hooks: WatchHooks): Watch {
    const { ns, connection, subscriber, onError } = this.#parts;
    const watch = new Watch({ connection, subscriber, namespace: ns, key, channel: ns + channel, onError, ...hooks });
    this.#watches.push(watch);
    return watch;
  }
}
