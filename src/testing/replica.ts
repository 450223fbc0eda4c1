/** Replicas in the process of the test, and a client for them. */
import { randomUUID } from "node:crypto";
import type { AddressInfo } from "node:net";
import { createServer } from "node:net";
import { PassThrough } from "node:stream";
import type { Config } from "../config/config.ts";
import { loadConfig } from "../config/config.ts";
import { addressOf, parseRedisAddr } from "../config/redis-addr.ts";
import { isFinished, TERMINAL_STATUSES } from "../core/job.ts";
import { loadDefinitions, registryOf, settingsOf } from "../jobs/registry.ts";
import { createLog } from "../observability/log.ts";
import type { Replica } from "../replica/replica.ts";
import { startReplica as start } from "../replica/replica.ts";
import { testJobsDir } from "./jobs-dir.ts";
import { until } from "./until.ts";

export interface TestReplica {
  readonly url: string;
  readonly id: string;
  /** The log's lines so far, parsed. */
  readonly lines: () => Record<string, unknown>[];
  close(): Promise<void>;
}

export interface TestReplicaOptions {
  readonly redis: string;
  readonly database: string;
  readonly artifacts: string;
  readonly env?: Readonly<Record<string, string>>;
  readonly onUnfit?: () => void;
  /** The folder of the deployment's own job types; default: those of the tests. */
  readonly jobsDir?: string;
  /** A mail catcher, whose messages the API shows. */
  readonly mail?: Parameters<typeof start>[0]["mail"];
}

export async function startReplica({
  redis,
  database,
  artifacts,
  env = {},
  onUnfit = () => undefined,
  jobsDir = testJobsDir,
  mail,
}: TestReplicaOptions): Promise<TestReplica> {
  const definitions = await loadDefinitions({ jobsDir });
  const config: Config = loadConfig(
    {
      REDIS_ADDR: redis,
      DATABASE_URL: database,
      ARTIFACTS_DIR: artifacts,
      SERVER_ADDR: "127.0.0.1:0",
      WORKER_COUNT: "1",
      LOG_LEVEL: "debug",
      TASKFLOW_JOBS: jobsDir,
      ...env,
    },
    settingsOf(definitions),
  );
  const output = new PassThrough();
  const chunks: string[] = [];
  output.on("data", (chunk: Buffer) => chunks.push(chunk.toString()));
  const id = randomUUID().slice(0, 8);
  const address = parseRedisAddr(redis);
  if (!address) throw new Error(`no address of Redis: ${redis}`);
  const typeSettings = { ...config.typeSettings, DATABASE_URL: database };
  const running: Replica = await start({
    config,
    registry: registryOf(definitions, typeSettings),
    redis: { url: address.url, address: addressOf(address) },
    databaseUrl: database,
    typeSettings,
    log: createLog({ level: config.LOG_LEVEL, replica: id, destination: output }),
    replica: id,
    version: "0.0.0-test",
    mail,
    onUnfit,
  });
  const lines = () =>
    chunks
      .join("")
      .split("\n")
      .filter((line) => line !== "")
      .map((line) => JSON.parse(line) as Record<string, unknown>);
  return { url: `http://127.0.0.1:${running.port}`, id, lines, close: () => running.close() };
}

export interface ApiJob {
  readonly id: string;
  readonly type: string;
  readonly status: string;
  readonly attempt: number;
  readonly worker: string | null;
  readonly result: Record<string, unknown> | null;
  readonly error: { readonly code: string; readonly message: string; readonly attempt: number } | null;
  readonly progress: number | null;
  readonly started_at: string | null;
  readonly finished_at: string | null;
  readonly created_at: string;
}

export async function call(
  replica: TestReplica,
  method: string,
  path: string,
  body?: unknown,
): Promise<{ readonly status: number; readonly body: unknown }> {
  const answer = await fetch(replica.url + path, {
    method,
    ...(body !== undefined && { body: JSON.stringify(body), headers: { "content-type": "application/json" } }),
  });
  const text = await answer.text();
  return { status: answer.status, body: text === "" ? null : (JSON.parse(text) as unknown) };
}

/** Submits one job and returns its id. */
export async function submit(
  replica: TestReplica,
  type: string,
  payload: object,
  fields: object = {},
): Promise<string> {
  const { status, body } = await call(replica, "POST", "/api/v1/jobs", { type, payload, ...fields });
  if (status !== 202) throw new Error(`not accepted: ${status} ${JSON.stringify(body)}`);
  return (body as ApiJob).id;
}

export async function getJob(replica: TestReplica, id: string): Promise<ApiJob> {
  return (await call(replica, "GET", `/api/v1/jobs/${id}`)).body as ApiJob;
}

/**
 * Waits until a job has one of these statuses; any terminal one when none is given.
 * Rejects as soon as the job ends in another status, with its error and attempts.
 */
export function jobWhen(replica: TestReplica, id: string, ...statuses: readonly string[]): Promise<ApiJob> {
  return jobReadWhen(async (path) => (await call(replica, "GET", path)).body, id, statuses);
}

/** As {@link jobWhen}, with a function that reads a path of the API, for a replica that requires API keys. */
export async function jobReadWhen(
  read: (path: string) => Promise<unknown>,
  id: string,
  statuses: readonly string[],
): Promise<ApiJob> {
  const wanted: readonly string[] = statuses.length > 0 ? statuses : TERMINAL_STATUSES;
  const path = `/api/v1/jobs/${id}`;
  const job = await until(
    async () => {
      const found = (await read(path)) as ApiJob;
      return wanted.includes(found.status) || isFinished(found.status) ? found : undefined;
    },
    { what: `job ${id} is ${wanted.join(" or ")}`, timeoutMs: 60_000 },
  );
  if (wanted.includes(job.status)) return job;
  const { attempts } = (await read(`${path}/attempts`)) as { attempts: unknown };
  const seen = JSON.stringify({ error: job.error, attempts });
  throw new Error(`Job ${id} is ${job.status}, expected ${wanted.join(" or ")}: ${seen}`);
}

/**
 * How many attempts at a job have ended with a retry. A receiver whose answer depends on this number repeats its answer
 * when an attempt is repeated because its lease was lost; one that counts requests would not.
 */
export async function retriesOf(replica: TestReplica, id: string): Promise<number> {
  const { body } = await call(replica, "GET", `/api/v1/jobs/${id}/attempts`);
  return (body as { attempts: { outcome: string }[] }).attempts.filter(({ outcome }) => outcome === "retry").length;
}

/** A port on which nothing listens. */
export async function closedPort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo;
  await new Promise((resolve) => server.close(resolve));
  return port;
}
