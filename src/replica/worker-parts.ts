/** Assembles the parts of a replica that run jobs: executor, slots, leases, settler, worker and sweep. */

import type { Config } from "../config/config.ts";
import type { Backoff } from "../core/backoff.ts";
import { exponential } from "../core/backoff.ts";
import type { Bulk } from "../core/bulk.ts";
import type { BatchResults } from "../core/flows/batch-results.ts";
import type { CallbackOf, Job } from "../core/job.ts";
import type { AnyJobDefinition } from "../core/job-type.ts";
import { SHARED_MEMORY_BYTES } from "../core/job-type.ts";
import type { Reruns } from "../core/reruns.ts";
import type { Backfills } from "../core/schedules/backfill.ts";
import type { Attempt } from "../execute/attempt.ts";
import { Executor } from "../execute/executor.ts";
import { IoThreads } from "../execute/io-threads.ts";
import type { FlowResults, ResolveReferences } from "../execute/resolve-references.ts";
import { referenceResolver } from "../execute/resolve-references.ts";
import type { HandlerMessage } from "../execute/threads.ts";
import { Threads } from "../execute/threads.ts";
import type { Registry } from "../jobs/registry.ts";
import type { EventLoopDelay } from "../observability/event-loop-delay.ts";
import type { Log } from "../observability/log.ts";
import type { Metrics } from "../observability/metrics.ts";
import { memoryShares } from "../process/memory-limit.ts";
import type { Queue } from "../queue/queue.ts";
import type { Recorder } from "../results/recorder/recorder.ts";
import { Beat } from "../worker/beat.ts";
import { Heartbeat } from "../worker/heartbeat.ts";
import type { LeaseGuard } from "../worker/lease-guard.ts";
import { Leases } from "../worker/leases.ts";
import { LogFollowers } from "../worker/log-followers.ts";
import { Settler } from "../worker/settler.ts";
import { Slots } from "../worker/slots.ts";
import { Sweep } from "../worker/sweep.ts";
import { Worker } from "../worker/worker.ts";
import { makeGuard } from "./guard.ts";
import { warning } from "./warning.ts";

export interface WorkerPartsOptions {
  readonly config: Config;
  readonly redis: { readonly url: string };
  readonly typeSettings: Readonly<Record<string, unknown>>;
  readonly registry: Registry;
  /** The types that this replica runs: none in role `api`. */
  readonly definitions: readonly AnyJobDefinition[];
  readonly replica: string;
  readonly version: string;
  readonly log: Log;
  readonly metrics: Metrics;
  readonly delay: EventLoopDelay;
  readonly queue: Queue;
  readonly recorder: Recorder;
  readonly reruns: Reruns;
  readonly bulk: Bulk;
  readonly backfills: Backfills;
  readonly flowResults: FlowResults;
  readonly batchResults: BatchResults;
  readonly callbackOf: CallbackOf;
  readonly onUnfit: () => void;
}

export interface WorkerParts {
  readonly worker: Worker;
  readonly leases: Leases;
  readonly logFollowers: LogFollowers;
  /** Undefined on a replica that runs no jobs. */
  readonly guard: LeaseGuard | undefined;
  readonly sweep: Sweep;
  readonly slots: Slots;
  readonly threads: Threads;
  readonly closeThreads: () => Promise<void>;
  readonly executor: Executor;
  /** Tells the other replicas that this one shuts down. Idempotent. */
  readonly announceDrain: () => void;
  /** Opens the resources of the job types. If it fails half-way, closing threads and executor closes what is open. */
  readonly open: () => Promise<void>;
}

/** Makes the parts. The worker claims no job before `worker.open()`. */
export function makeWorkerParts(options: WorkerPartsOptions): WorkerParts {
  const { config, log, queue, recorder } = options;
  const executing = makeExecutor(options);
  const { slots, threads, executor } = executing;
  const heartbeat = new Heartbeat({
    replica: options.replica,
    role: config.TASKFLOW_ROLE,
    version: options.version,
    slots,
    threads,
    delays: options.delay.period,
    now: () => queue.clock.now(),
  });
  const beat = new Beat();
  const leases = new Leases({
    queue,
    leaseMs: config.LEASE_MS,
    beat,
    about: heartbeat.text,
    onGivenUp: ({ job, stopReason }) => {
      logOf(log, job).error(
        { reason: stopReason },
        "a handler does not stop; its slot is given up, although it may continue to run",
      );
      worker.gaveUp();
    },
    onError: warning(log, "leases could not be renewed"),
  });
  const logFollowers = new LogFollowers({
    channel: queue.logChannel,
    leases,
    replica: options.replica,
    onError: warning(log, "log lines could not be sent to the replicas that follow their jobs"),
  });
  const guard = makeGuard({ ...options, beat, leases, executor, slots });
  const worker = makeWorker(options, { slots, executor, leases, heartbeat });
  const sweep = new Sweep({
    queue,
    recorder,
    resolve: executing.resolve,
    onSwept: (count) => log.info({ outcomes: count }, "recorded outcomes that their owners left in the outbox"),
    onUnreadable: (job) => logOf(log, job).error("a job is in the outbox without an outcome"),
    onError: warning(log, "the outbox could not be swept"),
  });
  const open = async (): Promise<void> => {
    await executing.open();
    guard?.start();
  };
  const announceDrain = (): void => {
    heartbeat.isDraining = true;
    leases.renewSoon();
  };
  return {
    announceDrain,
    worker,
    leases,
    logFollowers,
    guard,
    sweep,
    slots,
    threads,
    closeThreads: executing.close,
    executor,
    open,
  };
}

interface Executing extends Pick<WorkerParts, "slots" | "threads" | "executor" | "open"> {
  readonly resolve: ResolveReferences;
  /** Closes the threads. */
  readonly close: () => Promise<void>;
}

/** The executor, with the slots and threads that it uses. */
function makeExecutor({
  config,
  definitions,
  registry,
  typeSettings,
  log,
  queue,
  reruns,
  bulk,
  backfills,
  flowResults,
  batchResults,
}: WorkerPartsOptions): Executing {
  const cpuSlots = definitions.some(({ lane }) => lane === "cpu") ? config.WORKER_COUNT : 0;
  const payloadBytes =
    config.PAYLOAD_MEMORY_MB === 0 ? memoryShares().payloads : config.PAYLOAD_MEMORY_MB * 1024 * 1024;
  const slots = new Slots(definitions, config.IO_SLOTS, cpuSlots, payloadBytes);
  const shared = {
    jobsDir: config.TASKFLOW_JOBS || undefined,
    settings: typeSettings,
    onMessage: (message: HandlerMessage) => executor.onThreadMessage(message),
  };
  const threads = new Threads({
    ...shared,
    size: cpuSlots,
    onError: warning(log, "an error on a pool thread outside of an attempt"),
    onConfined: (lacks) =>
      log.debug({ lacks }, "started a process that decodes images without the confinement that this machine lacks"),
  });
  const sharedMemory = Object.fromEntries(
    definitions
      .filter(({ lane }) => lane === "io")
      .map(({ type }) => [type, new SharedArrayBuffer(SHARED_MEMORY_BYTES)]),
  );
  const ioThreads = new IoThreads({
    ...shared,
    sharedMemory,
    onError: warning(log, "an error on a thread of lane io outside of an attempt"),
  });
  const payload = (id: string, size: number): Promise<Uint8Array | undefined> => queue.payload(id, size);
  const resolve = referenceResolver({
    results: flowResults,
    payload,
    typeOf: registry.get,
    maxBodyBytes: config.MAX_BODY_BYTES,
    threads: threads.references,
  });
  const executor = new Executor({
    definitions,
    threads,
    ioThreads,
    payload,
    resolve,
    save: (job, state) => queue.save(job, state),
    log: (job, message, { level, ...fields } = {}) =>
      logOf(log, job)[level === "warn" ? "warn" : "info"](fields, message),
  });
  const open = async (): Promise<void> => {
    ioThreads.open(queue.destinations);
    const services = {
      destinations: queue.destinations,
      reruns,
      bulk,
      backfills,
      batchResults,
      redactPayload: registry.redactPayload,
      sharedMemory: (type: string) => sharedMemory[type],
    };
    await executor.open(typeSettings, services);
    await threads.opened(); // after the executor: if it fails, no thread must start
  };
  const close = async (): Promise<void> => {
    await Promise.all([threads.close(), ioThreads.close()]);
  };
  return { slots, threads, executor, resolve, open, close };
}

interface WorkerUses extends Pick<WorkerParts, "slots" | "executor" | "leases"> {
  readonly heartbeat: Heartbeat;
}

/** The worker, with its settler. */
function makeWorker(options: WorkerPartsOptions, { slots, executor, leases, heartbeat }: WorkerUses): Worker {
  const { config, registry, log, metrics, queue, recorder } = options;
  const settler = new Settler({
    queue,
    replica: options.replica,
    backoffOf: backoffs(registry, config),
    onTerminal: (outcomes) => recorder.add(outcomes),
    onSettled: (job, outcome) => worker.settled(job, outcome),
    callbackOf: options.callbackOf,
    onError: warning(log, "attempts could not be settled yet"),
  });
  const worker = new Worker({
    queue,
    executor,
    slots,
    leases,
    settler,
    claimLimit: config.CLAIM_LIMIT,
    shouldPause: () => recorder.shouldPause,
    hooks: {
      onPickup: (type, seconds, now) => {
        metrics.observePickup(type, seconds);
        heartbeat.pickup.observe(seconds * 1_000, now);
      },
      onRan: (type, seconds, now) => {
        metrics.observeRun(type, seconds);
        heartbeat.run.observe(seconds * 1_000, now);
      },
      onAttempt: (job, outcome, attempt) => {
        metrics.countAttempt(job.type, outcome);
        if (log.isLevelEnabled("debug"))
          logOf(log, job).debug({ outcome, ...(attempt && endOf(attempt)) }, "attempt settled");
      },
      onError: warning(log, "jobs could not be claimed"),
      onUnfit: options.onUnfit,
    },
  });
  return worker;
}

function logOf(log: Log, job: Pick<Job, "id" | "type" | "attempt">): Log {
  return log.child({ job_id: job.id, type: job.type, attempt: job.attempt });
}

/** How an attempt ended, as fields of a log line. */
function endOf({ ended, ranMs }: Attempt): Readonly<Record<string, unknown>> {
  return {
    end: ended?.kind,
    ran_ms: Math.round(ranMs),
    ...(ended?.kind === "threw" && { error: { code: ended.code, message: ended.message } }),
  };
}

/** How long a job waits between attempts, according to its options, else the deployment's settings, else its type. */
function backoffs(registry: Registry, { RETRY_BASE_MS, RETRY_MAX_MS }: Config): (job: Job) => Backoff {
  const fallback = exponential(1_000, 600_000); // for a lost job of a type that this replica does not know
  return ({ type, options }) => {
    if (options.backoff) return options.backoff;
    const typeBackoff = registry.get(type)?.definition.backoff ?? fallback;
    return RETRY_BASE_MS === null && RETRY_MAX_MS === null
      ? typeBackoff
      : {
          kind: typeBackoff.kind,
          base_ms: RETRY_BASE_MS ?? typeBackoff.base_ms,
          max_ms: RETRY_MAX_MS ?? typeBackoff.max_ms,
        };
  };
}
