/**
 * Every call about flows and batches with every kind of key, about those of the key itself, those of another key, and
 * unknown ones: who is served, and that no answer reveals anything to a key without the scope `read`.
 */
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { hasScope } from "../../core/api-key.ts";
import type { ApiServer } from "../../testing/api-server.ts";
import { startApiServer } from "../../testing/api-server.ts";
import type { Caller, Made, ReadAnswer } from "../../testing/owned-jobs.ts";
import { ask as askOf, bearer, CALLERS, KEYS, OTHERS } from "../../testing/owned-jobs.ts";
import { until } from "../../testing/until.ts";
import * as batches from "../contract/batch-operations.ts";
import * as flows from "../contract/flow-operations.ts";
import type { Access, Operation } from "../contract/operation.ts";
import { ApiKeyCache } from "./api-key-cache.ts";

const NOWHERE = "01890000-0000-7000-8000-000000000000";
const LATER = { type: "note", payload: { text: "MARK" }, delay_ms: 3_600_000 };
const NEW: Readonly<Record<string, Made>> = {
  submitFlow: ["/api/v1/flows", { name: "MARK", jobs: { a: LATER } }],
  createBatch: ["/api/v1/batches", { name: "MARK", jobs: [LATER], open: true }],
  listFlows: ["/api/v1/flows"],
  listBatches: ["/api/v1/batches"],
};
/** The calls about one: their path and body, and what makes the one that they are about. */
const OF_ONE: Readonly<Record<string, (id: string) => Made>> = {
  getFlow: (id) => [`/api/v1/flows/${id}`],
  listFlowJobs: (id) => [`/api/v1/flows/${id}/jobs`],
  cancelFlow: (id) => [`/api/v1/flows/${id}`],
  retryFlow: (id) => [`/api/v1/flows/${id}/retry`],
  followFlow: (id) => [`/api/v1/flows/${id}/events`],
  getBatch: (id) => [`/api/v1/batches/${id}`],
  listBatchJobs: (id) => [`/api/v1/batches/${id}/jobs`],
  addBatchJobs: (id) => [`/api/v1/batches/${id}/jobs`, { jobs: [LATER] }],
  closeBatch: (id) => [`/api/v1/batches/${id}/close`],
  cancelBatch: (id) => [`/api/v1/batches/${id}`],
  retryBatch: (id) => [`/api/v1/batches/${id}/retry`],
  followBatch: (id) => [`/api/v1/batches/${id}/events`],
};
/** The status of a call about a running one, and the members of the receipt; of all others it is 200. */
const STATUS: Readonly<Record<string, number>> = {
  ...{ cancelFlow: 202, cancelBatch: 202, addBatchJobs: 202 },
  ...{ retryFlow: 409, retryBatch: 409 },
};

const OPERATIONS = [flows, batches]
  .flatMap((module) => Object.values(module) as unknown[])
  .filter(
    (value): value is Operation =>
      typeof value === "object" && value !== null && "pattern" in value && "access" in value,
  );

let server: ApiServer;
beforeAll(async () => {
  const apiKeyCache = new ApiKeyCache();
  apiKeyCache.replace([...Object.values(KEYS), ...Object.values(OTHERS)], { isNeeded: true });
  server = await startApiServer({ deps: { apiKeyCache } });
});
afterAll(() => server.close());

const ask = (method: string, made: Made, caller: string): Promise<ReadAnswer> =>
  askOf(server, method, made, bearer(caller));
const idIn = ({ text }: ReadAnswer): string => (JSON.parse(text) as { id: string }).id;
/** Makes the flow or batch that a call is about. @returns its id */
const madeBy = async (pattern: string, owner: string): Promise<string> =>
  idIn(await ask("POST", NEW[pattern.includes("/flows/") ? "submitFlow" : "createBatch"] ?? [""], owner));
const mayRead = (caller: Caller): boolean => caller !== "none" && hasScope(KEYS[caller], "read");

function rejection(access: Access, caller: Caller): number | undefined {
  if (caller === "none") return 401;
  return hasScope(KEYS[caller], access as "read") ? undefined : 403;
}

it("covers every call about flows and batches", () => {
  expect(OPERATIONS.map(({ id }) => id).sort()).toEqual([...Object.keys(NEW), ...Object.keys(OF_ONE)].sort());
});

describe.each(OPERATIONS.filter(({ id }) => id in NEW))("$method $pattern", ({ id, method, access }) => {
  it.each(CALLERS)("serves keys with its scope: %s", async (caller) => {
    const answer = await ask(method, NEW[id] ?? [""], caller);
    expect(answer.status).toBe(rejection(access, caller) ?? (method === "POST" ? 202 : 200));
  });
});

describe.each(OPERATIONS.filter(({ id }) => id in OF_ONE))(
  "$method $pattern",
  ({ id: name, method, access, pattern }) => {
    const about = (id: string, caller: string): Promise<ReadAnswer> => ask(method, OF_ONE[name]?.(id) ?? [""], caller);
    const withoutId = ({ status, text, headers }: ReadAnswer, id: string): unknown => ({
      status,
      headers,
      text: text.replaceAll(id, "ID"),
    });

    it.each(CALLERS)("hides those of others from a key without read: %s", async (caller) => {
      const unknown = await about(NOWHERE, caller);
      expect(unknown.status).toBe(rejection(access, caller) ?? 404);
      for (const owner of ["other", "namesake"]) {
        const id = await madeBy(pattern, owner);
        const answer = await about(id, caller);
        if (!mayRead(caller)) expect(withoutId(answer, id)).toEqual(withoutId(unknown, NOWHERE));
        else expect(answer.status).toBe(rejection(access, caller) ?? STATUS[name] ?? 200);
        const { body } = await readAll(id, pattern);
        if (!mayRead(caller)) expect(body).toMatchObject({ cancel_requested: false, status: "running" });
      }
    });

    if (access !== "submit") return;
    it("acts on its own for a key without read, and answers with a receipt only", async () => {
      const { status, text } = await about(await madeBy(pattern, "submit"), "submit");
      expect(status).toBe(STATUS[name] ?? 200);
      expect(text).not.toContain("MARK");
      if (name !== "addBatchJobs" && status < 300)
        expect(Object.keys(JSON.parse(text) as object)).toEqual(["id", "status"]);
    });
  },
);

async function readAll(id: string, pattern: string): Promise<{ readonly body: Record<string, unknown> }> {
  const path = pattern.includes("/flows/") ? `/api/v1/flows/${id}` : `/api/v1/batches/${id}`;
  return { body: JSON.parse((await ask("GET", [path], "admin")).text) as Record<string, unknown> };
}

it("lets only keys with the scope of its jobs run a flow again", async () => {
  const id = await madeBy("/flows/", "both");
  await ask("DELETE", [`/api/v1/flows/${id}`], "both");
  await until(async () => (await readAll(id, "/flows/")).body["status"] === "cancelled", { what: "the flow ends" });
  expect((await ask("POST", [`/api/v1/flows/${id}/retry`], "submit")).status).toBe(404);
  expect((await ask("POST", [`/api/v1/flows/${id}/retry`], "read")).status).toBe(403);
  await server.record(...server.cancelled.splice(0));
  expect((await ask("POST", [`/api/v1/flows/${id}/retry`], "other")).status).toBe(202);
  const [job] = JSON.parse((await ask("GET", [`/api/v1/flows/${id}/jobs`], "admin")).text).jobs as { id: string }[];
  expect((await server.queue.read([job?.id ?? ""]))[0]?.options.api_key).toBe(KEYS.both.id);
});
