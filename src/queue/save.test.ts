import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { encodeRecord } from "../core/attempt-record.ts";
import type { Job } from "../core/job.ts";
import { stateLeft } from "../core/saved-state.ts";
import { redisCommand } from "../embedded/redis-command.ts";
import { enqueueRaw, openQueue, submission } from "../testing/queue.ts";
import { ownRedis } from "../testing/services.ts";
import { until } from "../testing/until.ts";
import type { Queue } from "./queue.ts";
import type { Settlement } from "./settlement.ts";

const LEASE_MS = 400;
const OWN_MS = 60_000;

let redis: { readonly address: string };
let queue: Queue;
let other: Queue;
const seqs = new Map<Queue, number>();
beforeAll(async () => {
  redis = await ownRedis();
  [queue, other] = [
    await openQueue(redis.address, { leaseMs: LEASE_MS }),
    await openQueue(redis.address, { leaseMs: LEASE_MS }),
  ];
});
afterAll(() => [queue, other].forEach((each) => each.close()));

async function claim(from: Queue): Promise<Job[]> {
  const seq = seqs.get(from) ?? 0;
  seqs.set(from, seq + 1);
  const { claimed, lost } = await from.claim(seq, 1, {
    io: 10,
    cpu: 0,
    types: [{ type: "noop", lane: "io", slots: 10 }],
  });
  return [...claimed, ...lost];
}

async function running(): Promise<Job> {
  await enqueueRaw(queue, { ids: [queue.ids.next()], submissions: [submission()] });
  const [job] = await claim(queue);
  if (!job) throw new Error("nothing was claimed");
  return job;
}

function settlementOf(job: Job, verdict: Settlement["verdict"], record = ""): Settlement {
  const { id, type, priority, claimSeq, attempt, crashes, deferrals } = job;
  return {
    id,
    type,
    priority,
    claimSeq,
    startedAt: job.startedAt ?? 0,
    attempt,
    crashes,
    deferrals,
    verdict,
    runAt: 0,
    record,
  };
}

const readBack = async (id: string): Promise<Job | undefined> => (await queue.read([id]))[0];

describe("the state that a handler saves", () => {
  it("replaces the previous one, and is not a record of an attempt", async () => {
    const job = await running();
    expect(await queue.save(job, `{"at":1}`)).toBe(true);
    expect(await queue.save(job, `{"at":2}`)).toBe(true);
    expect(await readBack(job.id)).toMatchObject({ saved: `{"at":2}`, history: [], status: "running" });
    await queue.settle([settlementOf(job, "completed", "=1800000000000{}")], OWN_MS);
    expect(await readBack(job.id)).toMatchObject({
      status: "completed",
      history: [expect.stringContaining(`"result":{}`)],
    });
    await queue.forget([job]);
    expect(await redisCommand(Number(new URL(redis.address).port), "HEXISTS", "{taskflow:0}:states", job.id)).toBe(
      ":0",
    );
  });

  it("is available to the next attempt after a release and after a retry", async () => {
    const job = await running();
    await queue.save(job, `{"at":1}`);
    await queue.settle([settlementOf(job, "released")], OWN_MS);
    const [again] = await claim(queue);
    expect(again && stateLeft(again)).toEqual({ at: 1 });
    const record = { attempt: 1, outcome: "retry", worker: null, started_at: 1, finished_at: 2 } as const;
    await queue.settle([settlementOf(again as Job, "retry", encodeRecord(record))], OWN_MS);
    const [third] = await claim(queue);
    expect(third).toMatchObject({ id: job.id, saved: `{"at":1}`, history: [expect.stringContaining("retry")] });
    // The state that an attempt throws replaces earlier saved states, and later saves replace it.
    await queue.settle([settlementOf(third as Job, "retry", encodeRecord({ ...record, state: `"thrown"` }))], OWN_MS);
    const [fourth] = await claim(queue);
    expect(fourth && stateLeft(fourth)).toBe("thrown");
    await queue.save(fourth as Job, `"saved"`);
    await queue.settle([settlementOf(fourth as Job, "released")], OWN_MS);
    const [fifth] = await claim(queue);
    expect(fifth && stateLeft(fifth)).toBe("saved");
    await queue.settle(
      [settlementOf(fifth as Job, "cancelled", encodeRecord({ ...record, outcome: "cancelled" }))],
      OWN_MS,
    );
  });

  it("survives a lost lease, after which its owner cannot save; an attempt that saved spends no crash budget", async () => {
    const job = await running();
    for (let losses = 1; losses <= 6; losses++) {
      const owner = losses % 2 === 1 ? queue : other;
      const held =
        losses === 1
          ? job
          : await until(async () => (await claim(owner))[0], { what: "the lease is lost", timeoutMs: 20_000 });
      expect(await owner.save(held, `{"loss":${losses}}`)).toBe(true);
      expect(await (owner === queue ? other : queue).save(held, `"stolen"`)).toBe(false);
    }
    const last = await until(async () => (await claim(queue))[0], {
      what: "the last lease is lost",
      timeoutMs: 20_000,
    });
    expect(stateLeft(last)).toEqual({ loss: 6 });
    expect(last.crashes).toBeLessThanOrEqual(1);
    expect(await other.save(last, `"late"`)).toBe(false);
    await queue.settle(
      [
        settlementOf(
          last,
          "cancelled",
          encodeRecord({ attempt: 1, outcome: "cancelled", worker: null, started_at: 1, finished_at: 2 }),
        ),
      ],
      OWN_MS,
    );
    expect(await queue.save(last, `"later"`)).toBe(false);
  });

  it("is accepted by a full Redis", async () => {
    const job = await running();
    const port = Number(new URL(redis.address).port);
    await redisCommand(port, "CONFIG", "SET", "maxmemory", "1");
    expect(await queue.save(job, `{"at":1}`)).toBe(true);
    await redisCommand(port, "CONFIG", "SET", "maxmemory", "0");
    await queue.settle([settlementOf(job, "released")], OWN_MS);
  });
});
