/** The parts that the API uses; replica/replica.ts joins them. */
import type { ArtifactLinks } from "../artifacts/signed-link.ts";
import type { ArtifactStore } from "../artifacts/store.ts";
import type { BodyTask, ParsedBody } from "../core/body.ts";
import type { Bulk } from "../core/bulk.ts";
import type { Flows } from "../core/flows/flows.ts";
import type { CallbackOf, Durability, Job } from "../core/job.ts";
import type { Reruns } from "../core/reruns.ts";
import type { Schedules } from "../core/schedules/schedules.ts";
import type { Registry } from "../jobs/registry.ts";
import type { Network } from "../net/networks.ts";
import type { Log } from "../observability/log.ts";
import type { Metrics } from "../observability/metrics.ts";
import type { EnqueueDone, Submitted } from "../queue/enqueuer.ts";
import type { Queue } from "../queue/queue.ts";
import type { AuditLog } from "../results/audit-log.ts";
import type { Store } from "../results/store.ts";
import type { ApiKeyCache } from "./access/api-key-cache.ts";
import type { RateLimits } from "./access/rate-limits.ts";
import type { EventHub } from "./events/event-hub.ts";
import type { Waiters } from "./events/waiters.ts";
import type { CaughtMails } from "./pages/dev-mail.ts";

export interface ApiSettings {
  /** A `worker` serves health and metrics only. */
  readonly role: "all" | "api" | "worker";
  /** TASKFLOW_AUTH=none: serves everyone. */
  readonly isOpenToAll: boolean;
  /** The origins of pages that may call from a browser; `*` for all. */
  readonly corsOrigins: readonly string[];
  /** ALLOWED_HOSTS and PUBLIC_URL, for the check of Host (allowed-hosts.ts). */
  readonly allowedHosts: readonly string[];
  readonly publicUrl: string;
  /** DASHBOARD and DASHBOARD_LABEL. */
  readonly dashboard: { readonly mode: "full" | "read" | "off"; readonly label: string | null };
  /** The name of the header with the user of an auth proxy, in lower case; "" for none. */
  readonly userHeader: string;
  /** The addresses from which that header counts. */
  readonly trustedProxies: readonly Network[];
  /** The size limit of one job, unless its type allows more. */
  readonly maxBodyBytes: number;
  readonly maxBatchBytes: number;
  /** The bound of all bodies whose requests are not answered yet. */
  readonly maxBufferedBytes: number;
  /** The durability of submissions that do not specify one. */
  readonly durability: Durability;
  readonly idempotencyTtlMs: number;
  /** How long this replica owns the outcomes that cancellations put into the outbox. */
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
    | "erase"
    | "cancel"
    | "cancelMany"
    | "update"
    | "run"
    | "jobCounts"
    | "queueDetail"
    | "pause"
    | "resume"
    | "position"
    | "destinationList"
  >;
  /** Enqueues in Redis, after a commit in Postgres if a submission asks for it. */
  readonly enqueue: (submitted: Submitted, done: EnqueueDone) => void;
  readonly store: Pick<
    Store,
    | "get"
    | "accepted"
    | "amend"
    | "options"
    | "payload"
    | "attempts"
    | "range"
    | "history"
    | "erase"
    | "ping"
    | "states"
    | "members"
  >;
  readonly audit: Pick<AuditLog, "record" | "list">;
  readonly registry: Registry;
  readonly reruns: Pick<Reruns, "matching">;
  readonly bulk: Pick<Bulk, "matching">;
  readonly schedules: Schedules;
  readonly flows: Flows;
  readonly artifacts: Pick<ArtifactStore, "open" | "removeJob">;
  readonly links: Pick<ArtifactLinks, "judge">;
  readonly metrics: Pick<Metrics, "observeHttp" | "countSubmissions" | "text" | "contentType">;
  readonly recorder: { readonly isHealthy: boolean };
  readonly waiters: Pick<Waiters, "wait" | "look">;
  readonly events: Pick<EventHub, "joinAll" | "joinJob" | "joinFlow" | "follow" | "proceed">;
  /** Parses and checks a large body on a pool thread, which takes over its bytes. */
  readonly parseLarge: (task: BodyTask) => Promise<ParsedBody>;
  /** The callback of a job that is cancelled while it waits. */
  readonly callbackOf: CallbackOf;
  /**
   * Called with each job that was cancelled while it waited, or withdrawn before Redis had it: it is in the outbox,
   * owned by this replica. A withdrawn job stays there after it is recorded.
   */
  readonly cancelWaiting: (job: Job, kind: "cancelled" | "withdrawn") => void;
  /** The mail catcher, if one was started on this machine. */
  readonly mail?: CaughtMails | undefined;
  /** The valid API keys. */
  readonly apiKeyCache: ApiKeyCache;
  readonly limits: RateLimits;
  readonly log: Pick<Log, "error" | "warn">;
  readonly settings: ApiSettings;
}
