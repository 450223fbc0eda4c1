import { afterEach, expect, it } from "vitest";
import { HttpPeer } from "../testing/http-peer.ts";
import { call, closedPort, getJob, jobWhen, startReplica, type TestReplica } from "../testing/replica.ts";
import { freshDatabase, freshRedis, tempDir } from "../testing/services.ts";
import { until } from "../testing/until.ts";

const closers: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const close of closers.splice(0).reverse()) await close();
});

async function peer(): Promise<HttpPeer> {
  const started = await HttpPeer.start();
  closers.push(() => started.close());
  return started;
}

async function submitAll(replica: TestReplica, urls: readonly string[]): Promise<string[]> {
  const { status, body } = await call(replica, "POST", "/api/v1/jobs/batch", {
    jobs: urls.map((url) => ({ type: "webhook", payload: { url }, timeout_ms: 60_000 })),
  });
  expect(status).toBe(202);
  return (body as { jobs: { id: string }[] }).jobs.map(({ id }) => id);
}

// Twenty slots, sixteen of them for webhooks. The full size, with its figure: scripts/dead-hosts.ts
it("delivers to a live host while one refuses and one hangs, which hold no more than ten slots", async () => {
  const [redis, database] = await Promise.all([freshRedis(), freshDatabase()]);
  const [live, hanging] = [await peer(), await peer()];
  hanging.respond(() => ({ kind: "hang" }));
  const replica = await startReplica({
    redis: redis.address,
    database: database.url,
    artifacts: tempDir(),
    env: { IO_SLOTS: "20", OUTBOUND_ALLOW_PRIVATE: "true", DRAIN_MS: "0", LOG_LEVEL: "warn" },
  });
  closers.push(() => replica.close());
  const hosts = [`http://127.0.0.1:${await closedPort()}/`, hanging.url(), live.url()];
  const ids = await submitAll(
    replica,
    Array.from({ length: 300 }, (_, n) => hosts[n % 3] ?? ""),
  );
  const delivered = () => new Set(live.requests.map(({ headers }) => headers["webhook-id"]));
  await until(() => delivered().size === 100, { what: "the live host has all of its webhooks", timeoutMs: 25_000 });
  expect(hanging.requests.length).toBeLessThanOrEqual(10);
  const refused = await until(
    async () =>
      (await Promise.all(ids.filter((_, n) => n % 3 === 0).map((id) => getJob(replica, id)))).find(
        ({ status }) => status === "retrying",
      ),
    { what: "a job of a dead host waits for its time", timeoutMs: 20_000 },
  );
  expect(refused.attempt).toBeLessThanOrEqual(1);
});

it("delivers at once to a host that came back, after its suspension was reset", async () => {
  const [redis, database] = await Promise.all([freshRedis(), freshDatabase()]);
  const replica = await startReplica({
    redis: redis.address,
    database: database.url,
    artifacts: tempDir(),
    env: { OUTBOUND_ALLOW_PRIVATE: "true", DRAIN_MS: "0", LOG_LEVEL: "warn" },
  });
  closers.push(() => replica.close());
  const port = await closedPort();
  const url = `http://127.0.0.1:${port}/`;
  const destination = async () =>
    (
      (await call(replica, "GET", "/api/v1/destinations")).body as {
        destinations: { host: string; state: string; suspended_until: string | null }[];
      }
    ).destinations[0];
  // Suspensions double: after several the host is suspended for longer than this test takes.
  await until(
    async () => {
      await submitAll(replica, [url, url, url]);
      const { state, suspended_until } = (await destination()) ?? {};
      return state === "open" && Date.parse(suspended_until ?? "") - Date.now() > 5_000;
    },
    { what: "the host is suspended", timeoutMs: 40_000 },
  );
  const receiver = await HttpPeer.start(port);
  closers.push(() => receiver.close());
  const { status, body } = await call(replica, "POST", `/api/v1/destinations/127.0.0.1%3A${port}/reset`);
  expect([status, body]).toMatchObject([200, { state: "closed", consecutive_failures: 0, suspended_until: null }]);
  const [id = ""] = await submitAll(replica, [url]);
  expect((await jobWhen(replica, id, "completed")).attempt).toBe(1);
  expect(await destination()).toMatchObject({ host: `127.0.0.1:${port}`, state: "closed" });
});
