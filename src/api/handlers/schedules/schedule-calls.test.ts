import { randomUUID } from "node:crypto";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { EVERY, pathsOf, startScheduleApi } from "../../../testing/schedule-api.ts";

const { server, call, auditOf } = await startScheduleApi();
afterAll(() => server.close());

beforeAll(async () => {
  await call("PUT", "/made", EVERY);
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
    expect(await count({ from: "1927-01-01T00:00:00Z", to: "2026-01-01T00:00:00Z" })).toEqual({
      matched: 36_160 * 24,
    });
  });

  it("has the range and the number of its ticks in the audit", async () => {
    await call("PUT", "/audited", EVERY);
    const day = { from: "2026-01-01T00:00:00Z", to: "2026-01-02T00:00:00Z" };
    const { status, body } = await call("POST", "/audited/backfill", day);
    expect(status).toBe(202);
    expect((await auditOf("audited"))[0]).toMatchObject({
      action: "schedules.backfill",
      job_id: body["id"],
      details: { from: "2026-01-01T00:00:00.000Z", to: "2026-01-02T00:00:00.000Z", matched: 24 },
    });
  });

  it.each([
    [{}, ["/from"]],
    [
      { from: "x", to: "2999-01-01T00:00:00Z", rate: 0, max: 0, dry_run: 1, a: 1 },
      ["/a", "/dry_run", "/from", "/max", "/rate", "/to"],
    ],
    [{ from: "2026-01-02T00:00:00Z", to: "2026-01-02T00:00:00Z" }, ["/from"]],
    [{ from: "2020-01-01T00:00:00Z", max: 10 }, ["/max"]],
    [{ from: "0001-01-01T00:00:00Z", dry_run: true }, ["/from"]],
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
    let cursor: string | null = "page";
    while (cursor !== null) {
      const { body }: { body: Record<string, unknown> } = await call("GET", `?limit=2&cursor=${cursor}`);
      names.push(...(body["schedules"] as { name: string }[]).map(({ name }) => name));
      cursor = body["next_cursor"] as string | null;
    }
    expect(names.slice(0, 3)).toEqual(["page-a", "page-b", "page-c"]);
    expect(names).toEqual([...names].sort());
  });

  it.each([
    [
      "?limit=0&state=open&type=&tag=%00&cursor=%20&late=1&recent_ticks=yes&a=1",
      ["/a", "/cursor", "/late", "/limit", "/recent_ticks", "/state", "/tag", "/type"],
    ],
    ["/made?recent_ticks=1&a=1", ["/a", "/recent_ticks"]],
    ["?limit=1&limit=2", ["/limit"]],
    ["/made/runs?limit=1001&cursor=x&a=1", ["/a", "/cursor", "/limit"]],
    ["/made/runs?cursor=other_1", ["/cursor"]],
  ])("rejects %s", async (query, paths) => {
    expect(pathsOf(await call("GET", query))).toEqual(paths);
  });
});

describe("recent_ticks", () => {
  it("are in the list and in a schedule if they are asked for", async () => {
    await call("PUT", "/recent", EVERY);
    const { id = "" } = (await server.schedules.get("recent")) ?? {};
    const from = Math.floor(server.queue.clock.now() / 1_800_000) * 1_800_000;
    const run = { schedule: id, name: "recent", version: 1, kind: "tick", at: from, reason: null } as const;
    const [missed, fired] = [
      { ...run, tick: from - 1, outcome: "missed", jobId: null, ticks: 2 },
      { ...run, tick: from + 1_000, outcome: "fired", jobId: randomUUID(), ticks: 1 },
    ] as const;
    await server.schedules.addRuns([missed, fired]);
    const counts = { fired: 0, late: 0, skipped: 0, missed: 0 };
    const recent = [
      { from: new Date(from - 1_800_000).toISOString(), ...counts, missed: 2 },
      { from: new Date(from).toISOString(), ...counts, fired: 1 },
    ];
    expect((await call("GET", "/recent?recent_ticks=true")).body["recent_ticks"]).toEqual(recent);
    const { schedules } = (await call("GET", "?recent_ticks=true&limit=1&cursor=recen")).body as {
      schedules: object[];
    };
    expect(schedules).toMatchObject([{ name: "recent", recent_ticks: recent }]);
    expect((await call("GET", "/recent")).body).not.toHaveProperty("recent_ticks");
    const late = (await call("GET", "?late=true&recent_ticks=false")).body;
    expect(late).toEqual({ schedules: [], next_cursor: null });
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
