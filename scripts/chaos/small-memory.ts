/** A replica with little memory must run a thousand of the largest jobs of each type without being killed. */

import type { Submission } from "./client.ts";
import { submitOnce } from "./client.ts";
import { largeEmail, largeExport, largeImage, largeWebhook, MIB } from "./large-payloads.ts";
import { memoryLimitOf } from "./memory-limit.ts";
import type { Scenario, Verify } from "./scenario.ts";
import type { Stage } from "./stage.ts";

const LIMIT_BYTES = 512 * MIB;
const ENTER_GROUP = new URL("./enter-group.mjs", import.meta.url).href;
/** The heap limit that Node chooses in a container of 512 MiB: half of it. */
const HEAP_MIB = 256;
const LARGE_BYTES = 16 * MIB - 1_024;
/** The number of jobs that wait or run at a time: 1.5 GB of Redis, and six times the memory of the replica. */
const LIVE_AT_ONCE = 120;
const SUBMITTED_AT_ONCE = 4;
const REJECTED_PAUSE_MS = 500;
/** The time limit after the last submission: mails wait for a slow server, and have up to three attempts. */
const END_WITHIN_MS = 600_000;
/** A mail of 16 MiB, in some 270 pieces, takes such a server 5 s, during which one of five connections is in use. */
const SMTP_PAUSE_MS = 20;

export const smallMemory: Scenario = {
  name: "small-memory",
  fault: "a replica of 512 MiB runs 1,000 of the largest jobs of each type, with a slow SMTP server",
  seconds: { full: 600 },
  slots: [
    {
      env: { CHAOS_MEMORY_BYTES: String(LIMIT_BYTES) },
      nodeArgs: [`--import=${ENTER_GROUP}`, `--max-old-space-size=${HEAP_MIB}`],
    },
  ],
  jobCounts: { effectsMayRepeat: true },
  settleWithinMs: 30_000, // all jobs have already ended
  run: async (stage) => {
    const { cluster } = stage;
    const replica = cluster.replica(0);
    const limit = memoryLimitOf(replica.pid);
    if (limit === undefined)
      stage.notes.push("control groups cannot be made on this machine: only the heap is limited");
    await cluster.smtp.behave({ kind: "sink", pauseMs: SMTP_PAUSE_MS });
    const submitted = await whileWatched(stage, submitAll(stage));
    await untilAllEnded(stage);
    const peakMib = Math.round(stage.takePeakRss() / MIB);
    stage.notes.push(`${submitted} jobs, memory at most ${peakMib} MiB, ${limit?.kills() ?? 0} kills by the kernel`);
    stage.expect({ isSo: replica.isAlive, otherwise: "the replica has ended" });
    return verify(submitted);
  },
};

/** Samples the replica's memory while it waits for a step. */
async function whileWatched<Value>(stage: Stage, step: Promise<Value>): Promise<Value> {
  const ended = step.then(() => true);
  while (!(await Promise.race([ended, stage.wait(200).then(() => false)])));
  return step;
}

/** Fails early if the replica has died. */
async function untilAllEnded(stage: Stage): Promise<void> {
  const { redis } = stage.cluster;
  const giveUpAt = performance.now() + END_WITHIN_MS;
  const isOver = async (): Promise<boolean> => {
    const { live, outbox } = await redis.setSizes();
    return live + outbox === 0 || !stage.cluster.replica(0).isAlive || performance.now() > giveUpAt;
  };
  while (!(await isOver())) await stage.wait(500);
}

function verify(submitted: number): Verify {
  return (rows, stage) => {
    stage.expect({ isSo: rows.length === submitted, otherwise: `${rows.length} rows of ${submitted} jobs` });
    const byEnd = new Map<string, number>();
    for (const { type, status, code } of rows)
      byEnd.set(`${type} ${code ?? status}`, (byEnd.get(`${type} ${code ?? status}`) ?? 0) + 1);
    stage.notes.push([...byEnd].map(([end, count]) => `${end}: ${count}`).join(", "));
    const lost = rows.filter(
      ({ code, earlier }) => code === "lost" || earlier.some(({ outcome }) => outcome === "lost"),
    );
    stage.expect({ isSo: lost.length === 0, otherwise: `${lost.length} leases were lost` });
  };
}

/**
 * Submits the types in turn until each has its number of jobs, or the time limit passes. @returns the number of
 * accepted jobs
 */
async function submitAll(stage: Stage): Promise<number> {
  const { cluster, ledger, jobs } = stage;
  const types: readonly ((key: string) => Submission)[] = [
    (key) => largeEmail(key, LARGE_BYTES),
    (key) => largeImage(key, LARGE_BYTES),
    (key) => largeExport(key, LARGE_BYTES),
    (key) => largeWebhook(key, cluster.http.url(`/hook/${key}`)),
  ];
  const until = performance.now() + stage.seconds * 1_000;
  let next = 0;
  let accepted = 0;
  const submit = async (): Promise<void> => {
    while (next < jobs * types.length && performance.now() < until && cluster.replica(0).isAlive) {
      const makeOne = types[next % types.length];
      next += 1;
      let isAccepted = false;
      // The replica currently has no room. If another type were submitted now, smaller jobs would replace large ones.
      while (!isAccepted && performance.now() < until && cluster.replica(0).isAlive) {
        const entry = ledger.open("large");
        await submitOnce(cluster.urlOf(), entry, JSON.stringify(makeOne?.(entry.key)));
        isAccepted = entry.state === "accepted";
        if (isAccepted) accepted += 1;
        else await stage.wait(REJECTED_PAUSE_MS);
      }
      while ((await cluster.redis.setSizes()).live > LIVE_AT_ONCE && performance.now() < until) await stage.wait(100);
    }
  };
  await Promise.all(Array.from({ length: SUBMITTED_AT_ONCE }, submit));
  return accepted;
}
