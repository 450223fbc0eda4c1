/** Jobs of type `schedule_backfill` that callers submit themselves, and whose jobs are charged. */
import { createHash } from "node:crypto";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { ApiJob, TestReplica } from "../../testing/replica.ts";
import { jobReadWhen, startReplica } from "../../testing/replica.ts";
import { freshDatabase, freshRedis, tempDir } from "../../testing/services.ts";
import { until } from "../../testing/until.ts";

interface TickJob extends ApiJob {
  readonly schedule: { readonly tick: string };
}

const timeOf = (minute: number): string => new Date(Date.parse("2026-01-01T00:00:00Z") + minute * 60_000).toISOString();
const ticksOf = (jobs: readonly TickJob[]): string[] => jobs.map(({ schedule }) => schedule.tick).sort();
const DEFINITION = { cron: "* * * * *", job: { type: "noop", payload: {}, tags: ["keyed"] } };
const PATH = "/api/v1/schedules/keyed";

describe("a backfill that is submitted as a job", () => {
  const hashOf = (key: string): string => createHash("sha256").update(key).digest("hex");
  let replica: TestReplica;
  beforeAll(async () => {
    const keys = [
      `ruler:admin:${hashOf("ruler")}:quota=5/d`,
      `boss:admin:${hashOf("boss")}`,
      `reader:submit+read:${hashOf("reader")}`,
    ];
    replica = await startReplica({
      redis: (await freshRedis()).address,
      database: (await freshDatabase()).url,
      artifacts: tempDir(),
      env: { TASKFLOW_API_KEYS: keys.join(",") },
    });
    await as("boss", "PUT", PATH, DEFINITION);
    await as("boss", "POST", `${PATH}/pause`, {});
  });
  afterAll(() => replica.close());

  async function as(key: string, method: string, url: string, body?: object) {
    const answer = await fetch(replica.url + url, {
      method,
      headers: { authorization: `Bearer ${key}`, ...(body && { "content-type": "application/json" }) },
      ...(body && { body: JSON.stringify(body) }),
    });
    return { status: answer.status, body: (await answer.json()) as Record<string, unknown> };
  }
  const submitted = (key: string, payload: object) =>
    as(key, "POST", "/api/v1/jobs", { type: "schedule_backfill", payload });
  const when = (id: unknown, ...statuses: string[]) =>
    jobReadWhen(async (read) => (await as("boss", "GET", read)).body, String(id), statuses);

  it("needs the scope admin, and is in the audit as the call is", async () => {
    const payload = { name: "keyed", from: timeOf(0), to: timeOf(2) };
    expect((await submitted("reader", payload)).status).toBe(403);
    const { status, body } = await submitted("boss", payload);
    expect(status).toBe(202);
    expect((await when(body["id"], "completed")).result).toEqual({ matched: 2, done: 2, skipped: 0 });
    const entries = await until(
      async () => {
        const { body: page } = await as("boss", "GET", "/api/v1/audit?action=schedules.backfill");
        const found = page["entries"] as { job_id: string }[];
        return found.length > 0 ? found : undefined;
      },
      { what: "the audit has it" },
    );
    expect(entries).toMatchObject([
      { target: "keyed", job_id: body["id"], details: { from: timeOf(0), to: timeOf(2) }, count: 2 },
    ]);
  });

  it("reports every issue of its payload", async () => {
    const { status, body } = await submitted("boss", {
      name: "-",
      from: timeOf(2),
      to: timeOf(1),
      rate: 0,
      max: 0,
      a: 1,
    });
    const paths = (body["errors"] as { path: string }[]).map((issue) => issue.path).sort();
    expect([status, paths]).toEqual([422, ["/payload/a", "/payload/max", "/payload/rate"]]);
    const valid = await submitted("boss", { name: "-", from: timeOf(2), to: timeOf(1) });
    expect((valid.body["errors"] as { path: string }[]).map((issue) => issue.path)).toEqual([
      "/payload/name",
      "/payload/from",
    ]);
  });

  it.each([
    ["too_many_ticks", { name: "keyed", from: timeOf(0), to: timeOf(3), max: 2 }],
    ["schedule_deleted", { name: "nothing", from: timeOf(0) }],
  ])("fails at once with %s", async (code, payload) => {
    const before = (await as("boss", "GET", "/api/v1/jobs?tag=keyed&limit=1000")).body["jobs"] as unknown[];
    const { body } = await submitted("boss", payload);
    expect((await when(body["id"], "failed")).error).toMatchObject({ code, attempt: 1 });
    expect((await as("boss", "GET", "/api/v1/jobs?tag=keyed&limit=1000")).body["jobs"]).toHaveLength(before.length);
  });

  it("has no ticks after its submission", async () => {
    const { body } = await submitted("boss", {
      name: "keyed",
      from: "2999-01-01T00:00:00Z",
      to: "2999-01-02T00:00:00Z",
    });
    expect((await when(body["id"], "completed")).result).toEqual({ matched: 0, done: 0, skipped: 0 });
  });

  it("charges its jobs to the key that submitted it, and waits for the quota", async () => {
    const { body } = await as("ruler", "POST", `${PATH}/backfill`, {
      from: timeOf(100),
      to: timeOf(120),
      rate: 10_000,
    });
    const own = async () =>
      ((await as("boss", "GET", "/api/v1/jobs?tag=keyed&limit=1000")).body["jobs"] as TickJob[]).filter(
        ({ schedule }) => schedule.tick >= timeOf(100),
      );
    const waiting = await when(body["id"], "retrying");
    expect(waiting.error).toMatchObject({ code: "quota_exceeded" });
    expect(ticksOf(await own())).toEqual([100, 101, 102, 103].map(timeOf)); // the backfill itself is the fifth
    for (const { id } of await own()) expect((await as("ruler", "GET", `/api/v1/jobs/${id}`)).status).toBe(200);
    await as("boss", "POST", `/api/v1/jobs/${String(body["id"])}/cancel`);
  });
});
