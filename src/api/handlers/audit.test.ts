import { createHash } from "node:crypto";
import { afterAll, beforeAll, expect, it } from "vitest";
import type { Scope } from "../../core/api-key.ts";
import { idOfHash } from "../../core/api-key.ts";
import type { ApiServer } from "../../testing/api-server.ts";
import { request, startApiServer } from "../../testing/api-server.ts";
import { ApiKeyCache } from "../access/api-key-cache.ts";

const keyOf = (name: string, scopes: readonly Scope[]) => {
  const hash = createHash("sha256").update(name).digest("hex");
  return { id: idOfHash(hash), name, hash, scopes };
};
const OPS = keyOf("ops", ["admin"]);
const as = (key: string) => ({ authorization: `Bearer ${key}` });

let server: ApiServer;
beforeAll(async () => {
  const apiKeyCache = new ApiKeyCache();
  apiKeyCache.replace([OPS, keyOf("reader", ["read"]), keyOf("submitter", ["submit"])], { isNeeded: true });
  server = await startApiServer({ deps: { apiKeyCache } });
});
afterAll(() => server.close());

interface Page {
  readonly entries: readonly Readonly<Record<string, unknown>>[];
  readonly next_cursor: string | null;
}
async function list(query = ""): Promise<Page> {
  await server.audit.flush();
  return (await request(server, "GET", `/api/v1/audit${query}`, undefined, as("ops"))).body as unknown as Page;
}
const change = (path: string, body?: object, id = "r-1") =>
  request(server, "POST", `/api/v1/queues/${path}`, body, { ...as("ops"), "x-request-id": id });

it("has a pause and a resume, with the key, the reason and the id of the request", async () => {
  const before = Date.now();
  await change("strict/pause", { reason: "the gateway is down" }, "r-pause");
  await change("strict/resume", undefined, "r-resume");
  const { entries, next_cursor } = await list();
  expect(next_cursor).toBeNull();
  const common = {
    id: expect.any(String) as string,
    at: expect.any(String) as string,
    key: { id: OPS.id, name: "ops" },
    target: "strict",
    count: null,
    job_id: null,
  };
  expect(entries).toEqual([
    { ...common, action: "queues.resume", details: null, request_id: "r-resume" },
    { ...common, action: "queues.pause", details: { reason: "the gateway is down" }, request_id: "r-pause" },
  ]);
  expect(Math.abs(Date.parse(String(entries[1]?.["at"])) - before)).toBeLessThan(60_000);
});

it("has no entry for a call that changed nothing", async () => {
  const before = (await list()).entries.length;
  expect((await change("nope/pause")).status).toBe(404);
  expect((await change("strict/pause", { reason: 1 })).status).toBe(422);
  expect((await request(server, "POST", "/api/v1/queues/strict/pause", undefined, as("reader"))).status).toBe(403);
  expect((await list()).entries).toHaveLength(before);
});

it("comes in pages, and filtered", async () => {
  for (const n of [1, 2, 3]) await change(`note/${n % 2 ? "pause" : "resume"}`, undefined, `r-page-${n}`);
  const found: unknown[] = [];
  for (let cursor: string | null = ""; cursor !== null; ) {
    const page: Page = await list(`?limit=2&action=queues.pause,queues.resume&key=ops${cursor && `&cursor=${cursor}`}`);
    expect(page.entries.length).toBeLessThanOrEqual(2);
    found.push(...page.entries);
    cursor = page.next_cursor;
  }
  expect(found).toEqual((await list()).entries);
  expect((await list("?action=queues.pause")).entries.every(({ action }) => action === "queues.pause")).toBe(true);
  expect((await list("?key=nobody")).entries).toEqual([]);
  expect((await list("?from=9999-12-31T23:59:59Z")).entries).toEqual([]);
  expect((await list("?to=1960-01-01T00:00:00%2B01:00")).entries).toEqual([]);
  expect((await list("?from=2020-01-01T00:00:00Z&to=9999-12-31T23:59:59Z")).entries).toEqual(found);
  const { at } = found[0] as { at: string };
  expect((await list(`?from=${at}`)).entries[0]).toEqual(found[0]);
  expect((await list(`?to=${at}`)).entries).not.toContainEqual(found[0]);
});

it("shows how many jobs a bulk operation changed, once its job has completed", async () => {
  const job = async () => {
    const body = { type: "note", payload: { text: "a" } };
    return String((await request(server, "POST", "/api/v1/jobs", body, as("ops"))).body["id"]);
  };
  await change("note/resume");
  const ids = [await job(), await job(), await job()];
  for (const jobId of ids)
    server.audit.record({ key: undefined, requestId: "r-bulk", action: "jobs.cancel", target: "{}", jobId });
  const outbox = await server.finishNext(`{"matched":9,"done":7,"skipped":2}`);
  const recorded = await server.finishNext(`{"matched":9,"replayed":8}`);
  await server.record(recorded);
  const { entries } = await list("?action=jobs.cancel");
  const counts = new Map(entries.map(({ job_id, count }) => [job_id, count]));
  expect([counts.get(outbox.id), counts.get(recorded.id)]).toEqual([7, 8]);
  expect(ids.filter((id) => counts.get(id) === null)).toHaveLength(1);
});

it.each([
  ["?limit=0", ["/limit"]],
  ["?limit=1001&cursor=x", ["/limit", "/cursor"]],
  ["?from=yesterday&to=&action=&key=a,,b&color=red", ["/action", "/color", "/from", "/key", "/to"]],
  ["?key=%00&limit=1e2", ["/key", "/limit"]],
  ["?action=a&action=b", ["/action"]],
  [`?action=${"a,".repeat(100)}a`, ["/action"]],
])("lists all issues of %s", async (query, paths) => {
  const { status, body } = await request(server, "GET", `/api/v1/audit${query}`, undefined, as("ops"));
  expect(status).toBe(422);
  expect((body["errors"] as { path: string }[]).map(({ path }) => path).sort()).toEqual([...paths].sort());
});

it.each([
  ["GET", "/api/v1/audit", "admin"],
  ["GET", "/api/v1/types", "read"],
  ["GET", "/api/v1/destinations", "read"],
  ["POST", "/api/v1/destinations/a.example/reset", "admin"],
])("%s %s needs the scope %s", async (method, path, scope) => {
  const statuses = async (key: string) => (await request(server, method, path, undefined, as(key))).status;
  expect(await statuses("submitter")).toBe(403);
  expect((await statuses("reader")) === 403).toBe(scope === "admin");
  expect([200, 404]).toContain(await statuses("ops"));
});
