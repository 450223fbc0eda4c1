/**
 * One event stream for all pages of a browser: it follows the jobs that any of them shows. In a SharedWorker, or in the
 * page itself where the browser has none.
 */
import type { JobEvent } from "../../client/taskflow.ts";
import { TaskFlow } from "../../client/taskflow.ts";
import type { Follow, LiveMessage } from "./live-messages.ts";
import { BEAT_MS, MAX_IDS } from "./live-messages.ts";

/** Screens change their rows in steps; the stream is opened again once for all of them. */
const SETTLE_MS = 150;
const RETRY_MS = 2_000;

interface Page {
  follow: Follow;
  heardAt: number;
  readonly send: (message: LiveMessage) => void;
}

export class LiveHub {
  readonly #pages = new Map<object, Page>();
  #stream: { readonly of: string; readonly abort: AbortController } | undefined;
  #lastEventId: string | undefined;
  #settling: ReturnType<typeof setTimeout> | undefined;

  /** @param page identifies the page */
  follow(page: object, follow: Follow, send: (message: LiveMessage) => void): void {
    const now = Date.now();
    this.#pages.set(page, { follow, heardAt: now, send });
    for (const [each, { heardAt }] of this.#pages) if (now - heardAt > 3 * BEAT_MS) this.#pages.delete(each);
    clearTimeout(this.#settling);
    this.#settling = setTimeout(() => this.#reopen(), SETTLE_MS);
  }

  #reopen(): void {
    const follows = [...this.#pages.values()].map(({ follow }) => follow);
    const latest = follows.at(-1);
    const ids = [...new Set(follows.flatMap((follow) => follow.ids))].sort().slice(0, MAX_IDS);
    const of = JSON.stringify([latest?.url, latest?.apiKey, ids]);
    if (of === this.#stream?.of) return;
    this.#stream?.abort.abort();
    this.#stream = undefined;
    if (!latest || ids.length === 0) return;
    const abort = new AbortController();
    this.#stream = { of, abort };
    this.#run(latest, ids, abort.signal).catch(() => undefined); // it ends by its signal only
  }

  async #run({ url, apiKey }: Follow, ids: readonly string[], signal: AbortSignal): Promise<void> {
    const api = new TaskFlow({ url, apiKey, retries: 0 });
    for (;;) {
      try {
        const events = api.events({ ids, lastEventId: this.#lastEventId, signal });
        for await (const event of events) this.#received(event);
      } catch {
        if (signal.aborted) return;
        this.#send({ kind: "connection", isUp: false });
        await new Promise((resolve) => setTimeout(resolve, RETRY_MS));
      }
    }
  }

  #received(event: JobEvent): void {
    this.#lastEventId = event.eventId ?? this.#lastEventId;
    this.#send({ kind: "event", event });
  }

  #send(message: LiveMessage): void {
    for (const { send } of this.#pages.values()) send(message);
  }
}
