/**
 * Every call of the contract with every kind of key, about the key's own jobs, jobs of another key or of none, and
 * unknown jobs: who is served, and that no answer reveals anything of a job to a key without the scope `read`.
 */
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { hasScope } from "../../core/api-key.ts";
import { registryOf } from "../../jobs/registry.ts";
import rerun from "../../jobs/replay/replay.ts";
import type { ApiServer } from "../../testing/api-server.ts";
import { startApiServer, testRegistry } from "../../testing/api-server.ts";
import type { Caller, Made, ReadAnswer, State } from "../../testing/owned-jobs.ts";
import { ask as askOf, bearer, CALLERS, KEYS, jobIn as makeJob, OTHERS, STATES } from "../../testing/owned-jobs.ts";
import * as bulkOperations from "../contract/bulk-operations.ts";
import * as documentation from "../contract/documentation-operations.ts";
import * as health from "../contract/health-operations.ts";
import * as history from "../contract/history-operations.ts";
import * as introspection from "../contract/introspection-operations.ts";
import * as diagnostics from "../contract/job-diagnostics-operations.ts";
import * as jobs from "../contract/job-operations.ts";
import * as updates from "../contract/job-update-operations.ts";
import * as mail from "../contract/mail-operations.ts";
import type { Access, Operation } from "../contract/operation.ts";
import * as queues from "../contract/queue-operations.ts";
import * as schedules from "../contract/schedule-operations.ts";
import * as system from "../contract/system-operations.ts";
import { ApiKeyCache } from "./api-key-cache.ts";

const NOWHERE = "01890000-0000-7000-8000-000000000000";
/** The path, body and headers of each call by operation id; for calls about one job, a function of the job's id. */
const OF_ONE_JOB: Readonly<Record<string, (id: string) => Made>> = {
  getJob: (id) => [`/api/v1/jobs/${id}`],
  cancelJob: (id) => [`/api/v1/jobs/${id}`],
  followJob: (id) => [`/api/v1/jobs/${id}/events`],
  getArtifact: (id) => [`/api/v1/jobs/${id}/artifacts/export.csv`],
  listAttempts: (id) => [`/api/v1/jobs/${id}/attempts`],
  explainJob: (id) => [`/api/v1/jobs/${id}/why`],
  retryJob: (id) => [`/api/v1/jobs/${id}/retry`],
  eraseJob: (id) => [`/api/v1/jobs/${id}/erase`],
  updateJob: (id) => [`/api/v1/jobs/${id}`, { priority: 9 }],
  runJob: (id) => [`/api/v1/jobs/${id}/run`],
  cancelJobByPost: (id) => [`/api/v1/jobs/${id}/cancel`],
};
const OF_NO_JOB: Readonly<Record<string, Made>> = {
  submitJob: ["/api/v1/jobs", { type: "note", payload: { text: "new" }, delay_ms: 60_000 }],
  submitBatch: ["/api/v1/jobs/batch", { jobs: [{ type: "note", payload: { text: "new" }, delay_ms: 60_000 }] }],
  replayJobs: ["/api/v1/jobs/replay", { status: "failed", dry_run: true }],
  cancelJobs: ["/api/v1/jobs/cancel", { type: "nothing", dry_run: true }],
  runJobs: ["/api/v1/jobs/run", { type: "nothing", dry_run: true }],
  updateJobs: ["/api/v1/jobs/update", { type: "nothing", set: { priority: 9 }, dry_run: true }],
  eraseJobs: ["/api/v1/jobs/erase", { type: "nothing", dry_run: true }],
  listJobs: ["/api/v1/jobs"],
  followAll: ["/api/v1/events"],
  listQueues: ["/api/v1/queues"],
  getQueue: ["/api/v1/queues/strict"],
  getQueueHistory: ["/api/v1/queues/strict/history"],
  listWorkers: ["/api/v1/workers"],
  whoami: ["/api/v1/whoami"],
  getStats: ["/api/v1/stats"],
  getSeries: ["/api/v1/stats/series"],
  listErrors: ["/api/v1/errors"],
  listTypes: ["/api/v1/types"],
  listDestinations: ["/api/v1/destinations"],
  resetDestination: ["/api/v1/destinations/example.com/reset"],
  listAudit: ["/api/v1/audit"],
  pauseQueue: ["/api/v1/queues/strict/pause"],
  resumeQueue: ["/api/v1/queues/strict/resume"],
  putSchedule: ["/api/v1/schedules/mine", { every_ms: 3_600_000, job: { type: "note", payload: { text: "a" } } }],
  listSchedules: ["/api/v1/schedules"],
  getSchedule: ["/api/v1/schedules/mine"],
  updateSchedule: ["/api/v1/schedules/mine", { overlap: "allow" }],
  deleteSchedule: ["/api/v1/schedules/mine"],
  pauseSchedule: ["/api/v1/schedules/mine/pause"],
  resumeSchedule: ["/api/v1/schedules/mine/resume"],
  revertSchedule: ["/api/v1/schedules/mine/revert"],
  runSchedule: ["/api/v1/schedules/mine/run"],
  backfillSchedule: ["/api/v1/schedules/mine/backfill", { from: "2026-01-01T00:00:00Z", dry_run: true }],
  listScheduleRuns: ["/api/v1/schedules/mine/runs"],
  previewSchedule: ["/api/v1/schedules/preview", { every_ms: 60_000 }],
  getHealth: ["/api/v1/health"],
  isLive: ["/api/v1/health/live"],
  isReady: ["/api/v1/health/ready"],
  getHealthz: ["/healthz"],
  isLivez: ["/livez"],
  isReadyz: ["/readyz"],
  getMetrics: ["/metrics"],
  getOpenApi: ["/api/v1/openapi.json"],
  getRoot: ["/"],
  getDocs: ["/docs"],
  getDocsFile: ["/docs/start.js"],
  getDashboard: ["/ui"],
  getDashboardScreen: ["/ui/jobs"],
  getDashboardItem: ["/ui/jobs/1"],
  getDashboardFile: ["/ui/assets/icon.svg"],
  listMail: ["/dev/mail"],
  readMail: ["/dev/mail/1"],
  readMailPart: ["/dev/mail/1/source"],
};
const SCHEDULE = { every_ms: 3_600_000, job: { type: "note", payload: { text: "MARK-schedule" } } };
/** Calls that need the scope `read` besides their own. */
const NEEDS_READ_TOO: readonly string[] = ["replayJobs"];

const OPERATIONS = [
  jobs,
  updates,
  bulkOperations,
  diagnostics,
  history,
  introspection,
  queues,
  schedules,
  system,
  health,
  mail,
  documentation,
]
  .flatMap((module) => Object.values(module) as unknown[])
  .filter(
    (value): value is Operation =>
      typeof value === "object" && value !== null && "pattern" in value && "access" in value,
  );

let server: ApiServer;
beforeAll(async () => {
  const apiKeyCache = new ApiKeyCache();
  apiKeyCache.replace([...Object.values(KEYS), ...Object.values(OTHERS)], { isNeeded: true });
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
  const reruns = {
    // oxlint-disable-next-line typescript/require-await -- the real one is async: it scans a history
    matching: async function* () {
      yield { ids: [], reached: "" };
    },
  };
  server = await startApiServer({ deps: { apiKeyCache, registry, mail, reruns, bulk: reruns } });
});
afterAll(() => server.close());

const ask = (method: string, made: Made, headers: Readonly<Record<string, string>>): Promise<ReadAnswer> =>
  askOf(server, method, made, headers);
const jobIn = (state: State, key: string): Promise<string> => makeJob(server, state, key);

function rejection(access: Access, caller: Caller, { needsReadToo = false } = {}): number | undefined {
  if (access === "open" || access === "public") return undefined;
  if (caller === "none") return 401;
  if (access === "any") return undefined;
  return hasScope(KEYS[caller], access) && (!needsReadToo || hasScope(KEYS[caller], "read")) ? undefined : 403;
}

const mayRead = (caller: Caller): boolean => caller !== "none" && hasScope(KEYS[caller], "read");

it("covers every call of the contract", () => {
  expect(OPERATIONS.map(({ id }) => id).sort()).toEqual([...Object.keys(OF_ONE_JOB), ...Object.keys(OF_NO_JOB)].sort());
  for (const { id, pattern } of OPERATIONS)
    expect([id, pattern.includes("/jobs/{id}")]).toEqual([id, id in OF_ONE_JOB]);
});

describe.each(OPERATIONS.filter(({ id }) => id in OF_NO_JOB))("$method $pattern", ({ id, method, access }) => {
  it.each(CALLERS)("serves keys with its scope, and reveals nothing of jobs without read: %s", async (caller) => {
    for (const state of STATES) await jobIn(state, "other");
    await ask("PUT", ["/api/v1/schedules/mine", SCHEDULE], bearer("admin"));
    const answer = await ask(method, OF_NO_JOB[id] ?? [""], bearer(caller));
    const rejected = rejection(access, caller, { needsReadToo: NEEDS_READ_TOO.includes(id) });
    if (rejected === undefined && id === "resetDestination") expect(answer.text).toContain("destination_not_found");
    else if (rejected === undefined)
      expect([401, 403, 404, 500]).not.toContain(id === "readMail" ? 200 : answer.status);
    else expect(answer.status).toBe(rejected);
    if (!mayRead(caller)) expect(answer.text + JSON.stringify(answer.headers)).not.toContain("MARK");
  });
});

describe.each(OPERATIONS.filter(({ id }) => id in OF_ONE_JOB))("$method $pattern", ({ id: name, method, access }) => {
  const about = (id: string, caller: Caller): Promise<ReadAnswer> =>
    ask(method, OF_ONE_JOB[name]?.(id) ?? [""], bearer(caller));
  const withoutId = ({ status, text, headers }: ReadAnswer, id: string): unknown => ({
    status,
    headers,
    text: text.replaceAll(id, "ID"),
  });

  it.each(CALLERS)(
    "serves keys with its scope, and hides jobs of others from a key without read: %s",
    { timeout: 60_000 },
    async (caller) => {
      const rejected = rejection(access, caller);
      const unknown = await about(NOWHERE, caller);
      expect(unknown.status).toBe(rejected ?? 404);
      for (const state of STATES) {
        for (const owner of ["other", "nobody", ...(caller === "submit" ? ["namesake"] : [])]) {
          const id = await jobIn(state, owner);
          const answer = await about(id, caller);
          if (mayRead(caller)) continue;
          expect([state, owner, withoutId(answer, id)]).toEqual([state, owner, withoutId(unknown, NOWHERE)]);
          expect(
            (await server.queue.read([id])).map(({ status, isCancelRequested }) => [status, isCancelRequested]).flat(),
          ).toEqual(state === "recorded" ? [] : [state === "waiting" ? "scheduled" : state, false]);
        }
      }
    },
  );

  it("serves keys with the scope read, even if another key owns the job", { timeout: 60_000 }, async () => {
    for (const caller of access === "admin" ? (["admin"] as const) : (["both", "admin"] as const)) {
      for (const state of STATES) {
        const { status, text } = await about(await jobIn(state, "other"), caller);
        const showsPayload = (method !== "GET" && name !== "eraseJob") || name === "getJob";
        expect([caller, state, status, status < 300 && showsPayload]).toEqual([
          caller,
          state,
          statusOf(name, state),
          text.includes("MARK-payload"),
        ]);
      }
    }
  });

  if (access !== "submit") return;
  it("acts on own jobs for a key without read, and answers with a receipt only", {
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

/** The status for a permitted caller, about a job in this state. */
function statusOf(name: string, state: State): number {
  const hasEnded = state !== "waiting" && state !== "running";
  if (name === "cancelJob" || name === "cancelJobByPost") return hasEnded ? 409 : state === "running" ? 202 : 200;
  if (name === "updateJob" || name === "runJob") return state === "waiting" ? 200 : 409;
  if (name === "retryJob") return hasEnded ? 202 : 409;
  if (name === "eraseJob") return !hasEnded ? 409 : state === "recorded" ? 200 : 503; // only a recorded job is erased
  return name === "getArtifact" ? 404 : 200;
}

describe("a job belongs to the key that submitted it", () => {
  const json = ({ text }: ReadAnswer): { id: string; status: string; retry_of?: string } =>
    JSON.parse(text) as { id: string; status: string };

  it("in a batch, as a retry, and with a payload of any size", async () => {
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

  it("and so does its callback; a retry with another key belongs to that key", async () => {
    const given = { type: "note", payload: { text: "a" }, callback_url: "https://example.com/done", delay_ms: 60_000 };
    const { id } = json(await ask("POST", ["/api/v1/jobs", given], bearer("submit")));
    await ask("DELETE", [`/api/v1/jobs/${id}`], bearer("submit"));
    const live = await server.queue.read((await server.queue.liveIds({ limit: 1_000 })).ids);
    expect(live.filter(({ type }) => type === "webhook").map(({ options }) => options)).toEqual([
      { api_key: KEYS.submit.id },
    ]);
    const retried = json(await ask("POST", [`/api/v1/jobs/${id}/retry`], bearer("other")));
    expect((await server.queue.read([retried.id]))[0]?.options.api_key).toBe(OTHERS.other.id);
    expect((await ask("DELETE", [`/api/v1/jobs/${retried.id}`], bearer("submit"))).status).toBe(404);
    const { id: rerunId } = json(await ask("POST", ["/api/v1/jobs/replay", { type: "email" }], bearer("both")));
    expect((await server.queue.read([rerunId]))[0]?.options.api_key).toBe(KEYS.both.id);
  });

  it("and no answer about the job shows the key", async () => {
    const id = await jobIn("recorded", "submit");
    const answers = await Promise.all(
      ["", "/attempts", "/why"].map((path) => ask("GET", [`/api/v1/jobs/${id}${path}`], bearer("admin"))),
    );
    // Only the body of a callback contains it, for its receiver.
    const list = await ask("GET", ["/api/v1/jobs?limit=1000&type=note"], bearer("admin"));
    for (const { status, text } of [...answers, list])
      expect([status, text.includes("api_key"), text.includes(KEYS.submit.id)]).toEqual([200, false, false]);
  });
});
