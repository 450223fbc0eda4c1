/** Calls without key and limit must cost no more for many callers than for one. */
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { redisCommand } from "../../embedded/redis-command.ts";
import type { ApiServer } from "../../testing/api-server.ts";
import { request, startApiServer } from "../../testing/api-server.ts";
import { ownRedis } from "../../testing/services.ts";

const COUNT_SCRIPTS =
  "return tonumber(string.match(redis.call('INFO', 'commandstats'), 'cmdstat_evalsha:calls=(%d+)') or 0)";

let server: ApiServer;
let scriptsRun: () => Promise<number>;
let looksAtHealth = 0;
beforeAll(async () => {
  const redis = await ownRedis();
  scriptsRun = async () => Number((await redisCommand(redis.port, "EVAL", COUNT_SCRIPTS, "0")).slice(1));
  server = await startApiServer({
    redis: redis.address,
    deps: {
      recorder: {
        get isHealthy() {
          looksAtHealth += 1;
          return true;
        },
      },
    },
  });
  server.metrics.readFrom({ jobCounts: () => server.queue.jobCounts() });
});
afterAll(() => server.close());

/** The scripts that Redis runs for concurrent requests and a later one, and the most at one a second. */
async function costOf(path: string): Promise<{ readonly scripts: number; readonly allowed: number }> {
  const before = await scriptsRun();
  const startedAt = performance.now();
  for (let round = 0; round < 3; round++)
    await Promise.all(Array.from({ length: 50 }, () => request(server, "GET", path)));
  const scripts = (await scriptsRun()) - before;
  return { scripts, allowed: 1 + Math.ceil((performance.now() - startedAt) / 1_000) };
}

describe("probes", () => {
  it.each(["/metrics", "/api/v1/health"])("query Redis at most once a second for all callers: %s", async (path) => {
    const { scripts, allowed } = await costOf(path);
    expect(scripts).toBeGreaterThan(0);
    expect(scripts).toBeLessThanOrEqual(allowed);
  });

  it("query Postgres at most once a second", async () => {
    const before = looksAtHealth;
    const { allowed } = await costOf("/api/v1/health");
    expect(looksAtHealth - before).toBeLessThanOrEqual(allowed);
  });
});

describe.each(["/api/v1/stats", "/api/v1/workers", "/api/v1/queues"])("%s", (path) => {
  it("queries Redis once for concurrent callers, and again for later ones", async () => {
    const { scripts } = await costOf(path);
    expect(scripts).toBeGreaterThanOrEqual(3);
    expect(scripts).toBeLessThan(75);
  });
});

describe.each(["/docs/swagger-ui-bundle.js", "/docs/start.js", "/api/v1/openapi.json"])("%s", (path) => {
  it("is the same compressed and plain, with different entity tags", async () => {
    const plain = await request(server, "GET", path, undefined, { "accept-encoding": "identity" });
    const compressed = await request(server, "GET", path, undefined, { "accept-encoding": "br, gzip" });
    const heads = [plain, compressed].map(({ headers }) => [headers.get("content-encoding"), headers.get("vary")]);
    expect(heads).toEqual([
      [null, "Accept-Encoding"],
      ["gzip", "Accept-Encoding"],
    ]);
    expect(compressed.text).toBe(plain.text); // fetch has decompressed it
    expect(compressed.headers.get("etag")).not.toBe(plain.headers.get("etag"));
  });

  it("is not sent again to a client that has it", async () => {
    const { headers } = await request(server, "GET", path);
    const etag = headers.get("etag") ?? "";
    expect(headers.get("cache-control")).toBe("no-cache");
    const again = await request(server, "GET", path, undefined, { "if-none-match": `"other", W/${etag}` });
    expect([again.status, again.text, again.headers.get("etag"), again.headers.get("cache-control")]).toEqual([
      304,
      "",
      etag,
      "no-cache",
    ]);
    expect((await request(server, "GET", path, undefined, { "if-none-match": '"other"' })).status).toBe(200);
  });
});

it("browsers may cache the versioned URLs of the page, and no others", async () => {
  const page = (await request(server, "GET", "/docs")).text;
  const [, bundle = ""] = /src="(docs\/swagger-ui-bundle\.js\?v=[\d.]+)"/.exec(page) ?? [];
  expect((await request(server, "GET", `/${bundle}`)).headers.get("cache-control")).toBe(
    "public, max-age=31536000, immutable",
  );
  expect((await request(server, "GET", `/${bundle}1`)).headers.get("cache-control")).toBe("no-cache");
});
