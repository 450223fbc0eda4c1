/**
 * Every metric of TaskFlow, in a separate registry. Labels are bounded: types, outcomes, lanes, routes (as patterns),
 * scripts; never an id. metric-family.ts counts the events of each job; each scrape reads the states.
 */

import type { Metric } from "prom-client";
import { collectDefaultMetrics, Gauge, Registry } from "prom-client";
import type { AttemptOutcome, Status, TerminalStatus } from "../core/job.ts";
import { isFinished, STATUSES } from "../core/job.ts";
import type { Lane } from "../core/job-type.ts";
import type { RunOutcome } from "../core/schedules/schedule.ts";
import type { Delays } from "./event-loop-delay.ts";
import type { Description, Family } from "./metric-family.ts";
import { counterFamily, histogramFamily } from "./metric-family.ts";

/** The states that each scrape reads. A replica omits the parts that it does not have. */
export interface MetricSources {
  /** Attempts that run on this replica, and their limits. */
  readonly slots?: () => Readonly<Record<Lane, { readonly running: number; readonly limit: number }>>;
  /** The version of the program. */
  readonly version?: string;
  /** Outcomes settled on this replica that are not yet in Postgres. */
  readonly recorderBuffered?: () => number;
  /** The worst delays of the event loop since the last scrape. */
  readonly delays?: () => Delays;
  /**
   * The job counts of all replicas. It must settle within seconds; if it rejects, the scrape has no cluster-wide
   * metrics.
   */
  readonly jobCounts?: () => Promise<ClusterCounts>;
  /** The flows of all replicas that are not recorded, and the work that waits for replicas. It must settle, too. */
  readonly flowCounts?: () => Promise<{ readonly flows: number; readonly work: number }>;
}

export interface ClusterCounts {
  /** Epoch ms, as `nextSince`. */
  readonly now: number;
  readonly outbox: number;
  readonly unaccounted: number;
  /** `nextSince`: the earliest time at which the next job can have been ready; null for an empty queue. */
  readonly types: readonly (Readonly<Record<Status, number>> & {
    readonly type: string;
    readonly nextSince: number | null;
  })[];
  readonly paused: ReadonlySet<string>;
}

/** The outcome of a submission: accepted, a repeat of an earlier one, or the `code` of its rejection. */
type SubmissionOutcome = "accepted" | "repeated" | (string & {});

export type Metrics = ReturnType<typeof createMetrics>;

/** From the pickup latency of an idle system to the latency of jobs that wait for minutes. */
const SECONDS = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300, 1_800];
/** For round trips, from a tenth of a millisecond. */
const QUICK_SECONDS = [0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5];
const ROWS = [1, 2, 5, 10, 20, 50, 100, 200, 500, 1_000, 2_000, 5_000, 10_000];

/** The longest period of a timer, because the library's monitor of the event loop cannot be turned off. */
const NEVER_MS = 2 ** 31 - 1;

/** Creates the registry and all metrics. The functions do not use `this`, so callers may pass them on alone. */
export function createMetrics() {
  const registry = new Registry();
  addProcessMetrics(registry);
  const metricFamilies = createMetricFamilies(registry);
  const states = createStates(registry);
  let sources: MetricSources = {};
  return {
    ...metricFamilies,
    /** Sets the sources of the states. Called once, when the replica is assembled. */
    readFrom: (given: MetricSources): void => {
      sources = given;
    },
    contentType: registry.contentType,
    /** All metrics in Prometheus's text format. Never rejects. */
    text: async (): Promise<string> => {
      await states.read(sources);
      return registry.metrics();
    },
  };
}

/** Memory, CPU, garbage collection, handles. event-loop-delay.ts measures the delay of the event loop instead. */
function addProcessMetrics(registry: Registry): void {
  const all = new Registry();
  collectDefaultMetrics({ register: all, eventLoopMonitoringPrecision: NEVER_MS });
  for (const metric of all.getMetricsAsArray())
    if (!metric.name.startsWith("nodejs_eventloop_lag")) registry.registerMetric(metric as unknown as Metric);
}

/** Metrics that are counted as events happen. */
function createMetricFamilies(registry: Registry) {
  const register = <Series>(family: Family<Series>): Family<Series> => {
    registry.registerMetric(family as unknown as Metric); // the registry reads only `name` and `get`
    return family;
  };
  const counter = (description: Description) => register(counterFamily(description));
  const histogram = (name: string, help: string, labels: readonly string[], bounds: readonly number[]) =>
    register(histogramFamily({ name, help, labels }, bounds));

  const jobs = counter({
    name: "taskflow_jobs_total",
    help: "Jobs that ended on this replica",
    labels: ["type", "outcome"],
  });
  const attempts = counter({
    name: "taskflow_attempts_total",
    help: "Attempts settled by this replica",
    labels: ["type", "outcome"],
  });
  const submissions = counter({
    name: "taskflow_submissions_total",
    help: "Submissions answered by this replica",
    labels: ["outcome"],
  });
  const openings = counter({
    name: "taskflow_destination_openings_total",
    help: "Times that webhooks to a host, or to one of its paths, were suspended after consecutive failures, the last of which this replica saw",
    labels: [],
  }).of();
  const blocks = counter({
    name: "taskflow_event_loop_blocked_total",
    help: "Times that the event loop was blocked for more than a second, by the type whose handler was running there; empty where that is not known",
    labels: ["type"],
  });
  const pickup = histogram("taskflow_pickup_seconds", "From when a job could start to its claim", ["type"], SECONDS);
  const run = histogram("taskflow_run_seconds", "Duration of attempts", ["type"], SECONDS);
  const endToEnd = histogram("taskflow_end_to_end_seconds", "Jobs, from accepted to recorded", ["type"], SECONDS);
  const http = histogram(
    "taskflow_http_seconds",
    "HTTP requests, from read to answer",
    ["method", "route", "status"],
    QUICK_SECONDS,
  );
  const copy = histogram("taskflow_copy_seconds", "Batches of outcomes, from begin to commit", [], QUICK_SECONDS).of();
  const copyRows = histogram("taskflow_copy_rows", "Outcomes in one batch", [], ROWS).of();
  const script = histogram(
    "taskflow_redis_script_seconds",
    "Round trips of the queue's scripts",
    ["script"],
    QUICK_SECONDS,
  );
  const scheduleTicks = counter({
    name: "taskflow_schedule_ticks_total",
    help: "Ticks of schedules decided by this replica: fired, late (made up), skipped or missed; the name is empty beyond 200 schedules",
    labels: ["name", "outcome"],
  });
  const scheduleLateness = histogram(
    "taskflow_schedule_lateness_seconds",
    "From a tick, and its jitter, to its job; the name is empty beyond 200 schedules",
    ["name"],
    SECONDS,
  );
  const flows = counter({
    name: "taskflow_flows_total",
    help: "Flows and batches that ended, and whose rows this replica has stored; kind is flow, batch or then",
    labels: ["kind", "status"],
  });
  const flowRecorded = histogram(
    "taskflow_flow_recorded_seconds",
    "From the end of a flow or batch until its row is stored",
    [],
    QUICK_SECONDS,
  ).of();
  const recorderDropped = counter({
    name: "taskflow_recorder_dropped_total",
    help: "Outcomes for which this replica's recorder had no room: a sweep records them from the outbox",
    labels: [],
  }).of();

  return {
    /** Counts a settled attempt, and with a terminal outcome its job. */
    countAttempt: (type: string, outcome: AttemptOutcome | "stale"): void => {
      attempts.of(type, outcome).add(1);
      if (isFinished(outcome)) jobs.of(type, outcome).add(1);
    },
    /** Counts a job that ended without an attempt, such as one cancelled while it waited. */
    countJob: (type: string, outcome: TerminalStatus): void => jobs.of(type, outcome).add(1),
    countSubmissions: (outcome: SubmissionOutcome, count: number): void => submissions.of(outcome).add(count),
    /** Counts suspended destinations. */
    countOpenings: (count: number): void => openings.add(count),
    /** Counts a block of the event loop. @param type the type whose handler is running there, if known */
    countBlock: (type: string | undefined): void => blocks.of(type ?? "").add(1),
    /** @param seconds `started_at` − max(`created_at`, `run_at`) of a first attempt */
    observePickup: (type: string, seconds: number): void => pickup.of(type).observe(seconds),
    observeRun: (type: string, seconds: number): void => run.of(type).observe(seconds),
    /** @param seconds from `created_at` to the commit of the outcome */
    observeEndToEnd: (type: string, seconds: number): void => endToEnd.of(type).observe(seconds),
    /** @param route the pattern of the route, never the path: `/api/v1/jobs/{id}` */
    observeHttp: (method: string, route: string, status: number, seconds: number): void =>
      http.of(method, route, String(status)).observe(seconds),
    observeCopy: (rows: number, seconds: number): void => {
      copyRows.observe(rows);
      copy.observe(seconds);
    },
    observeScript: (name: string, seconds: number): void => script.of(name).observe(seconds),
    /** @param name of the schedule; "" if it is not named */
    countTicks: (name: string, outcome: RunOutcome, ticks: number): void => scheduleTicks.of(name, outcome).add(ticks),
    observeLateness: (name: string, seconds: number): void => scheduleLateness.of(name).observe(seconds),
    countFlow: (kind: string, status: string): void => flows.of(kind, status).add(1),
    observeFlowRecorded: (seconds: number): void => flowRecorded.observe(seconds),
    countDropped: (outcomes: number): void => recorderDropped.add(outcomes),
  };
}

/** Metrics that are read at each scrape. */
function createStates(registry: Registry) {
  const gauge = <Label extends string = never>(name: string, help: string, labelNames: Label[] = []) =>
    new Gauge({ name, help, labelNames, registers: [registry] });
  const slotsBusy = gauge("taskflow_slots_busy", "Attempts running on this replica", ["lane"]);
  const slotsLimit = gauge("taskflow_slots_limit", "The most attempts that this replica runs at once", ["lane"]);
  const buildInfo = gauge("taskflow_build_info", "1, with the version of this replica's program", ["version"]);
  const recorderBuffered = gauge(
    "taskflow_recorder_buffered",
    "Outcomes settled on this replica that are not yet in Postgres",
  );
  const delay = gauge(
    "taskflow_event_loop_delay_seconds",
    "The delay of the event loop, in the worst few seconds since the last scrape; quantile 1 is the longest",
    ["quantile"],
  );
  const outbox = gauge("taskflow_outbox_depth", "Outcomes in Redis that are not yet in Postgres, of all replicas");
  const clusterJobs = gauge("taskflow_cluster_jobs", "Jobs by type and status, of all replicas", ["type", "status"]);
  const oldestWait = gauge(
    "taskflow_oldest_wait_seconds",
    "The longest time that the next job of a queue can have waited, 0 for an empty queue; of all replicas",
    ["type"],
  );
  const queuePaused = gauge("taskflow_queue_paused", "1 where a queue is paused, else 0; of all replicas", ["type"]);
  const unaccounted = gauge(
    "taskflow_jobs_unaccounted",
    "Accepted − recorded − jobs in the queue: not zero means that a job is lost or duplicated",
  );

  const liveFlows = gauge("taskflow_flows_live", "Flows and batches in Redis: those that run, or are not recorded yet");
  const flowWork = gauge("taskflow_flow_work", "What replicas have to do for flows, now or later; of all replicas");

  const readJobCounts = ({ now, types, paused, ...jobCounts }: ClusterCounts): void => {
    outbox.set(jobCounts.outbox);
    unaccounted.set(jobCounts.unaccounted);
    for (const { type, nextSince, ...counts } of types) {
      for (const status of STATUSES) clusterJobs.set({ type, status }, counts[status]);
      oldestWait.set({ type }, nextSince === null ? 0 : Math.max(0, now - nextSince) / 1_000);
      queuePaused.set({ type }, 0);
    }
    for (const type of paused) queuePaused.set({ type }, 1);
  };
  return {
    read: async (sources: MetricSources): Promise<void> => {
      for (const [lane, { running, limit }] of Object.entries(sources.slots?.() ?? {})) {
        slotsBusy.set({ lane }, running);
        slotsLimit.set({ lane }, limit);
      }
      if (sources.version !== undefined) buildInfo.set({ version: sources.version }, 1);
      if (sources.recorderBuffered) recorderBuffered.set(sources.recorderBuffered());
      if (sources.delays) {
        const { p50Ms, p99Ms, maxMs } = sources.delays();
        for (const [quantile, ms] of [
          ["0.5", p50Ms],
          ["0.99", p99Ms],
          ["1", maxMs],
        ] as const)
          delay.set({ quantile }, ms / 1_000);
      }
      // Redis is unavailable, which its client has already logged
      const [jobCounts, flowCounts] = await Promise.all([
        sources.jobCounts?.().catch(() => undefined),
        sources.flowCounts?.().catch(() => undefined),
      ]);
      // omits the samples, because old ones or zeros would look healthy
      outbox.remove();
      unaccounted.remove();
      for (const each of [liveFlows, flowWork]) each.remove();
      for (const each of [clusterJobs, oldestWait, queuePaused]) each.reset();
      if (jobCounts) readJobCounts(jobCounts);
      if (flowCounts) {
        liveFlows.set(flowCounts.flows);
        flowWork.set(flowCounts.work);
      }
    },
  };
}
