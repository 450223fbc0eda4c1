/**
 * The promise of a 202 under random faults: two replicas submit, with and without keys, while Redis is full, loses
 * answers, is emptied, and Postgres is away or loses answers; a restore and a worker are at work meanwhile. Whatever
 * the order:
 *  - the jobs of a 202 are somewhere at that moment, all of them, and each runs once;
 *  - one key never stands for two sets of jobs.
 */

import fc from "fast-check";
import { afterAll, beforeAll, expect, it } from "vitest";
import { shortRecord } from "../core/attempt-record.ts";
import { idsFrom } from "../core/id.ts";
import type { Submission } from "../core/job.ts";
import { isLarge } from "../core/payload.ts";
import { DAY_MS } from "../core/time.ts";
import { redisCommand } from "../embedded/redis-command.ts";
import type { Enqueued } from "../queue/enqueuer.ts";
import type { Queue } from "../queue/queue.ts";
import { AcceptanceLogReader } from "../results/acceptance-log/reader.ts";
import { AcceptanceLogWriter } from "../results/acceptance-log/writer.ts";
import { migrate } from "../results/migrate.ts";
import { RecorderConnection } from "../results/recorder/connection.ts";
import { Store } from "../results/store.ts";
import { outcomeWith } from "../testing/outcomes.ts";
import type { OwnServer } from "../testing/own-servers.ts";
import { ioSlots, openQueue, submission } from "../testing/queue.ts";
import { freshDatabase, ownRedis } from "../testing/services.ts";
import { TcpProxy } from "../testing/tcp-proxy.ts";
import { until } from "../testing/until.ts";
import { Restore } from "./maintenance/restore.ts";
import type { Enqueue } from "./submission-pipeline.ts";
import { PIPELINE_MS, submissionPipeline } from "./submission-pipeline.ts";

const SUBMIT_TIMEOUT_MS = 500;
const ENQUEUE_MS = SUBMIT_TIMEOUT_MS + 500;
const KEYS = 3;

const plain = submission();
const durable = submission({ options: { durability: "postgres" } });
const large = submission({ payload: `{"text":"${"x".repeat(40_000)}"}` });
/** A key always comes with the same one. */
const SHAPES: readonly (readonly Submission[])[] = [[durable], [plain, durable, plain], [large, durable]];

interface Replica {
  readonly queue: Queue;
  readonly enqueue: Enqueue;
}

const open: { close: () => unknown }[] = [];
const keep = <Part extends { close: () => unknown }>(part: Part): Part => (open.push(part), part);
let redis: OwnServer;
let redisProxy: TcpProxy;
let postgresProxy: TcpProxy;
let replicas: readonly Replica[];
/** Beside all faults: what works, and what looks. */
let direct: Queue;
let store: Store;
let recorder: RecorderConnection;
let claims = 0;
const runs = new Map<string, number>();
/** Each resolves when an answer was lost, if any was. */
const losses: Promise<void>[] = [];
let restored = 0;

beforeAll(async () => {
  const { url } = await freshDatabase();
  await migrate(url);
  redis = await ownRedis();
  redisProxy = keep(await TcpProxy.start(redis.port));
  postgresProxy = keep(await TcpProxy.start(Number(new URL(url).port)));
  direct = keep(await openQueue(redis.address));
  store = keep(new Store(url));
  recorder = new RecorderConnection(url, 10_000);
  keep({ close: () => recorder.cut() });
  const start = async (): Promise<Replica> => {
    const queue = keep(await openQueue(redisProxy.before(redis.address), { submitTimeoutMs: SUBMIT_TIMEOUT_MS }));
    const log = { info: () => undefined, warn: () => undefined, error: () => undefined };
    const acceptanceLogWriter = keep(
      new AcceptanceLogWriter({ databaseUrl: postgresProxy.before(url), namespace: "taskflow:0", log }),
    );
    const behind = keep(new Store(postgresProxy.before(url)));
    return { queue, enqueue: submissionPipeline({ queue, acceptanceLogWriter, store: behind, retentionMs: DAY_MS }) };
  };
  replicas = [await start(), await start()];
  const hooks = {
    onEmptied: () => undefined,
    onRestored: (jobs: number) => {
      restored += jobs;
    },
    onError: () => undefined,
  };
  const restore = keep(
    new Restore({
      queue: direct,
      acceptanceLog: new AcceptanceLogReader(url, "taskflow:0"),
      underWayMs: PIPELINE_MS + ENQUEUE_MS,
      enqueueMs: ENQUEUE_MS,
      freshMs: 1_000,
      periodMs: 50,
      ...hooks,
    }),
  );
  restore.start();
});
afterAll(async () => {
  for (const part of open.splice(0).reverse()) await part.close();
});

/** Runs all waiting jobs, each to its row; no job runs between two steps. */
async function work(): Promise<void> {
  for (;;) {
    claims += 1;
    const { claimed } = await direct.claim(claims, 1, ioSlots({ noop: 100 }));
    if (claimed.length === 0) return;
    for (const { id } of claimed) runs.set(id, (runs.get(id) ?? 0) + 1);
    const now = direct.clock.now();
    const record = shortRecord(Math.round(now), "1");
    const ended = claimed.map(({ id, type, priority, payload, claimSeq, attempt, crashes, deferrals }) => ({
      id,
      type,
      priority,
      isLarge: isLarge(payload),
      claimSeq,
      startedAt: Math.round(now),
      verdict: "completed" as const,
      attempt,
      crashes,
      deferrals,
      runAt: 0,
      record,
    }));
    await direct.settle(ended, 60_000);
    await recorder.copy(claimed.map(({ id, type }) => outcomeWith({ job: { id, type } }))); // rejects where a job runs a second time
    await direct.forget(claimed);
  }
}

/** Those of these ids that exist nowhere, which must not happen after a 202. */
async function nowhere(ids: readonly string[]): Promise<string[]> {
  const [missing, committed, recorded] = [
    await direct.missing(ids),
    await store.committed(ids),
    await store.among(ids),
  ];
  return missing.filter((id) => !committed.has(id) && !recorded.has(id));
}

const replica = fc.nat(1);
const submitting = fc.record({
  kind: fc.constant("submit" as const),
  by: replica,
  key: fc.option(fc.nat(KEYS - 1)),
  shape: fc.nat(SHAPES.length - 1),
  isTwice: fc.boolean(),
});
const ISSUES = [
  "redis full",
  "redis takes writes",
  "redis loses an answer",
  "redis is emptied",
  "postgres away",
  "postgres back",
  "postgres loses an answer",
  "the jobs run",
] as const;
const issue = fc.record({ kind: fc.constantFrom(...ISSUES) });
const steps = fc.array(fc.oneof({ weight: 3, arbitrary: submitting }, { weight: 2, arbitrary: issue }), {
  minLength: 15,
  maxLength: 30,
});
type Valued<Made> = Made extends fc.Arbitrary<infer One> ? One : never;
type Step = Valued<typeof steps>[number];

/** What was promised in one run, and under which keys. */
class Promises {
  readonly ids = new Set<string>();
  readonly #run: string;
  readonly #firstIds = new Map<string, string>();

  constructor(run: string) {
    this.#run = run;
  }

  async submit(by: number, key: number | null, shape: number): Promise<Enqueued["kind"]> {
    const { queue, enqueue } = replicas[by] as Replica;
    const submissions = SHAPES[key ?? shape] ?? [];
    const ids = idsFrom(queue.ids.next(submissions.length), submissions.length);
    const name = key === null ? undefined : `${this.#run}-${key}`;
    const idempotency = name === undefined ? undefined : { key: name, fingerprint: "f", ttlMs: 600_000 };
    const answer = await new Promise<Enqueued>((resolve) => enqueue({ ids, submissions, idempotency }, resolve));
    if (answer.kind === "failed") return answer.kind;
    expect(["enqueued", "replayed"]).toContain(answer.kind);
    const firstId = "firstId" in answer ? answer.firstId : (ids[0] ?? "");
    const promised = idsFrom(firstId, submissions.length);
    expect(await nowhere(promised)).toEqual([]);
    if (name !== undefined) expect(firstId).toBe(this.#firstIds.get(name) ?? firstId);
    if (name !== undefined) this.#firstIds.set(name, firstId);
    for (const id of promised) this.ids.add(id);
    return answer.kind;
  }
}

/** The next one to a request with one of these words; no more where there are none. */
function loseAnswer(proxy: TcpProxy, ...words: readonly string[]): void {
  losses.push(proxy.dropNextReply((request) => words.some((word) => request.includes(word))));
}

async function take(step: Step, promises: Promises): Promise<void> {
  switch (step.kind) {
    case "submit": {
      const { by, key, shape, isTwice } = step;
      await Promise.all([promises.submit(by, key, shape), ...(isTwice ? [promises.submit(1 - by, key, shape)] : [])]);
      break;
    }
    case "redis full":
      await redisCommand(redis.port, "CONFIG", "SET", "maxmemory", "1");
      break;
    case "redis takes writes":
      await redisCommand(redis.port, "CONFIG", "SET", "maxmemory", "0");
      break;
    case "redis loses an answer":
      loseAnswer(redisProxy, "evalsha");
      break;
    case "redis is emptied":
      await redisCommand(redis.port, "FLUSHALL");
      break;
    case "postgres away":
      postgresProxy.setMode({ kind: "reset" });
      break;
    case "postgres back":
      postgresProxy.setMode({ kind: "pass" });
      break;
    case "postgres loses an answer":
      loseAnswer(postgresProxy, "commit", "copy accepted");
      break;
    case "the jobs run":
      await work();
      break;
    default:
      step satisfies never;
  }
  await until(() => replicas.every(({ queue }) => queue.isReady), { what: "Redis is connected" });
}

async function heal(): Promise<void> {
  for (const proxy of [redisProxy, postgresProxy]) loseAnswer(proxy);
  postgresProxy.setMode({ kind: "pass" });
  await redisCommand(redis.port, "CONFIG", "SET", "maxmemory", "0");
}

it("keeps every 202, and runs each of its jobs once", async () => {
  let count = 0;
  await fc.assert(
    fc.asyncProperty(steps, async (sequence) => {
      const promises = new Promises(`run-${(count += 1)}`);
      for (const step of sequence) await take(step, promises);
      await heal();
      for (let key = 0; key < KEYS; key += 1)
        await until(async () => (await promises.submit(key % 2, key, key)) !== "failed", {
          what: `key ${key} is answered`,
        });
      // otherwise the restore examines lost jobs after a minute
      await redisCommand(redis.port, "DEL", "{taskflow:0}:epoch");
      await until(
        async () => {
          await work();
          return [...promises.ids].every((id) => runs.has(id));
        },
        { what: "all have run", timeoutMs: 60_000 },
      );
      expect([...promises.ids].filter((id) => runs.get(id) !== 1)).toEqual([]);
    }),
    { numRuns: 6, endOnFailure: true },
  );
  expect(restored).toBeGreaterThan(0);
}, 300_000);
