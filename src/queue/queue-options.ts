import type { ReachHooks } from "./reach.ts";
import type { Runner } from "./reservation.ts";

/** How long a call other than a submission may take. Above what a slow fsync or a failover needs, below a lease. */
export const CALL_TIMEOUT_MS = 5_000;
/** A replica counts as alive for at least this long after a renewal, however short a lease is. */
export const MIN_ALIVE_MS = 3_000;

export interface QueueOptions {
  readonly url: string;
  /** The hash-tagged name that all keys begin with: `taskflow:0` gives `{taskflow:0}:`. Its number is the shard. */
  readonly namespace: string;
  /** The id of this process since its start: eight characters. */
  readonly replica: string;
  readonly leaseMs: number;
  /** Whether this replica runs jobs, and so may wake itself for the jobs that it enqueues. */
  readonly runsJobs: boolean;
  /** What runs jobs here; with it, an enqueue may lease its own jobs at once. */
  readonly runner?: Runner;
  readonly submitTimeoutMs: number;
  readonly onRoundTrip: (script: string, seconds: number) => void;
  /** This replica's reports opened this many destinations: they get no visits for a while. */
  readonly onDestinationsOpened?: (destinations: number) => void;
  readonly onError: (error: Error) => void;
  /** Called when Redis becomes unreachable, and reachable again; all connections count as one. */
  readonly reach?: ReachHooks;
  /** Work arrived, here or at another replica: a hint to claim. */
  readonly onWake: () => void;
  /** Another replica was asked to cancel a job that runs here. */
  readonly onCancel: (id: string) => void;
}
