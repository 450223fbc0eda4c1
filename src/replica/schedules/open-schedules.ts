/**
 * The schedules of a replica: their definitions in Postgres, their working copies in Redis, and the ticker. Every replica
 * fires ticks, also one that runs no jobs.
 */
import { setTimeout as delay } from "node:timers/promises";
import type { CallbackOf } from "../../core/job.ts";
import type { Backfills } from "../../core/schedules/backfill.ts";
import { readDefinition } from "../../core/schedules/definition.ts";
import type { Schedules } from "../../core/schedules/schedules.ts";
import type { Metrics } from "../../observability/metrics.ts";
import { reasonOf } from "../../observability/reason.ts";
import type { Queue } from "../../queue/queue.ts";
import { OUTBOX_OWNED_MS } from "../../queue/settlement.ts";
import type { AcceptanceLogWriter } from "../../results/acceptance-log/writer.ts";
import { ScheduleStore } from "../../results/schedules/schedule-store.ts";
import type { Store } from "../../results/store.ts";
import type { BulkParts } from "../bulk.ts";
import type { ReplicaOptions } from "../replica.ts";
import type { Quotas } from "../rerun-charges.ts";
import { warning } from "../warning.ts";
import { backfillsOf } from "./backfills.ts";
import type { ScheduleFile } from "./files.ts";
import { ParsedSchedules } from "./parsed-schedules.ts";
import { ScheduleService } from "./service.ts";
import type { TickDecisionsParts } from "./tick-decisions.ts";
import { Ticker } from "./ticker.ts";

/** The longest wait for Postgres before a tick of a schedule with `pause_after_failures` is fired. */
const FAILING_MS = 1_000;
/** After a wait in vain, ticks are fired without asking for this long. */
const FAILING_PAUSE_MS = 10_000;

export interface OpenSchedulesParts {
  readonly queue: Queue;
  readonly store: Store;
  readonly acceptanceLogWriter: AcceptanceLogWriter;
  readonly metrics: Pick<Metrics, "countTicks" | "observeLateness">;
  /** Of an API key that has none of its own. */
  readonly quotas: Quotas;
  readonly callbackOf: CallbackOf;
  readonly cancelWaiting: BulkParts["cancelWaiting"];
}

export interface OpenSchedules {
  readonly schedules: Schedules;
  readonly backfills: Backfills;
  /** Makes the schedules of files what the files say. */
  readonly applyFiles: (files: readonly ScheduleFile[]) => Promise<void>;
  /** Applies what other replicas left, and begins to fire ticks. */
  readonly start: () => void;
  /** Fires no more ticks. Idempotent. */
  readonly stop: () => Promise<void>;
  /** Idempotent. */
  readonly close: () => Promise<void>;
}

export function openSchedules(
  { config, databaseUrl, registry, log }: ReplicaOptions,
  parts: OpenSchedulesParts,
): OpenSchedules {
  const { queue, acceptanceLogWriter, store, metrics, quotas } = parts;
  const parsed = new ParsedSchedules(readDefinition);
  const service = new ScheduleService({
    store: new ScheduleStore(databaseUrl),
    copies: queue.schedules,
    tickingOf: parsed.of,
    now: () => queue.clock.now(),
    runId: () => queue.installation.runId(),
    onError: warning(log, "Redis and Postgres may differ in their schedules"),
    onDropped: (run, error) => log.error({ schedule: run.name, error }, "a run of a schedule cannot be stored"),
  });
  const ticker = new Ticker({
    queue,
    acceptanceLogWriter,
    store,
    metrics,
    tickingOf: parsed.of,
    typeOf: registry.get,
    durability: config.ACCEPT_DURABILITY,
    redisProcess: () => queue.installation.process(),
    decidedOtherwise: (jobs) => service.decidedOtherwise(jobs),
    failing: failingIn(service),
    pauseFailing: async ({ name }, at) => {
      const paused = await service.pause(name, { reason: "Its last jobs failed.", until: null, at, by: "failures" });
      if (paused) log.warn({ schedule: name }, "a schedule is paused: its last jobs failed");
    },
    cancel: (ids) => cancelPrevious(parts, ids),
    onDecided: () => service.decided(),
    onInvalid: ({ name }, reason) =>
      log.error({ schedule: name, error: reasonOf(reason) }, "a schedule cannot submit its job: its tick is missed"),
    onError: warning(log, "ticks of schedules could not be fired yet"),
  });
  return {
    schedules: service,
    backfills: backfillsOf({
      ...{ queue, store, acceptanceLogWriter, schedules: service, quotas },
      typeOf: registry.get,
      durability: config.ACCEPT_DURABILITY,
    }),
    applyFiles: async (files) => {
      const { changed, removed } = await service.applyFiles(files);
      if (changed.length + removed.length > 0) log.info({ changed, removed }, "applied the files in SCHEDULES_DIR");
    },
    start: () => {
      service.start();
      ticker.start();
    },
    stop: () => ticker.close(),
    close: () => service.close(),
  };
}

/** None fails while Postgres does not answer: ticks go on. */
function failingIn(service: Pick<ScheduleService, "failing">): TickDecisionsParts["failing"] {
  let pausedUntil = 0;
  return async (asked) => {
    if (performance.now() < pausedUntil) return new Set();
    const timer = new AbortController();
    const late = delay(FAILING_MS, undefined, { signal: timer.signal }).catch(() => undefined);
    const failing = await Promise.race([service.failing(asked).catch(() => undefined), late]);
    timer.abort();
    if (!failing) pausedUntil = performance.now() + FAILING_PAUSE_MS;
    return failing ?? new Set();
  };
}

/** Cancels jobs, also those that wait for Postgres. */
async function cancelPrevious(
  { queue, callbackOf, cancelWaiting }: OpenSchedulesParts,
  ids: readonly string[],
): Promise<void> {
  const waiting = await Promise.all(
    ids.map(async (id) => {
      const submission = await queue.schedules.waiting(id);
      return submission ? [{ id, submission, isRecorded: true }] : [];
    }),
  );
  const accepted = new Map(waiting.flat().map(({ id, submission }) => [id, submission]));
  const cancellations = ids.map((id) => ({ id, accepted: accepted.get(id) }));
  for (const answer of await queue.cancelMany(cancellations, OUTBOX_OWNED_MS, callbackOf))
    if (answer.kind === "cancelled" || answer.kind === "withdrawn") cancelWaiting(answer.job, answer.kind);
  if (accepted.size > 0) await queue.schedules.fire(waiting.flat(), Number.MAX_SAFE_INTEGER);
}
