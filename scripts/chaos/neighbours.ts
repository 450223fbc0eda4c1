/**
 * Measures the effect of one caller on the others: a mixed load and probes run alone, and then together with one
 * expensive caller. The effect on the other callers must be small: their jobs are picked up about as soon, no answer is
 * a 503, and Redis uses little more memory than the jobs need.
 */
import type { Entry } from "./ledger.ts";
import type { Row } from "./postgres-view.ts";
import type { Pickup, Span } from "./probes.ts";
import { answerP99, Probes, pickupP99 } from "./probes.ts";
import { RedisMemory } from "./redis-memory.ts";
import type { Verify } from "./scenario.ts";
import type { Stage } from "./stage.ts";

const MIB = 1024 * 1024;
const PROBES_PER_SECOND = 40;
const LOAD_PER_SECOND = 40;
/** Long enough that a single probe does not decide the 99th percentile. */
const IDLE_MS = { full: 10_000, fast: 3_000 };
const WARM_UP_MS = { full: 4_000, fast: 2_000 };
const MAX_RATIO = 3;
/**
 * Below this a pickup counts as undisturbed. Two cores run two replicas with their threads, Redis, Postgres and this
 * harness: some ten runnable threads. In the time slices of Linux, a turn of all of them takes about 40 ms, and a
 * pickup waits for two turns (Redis, then the replica). In the test command, other test files use the cores as well.
 */
const UNDISTURBED_PICKUP_MS = { full: 100, fast: 400 };
/**
 * Half of the 2 s after which a submission is answered with 503: an answer also waits for turns of the client's own
 * thread.
 */
const UNDISTURBED_ANSWER_MS = { full: 1_000, fast: 2_000 };
/**
 * Sixteen of the largest bodies in transit at once, at two replicas: in Redis's query buffers on their way in, and in
 * its output buffers on their way out.
 */
const MAX_REDIS_BUFFERS = 256 * MIB;
const NOOP_PROBE = '{"type":"noop","payload":{},"tags":["KEY"]}';

export interface OneCaller {
  /** The probes of the other callers, as JSON with KEY for the key; default: a job that does nothing. */
  readonly probe?: string;
  /** The replica that the probes are sent to; default: all. */
  readonly probeUrls?: readonly string[];
  /** The most bytes of jobs that the fault has in Redis at a time. */
  readonly dataBytes: number;
  /** The others' mixed load, jobs a second; 40 unless given. */
  readonly loadPerSecond?: number;
  /** Prepares the fault before the measurement. */
  readonly prepare?: () => Promise<void>;
  /** Runs the one caller, and resolves when it is done. May return a check for the end of the scenario. */
  readonly during: () => Promise<Verify | undefined>;
}

export async function besideOthers(stage: Stage, caller: OneCaller): Promise<Verify> {
  const { probe = NOOP_PROBE, probeUrls, dataBytes, loadPerSecond = LOAD_PER_SECOND, prepare, during } = caller;
  const { cluster, ledger, pace } = stage;
  // as in deployments: Redis dies in other faults, not in these
  await cluster.redis.send("CONFIG", "SET", "appendfsync", "everysec");
  const urls = probeUrls ?? cluster.alive.map(({ url }) => url);
  if (loadPerSecond > 0) await stage.load(loadPerSecond, undefined, 0);
  const probes = new Probes({ ledger, urls, perSecond: stage.rateOf(PROBES_PER_SECOND), body: probe });
  try {
    await prepare?.();
    await stage.wait(WARM_UP_MS[pace]);
    const idle = await spanOf(() => stage.wait(IDLE_MS[pace]));
    const memory = await RedisMemory.start(cluster.redis);
    let verifyFault: Verify | undefined;
    const fault = await spanOf(async () => {
      verifyFault = await during();
    });
    checkMemory(stage, memory.idleBytes + dataBytes, await memory.stop());
    return async (rows) => {
      checkOthers(stage, probes, { idle, fault }, rows);
      await verifyFault?.(rows, stage);
    };
  } finally {
    await stage.stopLoad();
    await probes.stop();
  }
}

async function spanOf(step: () => Promise<void>): Promise<Span> {
  const from = performance.now();
  await step();
  return { from, to: performance.now() };
}

function checkMemory(stage: Stage, dataBytes: number, highestBytes: number): void {
  const limitBytes = 2 * dataBytes + MAX_REDIS_BUFFERS;
  const [highest, data, limit] = [highestBytes, dataBytes, limitBytes].map((bytes) => `${Math.round(bytes / MIB)} MiB`);
  stage.notes.push(`Redis used at most ${highest ?? ""}, of which data at most ${data ?? ""}`);
  stage.expect({
    isSo: highestBytes <= limitBytes,
    otherwise: `Redis took ${highest ?? ""}, more than ${limit ?? ""}`,
  });
}

function checkOthers(
  stage: Stage,
  probes: Probes,
  { idle, fault }: Readonly<Record<"idle" | "fault", Span>>,
  rows: readonly Row[],
): void {
  const byKey = new Map(rows.map((row) => [row.key ?? "", row]));
  const [before, meanwhile] = [probes.in(idle), probes.in(fault)];
  const pickup = { idleMs: pickupP99(before, byKey), faultMs: pickupP99(meanwhile, byKey) };
  const answer = { idleMs: answerP99(before), faultMs: answerP99(meanwhile) };
  stage.pickup = pickup;
  const pair = ({ idleMs, faultMs }: Pickup): string => `${idleMs.toFixed(0)} and ${faultMs.toFixed(0)} ms`;
  stage.notes.push(
    `${before.length} probes at rest and ${meanwhile.length} during the fault: pickup p99 ${pair(pickup)}, answer p99 ${pair(answer)}`,
  );
  expectWithin(stage, "the pickup p99", pickup, UNDISTURBED_PICKUP_MS[stage.pace]);
  expectWithin(stage, "the answer p99", answer, UNDISTURBED_ANSWER_MS[stage.pace]);
  const others = [...stage.ledger.entries.values()].filter(
    ({ by, at }) => by !== "scenario" && at >= fault.from && at < fault.to,
  );
  const turnedAway = others.filter(({ state, hasUnknownTry }) => hasUnknownTry || state !== "accepted");
  stage.expect({
    isSo: turnedAway.length === 0,
    otherwise: `${turnedAway.length} of ${others.length} others' submissions got no 202: ${firstDetail(turnedAway)}`,
  });
}

/** NaN, the value without probes, exceeds every limit. */
function expectWithin(stage: Stage, what: string, { idleMs, faultMs }: Pickup, undisturbedMs: number): void {
  const limitMs = Math.max(MAX_RATIO * idleMs, undisturbedMs);
  const [idle, fault, limit] = [idleMs, faultMs, limitMs].map((ms) => ms.toFixed(0));
  stage.expect({
    isSo: faultMs <= limitMs,
    otherwise: `${what} went from ${idle ?? ""} to ${fault ?? ""} ms, more than ${limit ?? ""} ms`,
  });
}

function firstDetail([entry]: readonly Entry[]): string {
  return entry === undefined ? "" : `${entry.state} ${entry.detail}`;
}
