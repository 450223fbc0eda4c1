/** A million waiting jobs: measures the memory of each job, and the slowdown of other calls. */
import { Queue } from "../../src/queue/queue.ts";
import { submitBatch } from "./client.ts";
import type { Scenario } from "./scenario.ts";
import type { Stage } from "./stage.ts";

const JOBS = 1_000_000;
/** Small enough for Redis, which syncs each write in this scenario, to answer within the time limit of a submission. */
const BATCH = 2_000;
const BATCHES_AT_ONCE = 2;
/** Jobs that wait during the measurement on a nearly empty queue. */
const FEW = 1_000;
const SAMPLES = 300;
const CLAIMED_AT_ONCE = 50;
const MAX_RATIO = 1.5;
const MIB = 1024 * 1024;

interface Costs {
  readonly submitMs: number;
  readonly claimMs: number;
}

export const backlog: Scenario = {
  name: "backlog",
  fault: "1,000,000 waiting jobs",
  seconds: { full: 0 },
  slots: [{ env: { TASKFLOW_ROLE: "api" } }, { isLate: true }],
  jobCounts: { countOnly: true },
  settleWithinMs: 900_000,
  run: async (stage) => {
    const { redis, alive } = stage.cluster;
    await fill(stage, FEW);
    const few = await measure(stage);
    const [idleRss, memoryBefore, { live: liveBefore }] = [
      alive[0]?.rssBytes() ?? 0,
      await redis.usedMemoryBytes(),
      await redis.setSizes(),
    ];
    await fill(stage, JOBS);
    const bytesPerJob = ((await redis.usedMemoryBytes()) - memoryBefore) / ((await redis.setSizes()).live - liveBefore);
    await stage.wait(5_000); // until the replica has collected the garbage of the submissions
    const many = await measure(stage);
    const fullRss = stage.takePeakRss();
    const ratio = { submit: many.submitMs / few.submitMs, claim: many.claimMs / few.claimMs };
    stage.notes.push(
      `${Math.round(bytesPerJob)} bytes of Redis a job; memory of the replica ${Math.round(idleRss / MIB)} to ${Math.round(fullRss / MIB)} MiB`,
    );
    stage.notes.push(
      `submit ${few.submitMs.toFixed(2)} to ${many.submitMs.toFixed(2)} ms (× ${ratio.submit.toFixed(2)}), claim of ${CLAIMED_AT_ONCE} ${few.claimMs.toFixed(2)} to ${many.claimMs.toFixed(2)} ms (× ${ratio.claim.toFixed(2)})`,
    );
    stage.expect({
      isSo: ratio.submit <= MAX_RATIO && ratio.claim <= MAX_RATIO,
      otherwise: `costs grew by ${ratio.submit.toFixed(2)} (submit) and ${ratio.claim.toFixed(2)} (claim)`,
    });
    stage.expect({
      isSo: fullRss < 2 * idleRss,
      otherwise: `a replica grew from ${Math.round(idleRss / MIB)} to ${Math.round(fullRss / MIB)} MiB`,
    });
    await drainAll(stage);
    return undefined;
  },
};

/**
 * Submits until this many more jobs are accepted. A batch with an unknown outcome, which busy machines cause, does not
 * count.
 */
async function fill(stage: Stage, jobs: number): Promise<void> {
  let left = jobs;
  const filler = async (): Promise<void> => {
    while (left > 0) {
      const size = Math.min(BATCH, left);
      left -= size;
      const entries = await submitBatch(
        stage.cluster.replica(0).url,
        stage.ledger,
        Array.from({ length: size }, () => ({ type: "noop", payload: {} })),
      );
      if (entries[0]?.state !== "accepted") left += size;
    }
  };
  await Promise.all(Array.from({ length: BATCHES_AT_ONCE }, filler));
}

/** Medians: of one submission through the API, and of a claim of 50 jobs, which the client then releases. */
async function measure(stage: Stage): Promise<Costs> {
  const submits: number[] = [];
  for (let i = 0; i < SAMPLES; i += 1)
    submits.push((await stage.submit({ type: "noop", payload: {} }, stage.cluster.replica(0).url)).ms);
  const queue = new Queue({
    url: stage.cluster.services.redis.address,
    namespace: "taskflow:0",
    replica: `chaos${String(stage.ledger.entries.size).padStart(3, "0").slice(-3)}`,
    leaseMs: stage.leaseMs,
    runsJobs: true,
    submitTimeoutMs: 2_000,
    onRoundTrip: () => undefined,
    onError: () => undefined,
    onWake: () => undefined,
    onCancel: () => undefined,
  });
  await queue.open(5_000);
  const claims: number[] = [];
  for (let seq = 0; seq < SAMPLES / 3; seq += 1) {
    const startedAt = performance.now();
    const { claimed } = await queue.claim(seq, 0, {
      io: CLAIMED_AT_ONCE,
      cpu: 0,
      types: [{ type: "noop", slots: CLAIMED_AT_ONCE, lane: "io" }],
    });
    claims.push(performance.now() - startedAt);
    await queue.settle(
      claimed.map(({ id, type, priority, crashes, deferrals }) => ({
        id,
        type,
        priority,
        claimSeq: seq,
        startedAt: 0,
        verdict: "released",
        attempt: 0,
        crashes,
        deferrals,
        runAt: 0,
        record: "",
      })),
      1_000,
    );
  }
  queue.close();
  return { submitMs: median(submits), claimMs: median(claims) };
}

function median(values: readonly number[]): number {
  return [...values].sort((a, b) => a - b)[values.length >> 1] ?? 0;
}

async function drainAll(stage: Stage): Promise<void> {
  const worker = await stage.cluster.boot(1);
  const [startedAt, idleRss] = [performance.now(), worker.rssBytes()];
  const isDrained = stage.setSizesWhen("the backlog has drained", ({ live }) => live === 0, 900_000).then(() => true);
  while (!(await Promise.race([isDrained, stage.wait(1_000).then(() => false)])));
  stage.recovered(performance.now() - startedAt);
  stage.notes.push(
    `memory of the worker ${Math.round(idleRss / MIB)} to ${Math.round(stage.takePeakRss() / MIB)} MiB, ${Math.round(JOBS / ((performance.now() - startedAt) / 1_000))} jobs/s`,
  );
}
