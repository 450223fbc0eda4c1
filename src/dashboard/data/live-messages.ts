/** The messages between a page and the worker that holds the browser's one event stream. */
import type { JobEvent } from "../../client/taskflow.ts";

/** From a page. The worker forgets a page that was silent for long. */
export interface Follow {
  readonly url: string;
  readonly apiKey: string | undefined;
  /** The unfinished jobs that the page shows; empty for none. */
  readonly ids: readonly string[];
}

export type LiveMessage =
  | { readonly kind: "event"; readonly event: JobEvent }
  /** Whether the stream is connected. */
  | { readonly kind: "connection"; readonly isUp: boolean };

/** How often a page repeats its `Follow`. */
export const BEAT_MS = 10_000;
/** The server follows at most so many ids in one stream. */
export const MAX_IDS = 100;
