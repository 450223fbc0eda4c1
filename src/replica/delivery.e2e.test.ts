/** What the system makes of deliveries: the time that a payload asks for, and receivers that answer oddly. */
import { setTimeout as delay } from "node:timers/promises";
import { afterAll, beforeAll, expect, it } from "vitest";
import { isFull } from "../testing/full.ts";
import { answer, HttpPeer, redirect } from "../testing/http-peer.ts";
import type { TestReplica } from "../testing/replica.ts";
import { call, jobWhen, startReplica, submit } from "../testing/replica.ts";
import { freshDatabase, freshRedis, tempDir } from "../testing/services.ts";
import { TcpPeer } from "../testing/tcp-peer.ts";
import { until } from "../testing/until.ts";

/** Longer than a webhook's attempt takes by default, where there is time for that. */
const SLOW_MS = isFull ? 33_000 : 100;

let replica: TestReplica;
let http: HttpPeer;
let raw: TcpPeer;
beforeAll(async () => {
  const [{ address }, { url }] = await Promise.all([freshRedis(), freshDatabase()]);
  [http, raw] = await Promise.all([HttpPeer.start(), TcpPeer.start()]);
  replica = await startReplica({
    redis: address,
    database: url,
    artifacts: tempDir(),
    env: { OUTBOUND_ALLOW_PRIVATE: "true", RETRY_BASE_MS: "10", RETRY_MAX_MS: "10" },
  });
});
afterAll(async () => {
  await replica.close();
  await Promise.all([http.close(), raw.close()]);
});

it(
  "waits for an answer as long as timeout_ms says",
  async () => {
    http.respond(async () => {
      await delay(SLOW_MS);
      return answer(200, {}, "slow");
    });
    const id = await submit(
      replica,
      "webhook",
      { url: http.url("/slow"), body: 1, timeout_ms: 60_000 },
      { max_attempts: 1 },
    );
    expect(await jobWhen(replica, id, "completed")).toMatchObject({
      attempt: 1,
      result: { status: 200, response_excerpt: "slow" },
    });
  },
  SLOW_MS + 40_000,
);

it("refuses a timeout_ms of the payload that the job does not allow", async () => {
  const { status, body } = await call(replica, "POST", "/api/v1/jobs", {
    type: "webhook",
    timeout_ms: 5_000,
    payload: { url: http.url(), timeout_ms: 5_001 },
  });
  expect([status, body]).toMatchObject([
    422,
    { errors: [{ path: "/payload/timeout_ms", message: "expected at most the job's timeout_ms, 5000" }] },
  ]);
});

it("fails a delivery whose redirect drops the body", async () => {
  http.respond(({ path }) => (path === "/302" ? redirect("/ok") : answer(200)));
  const id = await submit(replica, "webhook", { url: http.url("/302"), body: { a: 1 }, follow_redirects: 1 });
  expect(await jobWhen(replica, id, "failed")).toMatchObject({ attempt: 1, error: { code: "redirect_drops_body" } });
  expect(http.requests.some(({ path }) => path === "/ok")).toBe(false);
});

it("calls back once if the receiver's 200 is hardly HTTP", async () => {
  raw.answer("HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\nbad header: x\ncontent-length: 99\n\nthanks");
  const delivered = async () =>
    ((await call(replica, "GET", "/api/v1/jobs?type=webhook&status=completed")).body as { jobs: unknown[] }).jobs
      .length;
  const before = await delivered();
  await submit(replica, "noop", {}, { callback_url: raw.url });
  await until(async () => (await delivered()) > before || raw.requests > 1, { what: "the callback is delivered" });
  expect(raw.requests).toBe(1);
});
