import pg from "pg";
import { afterEach, describe, expect, it } from "vitest";
import { encodeRecord } from "../core/attempt-record.ts";
import { forgettableOf } from "../queue/forgetting.ts";
import { migrate } from "../results/migrate.ts";
import { Recorder } from "../results/recorder/recorder.ts";
import { enqueue, ioSlots, openQueue, submission } from "../testing/queue.ts";
import { freshDatabase, freshRedis } from "../testing/services.ts";
import { smallPayloads } from "../testing/small-payloads.ts";
import { until } from "../testing/until.ts";
import { Sweep } from "./sweep.ts";

const open: { close: () => unknown }[] = [];
afterEach(async () => {
  for (const part of open.splice(0).reverse()) await part.close();
});

/** A queue with this many overdue outcomes in its outbox. */
async function abandoned(count: number) {
  const queue = await openQueue((await freshRedis()).address);
  open.push(queue);
  await enqueue(queue, ...Array.from({ length: count }, () => submission()));
  const { claimed } = await queue.claim(1, 0, ioSlots({ noop: count }));
  await queue.settle(
    claimed.map((job) => {
      const record = encodeRecord({
        attempt: 1,
        outcome: "completed",
        worker: job.worker,
        started_at: job.startedAt,
        finished_at: queue.clock.now(),
        result: "1",
      });
      return {
        id: job.id,
        type: job.type,
        priority: job.priority,
        claimSeq: job.claimSeq,
        startedAt: job.startedAt ?? 0,
        verdict: "completed",
        attempt: 1,
        crashes: 0,
        deferrals: 0,
        runAt: 0,
        record,
      };
    }),
    -1,
  );
  return queue;
}

async function setup(count: number) {
  const { url } = await freshDatabase();
  await migrate(url);
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  open.push({ close: () => client.end() });
  const queue = await abandoned(count);
  let releases = 0;
  const recorder = new Recorder({
    ...smallPayloads,
    databaseUrl: url,
    maxRows: 10,
    highMark: 60,
    lowMark: 30,
    onRecorded: (outcomes) => queue.forget(outcomes.map(forgettableOf)),
    log: { info: () => undefined, warn: () => undefined, error: () => undefined },
    observe: {
      released: () => {
        releases += 1;
      },
    },
  });
  open.push({ close: () => recorder.close(1_000) });
  const swept: number[] = [];
  const errors: unknown[] = [];
  const sweep = new Sweep({
    queue,
    recorder,
    onSwept: (outcomes) => swept.push(outcomes),
    onUnreadable: () => undefined,
    onError: (error) => errors.push(error),
  });
  open.push(sweep);
  const stored = async (): Promise<number> =>
    (await client.query<{ n: number }>("select count(*)::int as n from jobs")).rows[0]?.n ?? -1;
  return { client, queue, recorder, sweep, swept, errors, stored, releases: () => releases };
}

describe("a sweep", () => {
  it("takes what fits below the recorder's low mark, so that the replica goes on claiming, and records all in the end", async () => {
    const { client, recorder, sweep, swept, errors, stored, releases } = await setup(200);
    await client.query("begin; lock table jobs in exclusive mode"); // a COPY hangs, and what is swept piles up
    sweep.start();
    await until(() => recorder.room.outcomes === 0, { what: "the recorder has what it may have" });
    await until(() => swept.length > 0, { what: "the sweep has ended" });
    expect([recorder.size, recorder.isFull, recorder.shouldPause]).toEqual([30, false, false]);
    await client.query("commit");
    await until(async () => (await stored()) === 200, { what: "all are recorded" });
    expect([swept.reduce((sum, count) => sum + count, 0), releases(), errors]).toEqual([200, 0, []]);
  });

  it("ends with its part, and leaves the rest where it is", async () => {
    const { client, sweep, swept, queue } = await setup(60);
    await client.query("begin; lock table jobs in exclusive mode");
    sweep.start();
    await until(() => swept.length > 0, { what: "a sweep has ended" });
    await sweep.close();
    expect(await queue.endedIds(100)).toHaveLength(60);
    await client.query("commit");
  });
});
