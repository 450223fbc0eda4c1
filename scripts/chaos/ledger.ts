/**
 * The client's record of its submissions and of the side effects at the peers. counts.ts compares it with the stores.
 */
import type { HttpPeer } from "../../src/testing/http-peer.ts";
import type { SmtpPeer } from "../../src/testing/smtp-peer.ts";

export type Submitter = "load" | "probe" | "scenario";

/**
 * - accepted: 202
 * - rejected: an answer that means that nothing was changed, or a connection that was refused
 * - unknown: 503 `outcome_unknown`, or no answer; such a job may exist or not
 */
export interface Entry {
  /** Names the submission: its first tag, and part of its side effect. */
  readonly key: string;
  readonly type: string;
  /** The submitter: the mixed load, the probes, or the scenario itself. */
  readonly by: Submitter;
  state: "accepted" | "rejected" | "unknown" | "pending";
  id: string | undefined;
  /** How long the last answer took. */
  ms: number;
  at: number;
  /** When the last answer came, by `performance.now()`; 0 before the first. */
  answeredAt: number;
  /** The `detail` of the problem document of a rejection. */
  detail: string;
  /** The state of earlier tries of the same submission, under its Idempotency-Key. */
  hasUnknownTry: boolean;
}

/** A flow or batch of several submissions. */
export interface FlowEntry {
  id: string | undefined;
  readonly jobs: readonly Entry[];
  /** Pairs of indexes of its jobs: the first may start only when the second has ended. */
  readonly after: readonly (readonly [number, number])[];
}

export class Ledger {
  readonly entries = new Map<string, Entry>();
  readonly flows: FlowEntry[] = [];
  #made = 0;

  /** A new submission, before it is sent. @param key if its submitter has chosen one */
  open(type: string, { by = "scenario", key }: { readonly by?: Submitter; readonly key?: string } = {}): Entry {
    this.#made += 1;
    const entry: Entry = {
      key: key ?? `k${this.#made}`,
      type,
      by,
      state: "pending",
      id: undefined,
      ms: 0,
      at: performance.now(),
      answeredAt: 0,
      detail: "",
      hasUnknownTry: false,
    };
    this.entries.set(entry.key, entry);
    return entry;
  }

  in(state: Entry["state"]): Entry[] {
    return [...this.entries.values()].filter((entry) => entry.state === state);
  }

  count(state: Entry["state"]): number {
    let count = 0;
    for (const entry of this.entries.values()) if (entry.state === state) count += 1;
    return count;
  }

  /** The 95th percentile of the answers' times of submissions accepted in a span of `performance.now()`. */
  p95Ms(from: number, to: number): number {
    const times = this.in("accepted")
      .filter(({ at }) => at >= from && at < to)
      .map(({ ms }) => ms)
      .sort((a, b) => a - b);
    return times[Math.floor(times.length * 0.95)] ?? 0;
  }
}

/** How often each submission's side effect reached a peer. */
export function effectsSeen(http: HttpPeer, smtp: SmtpPeer): Map<string, number> {
  const seen = new Map<string, number>();
  const note = (key: string): void => {
    seen.set(key, (seen.get(key) ?? 0) + 1);
  };
  for (const { path } of http.requests) if (path.startsWith("/hook/")) note(path.slice("/hook/".length));
  for (const { mail } of smtp.messages) note(mail.subject ?? "");
  return seen;
}
