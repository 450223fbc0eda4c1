/** Starts the HTTP server without a worker on a fresh Redis and Postgres, so only the test claims jobs. */
import { Type } from "typebox";
import { ApiKeyCache } from "../api/access/api-key-cache.ts";
import { RateLimits } from "../api/access/rate-limits.ts";
import type { ApiDependencies, ApiSettings } from "../api/dependencies.ts";
import { EventHub } from "../api/events/event-hub.ts";
import { Waiters } from "../api/events/waiters.ts";
import { Server } from "../api/http/uws.ts";
import { jobJson } from "../api/jobs/job-json.ts";
import { JobLooks } from "../api/jobs/job-looks.ts";
import { openFolderStore } from "../artifacts/folder-store.ts";
import { openArtifactLinks } from "../artifacts/signed-link.ts";
import type { ArtifactStore } from "../artifacts/store.ts";
import { encodeRecord, outcomeOf } from "../core/attempt-record.ts";
import { parseBody } from "../core/body.ts";
import type { Job, JobError } from "../core/job.ts";
import type { AnyJobDefinition } from "../core/job-type.ts";
import { defineJob, fixed } from "../core/job-type.ts";
import { loadCron } from "../core/schedules/cron.ts";
import { readDefinition } from "../core/schedules/definition.ts";
import { ticksOfSchedule } from "../core/schedules/timing.ts";
import type { Registry } from "../jobs/registry.ts";
import { registryOf } from "../jobs/registry.ts";
import webhook from "../jobs/webhook/webhook.ts";
import type { Metrics } from "../observability/metrics.ts";
import { createMetrics } from "../observability/metrics.ts";
import { forgettableOf } from "../queue/forgetting.ts";
import type { Queue } from "../queue/queue.ts";
import { callbacks } from "../replica/callback.ts";
import { EndedFlows } from "../replica/flows/ended-flows.ts";
import { FlowKeeper } from "../replica/flows/keeper.ts";
import { FlowService } from "../replica/flows/service.ts";
import { ScheduleService } from "../replica/schedules/service.ts";
import { AuditLog } from "../results/audit-log.ts";
import { FlowStore } from "../results/flows/flow-store.ts";
import { migrate } from "../results/migrate.ts";
import { Recorder } from "../results/recorder/recorder.ts";
import { ScheduleStore } from "../results/schedules/schedule-store.ts";
import { Store } from "../results/store.ts";
import { ioSlots, openQueue } from "./queue.ts";
import { freshDatabase, freshRedis, tempDir } from "./services.ts";
import { until } from "./until.ts";

/** A type whose payload has a `text`, and may contain secrets. */
const note = defineJob({
  type: "note",
  lane: "io",
  payload: Type.Object(
    {
      text: Type.String(),
      more: Type.Optional(Type.Unknown()),
      secret: Type.Optional(Type.String()),
      headers: Type.Optional(Type.Record(Type.String(), Type.String())),
    },
    { additionalProperties: false },
  ),
  attempts: 3,
  timeoutMs: 1_000,
  backoff: fixed(1_000),
  maxBodyBytes: 2 * 1024 * 1024,
  run: () => ({}),
});
/** A type with the default size limit, whose check can throw. */
const strict = defineJob({
  type: "strict",
  lane: "io",
  payload: Type.Object({ fails: Type.Boolean() }, { additionalProperties: false }),
  check: ({ fails }) => {
    if (fails) throw new Error("the check of a deployment's own type is wrong");
    return [];
  },
  attempts: 5,
  timeoutMs: 1_000,
  backoff: fixed(1_000),
  run: () => ({}),
});
export const testRegistry: Registry = registryOf(
  [note, strict, webhook].map((definition: AnyJobDefinition) => ({ source: "test", definition })),
  {},
);

export const testLinks = openArtifactLinks({
  ARTIFACT_LINK_SECRET: "s".repeat(32),
  ARTIFACT_LINK_TTL: 60,
  PUBLIC_URL: "",
});

export interface ApiServer {
  readonly url: string;
  readonly port: number;
  readonly queue: Queue;
  readonly store: Store;
  readonly audit: AuditLog;
  readonly artifacts: ArtifactStore;
  readonly metrics: Metrics;
  readonly server: Server;
  readonly waiters: Waiters;
  readonly events: EventHub;
  readonly cancelled: Job[];
  readonly logged: unknown[];
  readonly warned: unknown[];
  /** Completes one job of type `note`, as soon as one waits, with this result (JSON); it stays in the outbox. */
  finishNext(result: string): Promise<Job>;
  /** As {@link finishNext}, but the job fails. */
  failNext(error: { readonly code: string; readonly message: string }): Promise<Job>;
  /** Records finished jobs in Postgres and forgets them in Redis. */
  record(...jobs: readonly Job[]): Promise<void>;
  close(): Promise<void>;
}

export interface ApiServerOptions {
  readonly settings?: Partial<ApiSettings>;
  readonly deps?: Partial<ApiDependencies>;
  readonly host?: string;
  readonly redis?: string;
  readonly database?: string;
}

export async function startApiServer({
  settings = {},
  deps = {},
  host = "127.0.0.1",
  ...given
}: ApiServerOptions = {}): Promise<ApiServer> {
  const database = given.database ?? (await freshDatabase()).url;
  await migrate(database);
  const queue = await openQueue(given.redis ?? (await freshRedis()).address);
  const store = new Store(database);
  const artifacts = await openFolderStore(tempDir());
  const metrics = createMetrics();
  const cancelled: Job[] = [];
  const logged: unknown[] = [];
  const warned: unknown[] = [];
  const audit = new AuditLog({ databaseUrl: database, ids: queue.ids, log: { warn: (fields) => warned.push(fields) } });
  const recorder = new Recorder({
    databaseUrl: database,
    maxRows: 100,
    highMark: 1_000,
    lowMark: 500,
    payload: (id, size) => queue.payload(id, size),
    onRecorded: (outcomes) => queue.forget(outcomes.map(forgettableOf)),
    log: { info: () => undefined, warn: () => undefined, error: () => undefined },
  });
  const schedules = new ScheduleService({
    store: new ScheduleStore(database),
    copies: queue.schedules,
    tickingOf: async ({ name, definition: text }) => {
      await loadCron();
      const definition = readDefinition(text);
      return { name, definition, ticks: ticksOfSchedule(definition, name) };
    },
    now: () => queue.clock.now(),
    runId: () => queue.installation.runId(),
    onError: (error) => logged.push(error),
    onDropped: (run, error) => logged.push({ run, error }),
  });
  const flowStore = new FlowStore(database, "taskflow");
  const ended = new EndedFlows({ queue, flowStore, onEnded: () => undefined });
  const flows = new FlowService({
    ...{ queue, store, flowStore },
    enqueue: (submitted, done) => queue.enqueue(submitted, done),
    storeEnded: (id) => ended.store([id], { isForgotten: true }),
  });
  const callbackOf = callbacks(jobJson(testRegistry), "");
  const cancelWaiting = (job: Job): unknown => cancelled.push(job);
  const keeper = new FlowKeeper({
    ...{ queue, store, recorder, ended, callbackOf, cancelWaiting },
    onClosed: () => undefined,
    onError: (error) => logged.push(error),
  });
  keeper.start();
  const looks = new JobLooks({ queue, store });
  const waiters = new Waiters({ queue, looks });
  const events = new EventHub({ queue, looks });
  const server = new Server({
    enqueue: (submitted, done) => queue.enqueue(submitted, done),
    reruns: {
      matching: () => {
        throw new Error("this server has no re-runs");
      },
    },
    schedules,
    flows,
    bulk: {
      matching: () => {
        throw new Error("this server has no bulk operations");
      },
    },
    queue,
    store,
    audit,
    registry: testRegistry,
    artifacts,
    links: testLinks,
    metrics,
    recorder,
    // Like a thread: the bytes are moved there, and the result is copied.
    parseLarge: (task) =>
      Promise.resolve(
        structuredClone(
          parseBody(structuredClone(task, { transfer: [task.bytes.buffer as ArrayBuffer] }), testRegistry.get),
        ),
      ),
    callbackOf,
    cancelWaiting,
    waiters,
    events,
    apiKeyCache: new ApiKeyCache(),
    limits: new RateLimits({ take: (requests) => queue.take(requests), rate: null, quota: null }),
    log: { error: (fields: unknown) => void logged.push(fields), warn: (fields: unknown) => void warned.push(fields) },
    settings: {
      role: "all",
      isOpenToAll: false,
      corsOrigins: [],
      allowedHosts: ["a"],
      publicUrl: "",
      dashboard: { mode: "full", label: null },
      userHeader: "",
      trustedProxies: [],
      maxBodyBytes: 1024 * 1024,
      maxBatchBytes: 4 * 1024 * 1024,
      maxBufferedBytes: 256 * 1024 * 1024,
      idempotencyTtlMs: 60_000,
      durability: "redis",
      outboxOwnedMs: 60_000,
      ...settings,
    },
    ...deps,
  });
  const port = await server.listen(host, 0);
  let seq = 0;
  const endNext = async (
    end:
      | { readonly outcome: "completed"; readonly result: string }
      | { readonly outcome: "failed"; readonly error: JobError },
  ): Promise<Job> => {
    // A caller waits before Redis has the job, so its waiter is registered by then.
    const job = await until(async () => (await queue.claim((seq += 1), 1, ioSlots({ note: 1 }))).claimed[0], {
      what: "a job of type note waits",
    });
    const [startedAt, finishedAt] = [job.startedAt ?? 0, queue.clock.now()];
    const record = encodeRecord({
      ...{ attempt: 1, worker: job.worker, started_at: startedAt, finished_at: finishedAt },
      ...end,
    });
    const { id, type, priority, claimSeq } = job;
    const settlement = {
      ...{ id, type, priority, claimSeq, startedAt, attempt: 1, crashes: 0, deferrals: 0, runAt: 0, record },
      ...("result" in end ? { result: end.result } : { error: JSON.stringify(end.error) }),
      ...{ flow: job.options.flow, verdict: end.outcome },
    };
    await queue.settle([settlement], 60_000);
    const [finished] = await queue.read([job.id]);
    if (!finished) throw new Error("the finished job is not in the outbox");
    return finished;
  };
  return {
    url: `http://127.0.0.1:${port}`,
    port,
    queue,
    store,
    audit,
    artifacts,
    metrics,
    server,
    waiters,
    events,
    cancelled,
    logged,
    warned,
    finishNext: (result) => endNext({ outcome: "completed", result }),
    failNext: (error) => endNext({ outcome: "failed", error: { ...error, attempt: 1 } }),
    record: async (...jobs) => {
      recorder.add(jobs.map((job) => outcomeOf(job)).filter((outcome) => outcome !== undefined));
      await recorder.idle();
    },
    close: async () => {
      events.close();
      await waiters.close();
      await server.close();
      await recorder.close(1_000);
      await audit.close();
      await schedules.close();
      await keeper.close();
      await flowStore.close();
      await store.close();
      queue.close();
    },
  };
}

/** Sends a request; the body of the answer is parsed if it is JSON. */
export async function request(
  server: { readonly url: string },
  method: string,
  path: string,
  body?: string | object,
  headers: Readonly<Record<string, string>> = {},
) {
  const answer = await fetch(server.url + path, {
    redirect: "manual",
    method,
    headers: { ...(body !== undefined && { "content-type": "application/json" }), ...headers },
    ...(body !== undefined && { body: typeof body === "string" ? body : JSON.stringify(body) }),
  });
  const text = await answer.text();
  const isJson = answer.headers.get("content-type")?.includes("json") === true;
  return {
    status: answer.status,
    headers: answer.headers,
    text,
    body: (isJson && text !== "" ? JSON.parse(text) : undefined) as Record<string, unknown>,
  };
}
