/** Defines a scenario and plays it: cluster, load, fault, quiet, job counts, reconciliation. */
import { monitorEventLoopDelay } from "node:perf_hooks";
import type { Slot } from "./cluster.ts";
import { Cluster } from "./cluster.ts";
import type { CountsOptions, JobCounts } from "./counts.ts";
import { checkCounts } from "./counts.ts";
import { checkFlows } from "./flows.ts";
import type { Ledger } from "./ledger.ts";
import type { Row } from "./postgres-view.ts";
import type { Pickup } from "./probes.ts";
import { seededRandom } from "./random.ts";
import { reconcile } from "./reconciliation.ts";
import type { Services } from "./services.ts";
import type { Pace } from "./stage.ts";
import { Stage } from "./stage.ts";

/** Checks the terminal records after all jobs have ended. */
export type Verify = (rows: readonly Row[], stage: Stage) => void | Promise<void>;

export interface Scenario {
  /** The name in the table and for --only. */
  readonly name: string;
  /** One line for the table. */
  readonly fault: string;
  /** How long the fault lasts, in each pace. Without `fast`, the test command cannot run it. */
  readonly seconds: { readonly full: number; readonly fast?: number };
  readonly slots?: readonly Slot[];
  /** Settings of all replicas. */
  readonly env?: (pace: Pace) => Readonly<Record<string, string>>;
  readonly jobCounts?: CountsOptions;
  /** The time limit for all jobs to settle. Later jobs count as stuck. */
  readonly settleWithinMs?: number;
  /** Injects the fault and ends it. May return a check for the end of the scenario. */
  run(stage: Stage): Promise<Verify | undefined>;
}

export interface Result {
  readonly name: string;
  readonly fault: string;
  readonly accepted: number;
  readonly unknown: number;
  readonly rows: number;
  readonly lost: number;
  readonly doubled: number;
  readonly repeated: number;
  readonly recoveryMs: number | undefined;
  readonly pickup: Pickup | undefined;
  readonly verdict: "held" | "not held" | "not available" | "guard shown to matter";
  readonly violations: readonly string[];
  readonly notes: readonly string[];
  readonly seconds: number;
}

export interface Play {
  readonly services: Services;
  readonly seed: number;
  readonly pace: Pace;
  readonly seconds?: number | undefined;
  /** The number of jobs per type, in scenarios that count them. */
  readonly jobs?: number | undefined;
  /** Replaces the duration of the scenario. */
  readonly settleWithinMs?: number | undefined;
  /** Called periodically. */
  readonly onProgress?: (name: string, ledger: Ledger) => void;
}

const DEFAULT_LEASE_MS = 15_000;
const FAST_LEASE_MS = 3_000;
/** Longer than twice the ownership of an outbox entry plus twice a lease. */
const SETTLE_WITHIN_MS = 120_000;
const PROGRESS_EVERY_MS = 500;
/** The error for an unknown setting, without which this build cannot run the scenario. */
const REJECTED_SETTING = /ACCEPT_DURABILITY: expected/;

export async function play(scenario: Scenario, options: Play): Promise<Result> {
  const { services, seed, pace, onProgress = () => undefined } = options;
  const startedAt = performance.now();
  const env = { LEASE_MS: String(pace === "fast" ? FAST_LEASE_MS : DEFAULT_LEASE_MS), ...scenario.env?.(pace) };
  let cluster: Cluster;
  try {
    cluster = await Cluster.start(services, scenario.slots ?? [{}, {}], env);
  } catch (error) {
    if (REJECTED_SETTING.test(String(error))) return resultOf(scenario, startedAt, "not available");
    throw error;
  }
  const seconds = options.seconds ?? (pace === "fast" ? scenario.seconds.fast : undefined) ?? scenario.seconds.full;
  const stage = new Stage({
    cluster,
    random: seededRandom(seed),
    pace,
    seconds,
    leaseMs: Number(env.LEASE_MS),
    ...(options.jobs !== undefined && { jobs: options.jobs }),
  });
  const loopDelay = monitorEventLoopDelay();
  loopDelay.enable();
  const ticker = setInterval(() => onProgress(scenario.name, stage.ledger), PROGRESS_EVERY_MS);
  try {
    const jobCounts = await playOn(
      stage,
      scenario,
      options.settleWithinMs ?? scenario.settleWithinMs ?? SETTLE_WITHIN_MS,
    );
    if (stage.violations.length > 0)
      stage.notes.push(
        `this process, which runs the proxies and the peers, was blocked for at most ${Math.round(loopDelay.max / 1e6)} ms`,
      );
    return resultOf(scenario, startedAt, stage.violations.length === 0 ? "held" : "not held", stage, jobCounts);
  } finally {
    clearInterval(ticker);
    loopDelay.disable();
    await cluster.close();
  }
}

/** Adds errors to the stage's violations, and always checks the job counts. */
async function playOn(stage: Stage, scenario: Scenario, settleWithinMs: number): Promise<JobCounts | undefined> {
  const { cluster, ledger, violations } = stage;
  const noted = async <Value>(what: string, step: () => Promise<Value>): Promise<Value | undefined> => {
    try {
      return await step();
    } catch (error) {
      violations.push(`${what}: ${error instanceof Error ? error.message : String(error)}`);
      return undefined;
    }
  };
  const verify = await noted("the scenario", () => scenario.run(stage));
  await noted("the end of the load", () => stage.stopLoad());
  const isQuiet = await noted("settling", () => settle(stage, settleWithinMs));
  if (isQuiet === undefined) await noted("stuck jobs", () => nameStuck(stage));
  const jobCounts = await noted("the job counts", () => checkCounts(cluster, ledger, scenario.jobCounts));
  violations.push(...(jobCounts?.violations ?? []));
  violations.push(...((await noted("the reconciliation", () => reconcileCluster(stage))) ?? []));
  violations.push(...((await noted("the flows", () => checkFlows(stage))) ?? []));
  if (jobCounts && verify) await noted("the verification", async () => verify(jobCounts.rows, stage));
  for (const tail of cluster.crashes) violations.push(`a replica ended unexpectedly: ${tail}`);
  if (violations.length > 0) stage.notes.push(cluster.logTails());
  return jobCounts;
}

async function settle(stage: Stage, withinMs: number): Promise<true> {
  await stage.setSizesWhen(
    "nothing waits, is ready, scheduled, leased or in the outbox, and no flow is left",
    (setSizes) => Object.values(setSizes).every((count) => count === 0),
    withinMs,
  );
  return true;
}

function reconcileCluster({ cluster: { services, postgres }, leaseMs }: Stage): Promise<string[]> {
  const { redis, program } = services;
  return reconcile({
    cli: program.cli,
    jobsDir: program.jobsDir,
    redisAddr: redis.address,
    databaseUrl: postgres.url,
    leaseMs,
  });
}

async function nameStuck({ cluster: { redis }, violations }: Stage): Promise<void> {
  for (const key of (await redis.jobKeys()).slice(0, 3))
    violations.push(`stuck: ${key} ${String(await redis.send("GET", key)).slice(0, 300)}`);
}

function resultOf(
  scenario: Scenario,
  startedAt: number,
  verdict: Result["verdict"],
  stage?: Stage,
  jobCounts?: JobCounts,
): Result {
  return {
    name: scenario.name,
    fault: scenario.fault,
    accepted: jobCounts?.accepted ?? 0,
    unknown: stage?.ledger.count("unknown") ?? 0,
    rows: jobCounts?.recorded ?? 0,
    lost: jobCounts?.lost ?? 0,
    doubled: jobCounts?.doubled ?? 0,
    repeated: jobCounts?.repeated ?? 0,
    recoveryMs: stage?.recoveryMs,
    pickup: stage?.pickup,
    verdict,
    violations: stage?.violations ?? [],
    notes: stage?.notes ?? [],
    seconds: Math.round((performance.now() - startedAt) / 100) / 10,
  };
}
