/** What a page sends to the worker that holds the browser's one event stream. The worker answers with the events. */

/** The worker forgets a page that was silent for long. */
export interface Follow {
  readonly url: string;
  readonly apiKey: string | undefined;
  /** The unfinished jobs that the page shows; empty for none. */
  readonly ids: readonly string[];
}

/** How often a page repeats its `Follow`. */
export const BEAT_MS = 10_000;
/** The server follows at most so many ids in one stream. */
export const MAX_IDS = 100;
