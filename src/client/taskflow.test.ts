import { execFile } from "node:child_process";
import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { createContext, runInContext } from "node:vm";
import { buildSync } from "esbuild";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { PeerReply, PeerRequest } from "../testing/http-peer.ts";
import { answer, HttpPeer, retryAfter } from "../testing/http-peer.ts";
import type { TestReplica } from "../testing/replica.ts";
import { startReplica } from "../testing/replica.ts";
import { freshDatabase, freshRedis, tempDir } from "../testing/services.ts";
import { SmtpPeer } from "../testing/smtp-peer.ts";
import type { Job, JobEvent } from "./taskflow.ts";
import { TaskFlow, TaskFlowError } from "./taskflow.ts";

let replica: TestReplica;
let client: TaskFlow;
let peer: HttpPeer;
let mailServer: SmtpPeer;
/** The same server behind {@link peer}. */
let throughPeer: TaskFlow;
beforeAll(async () => {
  const [redis, database] = [await freshRedis(), await freshDatabase()];
  mailServer = await SmtpPeer.start();
  replica = await startReplica({
    redis: redis.address,
    database: database.url,
    artifacts: tempDir(),
    env: { SMTP_URL: mailServer.url, LEASE_MS: "2000", DRAIN_MS: "100", RETRY_BASE_MS: "50", RETRY_MAX_MS: "100" },
  });
  client = new TaskFlow({ url: replica.url });
  peer = await HttpPeer.start();
  throughPeer = new TaskFlow({ url: peer.url() });
});
afterAll(async () => {
  await peer.close();
  await replica.close();
  await mailServer.close();
});

async function pass({ method, path, headers, body }: PeerRequest): Promise<PeerReply> {
  const relevant = Object.entries(headers).filter(([name]) =>
    /^(content-type|idempotency-key|last-event-id)$/.test(name),
  );
  const response = await fetch(replica.url + path, {
    method,
    headers: Object.fromEntries(relevant) as Record<string, string>,
    ...(body.length > 0 && { body }),
  });
  return answer(
    response.status,
    { "content-type": response.headers.get("content-type") ?? "" },
    Buffer.from(await response.arrayBuffer()),
  );
}

async function taken<Item>(items: AsyncIterable<Item>): Promise<Item[]> {
  const all: Item[] = [];
  for await (const item of items) all.push(item);
  return all;
}

const problem = (status: number, code: string, headers = {}) =>
  answer(
    status,
    { "content-type": "application/problem+json", ...headers },
    JSON.stringify({ status, code, detail: code, id: "x" }),
  );
const failure = (promise: Promise<unknown>) =>
  promise.then(
    () => undefined,
    (error: unknown) => error as TaskFlowError,
  );

describe("the client", () => {
  it("submits a job and waits for it, in one call or two", async () => {
    const job = await client.submit(
      "test_io",
      { do: "later", value: { n: 1 } },
      { priority: 9, tags: ["one"], waitSeconds: 20 },
    );
    expect(job).toMatchObject({ status: "completed", result: { n: 1 }, priority: 9, tags: ["one"] });
    const { id, status } = await client.submit("test_io", { do: "permanent" }, { delayMs: 100 });
    expect(status).toBe("scheduled");
    expect(await client.waitFor(id, { timeoutMs: 20_000 })).toMatchObject({
      id,
      status: "failed",
      error: { code: "test_permanent" },
    });
    expect(await client.get(id)).toMatchObject({ id, status: "failed" });
  });

  it("submits one job for one idempotency key", async () => {
    const submit = () => client.submit("noop", {}, { idempotencyKey: "once" });
    expect((await submit()).id).toBe((await submit()).id);
  });

  it("lists page by page", async () => {
    const accepted = await client.submitMany(
      Array.from({ length: 7 }, (_, n) => ({ type: "noop", payload: { n }, tags: ["listed"] })),
    );
    const jobs = await taken(client.list({ tag: "listed", pageSize: 3, createdAfter: new Date(Date.now() - 60_000) }));
    expect(jobs.map(({ id }) => id)).toEqual(accepted.map(({ id }) => id).reverse());
  });

  it("cancels repeatedly, but not a job that has ended otherwise", async () => {
    const { id } = await client.submit("noop", {}, { delayMs: 60_000 });
    expect(await client.cancel(id)).toMatchObject({ id, status: "cancelled" });
    expect(await client.cancel(id)).toMatchObject({ id, status: "cancelled" });
    const done = await client.submit("noop", {}, { waitSeconds: 20 });
    expect(await failure(client.cancel(done.id))).toMatchObject({ status: 409, code: "job_finished" });
  });

  it("reports the end of a job even to a key that may not read it", async () => {
    peer.respond(({ method }) => (method === "DELETE" ? problem(409, "job_finished") : problem(403, "scope_missing")));
    expect(await failure(throughPeer.cancel("01a20b8f-dc59-7000-a0b8-709b0c88f80f"))).toMatchObject({
      status: 409,
      code: "job_finished",
    });
  });

  it("retries, replays and explains", async () => {
    const { id } = await client.submit("test_io", { do: "permanent" }, { waitSeconds: 20, tags: ["again"] });
    expect(await client.retry(id)).toMatchObject({ retry_of: id });
    expect(await client.attempts(id)).toMatchObject([{ number: 1, outcome: "failed" }]);
    expect(await client.why(id)).toMatchObject({ reason: "finished" });
    expect(await client.replay({ tag: "again", errorCode: "none" }, { dryRun: true })).toEqual({ matched: 0 });
    const replay = await client.replay({ tag: "again", errorCode: "none" }, { rate: 10 });
    expect(await client.waitFor(replay.id)).toMatchObject({
      type: "replay",
      status: "completed",
      result: { matched: 0 },
    });
  });

  it("pauses and resumes, and reads the state of the system", async () => {
    expect(await client.pause("noop")).toMatchObject({ type: "noop", state: "paused" });
    expect((await client.queues()).find(({ type }) => type === "noop")).toMatchObject({ state: "paused" });
    expect(await client.resume("noop")).toMatchObject({ state: "active" });
    expect(await client.stats()).toMatchObject({ unaccounted: 0, replicas: 1 });
    expect(await client.whoami()).toMatchObject({ key: null, user: null, scopes: ["submit", "read", "admin"] });
    expect(await client.workers()).toMatchObject([{ id: replica.id }]);
    expect(await client.health()).toMatchObject({ status: "ok" });
  });

  it("fetches a file that a job produced, or a range of it", async () => {
    const { id } = await client.submit(
      "data_export",
      { format: "csv", source: { rows: [{ a: 1 }] } },
      { waitSeconds: 20 },
    );
    expect(await (await client.artifact(id, "export.csv")).text()).toBe("a\r\n1\r\n");
    const part = await client.artifact(id, "export.csv", { range: { start: 3, end: 3 } });
    expect([part.status, await part.text()]).toEqual([206, "1"]);
    expect(await failure(client.artifact(id, "other.csv"))).toMatchObject({ status: 404, code: "artifact_not_found" });
  });

  it("follows one job until it ends, and all jobs until the loop ends", async () => {
    const { id } = await client.submit("noop", {}, { delayMs: 300 });
    const events: JobEvent[] = await taken(client.events({ id }));
    expect(events.at(0)).toMatchObject({ kind: "status", id, status: "scheduled", job: { id } });
    expect(events.at(-1)).toMatchObject({ kind: "status", id, status: "completed", job: { id, status: "completed" } });
    const submitting = setInterval(() => {
      client.submit("noop", {}).catch(() => undefined);
    }, 50);
    for await (const event of client.events({ status: ["completed"], type: "noop" })) {
      expect(event).toMatchObject({ kind: "status", type: "noop", status: "completed", job: null });
      break;
    }
    clearInterval(submitting);
  });

  it("follows only the jobs of these ids", async () => {
    const [one, two] = await Promise.all([0, 1].map(() => client.submit("noop", {}, { delayMs: 1_000 })));
    for await (const event of client.events({ ids: [two?.id ?? ""], status: "completed" })) {
      expect(event).toMatchObject({ kind: "status", id: two?.id });
      break;
    }
    expect(one?.id).not.toBe(two?.id);
    expect(await failure(taken(client.events({ ids: [] })))).toMatchObject({ code: "validation_failed" });
  });

  it("reports the issues of a request, and the job of each issue in a batch", async () => {
    const error = await failure(client.submit("email", { to: "nobody", subject: "Hi" }, { priority: 12 }));
    expect(error).toBeInstanceOf(TaskFlowError);
    expect(error).toMatchObject({ status: 422, code: "validation_failed" });
    expect(error?.errors.map(({ path }) => path)).toEqual(["/priority", "/payload/to", "/payload/body"]);
    const jobs = Array.from({ length: 10_002 }, (_, n) => ({
      type: n === 10_001 ? "no_such_type" : "noop",
      payload: {},
      delayMs: 3_600_000,
    }));
    const ofBatch = await failure(client.submitMany(jobs));
    expect(ofBatch?.errors.map(({ path }) => path)).toEqual(["/jobs/10001/type"]);
    expect(ofBatch?.accepted).toHaveLength(10_000);
  });

  it("waits no longer than its limit", async () => {
    const { id } = await client.submit("noop", {}, { delayMs: 60_000 });
    expect(await failure(client.waitFor(id, { timeoutMs: 50 }))).toMatchObject({ code: "wait_timeout", status: 0, id });
    const reason = new Error("enough");
    expect(await failure(client.waitFor(id, { signal: AbortSignal.abort(reason) }))).toBe(reason);
    expect(await failure(client.waitFor("01a20b8f-dc59-7000-a0b8-709b0c88f80f"))).toMatchObject({
      code: "job_not_found",
    });
  });
});

describe("over a connection that fails", () => {
  it("submits one job even if requests and answers are lost", async () => {
    const offset = peer.requests.length;
    peer.respond(async (request, number) => {
      switch (number) {
        case 0:
          return { kind: "drop" }; // before the server has received the request
        case 1:
          await pass(request);
          return { kind: "drop" }; // the server accepts the job, and the answer is lost
        case 2:
          return problem(503, "outcome_unknown", { "retry-after": "0" });
        case 3:
          return retryAfter("0");
        default:
          return pass(request);
      }
    });
    const job = await throughPeer.submit("noop", {}, { tags: ["flaky"] });
    expect((await taken(client.list({ tag: "flaky" }))).map(({ id }) => id)).toEqual([job.id]);
    expect(new Set(peer.requests.slice(offset).map(({ headers }) => headers["idempotency-key"])).size).toBe(1);
  });

  it("retries with one new job even if the answer is lost", async () => {
    const { id } = await client.submit("noop", {}, { delayMs: 60_000, tags: ["retried"] });
    await client.cancel(id);
    peer.respond(async (request, number) => {
      const reply = await pass(request);
      return number === 0 ? { kind: "drop" } : reply;
    });
    const retried = await throughPeer.retry(id);
    const copies = (await taken(client.list({ tag: "retried" }))).filter((job) => job.retry_of === id);
    expect(copies.map((job) => job.id)).toEqual([retried.id]);
  });

  it("polls if it receives no events", async () => {
    const { id } = await client.submit("noop", {}, { delayMs: 300 });
    peer.respond((request) => (request.path.endsWith("/events") ? answer(404) : pass(request)));
    expect(await throughPeer.waitFor(id)).toMatchObject({ id, status: "completed" });
  });
});

it("runs in a browser", async () => {
  const entry = fileURLToPath(new URL("taskflow.ts", import.meta.url));
  const { outputFiles } = buildSync({
    entryPoints: [entry],
    bundle: true,
    write: false,
    format: "iife",
    globalName: "client",
    platform: "browser",
    target: "es2022",
  });
  const globals = [
    "fetch",
    "AbortController",
    "AbortSignal",
    "URL",
    "URLSearchParams",
    "TextEncoder",
    "TextDecoder",
    "crypto",
    "setTimeout",
    "clearTimeout",
  ] as const;
  const browser = { url: replica.url, ...Object.fromEntries(globals.map((name) => [name, globalThis[name]])) };
  const page = `${outputFiles[0]?.text ?? ""}; (async () => {
    const taskflow = new client.TaskFlow({ url });
    return taskflow.waitFor((await taskflow.submit("noop", {})).id);
  })()`;
  expect(await (runInContext(page, createContext(browser)) as Promise<Job>)).toMatchObject({
    type: "noop",
    status: "completed",
  });
});

it("the example in docs/client.md runs unchanged, and prints what the page shows", async () => {
  const root = fileURLToPath(new URL("../../", import.meta.url));
  const [, code = "", output = ""] =
    /```js\n(\/\/ example\.mjs\n[^]*?)```\n+```\n([^]*?)```/.exec(readFileSync(`${root}docs/client.md`, "utf8")) ?? [];
  const own = code.replace("http://localhost:8080", replica.url);
  expect(own).not.toBe(code);
  // A script in this folder can import the package by its name, and gets the build.
  const { stdout } = await promisify(execFile)(process.execPath, ["--input-type=module", "--eval", own], { cwd: root });
  // The number of events depends on the job's progress, and the text after 250 on the mail server.
  const lines = (text: string): string[] =>
    text
      .trim()
      .split("\n")
      .filter((line) => line !== "queued" && line !== "running")
      .map((line) => line.replace(/250 .*/, "250"));
  expect(lines(stdout)).toEqual(lines(output));
});
