/** What a replica says of itself in its heartbeat. */
export interface Replica {
  readonly id: string;
  readonly host: string;
  readonly version: string;
  readonly role: string;
  /** Epoch ms, as `heartbeat`. */
  readonly since: number;
  readonly heartbeat: number;
  readonly slots: Readonly<Record<string, Capacity>>;
  readonly lanes: { readonly io: Capacity; readonly cpu: Capacity };
  readonly threads: { readonly size: number; readonly busy: number };
  readonly event_loop_delay_ms: { readonly p50: number; readonly p99: number };
  /** Counts of LatencyWindow. */
  readonly latency: { readonly pickup: readonly number[]; readonly run: readonly number[] };
}

export interface Capacity {
  readonly limit: number;
  readonly running: number;
}

/** @param texts as the books hold them: written by replicas of this installation */
export function readReplicas(texts: readonly string[]): Replica[] {
  return texts.map((text) => JSON.parse(text) as Replica);
}
