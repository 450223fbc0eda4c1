/**
 * One replica, put together by hand: its parts are opened in order, joined, and closed in reverse. What comes in from
 * the process (environment, signals, exit) is main.ts's.
 */

import { RateLimits } from "../api/access/rate-limits.ts";
import { EventHub } from "../api/events/event-hub.ts";
import { Waiters } from "../api/events/waiters.ts";
import { LAST_ANSWERS_MS } from "../api/http/front.ts";
import { Server } from "../api/http/uws.ts";
import { jobJson } from "../api/jobs/job-json.ts";
import { JobLooks } from "../api/jobs/job-looks.ts";
import { openArtifactStore } from "../artifacts/settings.ts";
import { openArtifactLinks } from "../artifacts/signed-link.ts";
import type { Config } from "../config/config.ts";
import { timeOfId } from "../core/id.ts";
import type { Job, Outcome } from "../core/job.ts";
import { outcomeOf } from "../core/packed-job.ts";
import { DAY_MS } from "../core/time.ts";
import type { MailCatcher } from "../embedded/mail-catcher.ts";
import type { Registry } from "../jobs/registry.ts";
import { EventLoopDelay } from "../observability/event-loop-delay.ts";
import type { Log } from "../observability/log.ts";
import type { Metrics } from "../observability/metrics.ts";
import { createMetrics } from "../observability/metrics.ts";
import { reasonOf } from "../observability/reason.ts";
import { memoryShares } from "../process/memory-limit.ts";
import { Queue } from "../queue/queue.ts";
import type { Runner } from "../queue/reservation.ts";
import { checkServer } from "../queue/server-check.ts";
import { startErrorOf } from "../queue/unfit-server.ts";
import { AcceptanceLogWriter } from "../results/acceptance-log/writer.ts";
import { migrate } from "../results/migrate.ts";
import { Recorder } from "../results/recorder/recorder.ts";
import { Store } from "../results/store.ts";
import { OUTBOX_OWNED_MS } from "../worker/settler.ts";
import { callbacks } from "./callback.ts";
import type { Closer } from "./closers.ts";
import { closeInTime, within } from "./closers.ts";
import { watchInstallation } from "./installation.ts";
import { openKeys } from "./maintenance/api-key-refresh.ts";
import { openRestore } from "./maintenance/restore-schedule.ts";
import { startRetention } from "./maintenance/retention.ts";
import { rerunsOf } from "./reruns.ts";
import { typesToRun } from "./settings-check.ts";
import { submissionPipeline } from "./submission-pipeline.ts";
import { warning } from "./warning.ts";
import { makeWorkerParts } from "./worker-parts.ts";

const START_TIMEOUT_MS = 10_000;
/** How long a closing replica tries to settle what it gives back, while Redis is away. */
const LAST_SETTLE_MS = 8_000;
/** How long a closing replica tries to write its last outcomes; what is left stands in the outbox. */
const LAST_FLUSH_MS = 5_000;

export interface SystemOptions {
  readonly config: Config;
  readonly redis: { readonly url: string; readonly where: string };
  readonly databaseUrl: string;
  /** What the job types' `open` gets. */
  readonly typeSettings: Readonly<Record<string, unknown>>;
  readonly registry: Registry;
  readonly log: Log;
  /** This boot of this process: eight characters. */
  readonly replica: string;
  readonly version: string;
  /** The mail catcher, where one was started here. */
  readonly mail: MailCatcher | undefined;
  /** The process should drain and exit: too many handlers do not stop. */
  readonly onUnfit: () => void;
}

export interface System {
  /** Where HTTP is served. */
  readonly port: number;
  /** The jobs whose leases this replica holds. */
  jobs(): readonly Job[];
  /** Reports that this replica is not ready, and serves as before. */
  leave(): void;
  /** Stops claiming, finishes or gives back what runs, records it, and closes everything. Idempotent. */
  close(): Promise<void>;
}

/** @throws StartError in one sentence, with everything closed again */
export async function startSystem(options: SystemOptions): Promise<System> {
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

async function open(options: SystemOptions, closers: Closer[]): Promise<Omit<System, "close">> {
  const { config, log, databaseUrl } = options;
  const runs = typesToRun(options);
  const metrics = createMetrics();
  const delay = new EventLoopDelay();
  closers.push(() => delay.close());
  const applied = await migrate(databaseUrl, {
    onWait: (wait) => log.warn(`the migration of the database waits for a lock of Postgres: ${wait}`),
  });
  if (applied.length > 0) log.info({ migrations: applied }, "database migrated");

  // The queue is made before those who hear what it says.
  const hears: Joints = {
    wake: () => undefined,
    runner: undefined,
    cancel: (id) => log.debug({ job_id: id }, "a cancellation came before this replica was ready"),
  };
  const queue = await openQueue(options, { runsJobs: runs.length > 0, metrics, hears });
  closers.push(
    () => queue.close(),
    () => queue.leave(),
  );
  closers.push(await watchInstallation({ ...options, namespace: config.REDIS_NAMESPACE, queue }));
  const store = new Store(databaseUrl);
  closers.push(() => store.close());
  const artifacts = await openArtifactStore(options.typeSettings as { ARTIFACTS_DIR: string; ARTIFACTS_URL?: string });
  // Closed after the recorder: neither a slow disk nor a Postgres that is silent towards these may keep it from its last flush.
  closers.push(startRetention({ ...options, artifacts, redisTime: () => queue.clock.now() }));
  const keys = await openKeys(options);
  closers.push(() => keys.close());
  const recorder = openRecorder(options, queue, { ...metrics, released: () => hears.wake() });
  closers.push(within(LAST_FLUSH_MS + 1_000, () => recorder.close(LAST_FLUSH_MS)));

  const acceptanceLogWriter = new AcceptanceLogWriter({ databaseUrl, namespace: config.REDIS_NAMESPACE, log });
  closers.push(() => acceptanceLogWriter.close());
  const reruns = rerunsOf({
    queue,
    store,
    acceptanceLogWriter,
    quotas: { jobs: config.JOB_QUOTA, bytes: config.JOB_BYTES_QUOTA },
  });
  const links = openArtifactLinks(config);
  const callbackOf = callbacks(jobJson(options.registry), config.CALLBACK_SECRET);
  const workerParts = makeWorkerParts({
    ...options,
    definitions: runs,
    delay,
    queue,
    recorder,
    reruns,
    metrics,
    callbackOf,
  });
  const { worker, leases, guard, sweep, executor, threads, slots } = workerParts;
  closers.push(
    () => workerParts.closeThreads(),
    () => executor.close(),
    () => guard?.close(),
    () => leases.close(),
  );
  await workerParts.open();
  hears.wake = worker.wake;
  hears.runner = worker;
  hears.cancel = (id) => leases.stop(id, "cancelled");
  const restore = openRestore(options, queue);
  closers.push(() => restore.close());
  restore.start(); // before anything is accepted: an empty Redis is known by the mark that it lacks
  const looks = new JobLooks({ queue, store });
  const waiters = new Waiters({ queue, looks });
  const events = new EventHub({ queue, looks });
  const server = new Server({
    apiKeyCache: keys.apiKeyCache,
    limits: new RateLimits({
      take: (requests) => queue.take(requests),
      rate: config.RATE_LIMIT,
      quota: config.JOB_QUOTA,
      bytes: config.JOB_BYTES_QUOTA,
    }),
    enqueue: submissionPipeline({ queue, acceptanceLogWriter, store, retentionMs: config.RETENTION_DAYS * DAY_MS }),
    queue,
    store,
    reruns,
    registry: options.registry,
    artifacts,
    links,
    metrics,
    recorder,
    log,
    mail: options.mail,
    parseLarge: (task) => threads.parse(task),
    callbackOf,
    cancelWaiting: (job, kind) => recordCancelled(job, kind, recorder, metrics),
    waiters,
    events,
    settings: {
      role: config.TASKFLOW_ROLE,
      isOpenToAll: config.TASKFLOW_AUTH === "none",
      corsOrigins: config.CORS_ORIGINS,
      allowedHosts: config.ALLOWED_HOSTS,
      publicUrl: config.PUBLIC_URL,
      maxBodyBytes: config.MAX_BODY_BYTES,
      maxBatchBytes: config.MAX_BATCH_BYTES,
      maxBufferedBytes: memoryShares().bodies,
      durability: config.ACCEPT_DURABILITY,
      idempotencyTtlMs: config.IDEMPOTENCY_TTL * 1_000,
      outboxOwnedMs: OUTBOX_OWNED_MS,
    },
  });
  const port = await server.listen(config.SERVER_ADDR.host, config.SERVER_ADDR.port);
  const proxyPort = config.PROXY_ADDR
    ? await server.listenForProxies(config.PROXY_ADDR.host, config.PROXY_ADDR.port)
    : undefined;
  // While jobs drain, reads are answered and submissions refused.
  closers.push(
    within(LAST_ANSWERS_MS + 1_000, () => server.close()),
    () => waiters.close(),
    () => sweep.close(),
    within(config.DRAIN_MS + LAST_SETTLE_MS, () => worker.drain(config.DRAIN_MS)),
    () => events.close(),
    () => server.stopAccepting(),
  );
  metrics.readFrom({
    slots: () => slots.use().lanes,
    version: options.version,
    recorderBuffered: () => recorder.size,
    delays: delay.worst,
    jobCounts: () => queue.jobCounts(),
  });
  leases.start();
  sweep.start();
  worker.open();
  log.info(
    {
      port,
      ...(proxyPort !== undefined && { proxy_port: proxyPort }),
      role: config.TASKFLOW_ROLE,
      types: runs.map(({ type }) => type),
    },
    "serving",
  );
  return { port, jobs: () => leases.jobs, leave: () => server.leave() };
}

/** A job that was cancelled while it waited stands in the outbox already. */
function recordCancelled(job: Job, kind: "cancelled" | "withdrawn", recorder: Recorder, metrics: Metrics): void {
  const outcome = outcomeOf(job);
  if (!outcome) return;
  recorder.add([kind === "withdrawn" ? { ...outcome, staysInRedis: true } : outcome]);
  metrics.countJob(job.type, "cancelled");
}

/** Who hears what the queue says, and lends it slots. */
interface Joints {
  wake: () => void;
  cancel: (id: string) => void;
  runner: Runner | undefined;
}

interface QueueJoints {
  readonly runsJobs: boolean;
  readonly metrics: Metrics;
  readonly hears: Joints;
}

async function openQueue(
  { config, redis, replica, log }: SystemOptions,
  { runsJobs, metrics, hears }: QueueJoints,
): Promise<Queue> {
  const queue = new Queue({
    url: redis.url,
    namespace: config.REDIS_NAMESPACE,
    replica,
    leaseMs: config.LEASE_MS,
    runsJobs,
    runner: {
      reserve: (type, jobs, bytes) => hears.runner?.reserve(type, jobs, bytes) ?? false,
      unreserve: (type, jobs, bytes) => hears.runner?.unreserve(type, jobs, bytes),
      start: (jobs, grantedAt, payloads) => hears.runner?.start(jobs, grantedAt, payloads),
    },
    submitTimeoutMs: config.SUBMIT_TIMEOUT_MS,
    onRoundTrip: metrics.observeScript,
    onDestinationsOpened: metrics.countOpenings,
    onWake: () => hears.wake(),
    onCancel: (id) => hears.cancel(id),
    reach: {
      onLost: (error) =>
        log.warn(
          { error: reasonOf(error) },
          "Redis cannot be reached: it is tried again until it answers, and no job is taken meanwhile",
        ),
      onBack: () => log.info("Redis answers again"),
    },
    onError: warning(log, "Redis refused a call"),
  });
  try {
    const denied = await queue.open(START_TIMEOUT_MS);
    for (const warning of [...denied, ...(await checkServer(queue, redis.where))]) log.warn(warning);
    return queue;
  } catch (error) {
    queue.close();
    throw startErrorOf(redis.where, error);
  }
}

function openRecorder(
  { config, databaseUrl, log }: SystemOptions,
  queue: Queue,
  joints: Pick<Metrics, "observeCopy" | "observeEndToEnd" | "countDropped"> & { readonly released: () => void },
): Recorder {
  return new Recorder({
    databaseUrl,
    maxRows: config.RECORD_BATCH_ROWS,
    highMark: config.RECORD_HIGH_MARK,
    lowMark: Math.floor(config.RECORD_HIGH_MARK / 2),
    payload: (id, size) => queue.payload(id, size),
    log,
    observe: { batch: joints.observeCopy, dropped: joints.countDropped, released: joints.released },
    onRecorded: async (outcomes: readonly Outcome[]) => {
      const now = queue.clock.now();
      for (const { job } of outcomes) joints.observeEndToEnd(job.type, Math.max(0, now - timeOfId(job.id)) / 1_000);
      await queue.forget(outcomes.filter(({ staysInRedis }) => !staysInRedis).map(({ job }) => job));
    },
  });
}
