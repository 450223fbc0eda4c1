/** Temporary. */
import type { Job } from "./contract.ts";
export interface JobPatch {
  readonly runAt?: string | Date | null | undefined;
  readonly delayMs?: number | null | undefined;
  readonly priority?: number | null | undefined;
  readonly tags?: readonly string[] | null | undefined;
  readonly expiresAt?: string | Date | null | undefined;
  readonly maxAttempts?: number | null | undefined;
  readonly payload?: object | undefined;
}
export interface Latency {
  p50: number;
  p95: number;
  p99: number;
}
export interface SeriesStep {
  at: string;
  completed: number;
  failed: number;
  cancelled: number;
  retries: number;
  pickup_ms: Latency | null;
  run_ms: Latency | null;
}
export interface Series {
  step: "minute" | "hour" | "day";
  from: string;
  to: string;
  series: SeriesStep[];
}
export interface ErrorGroup {
  type: string;
  code: string;
  signature: string;
  count: number;
  first_seen: string;
  last_seen: string;
  hourly: number[];
  examples: string[];
}
export interface ErrorGroups {
  errors: ErrorGroup[];
  truncated: boolean;
}
export interface JobTypeInfo {
  type: string;
  lane: string | null;
  max_attempts: number | null;
  timeout_ms: number | null;
  description: string | null;
  replicas: string[];
}
export interface Destination {
  host: string;
  state: string;
  in_flight: number;
  limit: number | null;
  consecutive_failures: number;
  suspended_until: string | null;
}
export interface AuditEntry {
  id: string;
  at: string;
  key: { id: string; name: string } | null;
  action: string;
  target: string;
  count: number | null;
  job_id: string | null;
  request_id: string | null;
}
export type ErasedJob = Job;
