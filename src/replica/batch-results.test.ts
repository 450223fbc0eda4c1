import pg from "pg";
import { afterEach, expect, it } from "vitest";
import { at } from "../core/at.ts";
import type { BatchJob } from "../core/flows/batch-results.ts";
import { FlowStore } from "../results/flows/flow-store.ts";
import { migrate } from "../results/migrate.ts";
import { RecorderConnection } from "../results/recorder/connection.ts";
import { Store } from "../results/store.ts";
import { enqueueFlow, flowOf, stateAtStart } from "../testing/flows.ts";
import { outcomeWith } from "../testing/outcomes.ts";
import { ioSlots, openQueue, settlement } from "../testing/queue.ts";
import { freshDatabase, freshRedis } from "../testing/services.ts";
import { batchResults } from "./batch-results.ts";

const open: { close: () => unknown }[] = [];
afterEach(async () => {
  for (const part of open.splice(0).reverse()) await part.close();
});

/** Copies the row of job $1 to the next $4 ids. $2 is the common start of the ids, and $3 the counter of $1. */
const COPIES = `insert into jobs select copy.* from jobs as one, generate_series(1, $4::bigint) as nth,
  jsonb_populate_record(null::jobs, to_jsonb(one) || jsonb_build_object('id', $2::text || lpad(to_hex($3::bigint + nth), 8, '0')))
  as copy where one.id = $1::uuid`;

async function setup() {
  const [redis, { url }] = await Promise.all([freshRedis(), freshDatabase()]);
  await migrate(url);
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  open.push({ close: () => client.end() });
  const queue = await openQueue(redis.address);
  const [flowStore, store] = [new FlowStore(url, "taskflow:0"), new Store(url)];
  open.push(queue, flowStore, store);
  const connection = new RecorderConnection(url, 5_000);
  open.push({ close: () => connection.cut() });
  const results = batchResults({ queue, flowStore });
  const read = async (flowId: string, node = "thumbs"): Promise<BatchJob[] | undefined> => {
    const batch = await results.jobsOf(flowId, node);
    if (!batch) return undefined;
    const jobs: BatchJob[] = [];
    for await (const page of batch.pages) jobs.push(...page);
    expect(jobs).toHaveLength(batch.total);
    return jobs;
  };
  return { client, queue, flowStore, store, connection, results, read };
}

it("reads the jobs of a batch from their rows, else from Redis, in the order of ids", async () => {
  const { queue, store, connection, read } = await setup();
  const flow = flowOf(queue, [{ name: "thumbs", batch: 5 }, { name: "other" }]);
  await enqueueFlow(queue, flow);
  const [one = "", two = "", three = "", four = "", five = ""] = flow.jobs.map(({ id }) => id);
  const error = { code: "broken", message: 'it "broke"', attempt: 1 };
  const large = JSON.stringify("x".repeat(3 * 1024 * 1024));
  await connection.copy([
    outcomeWith({ job: { id: five }, result: large }),
    outcomeWith({ job: { id: two }, status: "failed", result: null, error }),
    outcomeWith({ job: { id: four }, result: large }),
    outcomeWith({ job: { id: one }, result: large }),
  ]);
  await store.erase([five], Date.now());
  await expect(read(flow.id)).rejects.toThrow(`job ${three} of the batch has not ended yet`);
  const { claimed } = await queue.claim(1, 1, ioSlots({ noop: 10 }));
  await queue.settle(
    claimed
      .filter(({ id }) => id === three)
      .map((job) =>
        settlement(job, {
          record: JSON.stringify({
            attempt: 1,
            outcome: "completed",
            worker: "r",
            started_at: 1,
            finished_at: 2,
            result: { a: 1 },
          }),
        }),
      ),
    30_000,
  );
  expect(await read(flow.id)).toEqual([
    { id: one, status: "completed", result: large, error: null },
    { id: two, status: "failed", result: null, error: JSON.stringify(error) },
    { id: three, status: "completed", result: `{"a":1}`, error: null },
    { id: four, status: "completed", result: large, error: null },
    { id: five, status: "completed", result: null, error: null },
  ]);
});

it("knows only batches, of flows that run or have a row", async () => {
  const { queue, flowStore, read } = await setup();
  const flow = flowOf(queue, [{ name: "thumbs", batch: 0 }, { name: "other" }]);
  expect(await read(flow.id)).toBeUndefined();
  await enqueueFlow(queue, flow);
  expect(await read(flow.id, "other")).toBeUndefined();
  expect(await read(flow.id)).toEqual([]);
  const ended = flowOf(queue, [{ name: "thumbs", batch: 0 }]);
  const state = {
    id: ended.id,
    graph: ended.graph,
    nodes: [],
    status: "completed",
    isOpen: false,
    closedBy: null,
  } as const;
  await flowStore.save([{ ...state, isCancelRequested: false, finishedAt: 5 }]);
  expect(await read(ended.id)).toEqual([]);
});

it("reads 100,000 jobs in their order, a page at a time, as they are asked for", async () => {
  const { client, queue, flowStore, connection } = await setup();
  const total = 100_000;
  const flow = flowOf(queue, [{ name: "thumbs", batch: total }]);
  const running = { ...stateAtStart(flow), finishedAt: 5, status: "completed" } as const;
  await flowStore.save([running]);
  const first = at(flow.jobs, 0).id;
  await connection.copy([outcomeWith({ job: { id: first }, result: JSON.stringify("x".repeat(1_000)) })]);
  await client.query(COPIES, [first, first.slice(0, -8), Number.parseInt(first.slice(-8), 16), total - 1]);
  let reads = 0;
  const outcomes = (ids: readonly string[]): ReturnType<FlowStore["outcomes"]> => {
    reads += 1;
    return flowStore.outcomes(ids);
  };
  const counted = { get: (ids: readonly string[]) => flowStore.get(ids), outcomes };
  const batch = await batchResults({ queue, flowStore: counted }).jobsOf(flow.id, "thumbs");
  const [found, sizes, ahead] = [[] as string[], new Set<number>(), new Set<number>()];
  let pages = 0;
  for await (const page of batch?.pages ?? []) {
    pages += 1;
    for (const { id } of page) found.push(id);
    sizes.add(page.length);
    ahead.add(reads - 2 * pages); // a page is read when it is asked for: the rows, and those that were missing
  }
  expect(batch?.total).toBe(total);
  expect(found).toEqual(flow.jobs.map(({ id }) => id));
  expect([[...sizes], [...ahead]]).toEqual([[1_000], [0]]);
});
