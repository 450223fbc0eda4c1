import { createHash, randomBytes } from "node:crypto";
import { Redis } from "ioredis";
import pg from "pg";
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { HttpPeer } from "../testing/http-peer.ts";
import type { ApiJob, TestReplica } from "../testing/replica.ts";
import { call, jobWhen, startReplica, submit } from "../testing/replica.ts";
import { freshDatabase, freshRedis, tempDir } from "../testing/services.ts";
import { SmtpPeer } from "../testing/smtp-peer.ts";
import { until } from "../testing/until.ts";

const KIB = 1024;
const MIB = 1024 * KIB;

let replica: TestReplica;
let redis: Redis;
let database: pg.Client;
let http: HttpPeer;
let smtp: SmtpPeer;

beforeAll(async () => {
  const [{ address }, { url }] = await Promise.all([freshRedis(), freshDatabase()]);
  [http, smtp] = await Promise.all([HttpPeer.start(), SmtpPeer.start()]);
  const env = { SMTP_URL: smtp.url, OUTBOUND_ALLOW_PRIVATE: "true", RETRY_BASE_MS: "10", RETRY_MAX_MS: "10" };
  replica = await startReplica({ redis: address, database: url, artifacts: tempDir(), env });
  redis = new Redis(address);
  database = new pg.Client({ connectionString: url });
  await database.connect();
});

afterAll(async () => {
  await replica.close();
  await Promise.all([http.close(), smtp.close(), database.end()]);
  redis.disconnect();
});

beforeEach(() => {
  http.respond([200]);
});

const text = (bytes: number): string => randomBytes(bytes / 2).toString("hex");
const payloadOf = async (id: string): Promise<unknown> =>
  (await database.query<{ payload: unknown }>("select payload from jobs where id = $1", [id])).rows[0]?.payload;

/** Waits until Redis has no data of a job. */
async function forgotten(): Promise<void> {
  const left = async (): Promise<string[]> => [
    ...(await redis.keys("{taskflow:0}:p:*")),
    ...(await redis.keys("{taskflow:0}:j:*")),
  ];
  await until(async () => (await left()).length === 0, { what: "Redis has forgotten all jobs" });
  expect((await call(replica, "GET", "/api/v1/stats")).body).toMatchObject({ unaccounted: 0, outbox_depth: 0 });
}

describe.each([
  ["on the main thread", 40 * KIB],
  ["on a thread of lane io", 700 * KIB],
])("a job with a large payload, %s", (_, bytes) => {
  it("runs, is answered without it, and is recorded with it", async () => {
    const payload = { do: "return", value: 7, filler: text(bytes) };
    const { status, body } = await call(replica, "POST", "/api/v1/jobs?wait=30", { type: "test_io", payload });
    expect(status).toBe(200);
    expect(body).toMatchObject({ status: "completed", result: 7, payload: null, payload_omitted: true });
    const { id } = body as ApiJob;
    await forgotten();
    expect(await payloadOf(id)).toEqual(payload);
    const shown = { id, payload: null, payload_omitted: true };
    expect((await call(replica, "GET", `/api/v1/jobs/${id}`)).body).toMatchObject(shown);
    expect((await call(replica, "GET", "/api/v1/jobs?limit=1")).body).toMatchObject({ jobs: [shown] });
  });

  it("retries, and is retried from Postgres", async () => {
    const payload = { do: "fail", times: 10, filler: text(bytes) };
    const id = await submit(replica, "test_io", payload, { max_attempts: 2 });
    expect(await jobWhen(replica, id)).toMatchObject({ status: "failed", attempt: 2, error: { message: "failure 2" } });
    await forgotten();
    const again = (await call(replica, "POST", `/api/v1/jobs/${id}/retry`)).body as ApiJob;
    expect(again).toMatchObject({ retry_of: id, payload_omitted: true });
    await jobWhen(replica, again.id, "failed");
    await forgotten();
    expect(await payloadOf(again.id)).toEqual(payload);
  });

  it("has its progress, its log and its signal", async () => {
    const id = await submit(replica, "test_io", { do: "progress", filler: text(bytes) });
    await until(async () => ((await call(replica, "GET", `/api/v1/jobs/${id}`)).body as ApiJob).progress === 40, {
      what: "it has reported",
    });
    expect((await call(replica, "DELETE", `/api/v1/jobs/${id}`)).status).toBe(202);
    await jobWhen(replica, id, "cancelled");
    await forgotten();
    const { attempts } = (await call(replica, "GET", `/api/v1/jobs/${id}/attempts`)).body as {
      attempts: { log: string[] }[];
    };
    expect(attempts[0]?.log).toEqual([expect.stringContaining("forty")]);
  });

  it("sends a webhook byte by byte, and a callback that leaves the payload out", async () => {
    const body = { filler: text(bytes), unicode: "ä🎉" };
    const id = await submit(replica, "webhook", { url: http.url("/hook"), body }, { callback_url: http.url("/done") });
    expect(await jobWhen(replica, id)).toMatchObject({ status: "completed", result: { status: 200 } });
    const sent = await until(
      () => http.requests.find(({ path, body: callback }) => path === "/done" && callback.includes(id)),
      {
        what: "the callback comes",
      },
    );
    expect(JSON.parse(String(sent.body))).toMatchObject({
      id,
      status: "completed",
      payload: null,
      payload_omitted: true,
    });
    const hook = http.requests.find(({ path, body: request }) => path === "/hook" && request.includes(body.filler));
    expect(JSON.parse(String(hook?.body))).toEqual(body);
    await forgotten();
  });
});

it("a callback with a large result carries all of it", async () => {
  const value = text(300 * KIB);
  const id = await submit(replica, "test_io", { do: "return", value: "", filler: "" });
  await jobWhen(replica, id);
  const large = await submit(replica, "test_io", { do: "return", value }, { callback_url: http.url("/result") });
  const sent = await until(() => http.requests.find(({ path }) => path === "/result"), { what: "the callback comes" });
  expect(JSON.parse(String(sent.body))).toMatchObject({ id: large, result: value });
  await forgotten();
});

it("an email of 15 MiB arrives, from a submission of durability postgres", async () => {
  const content = randomBytes(11 * MIB);
  const payload = {
    to: "you@example.com",
    subject: "Large",
    body: "See attachment",
    attachments: [{ filename: "a.bin", base64: content.toString("base64") }],
  };
  const id = await submit(replica, "email", payload, { durability: "postgres" });
  expect(await jobWhen(replica, id)).toMatchObject({ status: "completed", payload: null });
  const message = await until(() => smtp.messages[0], { what: "the message is there" });
  const hash = (bytes: Buffer | undefined): string =>
    createHash("sha256")
      .update(bytes ?? "")
      .digest("hex");
  expect(hash(message.mail.attachments[0]?.content)).toBe(hash(content));
  await forgotten();
  expect(await payloadOf(id)).toEqual(payload);
});

it("a job of lane cpu gets its large payload", async () => {
  const rows = Array.from({ length: 3_000 }, (_, n) => ({ n, filler: text(200) }));
  const id = await submit(replica, "data_export", { format: "ndjson", source: { rows } });
  expect(await jobWhen(replica, id)).toMatchObject({ status: "completed", result: { rows: 3_000 } });
  const { artifact } = ((await call(replica, "GET", `/api/v1/jobs/${id}`)).body as { result: { artifact: string } })
    .result;
  const lines = await (await fetch(`${replica.url}/api/v1/jobs/${id}/artifacts/${artifact}`)).text();
  expect(
    lines
      .trimEnd()
      .split("\n")
      .map((line) => JSON.parse(line) as unknown),
  ).toEqual(rows);
  await forgotten();
});

it("one whose payload Redis has lost fails, and is not run again without it", async () => {
  const id = await submit(replica, "test_io", { do: "return", filler: text(40 * KIB) }, { delay_ms: 3_600_000 });
  await redis.del(`{taskflow:0}:p:${id}`);
  await redis.zadd("{taskflow:0}:scheduled", 1, id);
  expect(await jobWhen(replica, id)).toMatchObject({ status: "failed", error: { code: "unreadable" } });
  await forgotten();
  expect(await call(replica, "POST", `/api/v1/jobs/${id}/retry`)).toMatchObject({
    status: 409,
    body: { code: "job_not_retryable" },
  });
  const { body } = await call(replica, "POST", "/api/v1/jobs/replay", { error_code: "unreadable" });
  expect(await jobWhen(replica, (body as ApiJob).id)).toMatchObject({
    status: "completed",
    result: { matched: 0, replayed: 0 },
  });
});
