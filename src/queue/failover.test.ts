import { Redis } from "ioredis";
import { afterAll, describe, expect, it } from "vitest";
import type { Job } from "../core/job.ts";
import { redisCommand } from "../embedded/redis-command.ts";
import { QueueUnavailable } from "../errors.ts";
import { startOwnSentinels } from "../testing/own-sentinels.ts";
import { enqueue, ioSlots, openQueue, submission } from "../testing/queue.ts";
import { closedPort } from "../testing/replica.ts";
import { ownRedis } from "../testing/services.ts";
import { until } from "../testing/until.ts";
import { Connection } from "./connection.ts";
import type { Queue } from "./queue.ts";
import type { Settlement } from "./settlement.ts";

const OUTBOX_OWNED_MS = 30_000;
const closers: (() => unknown)[] = [];
afterAll(async () => {
  for (const close of closers.splice(0).reverse()) await close();
});

function completed({ id, type, priority, claimSeq, attempt, crashes, deferrals }: Job): Settlement {
  return {
    id,
    type,
    priority,
    claimSeq,
    startedAt: 0,
    attempt,
    crashes,
    deferrals,
    verdict: "completed",
    runAt: 0,
    record: `{"outcome":"completed"}`,
  };
}

/** A master with one replica, monitored by three Sentinels, and queues that use it. */
async function watchedMaster() {
  const master = await ownRedis();
  await ownRedis(["--replicaof", "127.0.0.1", String(master.port)]);
  const sentinels = await startOwnSentinels(master.port, 3);
  closers.push(() => sentinels.close());
  const address = sentinels.address.replace("//", `//127.0.0.1:${await closedPort()},`); // the first is down
  return {
    master,
    queue: async (options: Parameters<typeof openQueue>[1] = {}): Promise<Queue> => {
      const opened = await openQueue(address, options);
      closers.push(() => opened.close());
      return opened;
    },
    replicated: () =>
      until(async () => (await redisCommand(master.port, "WAIT", "1", "1000")) === ":1", {
        what: "the replica has replicated everything",
      }),
    goesOn: (by: Queue, timeoutMs: number) =>
      until(() => enqueue(by, submission({ type: "probe" })), { what: "the new master takes jobs", timeoutMs }),
  };
}

// Concurrent, because the tests mostly wait.
describe.concurrent("a master chosen by Sentinels", { timeout: 90_000 }, () => {
  it("may be killed: replicated jobs remain, and jobs are still enqueued, claimed, renewed and settled", async () => {
    const { master, queue, replicated, goesOn } = await watchedMaster();
    const cancelled: string[] = [];
    const [one, other] = [await queue(), await queue({ onCancel: (id) => cancelled.push(id) })];
    await enqueue(one, ...Array.from({ length: 6 }, () => submission()));
    const { claimed } = await other.claim(1, 1, ioSlots({ noop: 3 }));
    await other.settle(claimed.slice(0, 1).map(completed), OUTBOX_OWNED_MS);
    await replicated();
    await master.kill();
    await goesOn(one, 40_000);
    const running = claimed.slice(1);
    await until(
      async () =>
        (
          await other.renew(
            running.map(({ id, claimSeq }) => ({ id, claimSeq, progress: null })),
            "{}",
          )
        ).size === 0,
      { what: "leases are renewed", timeoutMs: 30_000 },
    );
    await until(
      async () => {
        // reaches the other queue only once that is connected again
        await one.cancel(running[0]?.id ?? "", OUTBOX_OWNED_MS, () => undefined);
        return cancelled.length > 0;
      },
      { what: "it is notified of cancellations again", timeoutMs: 30_000 },
    );
    expect(await other.settle(claimed.map(completed), OUTBOX_OWNED_MS)).toEqual(["repeated", "done", "done"]);
    const rest = await other.claim(2, 1, ioSlots({ noop: 10 }));
    expect(rest.claimed).toHaveLength(3);
    expect(await one.jobCounts()).toMatchObject({ unaccounted: 0, outbox: 3 });
  });

  it("may stop answering with all its connections open", async () => {
    const { master, queue, replicated, goesOn } = await watchedMaster();
    const one = await queue();
    await replicated();
    master.pause();
    const claim = async (): Promise<boolean> => (await one.claim(1, 1, ioSlots({ noop: 1 }))).now > 0;
    await Promise.all([goesOn(one, 40_000), until(claim, { what: "claims go on", timeoutMs: 40_000 })]);
  });
});

it("reconnects at most once a second while a replica rejects writes, and does not repeat the rejected command", async () => {
  const server = await ownRedis();
  const direct = new Redis(server.port);
  closers.push(() => direct.disconnect());
  let connections = 0;
  const connection = new Connection(server.address, {
    onRoundTrip: () => undefined,
    onError: () => undefined,
    onReady: () => {
      connections += 1;
    },
  });
  closers.push(() => connection.close());
  await connection.opened(5_000);
  const startedAt = performance.now();
  await direct.replicaof("127.0.0.1", await closedPort());
  const set = (): Promise<unknown> => connection.send("set", ["key", "value"], 1_000);
  await expect(set()).rejects.toThrow(QueueUnavailable);
  await until(() => connections === 2 && connection.isReady, { what: "it is reconnected" });
  for (let i = 0; i < 20; i += 1) await expect(set()).rejects.toThrow("READONLY");
  expect(connections).toBeLessThanOrEqual(2 + Math.floor((performance.now() - startedAt) / 1_000));
  await direct.replicaof("NO", "ONE");
  expect(await direct.exists("key")).toBe(0);
  await until(set, { what: "writes are accepted again" });
});
