/**
 * Every call of the contract, with every kind of key, about jobs of its own, of another key, of no key, and that are nowhere: who is served, and that no
 * answer tells a key without the scope `read` anything of a job.
 */
import { createHash } from "node:crypto";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { ApiKey, Scope } from "../../core/api-key.ts";
import { hasScope, idOfHash } from "../../core/api-key.ts";
import { encodeRecord } from "../../core/attempt-record.ts";
import type { Job } from "../../core/job.ts";
import { registryOf } from "../../jobs/registry.ts";
import rerun from "../../jobs/replay/replay.ts";
import type { ApiServer } from "../../testing/api-server.ts";
import { startApiServer, testRegistry } from "../../testing/api-server.ts";
import { enqueue, ioSlots } from "../../testing/queue.ts";
import * as documentation from "../contract/documentation-operations.ts";
import * as evidence from "../contract/job-diagnostics-operations.ts";
import * as jobs from "../contract/job-operations.ts";
import type { Access, Operation } from "../contract/operation.ts";
import * as system from "../contract/system-operations.ts";
import { ApiKeyCache } from "./api-key-cache.ts";

function keyOf(name: string, scopes: readonly Scope[], secret = name): ApiKey {
  const hash = createHash("sha256").update(secret).digest("hex");
  return { id: idOfHash(hash), name, hash, scopes };
}
const KEYS = {
  submit: keyOf("submit", ["submit"]),
  read: keyOf("read", ["read"]),
  both: keyOf("both", ["submit", "read"]),
  admin: keyOf("admin", ["admin"]),
};
/** Submits jobs for the others to look at; and a key of the same name as `submit`, as after a rotation. */
const OTHERS = { other: keyOf("other", ["submit", "read"]), namesake: keyOf("submit", ["submit"], "namesake") };
type Caller = keyof typeof KEYS | "none";
const CALLERS: readonly Caller[] = ["none", "submit", "read", "both", "admin"];

const NOWHERE = "01890000-0000-7000-8000-000000000000";
const STATES = ["waiting", "running", "failed", "recorded", "cancelled"] as const;
type State = (typeof STATES)[number];

/** What a call is made with, by the id of its operation: path, body and headers; of those about one job, by the job's id. */
type Made = readonly [path: string, body?: object];
const OF_ONE_JOB: Readonly<Record<string, (id: string) => Made>> = {
  getJob: (id) => [`/api/v1/jobs/${id}`],
  cancelJob: (id) => [`/api/v1/jobs/${id}`],
  followJob: (id) => [`/api/v1/jobs/${id}/events`],
  getArtifact: (id) => [`/api/v1/jobs/${id}/artifacts/export.csv`],
  listAttempts: (id) => [`/api/v1/jobs/${id}/attempts`],
  explainJob: (id) => [`/api/v1/jobs/${id}/why`],
  retryJob: (id) => [`/api/v1/jobs/${id}/retry`],
};
const OF_NO_JOB: Readonly<Record<string, Made>> = {
  submitJob: ["/api/v1/jobs", { type: "note", payload: { text: "new" }, delay_ms: 60_000 }],
  submitBatch: ["/api/v1/jobs/batch", { jobs: [{ type: "note", payload: { text: "new" }, delay_ms: 60_000 }] }],
  rerunJobs: ["/api/v1/jobs/replay", { status: "failed", dry_run: true }],
  listJobs: ["/api/v1/jobs"],
  followAll: ["/api/v1/events"],
  listQueues: ["/api/v1/queues"],
  listWorkers: ["/api/v1/workers"],
  getStats: ["/api/v1/stats"],
  pauseQueue: ["/api/v1/queues/strict/pause"],
  resumeQueue: ["/api/v1/queues/strict/resume"],
  getHealth: ["/api/v1/health"],
  isLive: ["/api/v1/health/live"],
  isReady: ["/api/v1/health/ready"],
  getMetrics: ["/metrics"],
  getOpenApi: ["/api/v1/openapi.json"],
  getRoot: ["/"],
  getDocs: ["/docs"],
  getDocsFile: ["/docs/start.js"],
  listMail: ["/dev/mail"],
  readMail: ["/dev/mail/1"],
  readMailPart: ["/dev/mail/1/source"],
};
/** What a key needs beside the scope of the call. */
const NEEDS_READ_TOO: readonly string[] = ["replayJobs"];

const OPERATIONS = [jobs, evidence, system, documentation]
  .flatMap((module) => Object.values(module) as unknown[])
  .filter(
    (value): value is Operation =>
      typeof value === "object" && value !== null && "pattern" in value && "access" in value,
  );

let server: ApiServer;
let claims = 0;
beforeAll(async () => {
  const apiKeyCache = new ApiKeyCache();
  apiKeyCache.replace([...Object.values(KEYS), ...Object.values(OTHERS)], true);
  const registry = registryOf(
    [...testRegistry.types.map(({ definition }) => definition), rerun].map((definition) => ({
      source: "test",
      definition,
    })),
    {},
  );
  const mail = {
    list: () => Promise.resolve([{ id: "1", receivedAtMs: 0, from: "a", subject: "MARK-mail", to: [] }]),
    read: () => Promise.resolve(undefined),
    source: () => Promise.resolve(Buffer.from("MARK-mail")),
  };
  // eslint-disable-next-line @typescript-eslint/require-await -- as the real one, which looks through a history
  const reruns = {
    matching: async function* () {
      yield { ids: [], reached: "" };
    },
  };
  server = await startApiServer({ deps: { apiKeyCache, registry, mail, reruns } });
});
afterAll(() => server.close());

const bearer = (name: string): Readonly<Record<string, string>> =>
  name === "none" ? {} : { authorization: `Bearer ${name}` };

interface Told {
  readonly status: number;
  readonly text: string;
  readonly headers: Readonly<Record<string, string>>;
}

/** One request, whose answer is read to its end; of a stream, the first part. */
async function ask(method: string, [path, body]: Made, headers: Readonly<Record<string, string>>): Promise<Told> {
  const gone = new AbortController();
  const answer = await fetch(server.url + path, {
    method,
    redirect: "manual",
    signal: gone.signal,
    headers: { ...headers, ...(body && { "content-type": "application/json" }) },
    ...(body && { body: JSON.stringify(body) }),
  });
  const isStream = answer.headers.get("content-type") === "text/event-stream";
  const first = isStream
    ? ((await answer.body?.getReader().read()) as { readonly value?: Uint8Array } | undefined)
    : undefined;
  const text = isStream ? new TextDecoder().decode(first?.value) : await answer.text();
  gone.abort();
  const own = [...answer.headers].filter(([name]) => name !== "x-request-id" && name !== "date");
  return { status: answer.status, text, headers: Object.fromEntries(own) };
}

/** A job with marks in all that a caller can give it, and in its error; submitted with this key, or as by an earlier version, with none. */
async function jobIn(state: State, key: string): Promise<string> {
  const isWaiting = state === "waiting" || state === "cancelled";
  const said = {
    type: "note",
    payload: { text: "MARK-payload" },
    priority: 9,
    group_key: "MARK-group",
    tags: ["MARK-tag"],
  };
  let id: string;
  if (key === "nobody") {
    const options = { tags: said.tags, ...(isWaiting && { run_at: server.queue.clock.now() + 60_000 }) };
    [id = ""] = await enqueue(server.queue, {
      type: "note",
      payload: JSON.stringify(said.payload),
      priority: 9,
      maxAttempts: 3,
      groupKey: said.group_key,
      options,
    });
  } else {
    const answer = await ask(
      "POST",
      ["/api/v1/jobs", { ...said, ...(isWaiting && { delay_ms: 60_000 }) }],
      bearer(key),
    );
    id = (JSON.parse(answer.text) as { id: string }).id;
  }
  if (state === "cancelled") await server.queue.cancel(id, 60_000, () => undefined);
  if (isWaiting) return id;
  const { claimed } = await server.queue.claim((claims += 1), 1, ioSlots({ note: 1_000 })); // with what retries have made
  const job = claimed.find((each) => each.id === id);
  if (!job) throw new Error("the job was not claimed");
  if (state !== "running") await fail(job, state);
  return id;
}

async function fail(job: Job, state: State): Promise<void> {
  const error = { code: "permanent", message: "MARK-error", attempt: 1 };
  const record = encodeRecord({
    attempt: 1,
    outcome: "failed",
    worker: job.worker,
    started_at: job.startedAt,
    finished_at: server.queue.clock.now(),
    error,
    log: ["MARK-log"],
  });
  await server.queue.settle(
    [
      {
        id: job.id,
        type: job.type,
        priority: job.priority,
        claimSeq: job.claimSeq,
        startedAt: job.startedAt ?? 0,
        verdict: "failed",
        attempt: 1,
        crashes: 0,
        deferrals: 0,
        runAt: 0,
        record,
      },
    ],
    60_000,
  );
  if (state === "recorded") await server.record(...(await server.queue.read([job.id])));
}

function rejection(access: Access, caller: Caller, needsReadToo: boolean): number | undefined {
  if (access === "open" || access === "public") return undefined;
  if (caller === "none") return 401;
  return hasScope(KEYS[caller], access) && (!needsReadToo || hasScope(KEYS[caller], "read")) ? undefined : 403;
}

const mayRead = (caller: Caller): boolean => caller !== "none" && hasScope(KEYS[caller], "read");

it("every call of the contract is tried here", () => {
  expect(OPERATIONS.map(({ id }) => id).sort()).toEqual([...Object.keys(OF_ONE_JOB), ...Object.keys(OF_NO_JOB)].sort());
  for (const { id, pattern } of OPERATIONS)
    expect([id, pattern.includes("/jobs/{id}")]).toEqual([id, id in OF_ONE_JOB]);
});

describe.each(OPERATIONS.filter(({ id }) => id in OF_NO_JOB))("$method $pattern", ({ id, method, access }) => {
  it.each(CALLERS)("is for whom it says, and tells nothing of jobs without read: %s", async (caller) => {
    for (const state of STATES) await jobIn(state, "other");
    const told = await ask(method, OF_NO_JOB[id] ?? [""], bearer(caller));
    const refused = rejection(access, caller, NEEDS_READ_TOO.includes(id));
    if (refused === undefined) expect([401, 403, 404, 500]).not.toContain(id === "readMail" ? 200 : told.status);
    else expect(told.status).toBe(refused);
    if (!mayRead(caller)) expect(told.text + JSON.stringify(told.headers)).not.toContain("MARK");
  });
});

describe.each(OPERATIONS.filter(({ id }) => id in OF_ONE_JOB))("$method $pattern", ({ id: name, method, access }) => {
  const about = (id: string, caller: Caller): Promise<Told> =>
    ask(method, OF_ONE_JOB[name]?.(id) ?? [""], bearer(caller));
  const withoutId = ({ status, text, headers }: Told, id: string): unknown => ({
    status,
    headers,
    text: text.replaceAll(id, "ID"),
  });

  it.each(CALLERS)(
    "is for whom it says, and tells a key without read nothing of jobs: %s",
    { timeout: 60_000 },
    async (caller) => {
      const refused = rejection(access, caller, false);
      const unknown = await about(NOWHERE, caller);
      expect(unknown.status).toBe(refused ?? 404);
      for (const state of STATES) {
        for (const owner of ["other", "nobody", ...(caller === "submit" ? ["namesake"] : [])]) {
          const id = await jobIn(state, owner);
          const told = await about(id, caller);
          if (mayRead(caller)) continue;
          expect([state, owner, withoutId(told, id)]).toEqual([state, owner, withoutId(unknown, NOWHERE)]);
          expect(
            (await server.queue.read([id])).map(({ status, isCancelRequested }) => [status, isCancelRequested]).flat(),
          ).toEqual(state === "recorded" ? [] : [state === "waiting" ? "scheduled" : state, false]);
        }
      }
    },
  );

  it("serves keys that may read as before, whosever the job", { timeout: 60_000 }, async () => {
    for (const caller of ["both", "admin"] as const) {
      for (const state of STATES) {
        const { status, text } = await about(await jobIn(state, "other"), caller);
        expect([caller, state, status, status < 300 && (method !== "GET" || name === "getJob")]).toEqual([
          caller,
          state,
          statusOf(name, state),
          text.includes("MARK-payload"),
        ]);
      }
    }
  });

  if (access !== "submit") return;
  it("acts for a key without read on its own jobs, and tells it what became of them and no more", {
    timeout: 60_000,
  }, async () => {
    for (const state of STATES) {
      const id = await jobIn(state, "submit");
      const { status, text } = await about(id, "submit");
      expect([state, status]).toEqual([state, statusOf(name, state)]);
      expect(text).not.toContain("MARK");
      if (status < 300)
        expect(Object.keys(JSON.parse(text) as object)).toEqual(
          name === "retryJob" ? ["id", "status", "retry_of"] : ["id", "status"],
        );
    }
  });
});

/** What a caller that may is answered about a job in this state. */
function statusOf(name: string, state: State): number {
  const hasEnded = state !== "waiting" && state !== "running";
  if (name === "cancelJob") return hasEnded ? 409 : state === "running" ? 202 : 200;
  if (name === "retryJob") return hasEnded ? 202 : 409;
  return name === "getArtifact" ? 404 : 200;
}

describe("a job belongs to the key that submitted it", () => {
  const json = ({ text }: Told): { id: string; status: string; retry_of?: string } =>
    JSON.parse(text) as { id: string; status: string };

  it("in a batch, as a retry, and whatever its payload's size", async () => {
    const text = "x".repeat(400_000);
    const batch = await ask(
      "POST",
      [
        "/api/v1/jobs/batch",
        {
          jobs: [
            { type: "note", payload: { text }, delay_ms: 60_000 },
            { type: "note", payload: { text: "a" }, tags: ["t"], delay_ms: 60_000 },
          ],
        },
      ],
      bearer("submit"),
    );
    for (const { id } of (JSON.parse(batch.text) as { jobs: { id: string }[] }).jobs) {
      expect((await ask("DELETE", [`/api/v1/jobs/${id}`], bearer("namesake"))).status).toBe(404);
      expect((await ask("DELETE", [`/api/v1/jobs/${id}`], bearer("submit"))).status).toBe(200);
      const retried = json(await ask("POST", [`/api/v1/jobs/${id}/retry`], bearer("submit")));
      expect(retried).toMatchObject({ status: "queued", retry_of: id });
      expect((await ask("DELETE", [`/api/v1/jobs/${retried.id}`], bearer("namesake"))).status).toBe(404);
      expect(json(await ask("DELETE", [`/api/v1/jobs/${retried.id}`], bearer("submit")))).toEqual({
        id: retried.id,
        status: "cancelled",
        retry_of: id,
      });
    }
    await server.record(...server.cancelled.splice(0));
  });

  it("and so does its callback; a retry by another key belongs to that one", async () => {
    const said = { type: "note", payload: { text: "a" }, callback_url: "https://example.com/done", delay_ms: 60_000 };
    const { id } = json(await ask("POST", ["/api/v1/jobs", said], bearer("submit")));
    await ask("DELETE", [`/api/v1/jobs/${id}`], bearer("submit"));
    const live = await server.queue.read(await server.queue.liveIds(undefined, undefined, 1_000));
    expect(live.filter(({ type }) => type === "webhook").map(({ options }) => options)).toEqual([
      { api_key: KEYS.submit.id },
    ]);
    const retried = json(await ask("POST", [`/api/v1/jobs/${id}/retry`], bearer("other")));
    expect((await server.queue.read([retried.id]))[0]?.options.api_key).toBe(OTHERS.other.id);
    expect((await ask("DELETE", [`/api/v1/jobs/${retried.id}`], bearer("submit"))).status).toBe(404);
    const { id: rerunId } = json(await ask("POST", ["/api/v1/jobs/replay", { type: "email" }], bearer("both")));
    expect((await server.queue.read([rerunId]))[0]?.options.api_key).toBe(KEYS.both.id);
  });

  it("no answer about a job shows that key", async () => {
    const id = await jobIn("recorded", "submit");
    const answers = await Promise.all(
      ["", "/attempts", "/why"].map((path) => ask("GET", [`/api/v1/jobs/${id}${path}`], bearer("admin"))),
    );
    const list = await ask("GET", ["/api/v1/jobs?limit=1000&type=note"], bearer("admin")); // a callback's body does, for its receiver
    for (const { status, text } of [...answers, list])
      expect([status, text.includes("api_key"), text.includes(KEYS.submit.id)]).toEqual([200, false, false]);
  });
});
