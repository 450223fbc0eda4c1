/**
 * Small jobs of another caller, at a steady rate. Each job's record contains its pickup latency.
 */
import { quantileOf } from "../../bench/median.ts";
import { enter } from "./client.ts";
import { ClientThread } from "./client-thread.ts";
import type { Entry, Ledger } from "./ledger.ts";
import type { Row } from "./postgres-view.ts";

export interface ProbesOptions {
  readonly ledger: Ledger;
  readonly urls: readonly string[];
  readonly perSecond: number;
  /** A submission as JSON, with KEY in place of the job's key. */
  readonly body: string;
}

/**
 * An answer as prober.mjs posts it: `at` is epoch ms, status 0 means no answer, and `answer` is then the error's code.
 */
interface Answered {
  readonly key: string;
  readonly at: number;
  readonly ms: number;
  readonly status: number;
  readonly answer: string;
}

/** The 99th percentiles without and with a fault, in ms. */
export interface Pickup {
  readonly idleMs: number;
  readonly faultMs: number;
}

/** A span of `performance.now()`. */
export interface Span {
  readonly from: number;
  readonly to: number;
}

export class Probes {
  readonly #thread: ClientThread<Answered>;
  readonly #entries: Entry[] = [];

  constructor({ ledger, ...options }: ProbesOptions) {
    this.#thread = new ClientThread<Answered>("prober.mjs", options, (answered) =>
      this.#entries.push(entryOf(ledger, answered)),
    );
  }

  /** Resolves when every probe has its answer. */
  stop(): Promise<void> {
    return this.#thread.stop();
  }

  /** The probes that were submitted in a span. */
  in({ from, to }: Span): Entry[] {
    return this.#entries.filter(({ at }) => at >= from && at < to);
  }
}

function entryOf(ledger: Ledger, { key, at, ms, status, answer }: Answered): Entry {
  const entry = ledger.open("probe", { by: "probe", key });
  entry.at = at - performance.timeOrigin;
  entry.ms = ms;
  entry.answeredAt = entry.at + ms;
  const body = answer.startsWith("{") ? (JSON.parse(answer) as Record<string, unknown>) : {};
  if (status > 0) enter(entry, { status, body, isReplayed: false });
  else {
    entry.state = answer === "ECONNREFUSED" ? "rejected" : "unknown";
    entry.detail = answer;
  }
  return entry;
}

/**
 * The 99th percentile, in ms, of the times from acceptance to the start of the attempt; NaN if none of these jobs has
 * started.
 */
export function pickupP99(entries: readonly Entry[], rows: ReadonlyMap<string, Row>): number {
  const waits = entries.flatMap(({ key }) => {
    const { created_at, started_at } = rows.get(key) ?? {};
    return created_at === undefined || typeof started_at !== "number" ? [] : [started_at - created_at];
  });
  return quantileOf(waits, 0.99);
}

export function answerP99(entries: readonly Entry[]): number {
  return quantileOf(
    entries.map(({ ms }) => ms),
    0.99,
  );
}
