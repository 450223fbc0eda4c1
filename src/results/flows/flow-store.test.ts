import pg from "pg";
import { afterEach, describe, expect, it } from "vitest";
import type { FlowGraph, FlowState } from "../../core/flows/flow.ts";
import { newState } from "../../core/flows/graph.ts";
import { idAfter } from "../../core/id.ts";
import { idAt, outcomeWith } from "../../testing/outcomes.ts";
import { freshDatabase } from "../../testing/services.ts";
import { migrate } from "../migrate.ts";
import { addPartitions, dayOf } from "../partitions.ts";
import { RecorderConnection } from "../recorder/connection.ts";
import { dropExpired } from "../retention.ts";
import { FlowStore } from "./flow-store.ts";

const open: { close: () => unknown }[] = [];
afterEach(async () => {
  for (const part of open.splice(0).reverse()) await part.close();
});

const NODE = { when: "succeeded", after: [], waitsFor: [] } as const;

function graphOf(id: string, changes: Partial<FlowGraph> = {}): FlowGraph {
  return {
    kind: "flow",
    name: null,
    onFailure: "finish",
    nodes: [
      { ...NODE, name: "a", type: "noop", ids: [{ first: idAfter(id, 1), count: 1 }] },
      { ...NODE, name: "b", type: null, after: [0], ids: [{ first: idAfter(id, 2), count: 3 }] },
    ],
    ...changes,
  };
}

function ended(id: string, { graph, ...changes }: Partial<FlowState> = {}): FlowState {
  const state = newState({ id, graph: graph ?? graphOf(id) });
  const nodes = state.nodes.map(
    ({ counts }) =>
      ({
        counts: { ...counts, completed: counts.total },
        isStarted: true,
        outcome: "completed",
        cause: null,
      }) as const,
  );
  return { ...state, nodes, status: "completed", isOpen: false, finishedAt: Date.now(), ...changes };
}

async function setup() {
  const { url } = await freshDatabase();
  await migrate(url);
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  const store = new FlowStore(url, "taskflow:0");
  open.push({ close: () => client.end() }, store);
  const record = async (jobs: Readonly<Record<string, "completed" | "failed" | "cancelled">>): Promise<void> => {
    await addPartitions(client, new Set(Object.keys(jobs).map(dayOf)));
    const connection = new RecorderConnection(url, 5_000);
    await connection.copy(Object.entries(jobs).map(([id, status]) => outcomeWith({ job: { id }, status })));
    connection.cut();
  };
  return { url, client, store, record };
}

describe("the store of flows", () => {
  it("returns a flow as it was saved", async () => {
    const { store } = await setup();
    const id = idAt(Date.now());
    const flow = ended(id, {
      graph: graphOf(id, { kind: "batch", name: "a\0b \ud800 ü", apiKey: "k1", onFailure: "stop", closesAt: 5 }),
      status: "failed",
      closedBy: "timeout",
      isCancelRequested: true,
    });
    await store.save([flow]);
    await store.save([flow]);
    expect(await store.get([id, idAt(Date.now())])).toEqual([flow]);
    expect(await store.get([])).toEqual([]);
    expect(await store.list({ limit: 5, name: "a\0b \ud800 ü" })).toEqual([id]);
  });

  it("replaces what it has of a flow that ends again, and takes the later of two in one call", async () => {
    const { store } = await setup();
    const id = idAt(Date.now());
    await store.save([ended(id, { status: "failed", finishedAt: 1_000 })]);
    const again = ended(id, { finishedAt: 2_000 });
    await store.save([ended(id, { status: "cancelled", finishedAt: 1_500 }), again]);
    expect(await store.get([id])).toEqual([again]);
  });

  it("saves graphs that do not fit into one statement", async () => {
    const { store } = await setup();
    const flows = Array.from({ length: 3 }, () => {
      const id = idAt(Date.now());
      return ended(id, { graph: graphOf(id, { apiKey: "x".repeat(3 * 1024 * 1024) }) });
    });
    await store.save(flows);
    expect(await store.list({ limit: 10 })).toHaveLength(3);
  });

  it("lists exactly those that pass the filters, newest first", async () => {
    const { store, client } = await setup();
    const flows = (["flow", "batch", "then"] as const).flatMap((kind) =>
      (["completed", "failed", "cancelled"] as const).flatMap((status) =>
        [null, "mine"].flatMap((name) => {
          const ids = [idAt(Date.now()), idAt(Date.now())];
          return ids.map((id) => ended(id, { status, graph: graphOf(id, { kind, name }) }));
        }),
      ),
    );
    await store.save(flows.toReversed());
    const newest = flows.toReversed();
    const filters = [
      {},
      { status: ["failed"] as const },
      { kind: ["batch", "then"] as const, status: ["failed", "cancelled"] as const },
      { name: "mine" },
      { name: "mine", kind: ["flow"] as const, status: ["completed", "running"] as const },
      { name: "other" },
    ];
    for (const filter of filters) {
      const { status, kind, name } = filter as { status?: string[]; kind?: string[]; name?: string };
      const passing = newest.filter(
        (flow) =>
          (status?.includes(flow.status) ?? true) &&
          (kind?.includes(flow.graph.kind) ?? true) &&
          (name === undefined || flow.graph.name === name),
      );
      const found: string[] = [];
      for (let page = ["start"]; page.length > 0; found.push(...page)) {
        const below = found.at(-1);
        page = await store.list({ ...filter, limit: 3, ...(below !== undefined && { below }) });
      }
      expect(found).toEqual(passing.map(({ id }) => id));
    }
    await client.query("set enable_seqscan = off");
    const { rows } = await client.query<{ "QUERY PLAN": string }>(
      "explain select id from flows where kind = 'flow' and status = 'failed' and id < $1::uuid order by id desc limit 5",
      [newest[0]?.id],
    );
    const plan = rows.map((row) => row["QUERY PLAN"]).join("\n");
    expect(plan).toContain("flows_by_status");
    expect(plan).not.toContain("Sort");
  });

  it("finds the jobs of a flow that ended in some way, page by page", async () => {
    const { store, record } = await setup();
    const [first, other] = [idAt(Date.now() - 1_000), idAt(Date.now())];
    const ids = Array.from({ length: 6 }, (_, i) => idAfter(first, i));
    const [a = "", b = "", c = "", d = "", , f = ""] = ids;
    await record({
      [a]: "completed",
      [b]: "failed",
      [c]: "cancelled",
      [d]: "failed",
      [f]: "failed",
      [other]: "failed",
    });
    const ranges = [
      { first: a, count: 2 },
      { first: c, count: 3 },
      { first: other, count: 1 },
    ];
    expect(await store.jobIds(ranges, { status: ["failed"], limit: 2 })).toEqual([b, d]);
    expect(await store.jobIds(ranges, { status: ["failed"], limit: 2, after: d })).toEqual([other]);
    expect(await store.jobIds(ranges, { status: ["failed", "cancelled"], limit: 9 })).toEqual([b, c, d, other]);
    expect(await store.jobIds(ranges, { status: ["completed", "failed"], limit: 3 })).toEqual([a, b, d]);
    expect(await store.jobIds([], { status: ["failed"], limit: 9 })).toEqual([]);
    expect(await store.jobIds(ranges, { status: [], limit: 9 })).toEqual([]);
  });

  it("is emptied of flows that ended before the retention, and keeps those that run", async () => {
    const { url, client, store } = await setup();
    const [old, recent, running] = [idAt(Date.now()), idAt(Date.now()), idAt(Date.now())];
    const days = 86_400_000;
    await store.save([
      ended(old, { finishedAt: Date.now() - 8 * days }),
      ended(recent, { finishedAt: Date.now() - days }),
    ]);
    await client.query(
      "insert into flows (id, is_durable, is_cancel_requested, namespace, kind, status, graph) values ($1, true, false, 'taskflow:0', 'flow', 'running', $2)",
      [running, JSON.stringify(graphOf(running))],
    );
    await client.query("insert into flow_additions values ($1, $1, 1), ($2, $2, 1)", [old, running]);
    await dropExpired(url, 7, Date.now());
    expect((await store.get([old, recent, running])).map(({ id }) => id).sort()).toEqual([recent, running].sort());
    expect((await client.query<{ flow: string }>("select flow from flow_additions")).rows).toEqual([{ flow: running }]);
  });
});
