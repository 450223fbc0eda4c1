/** Reruns are charged to the key that submitted the replay, when they are enqueued. */
import { createHash } from "node:crypto";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { ApiJob, TestReplica } from "../testing/replica.ts";
import { jobReadWhen, startReplica } from "../testing/replica.ts";
import { freshDatabase, freshRedis, tempDir } from "../testing/services.ts";
import { until } from "../testing/until.ts";

const hashOf = (key: string): string => createHash("sha256").update(key).digest("hex");
const KEYS = [
  ["small", "20/d"],
  ["pair", "20/d"],
  ["slow", "20/4s"],
  ["bytes", ""],
  ["again", ""],
  ["operator", ""],
] as const;

let replica: TestReplica;
beforeAll(async () => {
  const [redis, database, artifacts] = [await freshRedis(), await freshDatabase(), tempDir()];
  const entries = KEYS.map(
    ([name, quota]) =>
      `${name}:${name === "operator" ? "admin" : "submit+read"}:${hashOf(name)}${quota === "" ? "" : `:quota=${quota}`}`,
  );
  replica = await startReplica({
    redis: redis.address,
    database: database.url,
    artifacts,
    env: { TASKFLOW_API_KEYS: entries.join(","), JOB_BYTES_QUOTA: "500000/d" },
  });
});
afterAll(() => replica.close());

async function callAs(key: string, method: string, path: string, body?: unknown) {
  const headers = { authorization: `Bearer ${key}`, ...(body !== undefined && { "content-type": "application/json" }) };
  const answer = await fetch(replica.url + path, {
    method,
    headers,
    ...(body !== undefined && { body: JSON.stringify(body) }),
  });
  return {
    status: answer.status,
    limit: answer.headers.get("ratelimit") ?? "",
    body: (await answer.json()) as Record<string, unknown>,
  };
}

const rerun = async (key: string, body: object) =>
  callAs(key, "POST", "/api/v1/jobs/replay", { status: "completed", ...body });
const when = (id: unknown, ...statuses: string[]): Promise<ApiJob> =>
  jobReadWhen(async (path) => (await callAs("operator", "GET", path)).body, String(id), statuses);

async function completed(key: string, count: number, payload: object = {}): Promise<void> {
  const { status, body } = await callAs(key, "POST", "/api/v1/jobs/batch", {
    jobs: Array.from({ length: count }, () => ({ type: "noop", payload, tags: [key] })),
  });
  expect(status).toBe(202);
  for (const { id } of body["jobs"] as ApiJob[]) await when(id, "completed");
  // A replay reads rows, which are written a moment after a job has ended.
  await until(
    async () => Number((await rerun("operator", { tag: key, dry_run: true })).body["matched"] ?? 0) >= count,
    { what: `rows of ${key}` },
  );
}

async function jobsOf(tag: string): Promise<(ApiJob & { readonly retry_of: string | null })[]> {
  return (await callAs("operator", "GET", `/api/v1/jobs?tag=${tag}&limit=1000`)).body["jobs"] as (ApiJob & {
    readonly retry_of: string | null;
  })[];
}

describe("the quota of a key", { timeout: 300_000 }, () => {
  it("bounds the reruns of its replays, however often they are submitted; a replay waits, and reports it, when it is spent", async () => {
    await completed("small", 10);
    const reruns: unknown[] = [];
    for (let i = 0; i < 6; i++) {
      const { status, body } = await rerun("small", { tag: "small" });
      if (status === 202) reruns.push(body["id"]);
      else expect([status, body["code"]]).toEqual([429, "quota_exceeded"]);
      for (const id of reruns) await when(id, "completed", "retrying");
    }
    const all = await jobsOf("small");
    expect(all.length + reruns.length).toBe(20);
    const waiting = await when(reruns.at(-1), "retrying");
    expect(waiting).toMatchObject({ attempt: 0, error: { code: "quota_exceeded" } });
    const { body: why } = await callAs("operator", "GET", `/api/v1/jobs/${waiting.id}/why`);
    expect(why).toMatchObject({ reason: "retry_at", detail: expect.stringContaining("quota") as unknown });
    expect(Date.parse(String(why["until"]))).toBeGreaterThan(Date.now() + 600_000);
    expect(replica.lines()).toContainEqual(
      expect.objectContaining({ job_id: waiting.id, msg: expect.stringContaining("quota") as unknown }),
    );
    expect((await callAs("operator", "DELETE", `/api/v1/jobs/${waiting.id}`)).status).toBe(200);
  });

  it("is shared by two concurrent replays, whichever call submitted them", async () => {
    await completed("pair", 10);
    const [one, two] = await Promise.all([
      rerun("pair", { tag: "pair" }),
      callAs("pair", "POST", "/api/v1/jobs/batch", {
        jobs: [{ type: "replay", payload: { status: "completed", tag: "pair" } }],
      }),
    ]);
    const ids = [one.body["id"], (two.body["jobs"] as ApiJob[])[0]?.id];
    for (const id of ids) await when(id, "completed", "retrying");
    expect((await jobsOf("pair")).length + ids.length).toBe(20);
    for (const id of ids) await callAs("operator", "DELETE", `/api/v1/jobs/${String(id)}`);
  });

  it("lets the replay continue to its end when it refills, in order, without using up an attempt", async () => {
    await completed("slow", 20);
    const { body } = await until(
      async () => {
        const answer = await rerun("slow", { tag: "slow", rate: 1_000 });
        return answer.status === 202 ? answer : undefined;
      },
      { what: "a job is left", timeoutMs: 60_000 },
    );
    expect(await when(body["id"], "completed")).toMatchObject({ attempt: 1, result: { matched: 20, replayed: 20 } });
    expect((await jobsOf("slow")).filter(({ retry_of: of }) => of !== null)).toHaveLength(20);
  });

  it("of bytes is charged too, for large payloads as for small ones", async () => {
    await completed("bytes", 1, { text: "x".repeat(100_000) });
    await completed("bytes", 4, { text: "x".repeat(50_000) }); // 300,000 bytes
    const { body } = await rerun("bytes", { tag: "bytes" });
    await when(body["id"], "retrying");
    const copies = (await jobsOf("bytes")).filter(({ retry_of: of }) => of !== null);
    expect(copies.length).toBe(4); // begun within the quota, the last is taken whole
    const { status, body: refused } = await callAs("bytes", "POST", "/api/v1/jobs", { type: "noop", payload: {} });
    expect([status, refused["code"]]).toEqual([429, "quota_exceeded"]);
    await callAs("operator", "DELETE", `/api/v1/jobs/${String(body["id"])}`);
  });

  it("is charged only for new jobs: a rejected batch and a repeat cost nothing", async () => {
    const left = async (): Promise<string> =>
      (await callAs("again", "POST", "/api/v1/jobs", { type: "noop", payload: {} })).limit;
    const before = Number(/"bytes";r=(\d+)/.exec(await left())?.[1]);
    const refused = await callAs("again", "POST", "/api/v1/jobs/batch", {
      jobs: [
        { type: "noop", payload: { text: "x".repeat(1_000) } },
        { type: "nothing", payload: {} },
      ],
    });
    expect(refused.status).toBe(422);
    expect(before - Number(/"bytes";r=(\d+)/.exec(await left())?.[1])).toBeLessThan(100);
  });
});

describe("the key that pays for a replay", () => {
  it("cannot be named by a caller, and is shown to none", async () => {
    for (const body of [
      { type: "replay", payload: { payer: { key: "x" } } },
      { type: "replay", payload: {}, payer: { key: "x" } },
      { type: "replay", payload: {}, options: { payer: { key: "x" } } },
    ]) {
      expect((await callAs("again", "POST", "/api/v1/jobs", body)).status).toBe(422);
    }
    expect((await rerun("again", { payer: { key: "x" } })).status).toBe(422);
    const { body } = await rerun("again", { tag: "nobody" });
    for (const path of ["", "/attempts", "/why"])
      expect(
        JSON.stringify((await callAs("operator", "GET", `/api/v1/jobs/${String(body["id"])}${path}`)).body),
      ).not.toContain("payer");
    expect(JSON.stringify(body)).not.toContain(hashOf("again").slice(0, 16));
  });
});

describe("copies", () => {
  it("are not part of a later replay, unless it includes them", async () => {
    await completed("again", 3);
    const made: unknown[] = [];
    for (let i = 0; i < 3; i++) {
      const { result } = await when((await rerun("again", { tag: "again" })).body["id"], "completed");
      made.push(result);
      for (const job of await jobsOf("again")) await when(job.id, "completed");
    }
    expect(made).toEqual(Array.from({ length: 3 }, () => ({ matched: 3, replayed: 3, done: 3, skipped: 0 })));
    expect((await rerun("again", { tag: "again", dry_run: true })).body).toEqual({ matched: 3 });
    expect((await rerun("again", { tag: "again", dry_run: true, include_replayed: true })).body).toEqual({
      matched: 12,
    });
    const { id } = (await rerun("again", { tag: "again", include_replayed: true })).body;
    expect(await when(id, "completed")).toMatchObject({ result: { matched: 12, replayed: 12 } });
    expect((await rerun("again", { include_replayed: "yes" })).status).toBe(422);
  });
});
