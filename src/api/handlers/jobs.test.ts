import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { ApiServer } from "../../testing/api-server.ts";
import { request, startApiServer } from "../../testing/api-server.ts";
import { ioSlots } from "../../testing/queue.ts";
import { freshDatabase, freshRedis, ownPostgres, ownRedis } from "../../testing/services.ts";

const UNKNOWN = "01890000-0000-7000-8000-000000000000";

async function submit(server: ApiServer, fields: object = {}): Promise<string> {
  const { status, body } = await request(server, "POST", "/api/v1/jobs", {
    type: "note",
    payload: { text: "hello" },
    ...fields,
  });
  expect(status).toBe(202);
  return String(body.id);
}
const get = (server: ApiServer, id: string) => request(server, "GET", `/api/v1/jobs/${id}`);
const cancel = (server: ApiServer, id: string) => request(server, "DELETE", `/api/v1/jobs/${id}`);

describe("one job", () => {
  let server: ApiServer;
  beforeAll(async () => {
    server = await startApiServer();
  });
  afterAll(() => server.close());

  it("is found while it waits, in the outbox, and in Postgres alone", async () => {
    const id = await submit(server);
    expect((await get(server, id)).body).toMatchObject({ status: "queued" });
    const finished = await server.finishNext(`{"n":12345678901234567890}`);
    const inOutbox = await get(server, id);
    expect(inOutbox.text).toContain(`"result":{"n":12345678901234567890}`);
    expect(inOutbox.body).toMatchObject({
      id,
      status: "completed",
      attempt: 1,
      worker: finished.worker,
      finished_at: expect.any(String) as unknown,
    });
    await server.record(finished);
    expect(await server.queue.read([id])).toEqual([]);
    expect((await get(server, id)).text).toBe(inOutbox.text);
    expect((await get(server, id.toUpperCase())).status).toBe(200);
  });

  it("is 404 if it does not exist, and 400 if the id is not a UUID", async () => {
    expect(await get(server, UNKNOWN)).toMatchObject({ status: 404, body: { code: "job_not_found" } });
    expect(await get(server, "batches")).toMatchObject({ status: 400, body: { code: "invalid_id" } });
    expect(await cancel(server, UNKNOWN)).toMatchObject({ status: 404, body: { code: "job_not_found" } });
    expect(await cancel(server, "1")).toMatchObject({ status: 400, body: { code: "invalid_id" } });
  });

  it("is cancelled and recorded if it waits", async () => {
    const id = await submit(server);
    expect(await cancel(server, id)).toMatchObject({ status: 200, body: { id, status: "cancelled" } });
    expect(server.cancelled.map((job) => job.id)).toContain(id);
    expect(await cancel(server, id)).toMatchObject({ status: 409, body: { code: "job_finished" } });
    await server.record(...server.cancelled);
    expect(await cancel(server, id)).toMatchObject({ status: 409, body: { code: "job_finished" } });
  });

  it("sends its callback if it is cancelled while it waits", async () => {
    const id = await submit(server, { callback_url: "https://hooks.example/done", delay_ms: 60_000 });
    const { body } = await cancel(server, id);
    const { claimed } = await server.queue.claim(98, 1, ioSlots({ webhook: 1 }));
    expect(claimed.map(({ payload }) => JSON.parse(payload as string) as unknown)).toEqual([
      { url: "https://hooks.example/done", body: { ...(body as object), submitted_by: null } },
    ]);
  });

  it("is asked to stop while it runs", async () => {
    const id = await submit(server);
    await server.queue.claim(99, 1, ioSlots({ note: 1 }));
    expect(await cancel(server, id)).toMatchObject({ status: 202, body: { id, status: "running" } });
  });
});

describe("a job while Redis or Postgres is unavailable", () => {
  it("is read from the available one, and is 503 if only the unavailable one may have it", async () => {
    const [redis, postgres] = await Promise.all([ownRedis(), ownPostgres()]);
    const server = await startApiServer({ redis: redis.address, database: postgres.address });
    const recorded = await submit(server);
    await server.record(await server.finishNext(`{"ok":true}`));
    const waiting = await submit(server);
    await postgres.kill();
    expect((await get(server, waiting)).body).toMatchObject({ status: "queued" });
    expect(await get(server, recorded)).toMatchObject({ status: 503, body: { code: "store_unavailable" } });
    expect(await request(server, "GET", "/api/v1/health")).toMatchObject({
      status: 200,
      body: { status: "degraded", checks: { redis: { status: "ok" }, postgres: { status: "degraded" } } },
    });
    expect(await request(server, "GET", "/api/v1/health/ready")).toMatchObject({ status: 200 });
    await postgres.restart();
    await redis.kill();
    expect((await get(server, recorded)).body).toMatchObject({ status: "completed" });
    expect(await get(server, waiting)).toMatchObject({ status: 503, body: { code: "queue_unavailable" } });
    expect(await request(server, "GET", "/api/v1/health/live")).toMatchObject({ status: 200 });
    await server.close();
  });
});

describe("the list", () => {
  let server: ApiServer;
  const ids: string[] = [];
  beforeAll(async () => {
    const [redis, database] = await Promise.all([freshRedis(), freshDatabase()]);
    server = await startApiServer({ redis: redis.address, database: database.url });
    // ten jobs, the oldest first: 0 to 3 in Postgres alone, 4 and 5 in the outbox and Postgres, 6 and 7 in the outbox,
    // 8 and 9 waiting
    for (let i = 0; i < 8; i++)
      ids.push(await submit(server, { tags: [i % 2 === 0 ? "even" : "odd"], group_key: `g${i % 3}` }));
    const finished = [];
    for (let i = 0; i < 8; i++) finished.push(await server.finishNext(`{"i":${i}}`));
    await server.record(...finished.slice(0, 4));
    const forget = server.queue.forget.bind(server.queue);
    server.queue.forget = () => Promise.resolve(); // as if the replica had crashed just after the commit
    await server.record(...finished.slice(4, 6));
    server.queue.forget = forget;
    ids.push(await submit(server, { tags: ["even"] }), await submit(server, { tags: ["odd"], delay_ms: 60_000 }));
  });
  afterAll(() => server.close());

  const list = async (query: string) => {
    const { status, body } = await request(server, "GET", `/api/v1/jobs${query}`);
    expect(status).toBe(200);
    const { jobs, next_cursor } = body as unknown as {
      jobs: { id: string; status: string }[];
      next_cursor: string | null;
    };
    return {
      indexes: jobs.map(({ id }) => ids.indexOf(id)),
      statuses: jobs.map(({ status: each }) => each),
      cursor: next_cursor,
    };
  };

  it("contains live and finished jobs once each, newest first", async () => {
    expect(await list("")).toEqual({
      indexes: [9, 8, 7, 6, 5, 4, 3, 2, 1, 0],
      statuses: ["scheduled", "queued", ...Array<string>(8).fill("completed")],
      cursor: null,
    });
  });

  it.each([1, 3, 10])("has pages of %i, to the end", async (limit) => {
    const seen: number[] = [];
    let cursor: string | null = "";
    let pages = 0;
    for (; cursor !== null && pages < 20; pages++) {
      const page = await list(`?limit=${limit}${cursor === "" ? "" : `&cursor=${cursor}`}`);
      expect(page.indexes.length).toBeLessThanOrEqual(limit);
      seen.push(...page.indexes);
      cursor = page.cursor;
    }
    expect(seen).toEqual([9, 8, 7, 6, 5, 4, 3, 2, 1, 0]);
    expect(cursor).toBeNull();
  });

  it.each([
    ["?status=completed", [7, 6, 5, 4, 3, 2, 1, 0]],
    ["?status=scheduled", [9]],
    ["?tag=even", [8, 6, 4, 2, 0]],
    ["?tag=even&group_key=g0", [6, 0]],
    ["?type=strict", []],
    ["?type=note&status=queued", [8]],
    ["?error_code=timeout", []],
  ])("is filtered by %s", async (query, indexes) => {
    expect(await list(query)).toMatchObject({ indexes, cursor: null });
  });

  it("is bounded by time, excluding the later bound", async () => {
    const at = async (index: number) =>
      encodeURIComponent(String((await get(server, ids[index] ?? "")).body.created_at));
    const { indexes } = await list(`?created_after=${await at(3)}&created_before=${await at(8)}`);
    expect(indexes).toEqual(expect.arrayContaining([3]) as unknown);
    expect(indexes).not.toContain(8);
    expect((await list("?created_before=2020-01-01T00:00:00Z")).indexes).toEqual([]);
    expect(await list("?created_before=1969-01-01T00:00:00Z")).toMatchObject({ indexes: [], cursor: null });
    expect((await list("?created_after=0000-01-01T00:00:00Z")).indexes).toHaveLength(10);
  });

  it.each(["type", "tag", "group_key", "error_code"])(
    "rejects a NUL in %s, which Postgres cannot store",
    async (name) => {
      expect(await request(server, "GET", `/api/v1/jobs?${name}=a%00`)).toMatchObject({
        status: 422,
        body: { errors: [{ path: `/${name}`, message: "has a NUL character" }] },
      });
    },
  );

  it("reports every issue of its query", async () => {
    const { status, body } = await request(
      server,
      "GET",
      "/api/v1/jobs?limit=0&cursor=x&status=done&created_after=now&colour=red&type=a&type=b&tag=",
    );
    expect(status).toBe(422);
    expect((body.errors as { path: string }[]).map(({ path }) => path)).toEqual(
      expect.arrayContaining(["/type", "/tag", "/colour", "/status"]) as unknown,
    );
    const second = await request(
      server,
      "GET",
      "/api/v1/jobs?limit=1001&cursor=x&created_after=now&created_before=then",
    );
    expect((second.body.errors as { path: string }[]).map(({ path }) => path)).toEqual([
      "/created_after",
      "/created_before",
      "/cursor",
      "/limit",
    ]);
  });
});

describe("a long list", () => {
  it("is examined ten thousand ids at a time: a page may be empty before the end", async () => {
    const server = await startApiServer();
    const old = await submit(server);
    // the set of scheduled jobs is too large to be sorted
    const jobs = Array.from({ length: 10_000 }, () => ({
      type: "strict",
      payload: { fails: false },
      delay_ms: 3_600_000,
    }));
    expect(await request(server, "POST", "/api/v1/jobs/batch", { jobs })).toMatchObject({ status: 202 });
    const first = await request(server, "GET", "/api/v1/jobs?type=note");
    expect(first.body).toEqual({ jobs: [], next_cursor: expect.any(String) as unknown, examined: 10_000 });
    const second = await request(server, "GET", `/api/v1/jobs?type=note&cursor=${String(first.body.next_cursor)}`);
    expect(second.body).toMatchObject({ jobs: [{ id: old }], next_cursor: null, examined: 1 });
    const full = await request(server, "GET", "/api/v1/jobs?limit=1000");
    expect(full.body.jobs).toHaveLength(1_000);
    await server.close();
  });
});

describe("a list of large jobs", () => {
  it("has pages that fit into memory, if they are finished", async () => {
    const server = await startApiServer();
    const result = JSON.stringify("x".repeat(1_000_000));
    const ids: string[] = [];
    for (let i = 0; i < 12; i++) ids.push(await submit(server));
    for (let i = 0; i < 12; i++) await server.record(await server.finishNext(result));
    const { jobs, lastExamined } = await server.store.range({ limit: 1_000, maxBytes: 4_000_000 });
    expect(jobs.map(({ id }) => id)).toEqual(ids.slice(8).reverse());
    expect(lastExamined).toBe(ids[8]);
    const first = await request(server, "GET", "/api/v1/jobs?limit=1000");
    expect((first.body.jobs as { id: string }[]).map(({ id }) => id)).toEqual(ids.slice(4).reverse());
    const filtered = await request(
      server,
      "GET",
      `/api/v1/jobs?type=note&limit=1000&cursor=${String(first.body.next_cursor)}`,
    );
    expect(filtered.body).toMatchObject({
      jobs: ids
        .slice(0, 4)
        .reverse()
        .map((id) => ({ id })),
      next_cursor: null,
    });
    await server.close();
  });

  it("has pages that fit into memory", async () => {
    const server = await startApiServer();
    const jobs = Array.from({ length: 100 }, () => ({ type: "note", payload: { text: "x".repeat(30_000) } }));
    for (let i = 0; i < 4; i++) await request(server, "POST", "/api/v1/jobs/batch", { jobs });
    const first = await request(server, "GET", "/api/v1/jobs?limit=1000");
    const shown = (first.body.jobs as unknown[]).length;
    expect(shown).toBe(Math.floor((8 * 1024 * 1024) / JSON.stringify(jobs[0]?.payload).length));
    const second = await request(server, "GET", `/api/v1/jobs?limit=1000&cursor=${String(first.body.next_cursor)}`);
    expect(second.body).toMatchObject({ next_cursor: null });
    expect(second.body.jobs).toHaveLength(400 - shown);
    await server.close();
  });

  it("omits large payloads, live or finished, and filters by the other fields", async () => {
    const server = await startApiServer();
    const text = "x".repeat(1_500_000);
    const ids: string[] = [];
    for (let i = 0; i < 8; i++)
      ids.push(await submit(server, { payload: { text }, tags: [i < 2 ? "some" : "others"] }));
    const whole = await request(server, "GET", "/api/v1/jobs");
    expect(whole.body).toMatchObject({
      jobs: ids.toReversed().map((id) => ({ id, payload: null })),
      next_cursor: null,
    });
    for (let i = 0; i < 4; i++) await server.record(await server.finishNext("1"));
    const all = await request(server, "GET", "/api/v1/jobs");
    expect(all.body).toMatchObject({
      jobs: ids.toReversed().map((id) => ({ id, payload: null, payload_omitted: true })),
      next_cursor: null,
    });
    const none = await request(server, "GET", "/api/v1/jobs?tag=nobody");
    expect(none.body).toEqual({ jobs: [], next_cursor: null, examined: 8 });
    const some = await request(server, "GET", "/api/v1/jobs?tag=some");
    expect((some.body.jobs as { id: string }[]).map(({ id }) => id)).toEqual(ids.slice(0, 2).reverse());
    await server.close();
  });
});
