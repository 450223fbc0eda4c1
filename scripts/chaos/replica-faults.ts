/** Replicas are killed, stopped, frozen or cut off. */
import { until } from "../../src/testing/until.ts";
import { effectsSeen } from "./ledger.ts";
import type { Row } from "./postgres-view.ts";
import { between } from "./random.ts";
import type { Scenario } from "./scenario.ts";
import type { Stage } from "./stage.ts";

const KILL_EVERY_MS = 3_000;
/** How many times its length the fault may last until a killed replica had a running job. */
const LONGEST_FACTOR = 4;
/** The size of the outbox at which the victim is killed. */
const OUTBOX_DEPTH = 40;
/** The allowed delay beyond lease + 1 s, because the harness and the replicas share few cores. */
const MEASURING_SLACK_MS = 300;

export const replicaKill: Scenario = {
  name: "replica-kill",
  fault: "kill -9 one of two replicas every 3 s",
  seconds: { full: 60, fast: 7 },
  run: async (stage) => {
    const { cluster, leaseMs } = stage;
    const killedAt = new Map<string, number>();
    await stage.load(150);
    const startedAt = performance.now();
    const lengthMs = stage.seconds * 1_000;
    let lostJobs = 0;
    // Most jobs end within milliseconds: although the victim runs one, it may settle it just before the kill.
    const lasts = (ms: number): boolean => ms < lengthMs || (lostJobs === 0 && ms < LONGEST_FACTOR * lengthMs);
    while (lasts(performance.now() - startedAt)) {
      const victim = between(stage.random, 0, 1);
      const replica = cluster.replica(victim);
      await runsAJob(stage, replica.id);
      killedAt.set(replica.id, Date.now()); // Redis uses the clock of this machine
      await replica.kill();
      lostJobs += await leftBy(stage, replica.id);
      const upAgain = cluster.boot(victim);
      await stage.wait(KILL_EVERY_MS);
      await upAgain;
    }
    return (rows) => {
      for (const { worker, finished_at } of rows.flatMap(lostAttempts))
        stage.recovered(finished_at - (killedAt.get(worker) ?? finished_at));
      const boundMs = leaseMs + 1_000 + MEASURING_SLACK_MS;
      stage.expect({ isSo: lostJobs > 0, otherwise: "no killed replica had a running job" });
      stage.expect({
        isSo: stage.recoveryMs !== undefined,
        otherwise: `the ${lostJobs} jobs of killed replicas have no lost attempt`,
      });
      stage.expect({
        isSo: (stage.recoveryMs ?? 0) <= boundMs,
        otherwise: `a lost job was taken over after ${Math.round(stage.recoveryMs ?? 0)} ms, not within ${boundMs}`,
      });
    };
  },
};

/** Resolves at an instant at which the replica runs a job. */
async function runsAJob({ cluster: { redis } }: Stage, replicaId: string): Promise<void> {
  await until(async () => (await redis.leasedBy(replicaId)).length > 0, { what: `replica ${replicaId} runs a job` });
}

/** Counts the jobs whose leases a killed replica has left. */
async function leftBy({ cluster: { redis } }: Stage, replicaId: string): Promise<number> {
  await redis.send("PING"); // answered after the calls that the replica had sent
  return (await redis.leasedBy(replicaId)).length;
}

function lostAttempts({ earlier }: Row): Row["earlier"] {
  return earlier.filter(({ outcome }) => outcome === "lost");
}

export const killBeforeRecord: Scenario = {
  name: "kill-before-record",
  fault: "kill -9 between settle and COPY",
  seconds: { full: 0, fast: 0 },
  slots: [{ through: ["postgres"] }, {}],
  run: async (stage) => {
    const { cluster } = stage;
    await stage.load(150);
    cluster.proxy(0, "postgres").setMode({ kind: "black-hole" });
    const victim = cluster.replica(0);
    const owned = await until(
      async () => {
        const ids = await cluster.redis.idsIn("outbox");
        const workers = await Promise.all(ids.map((id) => cluster.redis.workerOf(id)));
        const own = ids.filter((_, i) => workers[i] === victim.id);
        return own.length >= OUTBOX_DEPTH ? own : undefined;
      },
      { what: `${OUTBOX_DEPTH} outcomes of one replica are in the outbox` },
    );
    await victim.kill();
    const killedAt = performance.now();
    cluster.proxy(0, "postgres").setMode({ kind: "reset" });
    await stage.stopLoad();
    await stage.setSizesWhen("the outbox is swept", ({ outbox }) => outbox === 0);
    stage.recovered(performance.now() - killedAt);
    return (rows) => {
      const ownedIds = new Set(owned);
      const again = rows.filter(
        ({ id, earlier }) => ownedIds.has(id) && earlier.some(({ outcome }) => outcome === "lost"),
      );
      stage.expect({
        isSo: again.length === 0,
        otherwise: `${again.length} jobs were run again although their outcome was in the outbox`,
      });
    };
  },
};

export const killMidCopy: Scenario = {
  name: "kill-mid-copy",
  fault: "kill the Postgres backend, or the replica, inside a COPY",
  seconds: { full: 12, fast: 3 },
  slots: [{ through: ["postgres"] }, { through: ["postgres"] }],
  run: async (stage) => {
    const { cluster } = stage;
    const { postgres } = cluster;
    for (const index of [0, 1]) cluster.proxy(index, "postgres").setMode({ kind: "delay", delayMs: 25 });
    await stage.load(150);
    const inCopy = (): Promise<number> =>
      until(async () => (await postgres.copyingPids())[0], { what: "a COPY is under way", timeoutMs: 30_000 });
    const rounds = Math.max(3, stage.seconds);
    for (let round = 0; round < rounds; round += 1) {
      const pid = await inCopy();
      if (round === 1)
        process.kill(pid, "SIGKILL"); // Postgres ends all its sessions and recovers
      else if (round === 2) await cluster.replica(0).kill();
      else await postgres.query("select pg_terminate_backend($1)", [pid]);
      await stage.wait(700);
      if (round === 2) await cluster.boot(0);
    }
    for (const index of [0, 1]) cluster.proxy(index, "postgres").setMode({ kind: "pass" });
    await stage.measureRecovery();
    return undefined;
  },
};

/** Causes a stale settle, which only the token of the lease can detect. */
export const partition: Scenario = {
  name: "partition",
  fault: "a replica is cut off from Redis for longer than a lease; its commands arrive afterwards",
  seconds: { full: 0, fast: 0 },
  slots: [
    { through: ["redis"], env: { CHAOS_FAILS: "true", CHAOS_SLEEP_MS: "2000" } },
    { isLate: true, env: { CHAOS_SLEEP_MS: "6000" } },
  ],
  env: () => ({ LEASE_MS: "3000", RETRY_BASE_MS: "100", RETRY_MAX_MS: "200" }),
  run: async (stage) => {
    const { cluster } = stage;
    const jobs = await Promise.all(
      Array.from({ length: 3 }, () => stage.submit({ type: "chaos_sided", payload: {} }, cluster.replica(0).url)),
    );
    await stage.setSizesWhen("the jobs run", ({ leased }) => leased === jobs.length);
    cluster.proxy(0, "redis").setMode({ kind: "black-hole" });
    const other = await cluster.boot(1);
    await until(async () => (await cluster.redis.leasedBy(other.id)).length > 0, {
      what: "the other replica has taken a job over",
      timeoutMs: 20_000,
    });
    await stage.wait(1_500); // the job runs there for 6 s
    cluster.proxy(0, "redis").setMode({ kind: "pass" });
    await stage.wait(1_500); // its delayed calls arrive; the kill comes before the end of any job that it claims next
    const zombie = cluster.replica(0);
    await zombie.kill();
    await stage.measureRecovery();
    return (rows) => {
      const stale = rows
        .flatMap(({ earlier }) => earlier)
        .filter(({ worker, outcome }) => worker === zombie.id && outcome !== "lost");
      stage.expect({
        isSo: stale.length === 0,
        otherwise: `${stale.length} attempts were settled by a replica that had lost them`,
      });
    };
  },
};

const DRAIN_MS = { fast: 1_500, full: 5_000 };

export const term: Scenario = {
  name: "term",
  fault: "SIGTERM under load",
  seconds: { full: 20, fast: 4 },
  env: (pace) => ({ DRAIN_MS: String(DRAIN_MS[pace]) }),
  jobCounts: { effectsMayRepeat: true }, // checked below
  run: async (stage) => {
    const { cluster } = stage;
    const drainsEndedAt: number[] = [];
    const sleepMs = 2.5 * DRAIN_MS[stage.pace];
    await stage.load(150);
    const rounds = Math.max(1, Math.round(stage.seconds / 10));
    const long: (string | undefined)[] = [];
    for (let round = 0; round < rounds; round += 1) {
      const victim = round % 2;
      const replica = cluster.replica(victim);
      const entries = await Promise.all(
        Array.from({ length: 8 }, () => stage.submitSurely({ type: "test_io", payload: { do: "sleep", ms: sleepMs } })),
      );
      long.push(...entries.map(({ id }) => id));
      await until(
        async () => {
          const leased = await cluster.redis.leasedBy(replica.id);
          return entries.some(({ id }) => id !== undefined && leased.includes(id));
        },
        { what: "a job that outlasts the drain runs on the replica", timeoutMs: sleepMs },
      );
      const askedAt = performance.now();
      drainsEndedAt.push(Date.now() + DRAIN_MS[stage.pace]);
      const exit = replica.term();
      await until(() => replica.log().includes('"draining"'), { what: "the replica drains" });
      const rejected = await stage.submit({ type: "noop", payload: {} }, replica.url);
      stage.expect({
        isSo: rejected.state === "rejected",
        otherwise: `a draining replica answered a new job with ${rejected.detail || "202"}`,
      });
      const code = await exit;
      stage.recovered(performance.now() - askedAt);
      stage.expect({
        isSo: code === 0,
        otherwise: `a replica that was asked to stop ended with ${code ?? "a signal"}`,
      });
      await cluster.boot(victim);
    }
    return (rows) => {
      stage.expect({
        isSo: rows.flatMap(lostAttempts).length === 0,
        otherwise: "a lease was lost, because the drain did not release all jobs",
      });
      const counted = rows.filter(({ id, attempt }) => long.includes(id) && attempt !== 1);
      stage.expect({ isSo: counted.length === 0, otherwise: `${counted.length} released jobs lost an attempt` });
      // A drain may release an attempt after its side effect, and the attempt has no record. A replica repeats it, but
      // only after the drain.
      const seen = effectsSeen(cluster.http, cluster.smtp);
      const twice = rows.filter(({ key, earlier }) => (seen.get(key ?? "") ?? 0) > 1 + earlier.length);
      const early = twice.filter(
        ({ started_at, created_at }) => !drainsEndedAt.some((at) => created_at <= at && (started_at ?? 0) >= at),
      );
      stage.expect({
        isSo: early.length === 0,
        otherwise: `${early.length} jobs had their side effect twice, although no drain released them: ${early[0]?.id ?? ""}`,
      });
    };
  },
};
