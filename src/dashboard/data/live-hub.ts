/**
 * One event stream for all pages of a browser: it follows the jobs that any of them shows. In a SharedWorker, or in the
 * page itself where the browser has none. Pages of different users share no stream, so each reads with its own key.
 */
import type { JobEvent } from "../../client/taskflow.ts";
import { TaskFlow } from "../../client/taskflow.ts";
import type { Follow } from "./live-messages.ts";
import { BEAT_MS, MAX_IDS } from "./live-messages.ts";

/** Screens change their rows in steps; the stream is opened again once for all of them. */
const SETTLE_MS = 150;
const RETRY_MS = 2_000;
/** Of a server that rejects the stream: the key was revoked, for instance. */
const MAX_RETRY_MS = 30_000;

type Send = (event: JobEvent) => void;

interface Page {
  readonly follow: Follow;
  readonly heardAt: number;
  readonly send: Send;
}

const GAP: JobEvent = { kind: "gap", eventId: undefined };

export class LiveHub {
  readonly #pages = new Map<object, Page>();
  /** By server and key. */
  readonly #streams = new Map<string, UserStream>();
  /** Browsers slow down the timers of hidden pages: a page that was silent for long may come back. */
  readonly #forgotten = new WeakSet();
  #settling: ReturnType<typeof setTimeout> | undefined;

  /** @param page identifies the page */
  follow(page: object, follow: Follow, send: Send): void {
    const now = Date.now();
    this.#pages.set(page, { follow, heardAt: now, send });
    if (this.#forgotten.delete(page)) send(GAP);
    for (const [each, { heardAt }] of this.#pages) {
      if (now - heardAt <= 3 * BEAT_MS) continue;
      this.#pages.delete(each);
      this.#forgotten.add(each);
    }
    clearTimeout(this.#settling);
    this.#settling = setTimeout(() => this.#update(), SETTLE_MS);
  }

  #update(): void {
    const pagesByUser = new Map<string, Page[]>();
    for (const page of this.#pages.values()) {
      const user = JSON.stringify([page.follow.url, page.follow.apiKey]);
      pagesByUser.set(user, [...(pagesByUser.get(user) ?? []), page]);
    }
    for (const [user, stream] of this.#streams) {
      if (pagesByUser.has(user)) continue;
      stream.update([]);
      this.#streams.delete(user);
    }
    for (const [user, pages] of pagesByUser) {
      const stream = this.#streams.get(user) ?? new UserStream();
      this.#streams.set(user, stream);
      stream.update(pages);
    }
  }
}

/** The stream of all pages of one user. */
class UserStream {
  #pages: readonly Page[] = [];
  #ids: readonly string[] = [];
  #abort: AbortController | undefined;
  #lastEventId: string | undefined;
  /** The ids of the latest connection. */
  #followed: ReadonlySet<string> = new Set();
  #isInterrupted = false;

  update(pages: readonly Page[]): void {
    this.#pages = pages;
    const ids = [...new Set(pages.flatMap(({ follow }) => follow.ids))].sort().slice(0, MAX_IDS);
    if (ids.join() === this.#ids.join()) return;
    this.#ids = ids;
    this.#abort?.abort();
    const [page] = pages;
    if (!page || ids.length === 0) return;
    this.#abort = new AbortController();
    this.#run(page.follow, this.#abort.signal).catch(() => undefined); // it ends by its signal only
  }

  async #run({ url, apiKey }: Follow, signal: AbortSignal): Promise<void> {
    const api = new TaskFlow({ url, apiKey, retries: 0 });
    const ids = this.#ids;
    for (let failures = 1; ; failures += 1) {
      let isOpen = false;
      const onOpen = (): void => {
        if (!isOpen) this.#opened(ids);
        isOpen = true;
        failures = 0;
      };
      try {
        const events = api.events({ ids, lastEventId: this.#lastEventId, onOpen, signal });
        for await (const event of events) this.#received(event);
      } catch {
        signal.throwIfAborted();
      }
      this.#isInterrupted = true;
      await new Promise((resolve) =>
        setTimeout(resolve, Math.min(MAX_RETRY_MS, RETRY_MS * 2 ** Math.min(failures, 4))),
      );
      signal.throwIfAborted();
    }
  }

  /** Before its first event, the server cannot know what a page missed while there was no connection. */
  #opened(ids: readonly string[]): void {
    const missed = ({ follow }: Page): boolean =>
      this.#isInterrupted || follow.ids.some((id) => this.#followed.has(id));
    if (this.#lastEventId === undefined) for (const page of this.#pages.filter(missed)) page.send(GAP);
    this.#isInterrupted = false;
    this.#followed = new Set(ids);
  }

  #received(event: JobEvent): void {
    this.#lastEventId = event.eventId ?? this.#lastEventId;
    for (const { send } of this.#pages) send(event);
  }
}
