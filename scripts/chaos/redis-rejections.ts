/** A Redis that answers but rejects writes: a replica of another Redis, one that cannot save, one that is loading. */
import { mkdirSync, rmdirSync } from "node:fs";
import { join } from "node:path";
import { freePort } from "../../src/embedded/free-port.ts";
import { redisCommand } from "../../src/embedded/redis-command.ts";
import { until } from "../../src/testing/until.ts";
import type { Scenario } from "./scenario.ts";
import type { Pace, Stage } from "./stage.ts";

/**
 * The fault lasts longer than a lease in each pace, so every running attempt must check whether it still has its lease.
 */
const shortLease = (pace: Pace): Readonly<Record<string, string>> => ({ LEASE_MS: pace === "fast" ? "3000" : "6000" });

export const readonlyRedis: Scenario = {
  name: "readonly",
  fault: "Redis becomes a replica of a dead address: READONLY",
  seconds: { full: 10, fast: 4 },
  env: shortLease,
  run: async (stage) => {
    const { redis } = stage.cluster;
    await stage.load(150);
    await redis.send("REPLICAOF", "127.0.0.1", await freePort());
    try {
      await rejectedFor(stage, /READONLY/);
    } finally {
      await redis.send("REPLICAOF", "NO", "ONE");
    }
    await stage.measureRecovery();
    return undefined;
  },
};

export const misconf: Scenario = {
  name: "misconf",
  fault: "a snapshot of Redis fails, and it rejects writes: MISCONF",
  seconds: { full: 10, fast: 4 },
  env: shortLease,
  run: async (stage) => {
    const { redis } = stage.cluster;
    await stage.load(150);
    // A directory with the name of the snapshot file prevents the snapshot even if Redis runs as root; a read-only
    // folder does not.
    const inTheWay = join(await redis.dir(), "dump.rdb");
    mkdirSync(inTheWay);
    // without a `save` setting, Redis accepts writes after a failed snapshot
    await redis.send("CONFIG", "SET", "stop-writes-on-bgsave-error", "yes", "save", "86400 1000000");
    try {
      await snapshot(stage, "err");
      await rejectedFor(stage, /MISCONF/);
    } finally {
      rmdirSync(inTheWay);
      await snapshot(stage, "ok");
      await redis.send("CONFIG", "SET", "save", "");
    }
    await stage.measureRecovery();
    return undefined;
  },
};

/** Requests snapshots until one ends with the expected result. */
async function snapshot({ cluster: { redis } }: Stage, wanted: "ok" | "err"): Promise<void> {
  await until(
    async () => {
      await redis.send("BGSAVE").catch(() => undefined); // fails while another snapshot runs
      const info = String(await redis.send("INFO", "persistence"));
      return info.includes(`rdb_last_bgsave_status:${wanted}`) && info.includes("rdb_bgsave_in_progress:0");
    },
    { what: `a snapshot of Redis ends ${wanted}`, timeoutMs: 30_000 },
  );
}

/**
 * Waits for the length of the fault. During this time each submission must be answered with a 503 that gives the
 * reason.
 */
async function rejectedFor(stage: Stage, reason: RegExp): Promise<void> {
  const { ledger } = stage;
  await stage.wait(100); // until answers from before the fault have arrived
  const from = performance.now();
  await stage.wait(stage.seconds * 1_000);
  const sent = [...ledger.entries.values()].filter(({ at, state }) => at >= from && state !== "pending");
  const wrong = sent.find(({ state, detail }) => state === "accepted" || !detail.startsWith("503 "));
  stage.expect({
    isSo: wrong === undefined,
    otherwise: `a submission was ${wrong?.state ?? ""}, not answered with 503: ${wrong?.detail ?? ""}`,
  });
  // Some answers may have another reason: a replica may close the connection to look for a Redis that accepts writes.
  stage.expect({
    isSo: sent.some(({ detail }) => reason.test(detail)),
    otherwise: `none of ${sent.length} answers contains ${String(reason)}: ${sent[0]?.detail ?? ""}`,
  });
}

/**
 * Members of the set that the filler copies. A copy takes Redis about 50 µs, so Redis still answers while it loads.
 */
const MEMBERS = 400;
const COPIES_PER_CALL = 500;
/** Enough for a second of loading on a fast machine. */
const COPIES_PER_SECOND = 12_500;
const LEAST_SHARE = 1 / 4;

export const loading: Scenario = {
  name: "loading",
  fault: "kill -9 redis-server, whose append-only file takes long to load: LOADING",
  seconds: { full: 8, fast: 2 },
  run: async (stage) => {
    const { services, redis } = stage.cluster;
    await fillAppendOnlyFile(stage);
    await stage.load(150);
    await services.redis.kill();
    const restart = services.redis.restart();
    const { since, last } = await watchLoading(stage);
    await restart;
    const loadedMs = last - since;
    stage.notes.push(`Redis answered LOADING for ${(loadedMs / 1_000).toFixed(1)} s`);
    stage.expect({
      isSo: loadedMs >= stage.seconds * 1_000 * LEAST_SHARE,
      otherwise: `Redis answered LOADING for ${Math.round(loadedMs)} ms only`,
    });
    const met = [...stage.ledger.entries.values()].filter(
      ({ at, answeredAt }) => at > since && answeredAt > at && answeredAt < last,
    );
    const taken = met.find(({ state }) => state === "accepted");
    const after = (ms: number | undefined): string => `${Math.round((ms ?? since) - since)} ms`;
    stage.expect({
      isSo: met.length > 0 && taken === undefined,
      otherwise: `of ${met.length} submissions one was accepted while Redis loaded, for ${after(last)}: sent after ${after(taken?.at)}, answered after ${after(taken?.answeredAt)}`,
    });
    await stage.measureRecovery();
    await redis.send("DEL", "filler", "filled");
    await redis.rewriteAppendOnlyFile(); // lets Redis start quickly in the next scenario
    return undefined;
  },
};

/** Writes commands with few bytes and little memory that Redis takes long to load. */
async function fillAppendOnlyFile({ seconds, cluster: { redis } }: Stage): Promise<void> {
  await redis.send(
    "EVAL",
    "for i = 1, ARGV[1] do redis.call('SADD', KEYS[1], 'member ' .. i) end",
    1,
    "filler",
    MEMBERS,
  );
  for (let made = 0; made < seconds * COPIES_PER_SECOND; made += COPIES_PER_CALL) {
    await redis.send(
      "EVAL",
      "for i = 1, ARGV[1] do redis.call('SUNIONSTORE', KEYS[1], KEYS[2]) end",
      2,
      "filled",
      "filler",
      COPIES_PER_CALL,
    );
  }
}

/**
 * @returns the time of the first LOADING answer, and the time of the last request with such an answer, by
 * `performance.now()`
 */
async function watchLoading({
  cluster: { services },
}: Stage): Promise<{ readonly since: number; readonly last: number }> {
  let [since, last] = [0, 0];
  await until(
    async () => {
      const askedAt = performance.now(); // this process may read an answer after Redis has finished loading
      const answer = await redisCommand(services.redis.port, "PING");
      if (answer.startsWith("-LOADING")) {
        last = askedAt;
        since ||= performance.now();
      }
      return answer === "+PONG";
    },
    { what: "Redis has loaded its append-only file", timeoutMs: 120_000 },
  );
  return { since, last };
}
