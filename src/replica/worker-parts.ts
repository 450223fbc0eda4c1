/** The half of a replica that runs jobs, put together: executor, slots, leases, settler, worker and sweep. */

import type { Config } from "../config/config.ts";
import type { Backoff } from "../core/backoff.ts";
import { exponential } from "../core/backoff.ts";
import type { CallbackOf, Job } from "../core/job.ts";
import type { AnyJobDefinition } from "../core/job-type.ts";
import { SHARED_MEMORY_BYTES } from "../core/job-type.ts";
import type { Reruns } from "../core/reruns.ts";
import type { Attempt } from "../execute/attempt.ts";
import { Executor } from "../execute/executor.ts";
import { IoThreads } from "../execute/io-threads.ts";
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
  readonly callbackOf: CallbackOf;
  readonly onUnfit: () => void;
}

export interface WorkerParts {
  readonly worker: Worker;
  readonly leases: Leases;
  /** Absent where no jobs run. */
  readonly guard: LeaseGuard | undefined;
  readonly sweep: Sweep;
  readonly slots: Slots;
  readonly threads: Threads;
  readonly closeThreads: () => Promise<void>;
  readonly executor: Executor;
  /** Opens what the types need. Where it fails half-way, closing threads and executor closes what is open. */
  readonly open: () => Promise<void>;
}

/** Makes the parts. Nothing is claimed before `worker.open()`. */
export function makeWorkerParts(options: WorkerPartsOptions): WorkerParts {
  const { config, definitions, registry, log, metrics, queue, recorder, replica } = options;
  const onError = (what: string) => warning(log, what);

  const cpuSlots = definitions.some(({ lane }) => lane === "cpu") ? config.WORKER_COUNT : 0;
  const payloadBytes =
    config.PAYLOAD_MEMORY_MB === 0 ? memoryShares().payloads : config.PAYLOAD_MEMORY_MB * 1024 * 1024;
  const slots = new Slots(definitions, config.IO_SLOTS, cpuSlots, payloadBytes);
  const threads = new Threads({
    size: cpuSlots,
    jobsDir: config.TASKFLOW_JOBS || undefined,
    settings: options.typeSettings,
    onMessage: (message) => executor.onThreadMessage(message),
    onError: onError("a fault on a pool thread, outside of an attempt"),
    onConfined: (lacks) =>
      log.debug({ lacks }, "a process that decodes images has been started, without what is not allowed here"),
  });
  const sharedMemory = Object.fromEntries(
    definitions
      .filter(({ lane }) => lane === "io")
      .map(({ type }) => [type, new SharedArrayBuffer(SHARED_MEMORY_BYTES)]),
  );
  const ioThreads = new IoThreads({
    sharedMemory,
    jobsDir: config.TASKFLOW_JOBS || undefined,
    settings: options.typeSettings,
    onMessage: (message) => executor.onThreadMessage(message),
    onError: onError("a fault on a thread of lane io, outside of an attempt"),
  });
  const heartbeat = new Heartbeat({
    replica,
    role: config.TASKFLOW_ROLE,
    version: options.version,
    slots,
    threads,
    delays: options.delay.period,
    now: () => queue.clock.now(),
  });
  const logOf = (job: Pick<Job, "id" | "type" | "attempt">) =>
    log.child({ job_id: job.id, type: job.type, attempt: job.attempt });
  const executor = new Executor({
    definitions,
    threads,
    ioThreads,
    payload: (id, size) => queue.payload(id, size),
    save: (job, state) => queue.save(job, state),
    log: (job, message, { level, ...fields } = {}) => logOf(job)[level === "warn" ? "warn" : "info"](fields, message),
  });
  const beat = new Beat();
  const leases = new Leases({
    queue,
    leaseMs: config.LEASE_MS,
    beat,
    about: heartbeat.text,
    onGivenUp: ({ job, stopReason }) => {
      logOf(job).error({ reason: stopReason }, "a handler does not stop; its slot is given up, and it may run on");
      worker.gaveUp();
    },
    onError: onError("leases could not be renewed"),
  });
  const guard = makeGuard({ ...options, beat, leases, executor, slots });
  const settler = new Settler({
    queue,
    replica,
    backoffOf: backoffs(registry, config),
    onTerminal: (outcomes) => recorder.add(outcomes),
    onSettled: (job, outcome, isStale) => worker.settled(job, outcome, isStale),
    callbackOf: options.callbackOf,
    onError: onError("attempts could not be settled yet"),
  });
  const worker = new Worker({
    queue,
    executor,
    slots,
    leases,
    settler,
    claimLimit: config.CLAIM_LIMIT,
    isHeldBack: () => recorder.holdsBack,
    hooks: {
      onPickup: (type, seconds) => {
        metrics.observePickup(type, seconds);
        heartbeat.pickup.observe(seconds * 1_000);
      },
      onRan: (type, seconds) => {
        metrics.observeRun(type, seconds);
        heartbeat.run.observe(seconds * 1_000);
      },
      onAttempt: (job, outcome, attempt) => {
        metrics.countAttempt(job.type, outcome);
        if (log.isLevelEnabled("debug"))
          logOf(job).debug({ outcome, ...(attempt && toldOf(attempt)) }, "attempt settled");
      },
      onError: onError("jobs could not be claimed"),
      onUnfit: options.onUnfit,
    },
  });
  const sweep = new Sweep({
    queue,
    recorder,
    onSwept: (count) => log.info({ outcomes: count }, "recorded outcomes that their owners left in the outbox"),
    onUnreadable: (job) => logOf(job).error("a job stands in the outbox without an outcome"),
    onError: onError("the outbox could not be swept"),
  });
  const open = async (): Promise<void> => {
    ioThreads.open(queue.destinations);
    await executor.open(options.typeSettings, {
      destinations: queue.destinations,
      reruns: options.reruns,
      sharedMemory: (type) => sharedMemory[type],
    });
    await threads.opened(); // not at once with the above: where one fails, nothing must be opened after it
    guard?.start();
  };
  const closeThreads = async (): Promise<void> => {
    await Promise.all([threads.close(), ioThreads.close()]);
  };
  return { worker, leases, guard, sweep, slots, threads, closeThreads, executor, open };
}

/** How an attempt ended, for a line of the log. */
function toldOf({ ended, ranMs }: Attempt): Readonly<Record<string, unknown>> {
  return {
    end: ended?.kind,
    ran_ms: Math.round(ranMs),
    ...(ended?.kind === "threw" && { error: { code: ended.code, message: ended.message } }),
  };
}

/** How long a job waits between attempts: its own word, then the deployment's, then its type's. */
function backoffs(registry: Registry, { RETRY_BASE_MS, RETRY_MAX_MS }: Config): (job: Job) => Backoff {
  const fallback = exponential(1_000, 600_000); // a lost job of a type that is not known here
  return ({ type, options }) => {
    if (options.backoff) return options.backoff;
    const own = registry.get(type)?.definition.backoff ?? fallback;
    return RETRY_BASE_MS === null && RETRY_MAX_MS === null
      ? own
      : { kind: own.kind, base_ms: RETRY_BASE_MS ?? own.base_ms, max_ms: RETRY_MAX_MS ?? own.max_ms };
  };
}
