/** Durable flows, and jobs that are added to durable batches, on their way through Postgres to Redis. */
import { afterEach, describe, expect, it } from "vitest";
import type { NewFlow } from "../core/flows/flow.ts";
import { idAfter } from "../core/id.ts";
import { DAY_MS } from "../core/time.ts";
import { redisCommand } from "../embedded/redis-command.ts";
import type { Enqueued, Submitted } from "../queue/enqueuer.ts";
import { Store } from "../results/store.ts";
import { enqueueFlow, jobOfNode, submittedFlow } from "../testing/flows.ts";
import { DURABLE, setUpLostFlows } from "../testing/lost-flows.ts";
import { submissionPipeline } from "./submission-pipeline.ts";

const open: { close: () => unknown }[] = [];
afterEach(async () => {
  for (const part of open.splice(0).reverse()) await part.close();
});

async function setup() {
  const parts = await setUpLostFlows((part) => (open.push(part), part));
  const { queue, writer, redis, client, url, newFlow } = parts;
  const store = new Store(url);
  open.push(store);
  const enqueue = submissionPipeline({ queue, acceptanceLogWriter: writer, store, retentionMs: DAY_MS });
  const submit = (submitted: Submitted): Promise<Enqueued> => new Promise((resolve) => enqueue(submitted, resolve));
  /** A new flow of the same jobs under new ids: what a repeated request makes. */
  const order = (): NewFlow => newFlow([{ name: "a" }, { name: "b", batch: 2, after: ["a"] }]);
  const batch = (): NewFlow => newFlow([{ name: "jobs", batch: 1 }], { kind: "batch", closesAt: Date.now() + 60_000 });
  const added = ({ id, graph }: NewFlow): Submitted & { readonly ids: readonly [string, string] } => {
    const first = queue.ids.next(2);
    const ids = [first, idAfter(first, 1)] as const;
    return { ids, submissions: ids.map(() => jobOfNode(id, graph, 0, DURABLE)), flow: { kind: "add", id } };
  };
  const rejectWrites = (isRejecting: boolean): Promise<unknown> =>
    redisCommand(redis.port, "CONFIG", "SET", "maxmemory", isRejecting ? "1" : "0");
  const committed = async (ids: readonly string[]): Promise<readonly string[]> =>
    [...(await store.committed(ids))].sort();
  const additions = async (): Promise<number> =>
    (await client.query<{ n: number }>("select count(*)::int as n from flow_additions")).rows[0]?.n ?? -1;
  return { ...parts, submit, order, batch, added, rejectWrites, committed, additions };
}

const idempotency = { key: "k", fingerprint: "f", ttlMs: 60_000 };
const idsOf = ({ jobs }: NewFlow): string[] => jobs.map(({ id }) => id);

describe("a repeated durable flow whose key only Postgres knows", () => {
  it("is answered with the id of the first, while each of its jobs exists", async () => {
    const { queue, client, submit, order, rejectWrites, record } = await setup();
    const flow = order();
    const [a = "", b1 = "", b2 = ""] = idsOf(flow);
    await rejectWrites(true);
    const first = await submit(submittedFlow(flow, { idempotency }));
    expect(first).toMatchObject({ kind: "failed", error: { code: "outcome_unknown" } });
    await rejectWrites(false);
    const again = (fingerprint = "f"): Promise<Enqueued> =>
      submit(submittedFlow(order(), { idempotency: { ...idempotency, fingerprint } }));
    expect(await again()).toEqual({ kind: "replayed", firstId: flow.id });
    expect(await again("other")).toEqual({ kind: "conflict", firstId: flow.id });
    expect(await queue.missing([a, b1, b2])).toEqual([a, b1, b2]); // the restore brings them
    await record(flow, [a, "completed"]);
    await client.query("delete from accepted where id = any ($1)", [[a, b1]]);
    expect(await again()).toMatchObject({
      kind: "failed",
      error: { code: "outcome_unknown", message: expect.stringContaining(`the first is ${b1}`) as string },
      firstId: flow.id,
    });
  });

  it("is answered from Redis once that has it, and nothing is committed twice", async () => {
    const { client, queue, submit, order } = await setup();
    const flow = order();
    expect(await submit(submittedFlow(flow, { idempotency }))).toEqual({ kind: "enqueued" });
    expect(await submit(submittedFlow(order(), { idempotency }))).toEqual({ kind: "replayed", firstId: flow.id });
    const { rows } = await client.query<{ id: string }>("select id from flows");
    expect(rows.map(({ id }) => id)).toEqual([flow.id]);
    expect((await queue.flows.list({ limit: 10 })).map(({ id }) => id)).toEqual([flow.id]);
  });
});

describe("jobs that are added to a durable batch", () => {
  it("are withdrawn if the batch is closed meanwhile, and their key is free again", async () => {
    const { queue, accept, submit, batch, added, committed, additions } = await setup();
    const [closed, other] = [batch(), batch()];
    for (const one of [closed, other]) {
      await accept(one);
      await enqueueFlow(queue, one);
    }
    await queue.flows.close(closed.id, "caller");
    const late = added(closed);
    expect(await submit({ ...late, idempotency })).toEqual({ kind: "closed" });
    expect([await committed(late.ids), await additions(), await queue.missing(late.ids)]).toEqual([
      [],
      0,
      [...late.ids],
    ]);
    const next = added(other);
    expect(await submit({ ...next, idempotency })).toEqual({ kind: "enqueued" });
    expect(await submit({ ...added(other), idempotency })).toEqual({ kind: "replayed", firstId: next.ids[0] });
    expect((await queue.flows.read([other.id]))[0]?.nodes[0]?.counts.total).toBe(3);
  });

  it("are withdrawn if Redis has no such batch", async () => {
    const { accept, submit, batch, added, committed, additions } = await setup();
    const lost = batch();
    await accept(lost);
    const jobs = added(lost);
    expect(await submit(jobs)).toEqual({ kind: "missing" });
    expect([await committed(jobs.ids), await additions()]).toEqual([[], 0]);
  });

  it("have an unknown outcome if they cannot be withdrawn: the restore decides later", async () => {
    const { client, queue, accept, submit, batch, added, committed } = await setup();
    const closed = batch();
    await accept(closed);
    await enqueueFlow(queue, closed);
    await queue.flows.close(closed.id, "caller");
    await client.query(
      `create function fail() returns trigger language plpgsql as $$ begin raise exception 'no'; end $$;
      create trigger fail before delete on flow_additions for each row execute function fail()`,
    );
    const jobs = added(closed);
    expect(await submit(jobs)).toMatchObject({ kind: "failed", error: { code: "outcome_unknown" } });
    expect(await committed(jobs.ids)).toEqual([...jobs.ids]);
  });

  it("are answered with the first of them if only Postgres knows their key", async () => {
    const { queue, accept, submit, batch, added, rejectWrites } = await setup();
    const flow = batch();
    await accept(flow);
    await enqueueFlow(queue, flow);
    const jobs = added(flow);
    await rejectWrites(true);
    expect(await submit({ ...jobs, idempotency })).toMatchObject({
      kind: "failed",
      error: { code: "outcome_unknown" },
    });
    await rejectWrites(false);
    expect(await submit({ ...added(flow), idempotency })).toEqual({ kind: "replayed", firstId: jobs.ids[0] });
    expect((await queue.flows.read([flow.id]))[0]?.nodes[0]?.counts.total).toBe(1);
  });
});
