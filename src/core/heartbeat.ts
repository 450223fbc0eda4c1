/**
 * The report that a replica publishes with each heartbeat: `worker/` writes it, Redis stores the latest one of each
 * replica, and the API reads them for `/workers`, `/stats`, `/health` and `/why`.
 */
import type { Lane } from "./job-type.ts";

export interface Capacity {
  readonly limit: number;
  readonly running: number;
}

export interface ReplicaReport {
  readonly id: string;
  readonly host: string;
  readonly version: string;
  readonly role: string;
  /** When the replica started: epoch ms of Redis's clock, as `heartbeat`. */
  readonly since: number;
  readonly heartbeat: number;
  /** By job type. */
  readonly slots: Readonly<Record<string, Capacity>>;
  readonly lanes: Readonly<Record<Lane, Capacity>>;
  readonly threads: { readonly size: number; readonly busy: number };
  /** Resident memory of the process, in bytes. Reports of earlier versions have none of these three. */
  readonly memory_bytes?: number;
  /** The limit of the container; null without one. */
  readonly memory_limit_bytes?: number | null;
  /** The replica shuts down: it claims no more jobs. */
  readonly draining?: boolean;
  readonly event_loop_delay_ms: { readonly p50: number; readonly p99: number };
  /** Bucket counts of a LatencyWindow, which can be added up over replicas. */
  readonly latency: { readonly pickup: readonly number[]; readonly run: readonly number[] };
}

export function reportJson(report: ReplicaReport): string {
  return JSON.stringify(report);
}

/**
 * @param reports as the job counts contain them. Replicas of this installation wrote them, so they are not checked
 * again.
 */
export function readReports(reports: readonly string[]): ReplicaReport[] {
  return reports.map((json) => JSON.parse(json) as ReplicaReport);
}
