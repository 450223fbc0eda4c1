import pg from "pg";
import { afterEach, expect, it } from "vitest";
import type { FlowGraph, FlowState } from "../../core/flows/flow.ts";
import { newState } from "../../core/flows/graph.ts";
import { idAfter } from "../../core/id.ts";
import { idAt } from "../../testing/outcomes.ts";
import { submission } from "../../testing/queue.ts";
import { freshDatabase } from "../../testing/services.ts";
import { FlowStore } from "../flows/flow-store.ts";
import { migrate } from "../migrate.ts";
import { Store } from "../store.ts";
import type { Acceptance, Accepted } from "./writer.ts";
import { AcceptanceLogWriter } from "./writer.ts";

const NAMESPACE = "taskflow:0";
const open: { close: () => unknown }[] = [];
afterEach(async () => {
  for (const part of open.splice(0).reverse()) await part.close();
});

async function setup() {
  const { url } = await freshDatabase();
  await migrate(url);
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  const log = { info: () => undefined, warn: () => undefined, error: () => undefined };
  const writer = new AcceptanceLogWriter({ databaseUrl: url, namespace: NAMESPACE, log });
  const [flows, store] = [new FlowStore(url, NAMESPACE), new Store(url)];
  open.push({ close: () => client.end() }, writer, flows, store);
  const accept = (acceptance: Acceptance): Promise<Accepted> =>
    new Promise((resolve) => writer.accept(acceptance, resolve));
  const accepted = async (): Promise<string[]> =>
    (await client.query<{ id: string }>("select id from accepted order by id")).rows.map(({ id }) => id);
  return { client, flows, store, accept, accepted };
}

function graphOf(first: string, changes: Partial<FlowGraph> = {}): FlowGraph {
  const node = { name: "jobs", type: null, when: "succeeded", after: [], waitsFor: [] } as const;
  return {
    kind: "batch",
    name: "n",
    onFailure: "finish",
    isDurable: true,
    nodes: [{ ...node, ids: [{ first, count: 1 }] }],
    ...changes,
  };
}

const jobsOf = (...ids: readonly string[]): Acceptance["jobs"] => ids.map((id) => ({ id, submission: submission() }));

function newBatch(): {
  readonly id: string;
  readonly job: string;
  readonly graph: FlowGraph;
  readonly acceptance: Acceptance;
} {
  const id = idAt(Date.now());
  const job = idAt(Date.now());
  const graph = graphOf(job, { closesAt: 5 });
  return { id, job, graph, acceptance: { jobs: jobsOf(job), flow: { kind: "new", id, graph } } };
}

it("commits a flow with its jobs and its key, once", async () => {
  const { flows, accept, accepted } = await setup();
  const { id, job, graph, acceptance } = newBatch();
  const keyed = { ...acceptance, idempotency: { key: "k", fingerprint: "f", ttlMs: 60_000, firstId: id } };
  const other = newBatch();
  const repeat = { ...other.acceptance, idempotency: { key: "k", fingerprint: "f", ttlMs: 60_000, firstId: other.id } };
  expect(await Promise.all([accept(keyed), accept(repeat)])).toEqual([
    { kind: "committed" },
    { kind: "known", firstId: id, isSameBody: true },
  ]);
  expect(await accept(keyed)).toEqual({ kind: "committed" });
  expect(await accepted()).toEqual([job]);
  expect(await flows.get([id, other.id])).toEqual([
    { ...newState({ id, graph }), nodes: [{ ...newState({ id, graph }).nodes[0], isStarted: true }] },
  ]);
  expect(await flows.list({ limit: 5, status: ["running"], name: "n" })).toEqual([id]);
});

it("commits a flow without jobs", async () => {
  const { flows, accept } = await setup();
  const id = idAt(Date.now());
  const graph = graphOf(id, { nodes: [] });
  expect(await accept({ jobs: [], flow: { kind: "new", id, graph } })).toEqual({ kind: "committed" });
  expect(await flows.get([id])).toHaveLength(1);
});

it("stores nothing of a flow whose jobs cannot be stored", async () => {
  const { client, flows, accept } = await setup();
  const { id, acceptance } = newBatch();
  await client.query("alter table accepted rename to away");
  expect(await accept(acceptance)).toMatchObject({ kind: "failed" });
  expect(await flows.get([id])).toEqual([]);
});

it("keeps the ids of added jobs, until the row of the ended batch has them, and withdraws them with their key", async () => {
  const { client, flows, store, accept, accepted } = await setup();
  const { id, job, acceptance } = newBatch();
  await accept(acceptance);
  const [first, second] = [idAt(Date.now() + 1_000), idAt(Date.now() + 2_000)];
  const added = { kind: "added", id, range: { first, count: 2 } } as const;
  await accept({ jobs: jobsOf(first, idAfter(first, 1)), flow: added });
  const idempotency = { key: "k", fingerprint: "f", ttlMs: 60_000, firstId: second };
  await accept({ jobs: jobsOf(second), flow: { ...added, range: { first: second, count: 1 } }, idempotency });
  await store.withdraw(id, [second], "k");
  expect(await accepted()).toEqual([job, first, idAfter(first, 1)].sort());
  expect((await client.query("select from accepted_keys")).rowCount).toBe(0);
  const [state] = await flows.get([id]);
  expect(state?.graph.nodes[0]?.ids).toEqual([
    { first: job, count: 1 },
    { first, count: 2 },
  ]);
  expect(state?.nodes[0]?.counts.total).toBe(3);
  const ended = { ...(state as FlowState), status: "completed", isOpen: false, finishedAt: Date.now() } as const;
  await flows.save([ended]);
  expect(await flows.get([id])).toEqual([ended]);
  expect((await client.query("select from flow_additions")).rowCount).toBe(0);
});

it("makes an ended flow run again once, and ignores a late write of its end", async () => {
  const { flows, accept, accepted } = await setup();
  const { id, job, graph, acceptance } = newBatch();
  await accept(acceptance);
  const state = newState({ id, graph });
  const retry = (again: string): Acceptance => ({
    jobs: jobsOf(again),
    flow: { kind: "retried", id, graph: graphOf(again), nodes: state.nodes },
  });
  const [one, two, three] = [idAt(Date.now()), idAt(Date.now()), idAt(Date.now())];
  const rejected = { kind: "failed", error: { code: "flow_running", status: 409 } };
  expect(await accept(retry(one))).toMatchObject(rejected);
  const ended = { ...state, status: "failed", isOpen: false, finishedAt: 5_000 } as const;
  await flows.save([ended]);
  const answers = await Promise.all([accept(retry(two)), accept(retry(three))]);
  const [won, lost] = answers[0].kind === "committed" ? [two, three] : [three, two];
  expect(answers.map(({ kind }) => kind).sort()).toEqual(["committed", "failed"]);
  expect(await accept(retry(won))).toEqual({ kind: "committed" }); // after an unknown outcome
  expect(await accept(retry(lost))).toMatchObject(rejected);
  expect(await accepted()).toEqual([job, won].sort());
  await flows.save([ended]);
  expect(await flows.get([id])).toMatchObject([{ status: "running", finishedAt: null, graph: graphOf(won) }]);
  await flows.save([{ ...ended, graph: graphOf(won), finishedAt: 6_000 }]);
  expect(await flows.get([id])).toMatchObject([{ status: "failed", finishedAt: 6_000 }]);
});

it("keeps the key of a retry only if that takes place", async () => {
  const { flows, accept } = await setup();
  const { id, graph, acceptance } = newBatch();
  await accept(acceptance);
  const state = newState({ id, graph });
  const retry = (again: string, key: string): Acceptance => ({
    jobs: jobsOf(again),
    flow: { kind: "retried", id, graph: graphOf(again), nodes: state.nodes },
    idempotency: { key, fingerprint: "f", ttlMs: 60_000, firstId: again },
  });
  const [one, two] = [idAt(Date.now()), idAt(Date.now())];
  expect(await accept(retry(one, "early"))).toMatchObject({ kind: "failed" });
  expect(await flows.knownKey("early")).toBeUndefined();
  await flows.save([{ ...state, status: "failed", isOpen: false, finishedAt: 5_000 }]);
  expect(await accept(retry(two, "early"))).toEqual({ kind: "committed" });
  expect(await flows.knownKey("early")).toEqual({ fingerprint: "f", firstId: two });
});

it("notes what was decided about a flow that runs, and nothing about others", async () => {
  const { flows, accept } = await setup();
  const { id, graph, acceptance } = newBatch();
  await accept(acceptance);
  await flows.note(id, { closedBy: "caller" });
  await flows.note(id, { isCancelRequested: true });
  expect(await flows.get([id])).toMatchObject([{ closedBy: "caller", isOpen: false, isCancelRequested: true }]);
  const ended = { ...newState({ id, graph }), status: "completed", isOpen: false, finishedAt: 5 } as const;
  await flows.save([ended]);
  await flows.note(id, { closedBy: "timeout", isCancelRequested: true });
  expect(await flows.get([id])).toEqual([ended]);
});
