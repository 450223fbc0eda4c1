import { afterAll, describe, expect, it } from "vitest";
import { EVERY, pathsOf, startScheduleApi } from "../../../testing/schedule-api.ts";

const { server, call, auditOf } = await startScheduleApi();
afterAll(() => server.close());

const NOTE = EVERY.job;
type Headers = Readonly<Record<string, string>>;

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
    return JSON.parse(job?.payload as string) as unknown;
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
