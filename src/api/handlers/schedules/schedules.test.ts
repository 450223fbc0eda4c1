import { createHash } from "node:crypto";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { Scope } from "../../../core/api-key.ts";
import { idOfHash } from "../../../core/api-key.ts";
import type { ApiServer } from "../../../testing/api-server.ts";
import { request, startApiServer } from "../../../testing/api-server.ts";
import { ApiKeyCache } from "../../access/api-key-cache.ts";

const keyOf = (name: string, scopes: readonly Scope[]) => {
  const hash = createHash("sha256").update(name).digest("hex");
  return { id: idOfHash(hash), name, hash, scopes };
};
const OPS = keyOf("ops", ["admin"]);

let server: ApiServer;
beforeAll(async () => {
  const apiKeyCache = new ApiKeyCache();
  apiKeyCache.replace([OPS, keyOf("reader", ["read"]), keyOf("submitter", ["submit"])], { isNeeded: true });
  server = await startApiServer({ deps: { apiKeyCache } });
});
afterAll(() => server.close());

type Headers = Readonly<Record<string, string>>;
const call = (method: string, path: string, body?: object | string, headers: Headers = {}, key = "ops") =>
  request(server, method, `/api/v1/schedules${path}`, body, { authorization: `Bearer ${key}`, ...headers });

const NOTE = { type: "note", payload: { text: "a" } };
const EVERY = { every_ms: 3_600_000, job: NOTE };

const auditOf = async (target: string): Promise<Readonly<Record<string, unknown>>[]> => {
  await server.audit.flush();
  const { body } = await request(server, "GET", "/api/v1/audit", undefined, { authorization: "Bearer ops" });
  return (body["entries"] as Record<string, unknown>[]).filter((entry) => entry["target"] === target);
};
const pathsOf = ({ body }: { readonly body: Readonly<Record<string, unknown>> }): string[] =>
  (body["errors"] as { path: string }[]).map(({ path }) => path).sort();

describe("PUT", () => {
  it("creates a schedule, with all defaults, its ETag and its path", async () => {
    const { status, headers, body } = await call("PUT", "/made", EVERY);
    expect([status, headers.get("etag"), headers.get("location")]).toEqual([201, `"v1"`, "/api/v1/schedules/made"]);
    const hour = 3_600_000;
    const next = (Math.floor(Date.parse(String(body["created_at"])) / hour) + 1) * hour;
    const ticks = [0, 1, 2, 3, 4].map((i) => new Date(next + i * hour).toISOString());
    expect(body).toEqual({
      name: "made",
      version: 1,
      state: "active",
      every_ms: hour,
      offset_ms: 0,
      time_zone: "UTC",
      overlap: "skip",
      catch_up: { policy: "last", within_ms: null, max: 100 },
      jitter_ms: 0,
      start_at: null,
      end_at: null,
      max_runs: null,
      pause_after_failures: null,
      job: NOTE,
      description: null,
      next_run_at: ticks[0],
      next_runs: ticks,
      last_run: null,
      paused_at: null,
      paused_by: null,
      paused_reason: null,
      paused_until: null,
      counts: { fired: 0, late: 0, skipped: 0, missed: 0 },
      overridden: false,
      created_at: expect.any(String) as string,
      updated_at: body["created_at"],
    });
    expect((await call("GET", "/made")).body).toEqual(body);
  });

  it("changes nothing, and adds no entry to the audit, if the definition is the same", async () => {
    const { body: first } = await call("PUT", "/same", EVERY);
    for (let i = 0; i < 3; i++) {
      const { status, body } = await call(
        "PUT",
        "/same",
        JSON.stringify({ job: NOTE, every_ms: 3_600_000, offset_ms: 0 }, null, 2),
      );
      expect([status, body]).toEqual([200, first]);
    }
    expect((await auditOf("same")).map(({ action }) => action)).toEqual(["schedules.put"]);
  });

  it("replaces a definition, whose version rises", async () => {
    await call("PUT", "/replaced", EVERY);
    const { status, headers, body } = await call("PUT", "/replaced", { ...EVERY, every_ms: 60_000 });
    expect([status, headers.get("etag"), body["version"], body["every_ms"]]).toEqual([200, `"v2"`, 2, 60_000]);
  });

  it("keeps the digits of the payload", async () => {
    const json = `{"every_ms":60000,"job":{"type":"note","payload":{"text":"a","more":[12345678901234567890,1e400]}}}`;
    expect((await call("PUT", "/digits", json)).text).toContain(
      `"payload":{"text":"a","more":[12345678901234567890,1e400]}`,
    );
  });

  it("is conditional", async () => {
    const put = async (headers: Headers, every_ms = 60_000) =>
      (await call("PUT", "/conditional", { ...EVERY, every_ms }, headers)).status;
    expect(await put({ "if-match": "*" })).toBe(412);
    expect(await put({ "if-match": `"v1"` })).toBe(412);
    expect(await put({ "if-none-match": "*" })).toBe(201);
    expect(await put({ "if-none-match": "*" })).toBe(412);
    expect(await put({ "if-none-match": `W/"v1"` })).toBe(412);
    expect(await put({ "if-none-match": `"v2"` })).toBe(200);
    expect(await put({ "if-match": `"v1"` }, 70_000)).toBe(200);
    expect(await put({ "if-match": `"v1"` }, 80_000)).toBe(412);
    expect(await put({ "if-match": `W/"v2"` }, 80_000)).toBe(412);
    expect(await put({ "if-match": "v2" }, 80_000)).toBe(412);
    expect(await put({ "if-match": `"v9", "v2"` }, 80_000)).toBe(200);
    expect(await put({ "if-match": "*" }, 90_000)).toBe(200);
    const { code } = (await call("PUT", "/conditional", EVERY, { "if-match": `"v1"` })).body;
    expect(code).toBe("precondition_failed");
  });

  it("lets one of many conditional changes win", async () => {
    await call("PUT", "/race", EVERY);
    const statuses = await Promise.all(
      [61, 62, 63, 64, 65].map(
        async (s) => (await call("PUT", "/race", { ...EVERY, every_ms: s * 1_000 }, { "if-match": `"v1"` })).status,
      ),
    );
    expect(statuses.sort()).toEqual([200, 412, 412, 412, 412]);
  });

  it("lists all issues, that of the name, too", async () => {
    const { status, body } = await call("PUT", "/a%20b", {
      every_ms: 60_000,
      cron: "* * * * *",
      job: { type: "note", payload: {} },
    });
    expect([status, pathsOf({ body })]).toEqual([422, expect.arrayContaining(["/job/payload/text", "/name"])]);
  });

  it.each(["-a", ".a", "a%2Fb", "%00", "a%", "%E4", "x".repeat(129), "%C3%A4"])("rejects the name %s", async (name) => {
    expect(pathsOf(await call("PUT", `/${name}`, EVERY))).toEqual(["/name"]);
    for (const [method, path] of [
      ["GET", ""],
      ["DELETE", ""],
      ["POST", "/pause"],
      ["POST", "/run"],
      ["GET", "/runs"],
    ] as const)
      expect((await call(method, `/${name}${path}`)).status).toBe(404);
  });

  it.each(["a", "A.b_c:d-1", "x".repeat(128)])("takes the name %s, however it is encoded", async (name) => {
    expect((await call("PUT", `/${encodeURIComponent(name)}`, EVERY)).status).toBe(201);
    expect((await call("GET", `/${name}`)).body["name"]).toBe(name);
  });

  it("has no schedule named like the preview", async () => {
    const { status, headers } = await call("PUT", "/preview", EVERY);
    expect([status, headers.get("allow")]).toEqual([405, "POST, OPTIONS"]);
  });

  it.each([
    [undefined, {}, 400, "body_missing"],
    ["{", {}, 400, "malformed_json"],
    ["[]", {}, 422, "validation_failed"],
    ["{}", { "content-type": "text/plain" }, 415, "unsupported_media_type"],
    [`{"job":${"[".repeat(200)}${"]".repeat(200)}}`, {}, 400, "json_too_deep"],
    [`{"a":"${"x".repeat(200_000)}"}`, {}, 413, "body_too_large"],
  ])("rejects the body %.20s", async (body, headers, status, code) => {
    const answer = await call("PUT", "/bodies", body, headers);
    expect([answer.status, answer.body["code"]]).toEqual([status, code]);
  });

  it("rejects parameters", async () => {
    expect(pathsOf(await call("PUT", "/parameters?a=1", EVERY))).toEqual(["/a"]);
    expect(pathsOf(await call("GET", "/made?a=1"))).toEqual(["/a"]);
  });
});

describe("secrets", () => {
  const secret = {
    ...EVERY,
    job: { type: "note", payload: { text: "a", secret: "hunter2", headers: { "X-Key": "k" } } },
  };
  const stored = async (name: string) => {
    const { body } = await call("POST", `/${name}/run`);
    const [job] = await server.queue.read([String(body["id"])]);
    return JSON.parse(String(job?.payload)) as unknown;
  };

  it("are never shown, and stay if what is shown is sent back", async () => {
    const { body, text } = await call("PUT", "/secret", secret);
    expect(text).not.toContain("hunter2");
    const shown = body["job"] as Record<string, unknown>;
    expect(shown["payload"]).toEqual({ text: "a", secret: "[redacted]", headers: { "X-Key": "[redacted]" } });
    const again = await call("PUT", "/secret", { ...EVERY, job: shown });
    expect([again.status, again.body["version"]]).toEqual([200, 1]);
    const changed = { ...shown, payload: { ...(shown["payload"] as object), text: "b" } };
    expect((await call("PUT", "/secret", { ...EVERY, job: changed })).body["version"]).toBe(2);
    expect((await call("PATCH", "/secret", { job: { payload: { text: "c", secret: "[redacted]" } } })).status).toBe(
      200,
    );
    expect(await stored("secret")).toEqual({ text: "c", secret: "hunter2", headers: { "X-Key": "k" } });
    for (const path of ["", "/secret", "/secret/runs"]) expect((await call("GET", path)).text).not.toContain("hunter2");
  });

  it("are rejected where the word stands for no secret", async () => {
    const paths = ["/job/payload/headers/X-Key", "/job/payload/secret"];
    const job = {
      type: "note",
      payload: { text: "[redacted]", secret: "[redacted]", headers: { "X-Key": "[redacted]" } },
    };
    expect(pathsOf(await call("PUT", "/secret-new", { ...EVERY, job }))).toEqual(paths);
    await call("PUT", "/secret-new", EVERY);
    expect(pathsOf(await call("PATCH", "/secret-new", { job }))).toEqual(paths);
  });

  it("do not come back after they were replaced or left out", async () => {
    await call("PUT", "/secret-gone", secret);
    await call("PUT", "/secret-gone", EVERY);
    expect(await stored("secret-gone")).toEqual({ text: "a" });
  });

  it("in a callback_url are not shown, and stay", async () => {
    const callback_url = "https://example.com/done?token=hunter2";
    const { body, text } = await call("PUT", "/callback", { ...EVERY, job: { ...NOTE, callback_url } });
    expect(body).toMatchObject({ version: 1 });
    expect(text).not.toMatch(/hunter2/);
    expect((await call("PUT", "/callback", { ...EVERY, job: body["job"] as object })).body["version"]).toBe(1);
  });
});

describe("PATCH", () => {
  it("merges, and checks the result", async () => {
    await call("PUT", "/patched", { ...EVERY, description: "old", job: { ...NOTE, tags: ["a"] } });
    const { status, headers, body } = await call(
      "PATCH",
      "/patched",
      { description: null, overlap: "allow", job: { payload: { text: "b" }, tags: null } },
      { "content-type": "application/merge-patch+json" },
    );
    expect([status, headers.get("etag")]).toEqual([200, `"v2"`]);
    expect(body).toMatchObject({ description: null, overlap: "allow", every_ms: 3_600_000 });
    expect(body["job"]).toEqual({ type: "note", payload: { text: "b" } });
    expect(pathsOf(await call("PATCH", "/patched", { job: { payload: { text: null } } }))).toEqual([
      "/job/payload/text",
    ]);
    expect((await call("GET", "/patched")).body["version"]).toBe(2);
  });

  it("is conditional, and loses no concurrent change", async () => {
    await call("PUT", "/patched-2", EVERY);
    expect((await call("PATCH", "/patched-2", { overlap: "allow" }, { "if-match": `"v2"` })).status).toBe(412);
    const patches = [{ overlap: "allow" }, { description: "d" }, { jitter_ms: 5 }, { max_runs: 7 }];
    for (const { status } of await Promise.all(patches.map((patch) => call("PATCH", "/patched-2", patch))))
      expect(status).toBe(200);
    expect((await call("GET", "/patched-2")).body).toMatchObject(Object.assign({ version: 5 }, ...patches) as object);
  });

  it("changes another timing only with the first one removed", async () => {
    await call("PUT", "/patched-3", { ...EVERY, offset_ms: 1_000 });
    expect((await call("PATCH", "/patched-3", { cron: "0 3 * * *" })).status).toBe(422);
    const { status, body } = await call("PATCH", "/patched-3", { cron: "0 3 * * *", every_ms: null });
    expect([status, body["cron"], body["every_ms"], body["offset_ms"]]).toEqual([
      200,
      "0 3 * * *",
      undefined,
      undefined,
    ]);
  });

  it("of an unknown schedule is 404", async () => {
    expect((await call("PATCH", "/nothing", {}, { "if-match": `"v1"` })).status).toBe(404);
  });
});

describe("pause and resume", () => {
  it("show why, by whom and until when", async () => {
    await call("PUT", "/paused", EVERY);
    const until = new Date(Date.now() + 3 * 86_400_000).toISOString();
    const { body } = await call("POST", "/paused/pause", { reason: "maintenance", until });
    expect(body).toMatchObject({
      state: "paused",
      paused_reason: "maintenance",
      paused_by: "ops",
      paused_until: until,
    });
    expect(String(body["next_run_at"]) > until).toBe(true);
    const endless = (await call("POST", "/paused/pause")).body;
    expect(endless).toMatchObject({
      state: "paused",
      paused_reason: null,
      paused_until: null,
      next_run_at: null,
      next_runs: [],
    });
    const resumed = (await call("POST", "/paused/resume", { catch_up: "last" })).body;
    expect(resumed).toMatchObject({ state: "active", paused_at: null, paused_by: null });
    expect((await auditOf("paused")).map(({ action, details }) => [action, details])).toEqual([
      ["schedules.resume", { catch_up: "last" }],
      ["schedules.pause", null],
      ["schedules.pause", { reason: "maintenance", until }],
      ["schedules.put", { version: 1 }],
    ]);
  });

  it.each([
    ["/pause", { reason: "", until: 1 }, ["/reason", "/until"]],
    ["/pause", { until: "yesterday" }, ["/until"]],
    ["/pause", { until: "2020-01-01T00:00:00Z" }, ["/until"]],
    ["/pause", { color: 1 }, ["/color"]],
    ["/resume", { catch_up: "some" }, ["/catch_up"]],
    ["/revert", { a: 1 }, ["/a"]],
  ])("%s rejects %j", async (path, body, paths) => {
    expect(pathsOf(await call("POST", `/made${path}`, body))).toEqual(paths);
  });

  it("cannot revert a schedule without a file", async () => {
    const { status, body } = await call("POST", "/made/revert");
    expect([status, body["code"]]).toEqual([409, "schedule_without_file"]);
  });
});

describe("run", () => {
  it("submits the job now, once per Idempotency-Key, and adds one run", async () => {
    await call("PUT", "/run", EVERY);
    const before = (await call("GET", "/run")).body["next_run_at"];
    const first = await call("POST", "/run/run", undefined, { "idempotency-key": "k1" });
    const { id } = first.body as { id: string };
    expect([first.status, first.headers.get("location")]).toEqual([202, `/api/v1/jobs/${id}`]);
    expect(first.body).toMatchObject({ type: "note", payload: { text: "a" }, status: "queued" });
    const again = await call("POST", "/run/run", undefined, { "idempotency-key": "k1" });
    expect([again.status, again.body["id"], again.headers.get("idempotent-replayed")]).toEqual([202, id, "true"]);
    await call("PUT", "/run-2", EVERY);
    const other = await call("POST", "/run-2/run", undefined, { "idempotency-key": "k1" });
    expect([other.status, other.body["code"]]).toEqual([422, "idempotency_key_reused"]);
    const { runs, next_cursor } = (await call("GET", "/run/runs")).body as { runs: object[]; next_cursor: unknown };
    expect([next_cursor, runs]).toEqual([
      null,
      [
        expect.objectContaining({
          kind: "manual",
          outcome: "fired",
          reason: null,
          job_id: id,
          job_status: "queued",
          ticks: 1,
        }),
      ],
    ]);
    expect((await call("GET", "/run")).body["next_run_at"]).toBe(before);
    expect(await auditOf("run")).toMatchObject([{ action: "schedules.run", job_id: id }, { action: "schedules.put" }]);
  });

  it("answers a key without read with a receipt", async () => {
    const { status, body } = await call("POST", "/made/run", undefined, {}, "submitter");
    expect([status, Object.keys(body).sort()]).toEqual([202, ["id", "status"]]);
  });

  it("rejects fields and an invalid key", async () => {
    expect(pathsOf(await call("POST", "/made/run", { a: 1 }))).toEqual(["/a"]);
    expect((await call("POST", "/made/run", undefined, { "idempotency-key": "a b" })).status).toBe(400);
  });
});

describe("backfill", () => {
  it("counts the ticks of a range", async () => {
    await call("PUT", "/backfilled", EVERY);
    const count = async (body: object) => (await call("POST", "/backfilled/backfill", { ...body, dry_run: true })).body;
    const day = { from: "2026-01-01T00:00:00Z", to: "2026-01-02T00:00:00Z" };
    expect(await count(day)).toEqual({ matched: 24 });
    expect(await count({ from: "2026-01-01T00:00:01Z", to: "2026-01-01T00:59:59Z" })).toEqual({ matched: 0 });
    expect(await count({ from: "0001-01-01T00:00:00Z" })).toEqual({ matched: expect.any(Number) as number });
  });

  it.each([
    [{}, ["/from"]],
    [
      { from: "x", to: "2999-01-01T00:00:00Z", rate: 0, max: 0, dry_run: 1, a: 1 },
      ["/a", "/dry_run", "/from", "/max", "/rate", "/to"],
    ],
    [{ from: "2026-01-02T00:00:00Z", to: "2026-01-02T00:00:00Z" }, ["/from"]],
    [{ from: "2020-01-01T00:00:00Z", max: 10 }, ["/max"]],
  ])("rejects %j", async (body, paths) => {
    expect(pathsOf(await call("POST", "/backfilled/backfill", body))).toEqual(paths);
  });
});

describe("DELETE", () => {
  it("removes the schedule; a new one of the name starts fresh", async () => {
    await call("PUT", "/deleted", EVERY);
    expect((await call("DELETE", "/deleted", undefined, { "if-match": `"v2"` })).status).toBe(412);
    expect((await call("DELETE", "/deleted?cancel_jobs=maybe&x=1")).status).toBe(422);
    const { status, body } = await call("DELETE", "/deleted");
    expect([status, body]).toEqual([200, { name: "deleted", cancelled_jobs: 0 }]);
    expect((await call("DELETE", "/deleted")).status).toBe(404);
    expect((await call("GET", "/deleted")).body["code"]).toBe("schedule_not_found");
    expect((await call("PUT", "/deleted", EVERY)).body).toMatchObject({ version: 1, last_run: null });
  });

  it("cancels its waiting jobs if asked, and no others", async () => {
    await call("PUT", "/cancelled", EVERY);
    await call("PUT", "/not-cancelled", EVERY);
    const ids = [];
    for (const name of ["cancelled", "cancelled", "not-cancelled"])
      ids.push(String((await call("POST", `/${name}/run`)).body["id"]));
    expect((await call("DELETE", "/cancelled?cancel_jobs=true")).body).toEqual({
      name: "cancelled",
      cancelled_jobs: 2,
    });
    const statuses = new Map((await server.queue.readHeaders(ids)).map(({ id, status }) => [id, status]));
    expect(ids.map((id) => statuses.get(id))).toEqual(["cancelled", "cancelled", "queued"]);
    expect(server.cancelled.map(({ id }) => id)).toEqual(expect.arrayContaining(ids.slice(0, 2)));
    expect(await auditOf("cancelled")).toMatchObject([{ action: "schedules.delete", count: 2 }, {}, {}, {}]);
  });
});

describe("the list", () => {
  it("comes in pages by name", async () => {
    for (const name of ["page-c", "page-a", "page-b"]) await call("PUT", `/${name}`, EVERY);
    const names: unknown[] = [];
    let cursor: unknown = "page";
    while (cursor !== null) {
      const { body } = await call("GET", `?limit=2&cursor=${String(cursor)}`);
      names.push(...(body["schedules"] as { name: string }[]).map(({ name }) => name));
      cursor = body["next_cursor"];
    }
    expect(names.slice(0, 3)).toEqual(["page-a", "page-b", "page-c"]);
    expect(names).toEqual([...names].sort());
  });

  it.each([
    ["?limit=0&state=open&type=&tag=%00&cursor=%20&a=1", ["/a", "/cursor", "/limit", "/state", "/tag", "/type"]],
    ["?limit=1&limit=2", ["/limit"]],
    ["/made/runs?limit=1001&cursor=x&a=1", ["/a", "/cursor", "/limit"]],
    ["/made/runs?cursor=other_1", ["/cursor"]],
  ])("rejects %s", async (query, paths) => {
    expect(pathsOf(await call("GET", query))).toEqual(paths);
  });
});

describe("preview", () => {
  it("needs no job, but checks one", async () => {
    expect((await call("POST", "/preview", { every_ms: 60_000 })).status).toBe(200);
    expect((await call("POST", "/preview", {})).status).toBe(422);
    expect(pathsOf(await call("POST", "/preview", { every_ms: 60_000, job: { type: "note", payload: {} } }))).toEqual([
      "/job/payload/text",
    ]);
    expect(pathsOf(await call("POST", "/preview?name=a%20b&x=1", { every_ms: 60_000 }))).toEqual(["/name", "/x"]);
  });
});

describe("scopes", () => {
  it.each([
    ["PUT", "/scoped", EVERY, "admin"],
    ["PATCH", "/scoped", {}, "admin"],
    ["DELETE", "/scoped", undefined, "admin"],
    ["POST", "/scoped/pause", undefined, "admin"],
    ["POST", "/scoped/resume", undefined, "admin"],
    ["POST", "/scoped/revert", undefined, "admin"],
    ["POST", "/scoped/backfill", {}, "admin"],
    ["POST", "/scoped/run", undefined, "submit"],
    ["GET", "/scoped", undefined, "read"],
    ["GET", "", undefined, "read"],
    ["GET", "/scoped/runs", undefined, "read"],
    ["POST", "/preview", { every_ms: 1_000 }, "read"],
  ] as const)("%s %s", async (method, path, body, scope) => {
    const denied = async (key: string) => (await call(method, path, body, {}, key)).status === 403;
    expect([await denied("reader"), await denied("submitter")]).toEqual([scope !== "read", scope !== "submit"]);
  });
});
