/** Jobs that read other jobs need a key with the scope `read`. */
import { createHash } from "node:crypto";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { Scope } from "../../core/api-key.ts";
import { idOfHash } from "../../core/api-key.ts";
import { parseBody } from "../../core/body.ts";
import { bulkJob } from "../../jobs/bulk/bulk-job.ts";
import dataExport from "../../jobs/data-export/data-export.ts";
import email from "../../jobs/email/email.ts";
import imageResize from "../../jobs/image-resize/image-resize.ts";
import { registryOf } from "../../jobs/registry.ts";
import rerun from "../../jobs/replay/replay.ts";
import type { ApiServer } from "../../testing/api-server.ts";
import { request, startApiServer, testRegistry } from "../../testing/api-server.ts";
import { ApiKeyCache } from "./api-key-cache.ts";

const registry = registryOf(
  [
    ...testRegistry.types.map(({ definition }) => definition),
    dataExport,
    email,
    imageResize,
    rerun,
    bulkJob("cancel"),
  ].map((definition) => ({ source: "test", definition })),
  {},
);
const as = (key: string) => ({ authorization: `Bearer ${key}` });
const HISTORY = {
  type: "data_export",
  payload: { format: "csv", source: { jobs: { status: "failed" } } },
  delay_ms: 60_000,
};
const ROWS = { ...HISTORY, payload: { format: "csv", source: { rows: [] } } };
const NOTE = { type: "note", payload: { text: "a" } };
const RERUN = { type: "replay", payload: { status: "failed" } };
const ARTIFACT = "01a20d7d-dca8-7000-89a0-b48104605e3e/a.png";
const MAIL = {
  type: "email",
  payload: {
    to: "a@example.com",
    subject: "a",
    body: "a",
    attachments: [
      { filename: "a", base64: "" },
      { filename: "b", artifact: ARTIFACT },
    ],
  },
  delay_ms: 60_000,
};
const IMAGE = { type: "image_resize", payload: { source: { artifact: ARTIFACT }, width: 4 }, delay_ms: 60_000 };
const MARKED = { ...IMAGE, payload: { source: { base64: "AAAA" }, width: 4, watermark: { artifact: ARTIFACT } } };
const MARKED_VARIANT = {
  ...IMAGE,
  payload: { source: { base64: "AAAA" }, variants: [{ width: 4 }, { width: 5, watermark: { artifact: ARTIFACT } }] },
};
const LARGE = { type: "note", payload: { text: "x".repeat(300_000) } };
const FORBIDDEN = {
  status: 403,
  body: { code: "scope_missing", detail: expect.stringContaining("scope read") as string },
};

const SCOPES: Readonly<Record<string, readonly Scope[]>> = {
  submitter: ["submit"],
  both: ["submit", "read"],
  operator: ["admin"],
};
const keysOf = (scopes: typeof SCOPES) =>
  Object.entries(scopes).map(([name, own]) => {
    const hash = createHash("sha256").update(name).digest("hex");
    return { id: idOfHash(hash), name, hash, scopes: own };
  });
const apiKeyCache = new ApiKeyCache();

let server: ApiServer;
beforeAll(async () => {
  apiKeyCache.replace(keysOf(SCOPES), { isNeeded: true });
  const parseLarge = (task: Parameters<typeof parseBody>[0]) =>
    Promise.resolve(structuredClone(parseBody(structuredClone(task), registry.get))); // copied, as over a thread's port
  server = await startApiServer({ deps: { apiKeyCache, registry, parseLarge } });
});
afterAll(() => server.close());

const post = (key: string, path: string, body?: string | object, contentType = "application/json") =>
  request(server, "POST", `/api/v1/jobs${path}`, body, { ...as(key), "content-type": contentType });
const accepted = async () => (await request(server, "GET", "/api/v1/stats", undefined, as("operator"))).body.accepted;

describe("a bulk operation that is submitted as a job", () => {
  it("needs the scope admin, alone or among others of a batch", async () => {
    const job = { type: "bulk_cancel", payload: { tag: "none" }, delay_ms: 60_000 };
    for (const key of ["submitter", "both"]) {
      expect(await post(key, "", job)).toMatchObject({ status: 403, body: { code: "scope_missing" } });
      expect(await post(key, "/batch", { jobs: [NOTE, job] })).toMatchObject({ status: 403 });
    }
    expect(await post("operator", "", job)).toMatchObject({ status: 202 });
  });
});

describe("a job that reads other jobs", () => {
  it.each([
    ["one job", "", HISTORY, "application/json"],
    ["one among others of a batch", "/batch", { jobs: [NOTE, HISTORY, ROWS] }, "application/json"],
    ["a line", "/batch", [NOTE, HISTORY].map((job) => `${JSON.stringify(job)}\n`).join(""), "application/x-ndjson"],
    ["one in a body that is parsed on a thread", "/batch", { jobs: [LARGE, HISTORY] }, "application/json"],
    ["a replay", "", RERUN, "application/json"],
    ["an email with another job's artifact", "", MAIL, "application/json"],
    ["an image that is another job's artifact", "", IMAGE, "application/json"],
    ["a watermark that is another job's artifact", "", MARKED, "application/json"],
    ["a watermark of a variant", "/batch", { jobs: [MARKED_VARIANT] }, "application/json"],
  ])("is denied to a key without the scope read: %s", async (_what, path, body, contentType) => {
    const before = await accepted();
    expect(await post("submitter", path, body, contentType)).toMatchObject(FORBIDDEN);
    expect(await accepted()).toBe(before);
    for (const key of ["both", "operator"]) expect((await post(key, path, body, contentType)).status).toBe(202);
  });

  it("needs only the scope submit for other exports, emails and images", async () => {
    const mail = { ...MAIL, payload: { ...MAIL.payload, attachments: MAIL.payload.attachments.slice(0, 1) } };
    const image = { ...IMAGE, payload: { source: { base64: "AAAA" }, variants: [{ width: 4 }] } };
    expect((await post("submitter", "/batch", { jobs: [mail, image] })).status).toBe(202);
    expect((await post("submitter", "", ROWS)).status).toBe(202);
    expect((await post("submitter", "/batch", { jobs: [NOTE, ROWS] })).status).toBe(202);
  });

  it("cannot be retried or replayed without read", async () => {
    // The key had the scope read before.
    apiKeyCache.replace(keysOf({ ...SCOPES, submitter: ["submit", "read"] }), { isNeeded: true });
    const { body } = await post("submitter", "", HISTORY);
    apiKeyCache.replace(keysOf(SCOPES), { isNeeded: true });
    await request(server, "DELETE", `/api/v1/jobs/${String(body.id)}`, undefined, as("both"));
    const before = await accepted();
    expect(await post("submitter", `/${String(body.id)}/retry`)).toMatchObject(FORBIDDEN);
    expect(await post("submitter", "/replay", { type: "data_export" })).toMatchObject(FORBIDDEN);
    expect(await post("submitter", "/replay", { dry_run: true })).toMatchObject(FORBIDDEN);
    expect(await accepted()).toBe(before);
    expect((await post("both", `/${String(body.id)}/retry`)).status).toBe(202);
    expect((await post("both", "/replay", { type: "data_export" })).status).toBe(202);
  });

  it("is denied with a challenge, and logged with the name of the key", async () => {
    server.warned.length = 0;
    const { headers } = await post("submitter", "", HISTORY);
    expect(headers.get("www-authenticate")).toBe('Bearer realm="taskflow", error="insufficient_scope", scope="read"');
    expect(server.warned).toMatchObject([{ code: "scope_missing", key: "submitter", pattern: "/api/v1/jobs" }]);
  });
});
