/**
 * Assembles one replica: opens its parts in order, connects them, and closes them in reverse. main.ts handles the
 * process itself (environment, signals, exit).
 */
import { LAST_ANSWERS_MS } from "../api/http/front.ts";
import type { Server } from "../api/http/uws.ts";
import { jobJson } from "../api/jobs/job-json.ts";
import { openArtifactStore } from "../artifacts/settings.ts";
import type { ArtifactStore } from "../artifacts/store.ts";
import type { Config } from "../config/config.ts";
import type { Job } from "../core/job.ts";
import type { AnyJobDefinition } from "../core/job-type.ts";
import type { MailCatcher } from "../embedded/mail-catcher.ts";
import type { Registry } from "../jobs/registry.ts";
import { EventLoopDelay } from "../observability/event-loop-delay.ts";
import type { Log } from "../observability/log.ts";
import type { Metrics } from "../observability/metrics.ts";
import { createMetrics } from "../observability/metrics.ts";
import type { Queue } from "../queue/queue.ts";
import { AcceptanceLogWriter } from "../results/acceptance-log/writer.ts";
import { AuditLog } from "../results/audit-log.ts";
import { FlowStore } from "../results/flows/flow-store.ts";
import { migrate } from "../results/migrate.ts";
import type { Recorder } from "../results/recorder/recorder.ts";
import { Store } from "../results/store.ts";
import { batchResults } from "./batch-results.ts";
import type { BulkParts } from "./bulk.ts";
import { bulkOf } from "./bulk.ts";
import { callbacks } from "./callback.ts";
import type { Closer } from "./closers.ts";
import { closeInTime, within } from "./closers.ts";
import { openFlows } from "./flows/open-flows.ts";
import { watchInstallation } from "./installation.ts";
import type { Keys } from "./maintenance/api-key-refresh.ts";
import { openKeys } from "./maintenance/api-key-refresh.ts";
import { startCompaction } from "./maintenance/compaction.ts";
import { startPartitionIndexes } from "./maintenance/partition-indexes.ts";
import { startQueueSamples } from "./maintenance/queue-samples.ts";
import { openRestore } from "./maintenance/restore-schedule.ts";
import { startRetention } from "./maintenance/retention.ts";
import type { ServerParts } from "./make-server.ts";
import { makeServer } from "./make-server.ts";
import type { QueueListeners } from "./open-queue.ts";
import { openQueue } from "./open-queue.ts";
import { openRecorder, recordCancelled } from "./open-recorder.ts";
import { rerunsOf } from "./reruns.ts";
import { readScheduleFiles } from "./schedules/files.ts";
import { openSchedules } from "./schedules/open-schedules.ts";
import { typesToRun } from "./settings-check.ts";
import type { WorkerParts } from "./worker-parts.ts";
import { makeWorkerParts } from "./worker-parts.ts";

/** How long a closing replica tries to settle the released jobs while Redis is away. */
const LAST_SETTLE_MS = 8_000;
/** How long a closing replica tries to write its last outcomes; the rest stays in the outbox. */
const LAST_FLUSH_MS = 5_000;

export interface ReplicaOptions {
  readonly config: Config;
  readonly redis: { readonly url: string; readonly address: string };
  readonly databaseUrl: string;
  /** The settings that the `open` of each job type gets. */
  readonly typeSettings: Readonly<Record<string, unknown>>;
  readonly registry: Registry;
  readonly log: Log;
  /** The id of this boot of this process: eight characters. */
  readonly replica: string;
  readonly version: string;
  /** The mail catcher, if this process started one. */
  readonly mail: MailCatcher | undefined;
  /** Called when the process should drain and exit, because too many handlers do not stop. */
  readonly onUnfit: () => void;
}

export interface Replica {
  /** The port that serves HTTP. */
  readonly port: number;
  /** The jobs whose leases this replica has. */
  jobs(): readonly Job[];
  /** Reports that this replica is not ready, but continues to serve. */
  leave(): void;
  /** Stops claiming, finishes or releases the running jobs, records them, and closes everything. Idempotent. */
  close(): Promise<void>;
}

/** @throws StartError, in one sentence, after it has closed everything again */
export async function startReplica(options: ReplicaOptions): Promise<Replica> {
  const closers: Closer[] = [];
  let closing: Promise<void> | undefined;
  const close = (): Promise<void> => (closing ??= closeInTime(closers.reverse(), options.log));
  try {
    return { ...(await open(options, closers)), close };
  } catch (error) {
    await close();
    throw error;
  }
}

/** The parts that hold data: opened first, closed last. */
interface Stores {
  readonly queue: Queue;
  readonly listeners: QueueListeners;
  readonly store: Store;
  readonly audit: AuditLog;
  readonly artifacts: ArtifactStore;
  readonly keys: Keys;
  readonly recorder: Recorder;
  readonly acceptanceLogWriter: AcceptanceLogWriter;
}

async function open(options: ReplicaOptions, closers: Closer[]): Promise<Omit<Replica, "close">> {
  const { config, log } = options;
  const definitions = typesToRun(options);
  const scheduleFiles = await readScheduleFiles(options);
  const metrics = createMetrics();
  const delay = new EventLoopDelay();
  closers.push(() => delay.close());
  const stores = await openStores(options, { runsJobs: definitions.length > 0, metrics }, closers);
  const { queue, store, artifacts, recorder, acceptanceLogWriter, listeners } = stores;
  const quotas = { jobs: config.JOB_QUOTA, bytes: config.JOB_BYTES_QUOTA };
  const reruns = rerunsOf({ queue, store, acceptanceLogWriter, quotas });
  const callbackOf = callbacks(jobJson(options.registry), config.CALLBACK_SECRET);
  const cancelWaiting: BulkParts["cancelWaiting"] = (job, kind) => recordCancelled(job, kind, recorder, metrics);
  const typeOf = options.registry.get;
  const flowStore = new FlowStore(options.databaseUrl, config.REDIS_NAMESPACE);
  closers.push(() => flowStore.close());
  const flows = openFlows(options, { ...stores, flowStore, metrics, callbackOf, cancelWaiting });
  const bulk = bulkOf({
    ...{ queue, store, artifacts, recorder, reruns, callbackOf, cancelWaiting, typeOf },
    flows: flows.flows,
  });
  const shared = { queue, recorder, reruns, bulk, metrics, callbackOf, cancelWaiting };
  const schedules = openSchedules(options, { ...stores, metrics, quotas, callbackOf, cancelWaiting });
  closers.push(() => schedules.close());
  if (scheduleFiles) await schedules.applyFiles(scheduleFiles);
  const workerParts = makeWorkerParts({
    ...options,
    ...shared,
    backfills: schedules.backfills,
    batchResults: batchResults({ queue, flowStore }),
    flowResults: flows.results,
    definitions,
    delay,
  });
  const { worker, leases, logFollowers, sweep, threads, slots } = workerParts;
  closers.push(
    () => workerParts.closeThreads(),
    () => workerParts.executor.close(),
    () => workerParts.guard?.close(),
    () => leases.close(),
    () => logFollowers.close(),
  );
  await workerParts.open();
  listeners.wake = worker.wake;
  listeners.runner = worker;
  listeners.cancel = (id) => leases.stop(id, "cancelled");
  queue.logChannel.listen({ onRequests: logFollowers.take });
  const restore = openRestore(options, queue);
  closers.push(() => restore.close());
  restore.start(); // before the replica accepts jobs: it recognises an empty Redis by the missing generation
  const serverParts = makeServer(options, {
    ...stores,
    ...shared,
    schedules: schedules.schedules,
    flows: flows.flows,
    threads,
  });
  const { server } = serverParts;
  const port = await listen(server, config, log, definitions);
  // A drain begins with the last of these. Schedules and flows go on until the server rejects jobs, and running jobs ended
  closers.push(
    schedules.stop,
    flows.stop,
    ...drainers({ config, serverParts, sweep, worker }),
    workerParts.announceDrain,
  );
  metrics.readFrom({
    slots: () => slots.use().lanes,
    version: options.version,
    recorderBuffered: () => recorder.size,
    delays: delay.worst,
    jobCounts: () => queue.jobCounts(),
    flowCounts: () => queue.flows.counts(),
  });
  leases.start();
  sweep.start();
  worker.open();
  schedules.start();
  flows.start();
  const leave = (): void => {
    server.leave();
    workerParts.announceDrain();
  };
  return { port, jobs: () => leases.jobs, leave };
}

async function openStores(
  options: ReplicaOptions,
  parts: { readonly runsJobs: boolean; readonly metrics: Metrics },
  closers: Closer[],
): Promise<Stores> {
  const { config, log, databaseUrl } = options;
  const applied = await migrate(databaseUrl, {
    onWait: (wait) => log.warn(`the migration of the database waits for a lock of Postgres: ${wait}`),
  });
  if (applied.length > 0) log.info({ migrations: applied }, "database migrated");
  const listeners: QueueListeners = {
    wake: () => undefined,
    runner: undefined,
    cancel: (id) => log.debug({ job_id: id }, "a cancellation came before this replica was ready"),
  };
  const queue = await openQueue(options, { ...parts, listeners });
  closers.push(
    () => queue.close(),
    () => queue.leave(),
  );
  closers.push(await watchInstallation({ ...options, namespace: config.REDIS_NAMESPACE, queue }));
  const store = new Store(databaseUrl);
  closers.push(() => store.close());
  await store.history
    .recordVersion(options.version)
    .catch((error: unknown) => log.warn({ error }, "could not record the version of this replica in the history"));
  const audit = new AuditLog({ databaseUrl, ids: queue.ids, log });
  closers.push(() => audit.close());
  const artifacts = await openArtifactStore(options.typeSettings as { ARTIFACTS_DIR: string; ARTIFACTS_URL?: string });
  // Closed after the recorder: neither a slow disk nor a silent Postgres may keep the recorder from its last flush.
  closers.push(startRetention({ ...options, artifacts, redisTime: () => queue.clock.now() }));
  closers.push(startPartitionIndexes(options));
  closers.push(startCompaction(options));
  closers.push(startQueueSamples({ ...options, queue }));
  const keys = await openKeys(options);
  closers.push(() => keys.close());
  const recorder = openRecorder(options, { queue, metrics: parts.metrics, released: () => listeners.wake() });
  closers.push(within(LAST_FLUSH_MS + 1_000, () => recorder.close(LAST_FLUSH_MS)));
  const acceptanceLogWriter = new AcceptanceLogWriter({ databaseUrl, namespace: config.REDIS_NAMESPACE, log });
  closers.push(() => acceptanceLogWriter.close());
  return { queue, listeners, store, audit, artifacts, keys, recorder, acceptanceLogWriter };
}

async function listen(
  server: Server,
  { SERVER_ADDR, PROXY_ADDR, TASKFLOW_ROLE }: Config,
  log: Log,
  definitions: readonly AnyJobDefinition[],
): Promise<number> {
  const port = await server.listen(SERVER_ADDR.host, SERVER_ADDR.port);
  const proxyPort = PROXY_ADDR ? await server.listenForProxies(PROXY_ADDR.host, PROXY_ADDR.port) : undefined;
  log.info(
    {
      port,
      ...(proxyPort !== undefined && { proxy_port: proxyPort }),
      role: TASKFLOW_ROLE,
      types: definitions.map(({ type }) => type),
    },
    "serving",
  );
  return port;
}

interface Drainable extends Pick<WorkerParts, "worker" | "sweep"> {
  readonly config: Pick<Config, "DRAIN_MS">;
  readonly serverParts: ServerParts;
}

/** Runs in reverse order, as all closers. While jobs drain, the server answers reads and rejects submissions. */
function drainers({ config, serverParts: { server, waiters, events }, worker, sweep }: Drainable): Closer[] {
  return [
    within(LAST_ANSWERS_MS + 1_000, () => server.close()),
    () => waiters.close(),
    () => sweep.close(),
    within(config.DRAIN_MS + LAST_SETTLE_MS, () => worker.drain(config.DRAIN_MS)),
    () => events.close(),
    () => server.stopAccepting(),
  ];
}
