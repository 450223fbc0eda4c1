/** The HTTP server of a replica, connected to the parts that its handlers use. */
import { RateLimits } from "../api/access/rate-limits.ts";
import { EventHub } from "../api/events/event-hub.ts";
import { Waiters } from "../api/events/waiters.ts";
import { Server } from "../api/http/uws.ts";
import { JobLooks } from "../api/jobs/job-looks.ts";
import { openArtifactLinks } from "../artifacts/signed-link.ts";
import type { ArtifactStore } from "../artifacts/store.ts";
import type { Bulk } from "../core/bulk.ts";
import type { Flows } from "../core/flows/flows.ts";
import type { CallbackOf } from "../core/job.ts";
import type { Reruns } from "../core/reruns.ts";
import type { Schedules } from "../core/schedules/schedules.ts";
import { DAY_MS } from "../core/time.ts";
import type { Metrics } from "../observability/metrics.ts";
import { memoryShares } from "../process/memory-limit.ts";
import type { Queue } from "../queue/queue.ts";
import { OUTBOX_OWNED_MS } from "../queue/settlement.ts";
import type { AcceptanceLogWriter } from "../results/acceptance-log/writer.ts";
import type { AuditLog } from "../results/audit-log.ts";
import type { Recorder } from "../results/recorder/recorder.ts";
import type { Store } from "../results/store.ts";
import type { BulkParts } from "./bulk.ts";
import type { Keys } from "./maintenance/api-key-refresh.ts";
import type { ReplicaOptions } from "./replica.ts";
import { submissionPipeline } from "./submission-pipeline.ts";
import type { WorkerParts } from "./worker-parts.ts";

export interface ServerPartsOptions {
  readonly queue: Queue;
  readonly store: Store;
  readonly audit: AuditLog;
  readonly artifacts: ArtifactStore;
  readonly keys: Keys;
  readonly recorder: Recorder;
  readonly acceptanceLogWriter: AcceptanceLogWriter;
  readonly reruns: Reruns;
  readonly bulk: Bulk;
  readonly schedules: Schedules;
  readonly flows: Flows;
  readonly cancelWaiting: BulkParts["cancelWaiting"];
  readonly metrics: Metrics;
  readonly callbackOf: CallbackOf;
  readonly threads: WorkerParts["threads"];
}

export interface ServerParts {
  readonly server: Server;
  readonly waiters: Waiters;
  readonly events: EventHub;
}

/** Makes the parts. The server accepts no request before `server.listen()`. */
export function makeServer(options: ReplicaOptions, parts: ServerPartsOptions): ServerParts {
  const { config } = options;
  const { queue, store, acceptanceLogWriter, recorder, metrics, threads } = parts;
  const looks = new JobLooks({ queue, store });
  const waiters = new Waiters({ queue, looks });
  const events = new EventHub({ queue, looks });
  const server = new Server({
    apiKeyCache: parts.keys.apiKeyCache,
    limits: new RateLimits({
      take: (requests) => queue.take(requests),
      rate: config.RATE_LIMIT,
      quota: config.JOB_QUOTA,
      bytes: config.JOB_BYTES_QUOTA,
    }),
    enqueue: submissionPipeline({ queue, acceptanceLogWriter, store, retentionMs: config.RETENTION_DAYS * DAY_MS }),
    queue,
    store,
    audit: parts.audit,
    reruns: parts.reruns,
    bulk: parts.bulk,
    schedules: parts.schedules,
    flows: parts.flows,
    registry: options.registry,
    artifacts: parts.artifacts,
    links: openArtifactLinks(config),
    metrics,
    recorder,
    log: options.log,
    mail: options.mail,
    parseLarge: (task) => threads.parse(task),
    callbackOf: parts.callbackOf,
    cancelWaiting: parts.cancelWaiting,
    waiters,
    events,
    settings: settingsOf(config),
  });
  return { server, waiters, events };
}

function settingsOf(config: ReplicaOptions["config"]): ConstructorParameters<typeof Server>[0]["settings"] {
  return {
    role: config.TASKFLOW_ROLE,
    isOpenToAll: config.TASKFLOW_AUTH === "none",
    corsOrigins: config.CORS_ORIGINS,
    allowedHosts: config.ALLOWED_HOSTS,
    publicUrl: config.PUBLIC_URL,
    dashboard: { mode: config.DASHBOARD, label: config.DASHBOARD_LABEL === "" ? null : config.DASHBOARD_LABEL },
    userHeader: config.DASHBOARD_USER_HEADER,
    trustedProxies: config.TRUSTED_PROXIES,
    maxBodyBytes: config.MAX_BODY_BYTES,
    maxBatchBytes: config.MAX_BATCH_BYTES,
    maxBufferedBytes: memoryShares().bodies,
    durability: config.ACCEPT_DURABILITY,
    idempotencyTtlMs: config.IDEMPOTENCY_TTL * 1_000,
    outboxOwnedMs: OUTBOX_OWNED_MS,
  };
}
