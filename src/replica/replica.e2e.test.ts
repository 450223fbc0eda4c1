import { once } from "node:events";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import sharp from "sharp";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { answer, HttpPeer } from "../testing/http-peer.ts";
import type { ApiJob, TestReplica, TestReplicaOptions } from "../testing/replica.ts";
import { call, closedPort, getJob, jobWhen, retriesOf, startReplica, submit } from "../testing/replica.ts";
import { freshDatabase, freshRedis, tempDir } from "../testing/services.ts";
import { SmtpPeer } from "../testing/smtp-peer.ts";
import { until } from "../testing/until.ts";

let smtp: SmtpPeer;
let http: HttpPeer;
let one: TestReplica;
let two: TestReplica;
let start: (env?: Record<string, string>, changes?: Partial<TestReplicaOptions>) => Promise<TestReplica>;

beforeAll(async () => {
  [smtp, http] = await Promise.all([SmtpPeer.start(), HttpPeer.start()]);
  const [redis, database] = await Promise.all([freshRedis(), freshDatabase()]);
  const artifacts = tempDir();
  start = (env = {}, changes = {}) =>
    startReplica({
      redis: redis.address,
      database: database.url,
      artifacts,
      ...changes,
      env: {
        SMTP_URL: smtp.url,
        OUTBOUND_ALLOW_PRIVATE: "true",
        LEASE_MS: "2000",
        DRAIN_MS: "500",
        RETRY_BASE_MS: "50",
        RETRY_MAX_MS: "400",
        ...env,
      },
    });
  one = await start();
  two = await start({ TASKFLOW_ROLE: "api" });
});
afterAll(async () => {
  await Promise.all([one.close(), two.close()]);
  await Promise.all([smtp.close(), http.close()]);
});

/** Waits until Postgres has all jobs, and reads the job counts. */
async function expectBalancedCounts(): Promise<void> {
  const stats = await until(
    async () => {
      const { body } = await call(two, "GET", "/api/v1/stats");
      const { outbox_depth: outbox, totals } = body as { outbox_depth: number; totals: Record<string, number> };
      return outbox === 0 && totals.running === 0 ? (body as { unaccounted: number }) : undefined;
    },
    { what: "everything is recorded" },
  );
  expect(stats.unaccounted).toBe(0);
}

describe("the whole path", () => {
  it("sends an email", async () => {
    const job = await jobWhen(
      two,
      await submit(two, "email", { to: "a@example.com", subject: "Hello", body: "World" }),
    );
    expect(job).toMatchObject({
      status: "completed",
      attempt: 1,
      worker: one.id,
      result: { accepted: ["a@example.com"] },
    });
    expect(smtp.messages.at(-1)?.mail.subject).toBe("Hello");
  });

  it("delivers a webhook on its third attempt, with delays that grow", async () => {
    http.respond(async ({ headers }) => answer((await retriesOf(two, String(headers["webhook-id"]))) < 2 ? 500 : 200));
    const before = http.requests.length;
    const job = await jobWhen(two, await submit(two, "webhook", { url: http.url("/hook"), body: { n: 1 } }));
    expect(job).toMatchObject({ status: "completed", attempt: 3, result: { status: 200 } });
    const bodies = http.requests.slice(before).map(({ body }) => body.toString());
    expect(new Set(bodies)).toEqual(new Set(['{"n":1}']));
    expect(bodies.length).toBeGreaterThanOrEqual(3);
  });

  it("fails a webhook that never succeeds, with the error of its last attempt", async () => {
    http.respond([503]);
    const job = await jobWhen(two, await submit(two, "webhook", { url: http.url("/down") }, { max_attempts: 2 }));
    expect(job).toMatchObject({ status: "failed", attempt: 2, error: { code: "http_503", attempt: 2 } });
  });

  it("resizes an image into variants, which another replica serves", async () => {
    const source = await sharp({ create: { width: 1_600, height: 1_000, channels: 3, background: "#336699" } })
      .jpeg()
      .toBuffer();
    const variants = [
      { width: 400, format: "png" },
      { width: 100, height: 100, fit: "cover", format: "webp" },
    ];
    const job = await jobWhen(
      two,
      await submit(two, "image_resize", { source: { base64: source.toString("base64") }, variants }),
    );
    expect(job).toMatchObject({
      status: "completed",
      result: {
        outputs: [
          { width: 400, height: 250 },
          { width: 100, height: 100 },
        ],
      },
    });
    const outputs = (job.result as { outputs: { artifact: string; bytes: number }[] }).outputs;
    for (const { artifact, bytes } of outputs) {
      const answer = await fetch(`${two.url}/api/v1/jobs/${job.id}/artifacts/${artifact}`);
      expect((await answer.arrayBuffer()).byteLength).toBe(bytes);
    }
  });

  it("exports rows to a file", async () => {
    const rows = Array.from({ length: 1_000 }, (_, n) => ({ n, text: `row ${n}` }));
    const job = await jobWhen(two, await submit(two, "data_export", { format: "csv", source: { rows } }));
    expect(job).toMatchObject({ status: "completed", result: { rows: 1_000 } });
    const answer = await fetch(`${two.url}/api/v1/jobs/${job.id}/artifacts/${String(job.result?.artifact)}`);
    expect((await answer.text()).trim().split("\r\n")).toHaveLength(1_001);
  });

  it("posts the finished job to its callback", async () => {
    http.respond([200]);
    const before = http.requests.length;
    const id = await submit(two, "noop", { secret: "s3cret" }, { callback_url: http.url("/done") });
    const request = await until(() => http.requests.slice(before).find(({ path }) => path === "/done"), {
      what: "the callback has come",
    });
    expect(JSON.parse(request.body.toString())).toMatchObject({
      id,
      type: "noop",
      status: "completed",
      payload: { secret: "[redacted]" },
      result: { ok: true },
    });
  });

  it("does not take a job's word for its URL", async () => {
    const guarded = await start({
      OUTBOUND_ALLOW_PRIVATE: "false",
      WORKER_TYPES: "webhook",
      REDIS_NAMESPACE: "guarded:0",
    });
    const job = await jobWhen(guarded, await submit(guarded, "webhook", { url: http.url("/internal") }));
    expect(job).toMatchObject({ status: "failed", error: { code: "target_refused" } });
    await guarded.close();
  });
});

describe("a job's life", () => {
  it.each([
    [{ do: "permanent" }, { status: "failed", attempt: 1, error: { code: "test_permanent" } }],
    [
      { do: "fail", times: 2 },
      { status: "completed", attempt: 3, result: { failed: 2 } },
    ],
    [
      { do: "fail", times: 9 },
      { status: "failed", attempt: 3, error: { code: "test_failure", message: "failure 3" } },
    ],
    [
      { do: "return", value: { x: 1 } },
      { status: "completed", result: { x: 1 } },
    ],
  ])("of %j ends as it should", async (payload, expected) => {
    expect(await jobWhen(two, await submit(two, "test_io", payload))).toMatchObject(expected);
  });

  it("waits for its time, and fails when it could not start by its end", async () => {
    const late = await submit(two, "noop", {}, { delay_ms: 400, expires_at: new Date(Date.now() + 200).toISOString() });
    const due = await submit(two, "noop", {}, { delay_ms: 300 });
    expect((await getJob(two, due)).status).toBe("scheduled");
    const job = await jobWhen(two, due);
    expect(Date.parse(job.started_at ?? "") - Date.parse(job.created_at)).toBeGreaterThanOrEqual(300);
    expect(await jobWhen(two, late)).toMatchObject({
      status: "failed",
      attempt: 0,
      worker: null,
      started_at: null,
      error: { code: "expired" },
    });
    expect(await call(two, "GET", `/api/v1/jobs/${late}/attempts`)).toMatchObject({ body: { attempts: [] } });
  });

  it("waits while a retry is asked for later, uncounted", async () => {
    const id = await submit(two, "test_io", { do: "retry_after", ms: 60_000 });
    expect(await jobWhen(two, id, "retrying")).toMatchObject({ attempt: 0, error: { code: "retry_after" } });
    expect((await call(two, "DELETE", `/api/v1/jobs/${id}`)).status).toBe(200);
    expect(await jobWhen(two, id)).toMatchObject({ status: "cancelled" });
  });

  it("ends a handler that takes too long, and one on a thread with its thread", async () => {
    const slow = await submit(two, "test_io", { do: "sleep", ms: 60_000 }, { timeout_ms: 200, max_attempts: 1 });
    const spin = await submit(two, "test_cpu", { do: "spin" }, { timeout_ms: 300, max_attempts: 1 });
    expect(await jobWhen(two, slow)).toMatchObject({ status: "failed", error: { code: "timeout" } });
    expect(await jobWhen(two, spin)).toMatchObject({ status: "failed", error: { code: "timeout" } });
    expect(await jobWhen(two, await submit(two, "test_cpu", { do: "return", value: 1 }))).toMatchObject({
      status: "completed",
      result: 1,
    });
  });

  it("is cancelled while it runs, on whichever replica", async () => {
    const id = await submit(two, "test_io", { do: "progress" });
    await until(async () => (await getJob(two, id)).progress === 40, { what: "the progress shows" });
    expect((await call(two, "DELETE", `/api/v1/jobs/${id}`)).status).toBe(202);
    expect(await jobWhen(two, id)).toMatchObject({ status: "cancelled" });
    expect((await call(two, "DELETE", `/api/v1/jobs/${id}`)).status).toBe(409);
    expect(one.lines()).toContainEqual(
      expect.objectContaining({ msg: "forty", job_id: id, type: "test_io", attempt: 1, replica: one.id }),
    );
  });

  it("does not delay others behind one type whose handlers hang", async () => {
    const full = await start({ IO_SLOTS: "5", REDIS_NAMESPACE: "full:0" });
    const hanging = await Promise.all(
      Array.from({ length: 20 }, () => submit(full, "test_io", { do: "sleep", ms: 60_000 })),
    );
    await until(async () => (await getJob(full, hanging[3] ?? "")).status === "running", {
      what: "the share of the type is full",
    });
    expect((await jobWhen(full, await submit(full, "noop", {}))).status).toBe("completed");
    expect((await getJob(full, hanging[19] ?? "")).status).toBe("queued");
    await full.close();
  });
});

describe("draining", () => {
  it("finishes jobs that end in time, releases the others, and loses none", async () => {
    const namespace = { REDIS_NAMESPACE: "drain:0" };
    const leaving = await start({ ...namespace, WORKER_TYPES: "webhook" });
    const gates = { "/quick": new AbortController(), "/long": new AbortController() };
    http.respond(async ({ path }) => {
      const { signal } = gates[path as keyof typeof gates];
      if (!signal.aborted) await once(signal, "abort");
      return answer(200);
    });
    const quick = await submit(leaving, "webhook", { url: http.url("/quick") });
    const long = await submit(leaving, "webhook", { url: http.url("/long") });
    await Promise.all([quick, long].map((id) => jobWhen(leaving, id, "running")));
    const closing = leaving.close();
    expect((await call(leaving, "POST", "/api/v1/jobs", { type: "noop", payload: {} })).status).toBe(503);
    gates["/quick"].abort();
    await closing;
    gates["/long"].abort();
    const next = await start(namespace);
    // the other is gone at once
    expect((await call(next, "GET", "/api/v1/workers")).body).toMatchObject({ workers: [{ id: next.id }] });
    expect(await jobWhen(next, quick)).toMatchObject({ status: "completed", worker: leaving.id });
    expect(await jobWhen(next, long)).toMatchObject({ status: "completed", attempt: 1, worker: next.id });
    await next.close();
  });

  it("ends handlers that ignore the signal, and reports when they are too many", async () => {
    let unfit = 0;
    const stuck = await start(
      { REDIS_NAMESPACE: "stuck:0", IO_SLOTS: "30" },
      {
        onUnfit: () => {
          unfit += 1;
        },
      },
    );
    const ids = await Promise.all(
      Array.from({ length: 20 }, () => submit(stuck, "test_io", { do: "hang" }, { timeout_ms: 100, max_attempts: 1 })),
    );
    for (const id of ids)
      expect(await jobWhen(stuck, id)).toMatchObject({ status: "failed", error: { code: "timeout" } });
    expect(unfit).toBe(1);
    await stuck.close();
  });
});

describe("many jobs", () => {
  it("are all recorded, once each, and every accepted job is accounted for on any replica", async () => {
    const jobs = Array.from({ length: 3_000 }, (_, n) => ({ type: "noop", payload: { n }, tags: ["many"] }));
    const { status, body } = await call(two, "POST", "/api/v1/jobs/batch", { jobs });
    expect(status).toBe(202);
    const ids = (body as { jobs: { id: string }[] }).jobs.map(({ id }) => id);
    expect(new Set(ids).size).toBe(3_000);
    await expectBalancedCounts();
    const listed = new Set<string>();
    for (let cursor: string | null = ""; cursor !== null; ) {
      const page = (
        await call(
          two,
          "GET",
          `/api/v1/jobs?tag=many&status=completed&limit=1000${cursor === "" ? "" : `&cursor=${cursor}`}`,
        )
      ).body as { jobs: ApiJob[]; next_cursor: string | null };
      page.jobs.forEach(({ id }) => listed.add(id));
      cursor = page.next_cursor;
    }
    expect(ids.filter((id) => !listed.has(id))).toEqual([]);
  });

  it("show in metrics, workers and health", async () => {
    const metrics = await (await fetch(`${one.url}/metrics`)).text();
    expect(metrics).toMatch(/taskflow_jobs_total\{type="noop",outcome="completed"\} [1-9]/);
    expect(metrics).toMatch(/taskflow_jobs_unaccounted 0/);
    const { workers } = (await call(two, "GET", "/api/v1/workers")).body as { workers: { id: string; role: string }[] };
    expect(workers.map(({ id }) => id)).toEqual(expect.arrayContaining([one.id, two.id]));
    expect(await call(two, "GET", "/api/v1/health")).toMatchObject({ status: 200, body: { status: "ok" } });
  });
});

describe("starting", () => {
  it("serves every interface on the port that it was given", async () => {
    const port = await closedPort();
    const open = await start({ SERVER_ADDR: `:${port}`, REDIS_NAMESPACE: "open:0" });
    expect(open.url).toBe(`http://127.0.0.1:${port}`);
    expect((await call(open, "GET", "/api/v1/queues")).status).toBe(200);
    await open.close();
  });

  it("fails with one sentence about the missing part", async () => {
    const nobody = `127.0.0.1:${await closedPort()}`;
    await expect(start({}, { database: `postgres://x:secret@${nobody}/x` })).rejects.toThrow(
      /^(?!.*secret).*127\.0\.0\.1/,
    );
    await expect(start({ WORKER_TYPES: "noop,nope" })).rejects.toThrow(
      /^WORKER_TYPES: no job type is named nope; there are email, /,
    );
    await expect(start({ SERVER_ADDR: one.url.replace("http://", "") })).rejects.toThrow(
      /^SERVER_ADDR: cannot listen on/,
    );
  });

  it("closes its open parts if a pool thread cannot open its resources", async () => {
    const jobsDir = tempDir();
    const file = join(jobsDir, "closed");
    const write = (type: string, lane: string, members: string): void =>
      writeFileSync(
        join(jobsDir, `${type}.mjs`),
        `import { writeFileSync } from "node:fs";
        export default ({ defineJob, Type, fixed }) => defineJob({ type: "${type}", lane: "${lane}", payload: Type.Object({}), attempts: 1, timeoutMs: 1_000, backoff: fixed(1), run: () => 0, ${members} });`,
      );
    write("opens", "io", `close: () => writeFileSync(${JSON.stringify(file)}, "closed")`);
    write("exits", "cpu", "open: () => process.exit(3)");
    await expect(start({ WORKER_TYPES: "opens,exits" }, { jobsDir })).rejects.toThrow("worker exited with code: 3");
    expect(readFileSync(file, "utf8")).toBe("closed");
  });
});
