/** Flows and batches in the load, and what must be so at its end: each has ended, and no job ran before its turn. */
import { setTimeout as delay } from "node:timers/promises";
import { idAfter } from "../../src/core/id.ts";
import type { Answer } from "./client.ts";
import { call, enter } from "./client.ts";
import type { Entry, FlowEntry, Ledger } from "./ledger.ts";
import type { Stage } from "./stage.ts";

export type FlowKind = "flow" | "batch";

const REPEAT_FOR_MS = 30_000;
const REPEAT_AFTER_MS = 1_000;
/** Jobs of a batch in the load. */
const BATCH_JOBS = 5;
/** Redis's clock gives both times, but a replica estimates it at the end of an attempt. */
const CLOCK_MS = 250;

export interface FlowLoad {
  readonly ledger: Ledger;
  readonly urlOf: () => string;
  readonly hookUrl: (key: string) => string;
  /** It carries an Idempotency-Key, and is repeated until it is accepted. */
  readonly isKeyed: boolean;
}

interface Shape {
  readonly path: "flows" | "batches";
  readonly body: object;
  readonly entry: FlowEntry;
}

/** Submits a flow or a batch, whose jobs all have entries of their own. */
export async function submitFlow(load: FlowLoad, kind: FlowKind): Promise<void> {
  const { ledger, urlOf, isKeyed } = load;
  const { path, body, entry } = kind === "flow" ? flowOf(load) : batchOf(load);
  ledger.flows.push(entry);
  const [first] = entry.jobs as [Entry, ...Entry[]];
  const headers: Record<string, string> = isKeyed ? { "idempotency-key": `key-${first.key}` } : {};
  const startedAt = performance.now();
  for (;;) {
    const sentAt = performance.now();
    const answer = await answerOf(() => call(`${urlOf()}/api/v1/${path}`, "POST", JSON.stringify(body), headers));
    note(entry, answer, performance.now() - sentAt);
    if (!isKeyed || first.state === "accepted" || performance.now() - startedAt > REPEAT_FOR_MS) return;
    if (first.state === "unknown") for (const job of entry.jobs) job.hasUnknownTry = true;
    await delay(REPEAT_AFTER_MS);
  }
}

/** Undefined without an answer; "refused" if the connection was. */
async function answerOf(request: () => Promise<Answer>): Promise<Answer | "refused" | undefined> {
  try {
    return await request();
  } catch (error) {
    const { code } = ((error as Error).cause ?? {}) as { code?: string };
    return code === "ECONNREFUSED" ? "refused" : undefined;
  }
}

function note(entry: FlowEntry, answer: Answer | "refused" | undefined, ms: number): void {
  if (typeof answer === "object" && answer.status === 202) entry.id = String(answer.body["id"]);
  entry.jobs.forEach((job, i) => {
    if (typeof answer === "object") enter(job, answer);
    else job.state = answer === "refused" ? "rejected" : "unknown";
    job.id = entry.id === undefined ? undefined : idAfter(entry.id, i + 1); // the ids of jobs follow that of the flow
    job.answeredAt = performance.now();
    job.ms = ms;
  });
}

function flowOf({ ledger, hookUrl }: FlowLoad): Shape {
  const jobs = ["noop", "test_io", "webhook", "noop"].map((type) => ledger.open(type, { by: "load" }));
  const [first, second, hook, never] = jobs as [Entry, Entry, Entry, Entry];
  const body = {
    jobs: {
      first: { type: "noop", payload: { key: first.key }, tags: [first.key] },
      second: { type: "test_io", payload: { do: "return", value: second.key }, tags: [second.key] },
      hook: {
        ...{ type: "webhook", after: ["first", "second"], when: "ended", tags: [hook.key] },
        payload: { url: hookUrl(hook.key), body: { $ref: "second/result" } },
      },
      never: { type: "noop", after: ["first"], when: "failed", payload: {}, tags: [never.key] },
    },
  };
  return {
    path: "flows",
    body,
    entry: {
      id: undefined,
      jobs,
      after: [
        [2, 0],
        [2, 1],
        [3, 0],
      ],
    },
  };
}

function batchOf({ ledger, hookUrl }: FlowLoad): Shape {
  const jobs = [...Array.from({ length: BATCH_JOBS }, () => "noop"), "webhook"].map((type) =>
    ledger.open(type, { by: "load" }),
  );
  const hook = jobs.at(-1) as Entry;
  const body = {
    jobs: jobs.slice(0, -1).map(({ key }) => ({ type: "noop", payload: { key }, tags: [key] })),
    on_complete: { type: "webhook", payload: { url: hookUrl(hook.key) }, tags: [hook.key] },
  };
  const after = Array.from({ length: BATCH_JOBS }, (_, i) => [BATCH_JOBS, i] as const);
  return { path: "batches", body, entry: { id: undefined, jobs, after } };
}

interface Times {
  readonly id: string;
  readonly status: string;
  readonly started_at: number | null;
  readonly finished_at: number;
}

const TIMES = `select id, status, (extract(epoch from started_at) * 1000)::float8 as started_at,
  (extract(epoch from finished_at) * 1000)::float8 as finished_at from jobs where id = any($1::uuid[])`;
const RUNNING = "select id from flows where status = 'running'";
const RECORDED = "select id from flows where id = any($1::uuid[])";

/** @returns a sentence for each flow that has not ended, and for each job that ran before its turn */
export async function checkFlows({ cluster: { postgres }, ledger }: Stage): Promise<string[]> {
  const flows = ledger.flows.filter(({ jobs }) => jobs[0]?.state === "accepted");
  if (flows.length === 0) return [];
  const violations = (await postgres.query<{ id: string }>(RUNNING)).map(({ id }) => `the flow ${id} has not ended`);
  const flowIds = flows.flatMap(({ id }) => id ?? []);
  const recorded = new Set((await postgres.query<{ id: string }>(RECORDED, [flowIds])).map(({ id }) => id));
  for (const id of flowIds) if (!recorded.has(id)) violations.push(`the flow ${id} has no row`);
  const ids = flows.flatMap(({ jobs }) => jobs.flatMap(({ id }) => id ?? []));
  const times = new Map((await postgres.query<Times>(TIMES, [ids])).map((row) => [row.id, row]));
  for (const { jobs, after } of flows) {
    for (const [later, earlier] of after) {
      const [one, other] = [times.get(jobs[later]?.id ?? ""), times.get(jobs[earlier]?.id ?? "")];
      if (!one || !other || one.started_at === null) continue; // a job without a row is reported as lost
      if (one.started_at + CLOCK_MS < other.finished_at)
        violations.push(`the job ${one.id} started before ${other.id} had ended, which it waits for`);
    }
  }
  return violations;
}
