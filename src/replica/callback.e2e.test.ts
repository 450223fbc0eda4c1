/** Callbacks are signed with a secret of the installation, which no job contains. */
import { Redis } from "ioredis";
import pg from "pg";
import { Webhook } from "standardwebhooks";
import { afterAll, afterEach, beforeAll, expect, it } from "vitest";
import { HttpPeer, type PeerRequest } from "../testing/http-peer.ts";
import type { ApiJob, TestReplica } from "../testing/replica.ts";
import { call, jobWhen, startReplica, submit } from "../testing/replica.ts";
import { freshDatabase, freshRedis, tempDir } from "../testing/services.ts";
import { until } from "../testing/until.ts";

const [OLD, NEW] = ["b2xkIHNlY3JldCBvZiB0aGUgaW5zdGFsbGF0aW9u", "bmV3IHNlY3JldCBvZiB0aGUgaW5zdGFsbGF0aW9u"];
const MARK = { setting: "CALLBACK_SECRET" };

let address: string;
let databaseUrl: string;
let redis: Redis;
let database: pg.Client;
let http: HttpPeer;
const replicas: TestReplica[] = [];

beforeAll(async () => {
  [{ address }, { url: databaseUrl }, http] = await Promise.all([freshRedis(), freshDatabase(), HttpPeer.start()]);
  redis = new Redis(address);
  database = new pg.Client({ connectionString: databaseUrl });
  await database.connect();
});
afterEach(async () => {
  for (const replica of replicas.splice(0)) await replica.close();
});
afterAll(async () => {
  await Promise.all([http.close(), database.end()]);
  redis.disconnect();
});

async function start(CALLBACK_SECRET: string, env: Readonly<Record<string, string>> = {}): Promise<TestReplica> {
  const replica = await startReplica({
    redis: address,
    database: databaseUrl,
    artifacts: tempDir(),
    env: { OUTBOUND_ALLOW_PRIVATE: "true", RETRY_BASE_MS: "10", RETRY_MAX_MS: "10", CALLBACK_SECRET, ...env },
  });
  replicas.push(replica);
  return replica;
}

/** The requests on a path, once there are so many. */
function requestsOn(path: string, count = 1): Promise<readonly PeerRequest[]> {
  const found = (): readonly PeerRequest[] => http.requests.filter((request) => request.path === path);
  return until(() => (found().length >= count ? found() : undefined), { what: `${count} requests on ${path}` });
}

const isSignedWith = (secret: string, { body, headers }: PeerRequest): boolean => {
  try {
    new Webhook(secret).verify(body.toString(), headers as Record<string, string>);
    return true;
  } catch {
    return false;
  }
};

/** All data of Redis and Postgres, as text. */
async function everything(): Promise<string> {
  const keys = await redis.keys("*");
  const values = await Promise.all(
    keys.map(async (key) => {
      const type = await redis.type(key);
      if (type === "string") return redis.get(key);
      return type === "hash" ? JSON.stringify(await redis.hgetall(key)) : "";
    }),
  );
  const rows = (await database.query<{ text: string }>("select jobs::text as text from jobs")).rows;
  return [...values, ...rows.map(({ text }) => text)].join("\n");
}

/** Of the webhooks that are recorded. */
const recordedPayloads = async (): Promise<unknown[]> =>
  (await database.query<{ payload: unknown }>("select payload from jobs where type = 'webhook'")).rows.map(
    ({ payload }) => payload,
  );

it("a callback is signed with every current secret, and no store contains one", async () => {
  http.respond(Array.from({ length: 3 }, () => 503));
  const replica = await start(`whsec_${OLD} whsec_${NEW}`);
  await submit(replica, "noop", {}, { callback_url: http.url("/many") });
  await submit(replica, "test_io", { do: "return", value: "x".repeat(40_000) }, { callback_url: http.url("/large") });
  await requestsOn("/many");
  const before = await everything();
  for (const request of [...(await requestsOn("/many", 2)), ...(await requestsOn("/large"))]) {
    expect([isSignedWith(OLD, request), isSignedWith(NEW, request)]).toEqual([true, true]);
    expect(JSON.parse(request.body.toString())).toMatchObject({ status: "completed", submitted_by: null });
  }
  await until(async () => (await recordedPayloads()).length === 2, { what: "both callbacks are recorded" });
  for (const text of [before, await everything()]) {
    expect(text).toContain("CALLBACK_SECRET"); // so what is looked through holds callbacks
    expect(text).not.toContain(OLD);
    expect(text).not.toContain(NEW);
  }
  const { jobs } = (await call(replica, "GET", "/api/v1/jobs?type=webhook")).body as {
    jobs: { payload: { secret?: unknown } | null }[];
  };
  expect(jobs.map(({ payload }) => payload?.secret)).toContain("[redacted]");
});

it("a job and its callback name each other, in Redis and in Postgres, once the job has ended", async () => {
  const replica = await start("");
  const callback_url = http.url("/linked");
  const links = async (id: string) => {
    const { body } = await call(replica, "GET", `/api/v1/jobs/${id}`);
    const { callback_job, callback_of } = body as { callback_job?: string; callback_of?: string };
    return { callback_job, callback_of };
  };
  const none = { callback_job: undefined, callback_of: undefined };
  const id = await submit(replica, "test_io", { do: "return", value: 1 }, { callback_url, delay_ms: 3_600_000 });
  expect(await links(id)).toEqual(none);
  await call(replica, "DELETE", `/api/v1/jobs/${id}`);
  await requestsOn("/linked");
  const { callback_job = "" } = await links(id);
  expect(await links(callback_job)).toEqual({ ...none, callback_of: id });
  await jobWhen(replica, callback_job);
  const stored = () => database.query("select 1 from jobs where id = any ($1)", [[id, callback_job]]);
  await until(async () => (await stored()).rowCount === 2, { what: "both are recorded" });
  expect([await links(id), await links(callback_job)]).toEqual([
    { ...none, callback_job },
    { ...none, callback_of: id },
  ]);
  expect(await links(await submit(replica, "noop", {}))).toEqual(none);
  const imitation = await submit(replica, "webhook", { url: http.url("/imitation"), body: { id } });
  expect(await links(imitation)).toEqual(none);
  const { jobs } = (await call(replica, "GET", "/api/v1/jobs")).body as { jobs: object[] };
  expect(jobs.filter((job) => "callback_job" in job || "callback_of" in job)).toEqual([]);
});

it("an attempt uses the secret that is set when it is sent", async () => {
  http.respond(Array.from({ length: 4 }, () => 503));
  const before = await start(`whsec_${OLD}`, { RETRY_BASE_MS: "1500", RETRY_MAX_MS: "1500" });
  await submit(before, "noop", {}, { callback_url: http.url("/rotated") });
  const [first] = await requestsOn("/rotated");
  await before.close();
  const sent = http.requests.filter(({ path }) => path === "/rotated").length;
  http.respond([]);
  await start(`whsec_${NEW}`);
  const later = (await requestsOn("/rotated", sent + 1)).at(-1);
  expect([first, later].map((request) => request && [isSignedWith(OLD, request), isSignedWith(NEW, request)])).toEqual([
    [true, false],
    [false, true],
  ]);
});

it("is not sent unsigned by a replica without the secret, and a replica that has it can send it again", async () => {
  const api = await start(`whsec_${NEW}`, { WORKER_TYPES: "noop" });
  const worker = await start("", { WORKER_TYPES: "webhook" });
  await submit(api, "noop", {}, { callback_url: http.url("/lacking") });
  const failed = await until(
    async () =>
      (
        (await call(api, "GET", "/api/v1/jobs?type=webhook&status=failed&error_code=callback_secret_missing")).body as {
          jobs: ApiJob[];
        }
      ).jobs[0],
    { what: "the callback fails" },
  );
  expect(http.requests.filter(({ path }) => path === "/lacking")).toEqual([]);
  await worker.close();
  const whole = await start(`whsec_${NEW}`);
  const { status, body } = await call(whole, "POST", `/api/v1/jobs/${failed.id}/retry`);
  expect(status).toBe(202);
  expect((await jobWhen(whole, (body as ApiJob).id)).status).toBe("completed");
  const [request] = await requestsOn("/lacking");
  expect(request && isSignedWith(NEW, request)).toBe(true);
});

it("a caller cannot get a webhook signed with this secret", async () => {
  const replica = await start(`whsec_${NEW}`);
  const url = http.url("/forged");
  const payloads = [
    JSON.stringify({ url, secret: MARK }),
    JSON.stringify({ url, secret: [MARK] }),
    JSON.stringify({ url, secret: [`whsec_${OLD}`, MARK] }),
    `{"url":"${url}","secret":"whsec_${OLD}","secret":${JSON.stringify(MARK)}}`,
    String.raw`{"url":"${url}","s\u0065cret":${JSON.stringify(MARK)}}`,
    `{"url":"${url}","__proto__":{"secret":${JSON.stringify(MARK)}}}`,
    JSON.stringify({ url, secret: MARK, body: "x".repeat(300_000) }),
    JSON.stringify({ url, secret: JSON.stringify(MARK) }), // text that reads the same
  ];
  for (const payload of payloads) {
    for (const [path, json] of [
      ["/api/v1/jobs", `{"type":"webhook","payload":${payload}}`],
      ["/api/v1/jobs/batch", `{"jobs":[{"type":"webhook","payload":${payload}}]}`],
    ] as const) {
      const answer = await fetch(replica.url + path, {
        method: "POST",
        headers: { "content-type": "application/json" },
        body: json,
      });
      expect([payload.slice(0, 90), answer.status]).toEqual([payload.slice(0, 90), 422]);
    }
  }
});

it("a callback that an earlier version enqueued, with the secrets in it, is sent as it is", async () => {
  const replica = await start(`whsec_${NEW}`);
  await submit(replica, "webhook", { url: http.url("/earlier"), secret: [`whsec_${OLD}`], body: {} });
  const [request] = await requestsOn("/earlier");
  expect(request && [isSignedWith(OLD, request), isSignedWith(NEW, request)]).toEqual([true, false]);
});
