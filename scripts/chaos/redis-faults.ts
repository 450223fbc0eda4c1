/** Redis is killed, frozen, full or emptied, or its answers are lost. */
import { setTimeout as delay } from "node:timers/promises";
import { submitBatch } from "./client.ts";
import type { Mix } from "./load.ts";
import type { Scenario } from "./scenario.ts";
import type { Stage } from "./stage.ts";

export const redisKill: Scenario = {
  name: "redis-kill",
  fault: "kill -9 redis-server, start it again on its append-only file",
  seconds: { full: 30, fast: 2 },
  run: async (stage) => {
    const { redis } = stage.cluster.services;
    await stage.load(150);
    const rounds = Math.max(1, Math.round(stage.seconds / 10));
    for (let round = 0; round < rounds; round += 1) {
      await redis.kill();
      await stage.submit({ type: "noop", payload: {} }); // one submission at least is sent meanwhile
      await stage.wait(stage.isFast ? 1_500 : 3_000);
      await redis.restart();
      await stage.measureRecovery();
      await stage.wait(1_000);
    }
    const rejected = stage.ledger.in("rejected").length + stage.ledger.in("unknown").length;
    stage.expect({ isSo: rejected > 0, otherwise: "no submission was sent while Redis was down" });
    return undefined;
  },
};

export const redisPause: Scenario = {
  name: "redis-pause",
  fault: "SIGSTOP redis-server for longer than a lease",
  seconds: { full: 10, fast: 4 },
  env: (pace) => ({ LEASE_MS: pace === "fast" ? "3000" : "6000" }),
  run: async (stage) => {
    const { redis } = stage.cluster.services;
    await stage.load(150);
    redis.pause();
    await stage.wait(stage.seconds * 1_000);
    redis.resume();
    await stage.measureRecovery();
    return undefined;
  },
};

/** The verbs whose answers are lost, each with the pattern of its request. */
const VERBS = ["enqueue", "claim", "settle", "renew", "forget"] as const;
/** CopyDone, with which a client ends a COPY. The answer confirms the commit. */
const COPY_DONE = Buffer.from([0x63, 0, 0, 0, 4]);

export const lostReply: Scenario = {
  name: "lost-reply",
  fault: "single answers are lost: of enqueue, claim, settle, renew, forget, and of COPY's commit",
  seconds: { full: 20, fast: 2 },
  slots: [{ through: ["redis", "postgres"] }, {}],
  // Longer than a busy machine may delay the proxies in this process, because a replica without an answer for a lease
  // time loses its leases.
  env: (pace) => (pace === "fast" ? { LEASE_MS: "9000" } : {}),
  run: async (stage) => {
    const { cluster } = stage;
    await stage.load(150, { noop: 50, webhook: 30, email: 10, sleep: 10 });
    const rounds = Math.max(1, Math.round(stage.seconds / 3));
    const startedAt = performance.now();
    for (let round = 0; round < rounds; round += 1) {
      for (const verb of VERBS) {
        const sha = Buffer.from(await cluster.services.program.shaOf(verb));
        await lose(
          stage,
          verb,
          cluster.proxy(0, "redis").dropNextReply((request) => request.includes(sha)),
        );
      }
      await lose(
        stage,
        "the commit of a COPY",
        cluster.proxy(0, "postgres").dropNextReply((request) => request.subarray(-COPY_DONE.length).equals(COPY_DONE)),
      );
    }
    stage.notes.push(
      `${rounds * (VERBS.length + 1)} answers lost in ${Math.round((performance.now() - startedAt) / 1_000)} s`,
    );
    await stage.measureRecovery();
    return (rows) => {
      const again = rows.filter(({ attempt, earlier }) => attempt !== 1 || earlier.length > 0);
      stage.expect({
        isSo: again.length === 0,
        otherwise: `${again.length} jobs lost an attempt because of a lost answer: ${JSON.stringify(again[0])}`,
      });
    };
  },
};

async function lose(stage: Stage, verb: string, sprung: Promise<void>): Promise<void> {
  const isLost = await Promise.race([sprung.then(() => true), delay(15_000, false)]);
  stage.expect({ isSo: isLost, otherwise: `no answer of ${verb} could be lost within 15 s` });
  await stage.wait(150); // the replica reconnects
}

const FILLERS = 2_000;

export const redisFull: Scenario = {
  name: "redis-full",
  fault: "maxmemory reached under noeviction",
  seconds: { full: 10, fast: 3 },
  run: async (stage) => {
    const { cluster, ledger } = stage;
    await stage.load(100);
    const sleepers = Array.from({ length: FILLERS }, () => ({
      type: "test_io",
      payload: { do: "sleep", ms: 300, filler: "x".repeat(200) },
    }));
    await submitBatch(cluster.urlOf(), ledger, sleepers);
    const used = await cluster.redis.usedMemoryBytes();
    await cluster.redis.send("CONFIG", "SET", "maxmemory", used - 100_000);
    const fullAt = performance.now();
    await stage.submit({ type: "noop", payload: {} }); // before the first jobs make room
    await stage.wait(stage.seconds * 500);
    await stage.setSizesWhen("the waiting jobs ran although Redis was full", ({ ready }) => ready < FILLERS / 10);
    await cluster.redis.send("CONFIG", "SET", "maxmemory", "0");
    await stage.measureRecovery();
    const rejections = ledger.in("rejected").filter(({ at }) => at >= fullAt - 50);
    stage.expect({ isSo: rejections.length > 0, otherwise: "no submission was rejected while Redis was full" });
    stage.expect({
      isSo: rejections.every(({ detail }) => /^503 \w+: .*(?:memory|OOM|full)/i.test(detail)),
      otherwise: `a rejection does not give the reason that Redis is full: ${rejections[0]?.detail ?? ""}`,
    });
    return undefined;
  },
};

export const redisEmpty: Scenario = {
  name: "redis-empty",
  fault: "FLUSHALL under ACCEPT_DURABILITY=postgres",
  ...emptied(),
};

export const redisEmptyFlows: Scenario = {
  name: "redis-empty-flows",
  fault: "FLUSHALL under ACCEPT_DURABILITY=postgres, half of the load being flows and batches",
  ...emptied({ noop: 30, webhook: 10, sleep: 10, flow: 30, batch: 20 }),
};

function emptied(mix?: Mix): Omit<Scenario, "name" | "fault"> {
  return {
    seconds: { full: 10, fast: 2 },
    env: () => ({ ACCEPT_DURABILITY: "postgres" }),
    jobCounts: { redisWasEmptied: true, effectsMayRepeat: true },
    run: async (stage) => {
      await stage.load(mix ? 40 : 100, mix);
      await stage.wait(stage.seconds * 500);
      await stage.cluster.redis.send("FLUSHALL");
      const emptiedAt = performance.now();
      await stage.wait(stage.seconds * 500);
      await stage.stopLoad();
      await stage.acceptedAreRecorded(emptiedAt, 120_000);
      return undefined;
    },
  };
}
