import { afterEach, describe, expect, it } from "vitest";
import { Turns } from "../concurrency/turns.ts";
import type { RerunFilters } from "../core/reruns.ts";
import { migrate } from "../results/migrate.ts";
import { RecorderConnection } from "../results/recorder/connection.ts";
import { Store } from "../results/store.ts";
import { outcomeWith } from "../testing/outcomes.ts";
import { enqueueRaw, openQueue, submission } from "../testing/queue.ts";
import { freshDatabase, freshRedis } from "../testing/services.ts";
import { matching } from "./rerun-scan.ts";

const open: { close: () => unknown }[] = [];
afterEach(async () => {
  for (const part of open.splice(0).reverse()) await part.close();
});

async function setup() {
  const [redis, { url }] = await Promise.all([freshRedis(), freshDatabase()]);
  await migrate(url);
  const queue = await openQueue(redis.address);
  const store = new Store(url);
  open.push(queue, store);
  const record = async (ids: readonly string[], retryOf?: string): Promise<void> => {
    const connection = new RecorderConnection(url, 5_000);
    await connection.copy(
      ids.map((id) =>
        outcomeWith({
          job: { id, options: retryOf === undefined ? {} : { retry_of: retryOf } },
          status: "cancelled",
          finishedAt: queue.clock.now(),
        }),
      ),
    );
    connection.cut();
  };
  /** Cancelled jobs in the outbox. */
  const cancelled = async (ids: readonly string[], options: { readonly retry_of?: string } = {}): Promise<void> => {
    await enqueueRaw(queue, {
      ids,
      submissions: ids.map(() => submission({ options: { run_at: queue.clock.now() + 60_000, ...options } })),
    });
    for (const id of ids) await queue.cancel(id, 60_000, () => undefined);
  };
  const idsAfter = async (): Promise<string> => {
    const now = queue.clock.now();
    while (queue.clock.now() <= now + 2) await new Promise((resolve) => setTimeout(resolve, 1));
    return queue.ids.next();
  };
  const scan = async (rerunId: string, filters: RerunFilters = {}, below?: string) => {
    const pages = [];
    for await (const page of matching(
      { queue, store, turns: new Turns() },
      { status: "cancelled", ...filters },
      rerunId,
      { below },
    ))
      pages.push(page);
    return { pages, ids: pages.flatMap(({ ids }) => ids) };
  };
  return { queue, record, cancelled, idsAfter, scan };
}

describe("the jobs that a replay's filters name", () => {
  it("are each met once, newest first, whether Redis has them, or Postgres, or both", async () => {
    const { queue, record, cancelled, idsAfter, scan } = await setup();
    const ids = Array.from({ length: 12 }, () => queue.ids.next()).sort();
    await cancelled(ids.filter((_, i) => i % 3 !== 0));
    await record(ids.filter((_, i) => i % 3 !== 1));
    const rerunId = await idsAfter();
    const { ids: found, pages } = await scan(rerunId);
    const newestFirst = [...ids].reverse();
    expect(found).toEqual(newestFirst);
    for (const [i, { ids: page, reached }] of pages.entries()) {
      expect(page.every((id) => id >= reached && (i === 0 || id < (pages[i - 1]?.reached ?? "")))).toBe(true);
    }
    for (const at of [0, 4, 11])
      expect((await scan(rerunId, {}, newestFirst[at])).ids).toEqual(newestFirst.slice(at + 1));
  });

  it("exclude jobs that ended after the replay was accepted, and reruns unless it includes them", async () => {
    const { queue, record, cancelled, idsAfter, scan } = await setup();
    const [first, rerunInRedis, rerunInPostgres, late] = [
      queue.ids.next(),
      queue.ids.next(),
      queue.ids.next(),
      queue.ids.next(),
    ] as const;
    await cancelled([first]);
    await cancelled([rerunInRedis], { retry_of: first });
    await record([rerunInPostgres], first);
    const rerunId = await idsAfter();
    await idsAfter();
    await cancelled([late]);
    expect((await scan(rerunId)).ids).toEqual([first]);
    expect((await scan(rerunId, { include_replayed: true })).ids).toEqual(
      [rerunInPostgres, rerunInRedis, first].sort().reverse(),
    );
  });
});
