/** Durable flows whose Redis loses its data, and the restore that puts them back. */
import pg from "pg";
import { expect } from "vitest";
import type { NewFlow } from "../core/flows/flow.ts";
import { redisCommand } from "../embedded/redis-command.ts";
import { Restore } from "../replica/maintenance/restore.ts";
import { AcceptanceLogReader } from "../results/acceptance-log/reader.ts";
import type { Acceptance } from "../results/acceptance-log/writer.ts";
import { AcceptanceLogWriter } from "../results/acceptance-log/writer.ts";
import { FlowStore } from "../results/flows/flow-store.ts";
import { migrate } from "../results/migrate.ts";
import { addPartitions, dayOf } from "../results/partitions.ts";
import { RecorderConnection } from "../results/recorder/connection.ts";
import type { TestNode } from "./flows.ts";
import { flowOf } from "./flows.ts";
import { outcomeWith } from "./outcomes.ts";
import { ioSlots, openQueue, settlement } from "./queue.ts";
import { freshDatabase, ownRedis } from "./services.ts";
import { until } from "./until.ts";

export const NAMESPACE = "taskflow:0";
export const DURABLE = { options: { durability: "postgres" } } as const;
type Ended = readonly [id: string, status: "completed" | "failed" | "cancelled", error?: string];

type Keep = <Part extends { close: () => unknown }>(part: Part) => Part;
type Parts = Awaited<ReturnType<typeof openParts>>;

/** @param keep called with each part that must be closed at the end, in reverse order */
export async function setUpLostFlows(keep: Keep) {
  const parts = await openParts(keep);
  return { ...parts, ...submitting(parts), ...running(parts), ...restoring(parts, keep), record: recording(parts) };
}

async function openParts(keep: Keep) {
  const [redis, { url }] = await Promise.all([ownRedis(), freshDatabase()]);
  await migrate(url);
  const queue = keep(await openQueue(redis.address));
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  keep({ close: () => client.end() });
  await redisCommand(redis.port, "SET", `{${NAMESPACE}}:epoch`, "first");
  await client.query("insert into accepted_epochs values ($1, 'first')", [NAMESPACE]);
  const log = { info: () => undefined, warn: () => undefined, error: () => undefined };
  const writer = keep(new AcceptanceLogWriter({ databaseUrl: url, namespace: NAMESPACE, log }));
  const store = keep(new FlowStore(url, NAMESPACE));
  return { url, redis, queue, client, writer, store };
}

function submitting({ queue, writer }: Parts) {
  const commit = async (acceptance: Acceptance): Promise<void> => {
    const answer = await new Promise((resolve) => writer.accept(acceptance, resolve));
    expect(answer).toEqual({ kind: "committed" });
  };
  const newFlow = (nodes: readonly TestNode[], changes: Parameters<typeof flowOf>[2] = {}): NewFlow =>
    flowOf(
      queue,
      nodes.map((node) => ({ ...node, job: { ...node.job, options: { ...DURABLE.options, ...node.job?.options } } })),
      { isDurable: true, ...changes },
    );
  const accept = (flow: NewFlow): Promise<void> =>
    commit({ jobs: flow.jobs, flow: { kind: "new", id: flow.id, graph: flow.graph } });
  return { commit, newFlow, accept };
}

/** Stores the rows of jobs that have ended. */
function recording({ client, url }: Parts) {
  return async (flow: NewFlow, ...ended: readonly Ended[]): Promise<void> => {
    await addPartitions(client, new Set(ended.map(([id]) => dayOf(id))));
    const connection = new RecorderConnection(url, 5_000);
    const jobs = new Map(flow.jobs.map(({ id, submission }) => [id, submission]));
    await connection.copy(
      ended.map(([id, status, code], i) =>
        outcomeWith({
          job: { ...jobs.get(id), id },
          status,
          result: status === "completed" ? `{"of":"${id}"}` : null,
          error: status === "completed" ? null : { code: code ?? "broken", message: "it broke", attempt: 1 },
          finishedAt: Date.now() + i,
        }),
      ),
    );
    connection.cut();
  };
}

function restoring({ redis, queue, client, url }: Parts, keep: Keep) {
  const events: string[] = [];
  const restore = (more: { readonly latePeriodMs?: number } = {}): void => {
    const one = new Restore({
      ...more,
      queue,
      acceptanceLog: new AcceptanceLogReader(url, NAMESPACE),
      underWayMs: 300,
      enqueueMs: 50,
      freshMs: 400,
      periodMs: 20,
      onEmptied: () => events.push("emptied"),
      onRestored: (jobs) => events.push(`restored ${jobs}`),
      onError: (error) => events.push(String(error)),
    });
    keep(one).start();
  };
  /** Empties Redis, and resolves when everything is put back. */
  const emptied = async (): Promise<void> => {
    await redisCommand(redis.port, "FLUSHALL");
    restore();
    const generation = async (): Promise<unknown> =>
      (await client.query<{ epoch: string }>("select epoch from accepted_epochs")).rows[0]?.epoch;
    await until(async () => (await generation()) !== "first", { what: "everything is restored" });
    expect((await queue.jobCounts()).unaccounted).toBe(0);
  };
  return { events, restore, emptied };
}

function running({ queue }: Parts) {
  const statuses = async (flow: NewFlow): Promise<Record<string, string>> =>
    Object.fromEntries((await queue.read(flow.jobs.map(({ id }) => id))).map(({ id, status }) => [id, status]));
  let seq = 0;
  /** Runs what may run, to its end. */
  const runAll = async (limit = 100): Promise<string[]> => {
    const ran: string[] = [];
    for (;;) {
      seq += 1;
      const { claimed } = await queue.claim(seq, 1, ioSlots({ noop: limit - ran.length }));
      if (claimed.length === 0) return ran;
      ran.push(...claimed.map(({ id }) => id));
      const settlements = claimed.map((job) => settlement(job, { flow: job.options.flow }));
      await queue.settle(settlements, 30_000);
    }
  };
  return { statuses, runAll };
}
