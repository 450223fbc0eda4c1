/** What the API needs of the other parts; main joins them. */
import type { ArtifactLinks } from "../artifacts/signed-link.ts";
import type { ArtifactStore } from "../artifacts/store.ts";
import type { BodyTask, ParsedBody } from "../core/body.ts";
import type { CallbackOf, Durability, Job } from "../core/job.ts";
import type { Reruns } from "../core/reruns.ts";
import type { Registry } from "../jobs/registry.ts";
import type { Log } from "../observability/log.ts";
import type { Metrics } from "../observability/metrics.ts";
import type { EnqueueDone, Submitted } from "../queue/enqueuer.ts";
import type { Queue } from "../queue/queue.ts";
import type { Store } from "../results/store.ts";
import type { ApiKeyCache } from "./access/api-key-cache.ts";
import type { RateLimits } from "./access/rate-limits.ts";
import type { EventHub } from "./events/event-hub.ts";
import type { Waiters } from "./events/waiters.ts";
import type { CaughtMails } from "./pages/dev-mail.ts";

export interface ApiSettings {
  /** A `worker` serves health and metrics only. */
  readonly role: "all" | "api" | "worker";
  /** TASKFLOW_AUTH=none: everyone is served. */
  readonly isOpenToAll: boolean;
  /** Of pages in browsers that may call; `*` for all. */
  readonly corsOrigins: readonly string[];
  /** ALLOWED_HOSTS and PUBLIC_URL, as the check of Host reads them (allowed-hosts.ts). */
  readonly allowedHosts: readonly string[];
  readonly publicUrl: string;
  /** Of one job, where its type does not allow more. */
  readonly maxBodyBytes: number;
  readonly maxBatchBytes: number;
  /** Of all bodies that are not answered yet. */
  readonly maxBufferedBytes: number;
  /** Of submissions that do not say. */
  readonly durability: Durability;
  readonly idempotencyTtlMs: number;
  /** How long this replica owns what a cancellation puts into the outbox. */
  readonly outboxOwnedMs: number;
}

export interface ApiDependencies {
  readonly queue: Pick<
    Queue,
    | "ids"
    | "clock"
    | "silentMs"
    | "read"
    | "readHeaders"
    | "payload"
    | "liveIds"
    | "cancel"
    | "jobCounts"
    | "pause"
    | "resume"
    | "position"
  >;
  /** As the queue's, after a commit in Postgres where a submission asks for it. */
  readonly enqueue: (submitted: Submitted, done: EnqueueDone) => void;
  readonly store: Pick<Store, "get" | "accepted" | "options" | "payload" | "attempts" | "range" | "ping">;
  readonly registry: Registry;
  readonly reruns: Pick<Reruns, "matching">;
  readonly artifacts: Pick<ArtifactStore, "open">;
  readonly links: Pick<ArtifactLinks, "judge">;
  readonly metrics: Pick<Metrics, "observeHttp" | "countSubmissions" | "text" | "contentType">;
  readonly recorder: { readonly isHealthy: boolean };
  readonly waiters: Pick<Waiters, "wait" | "look">;
  readonly events: Pick<EventHub, "joinAll" | "joinJob" | "follow" | "proceed">;
  /** Parses and checks a large body on a pool thread; the bytes move there. */
  readonly parseLarge: (task: BodyTask) => Promise<ParsedBody>;
  /** Of a job that is cancelled while it waits. */
  readonly callbackOf: CallbackOf;
  /**
   * Gets each job that was cancelled while it waited, or withdrawn before Redis had it: it stands in the outbox, owned by this replica. One that was
   * withdrawn stays there when it is recorded.
   */
  readonly cancelWaiting: (job: Job, kind: "cancelled" | "withdrawn") => void;
  /** Where one was started on this machine. */
  readonly mail?: CaughtMails | undefined;
  /** The keys that hold now. */
  readonly apiKeyCache: ApiKeyCache;
  readonly limits: RateLimits;
  readonly log: Pick<Log, "error" | "warn">;
  readonly settings: ApiSettings;
}
