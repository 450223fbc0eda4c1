import { createHash } from "node:crypto";
import { expect, it } from "vitest";
import { idOfHash } from "../../core/api-key.ts";
import { request, startApiServer } from "../../testing/api-server.ts";
import { openQueue } from "../../testing/queue.ts";
import { freshRedis } from "../../testing/services.ts";
import { ApiKeyCache } from "./api-key-cache.ts";
import { RateLimits } from "./rate-limits.ts";

const hash = createHash("sha256").update("operator").digest("hex");
const apiKeyCache = new ApiKeyCache();
apiKeyCache.replace([{ id: idOfHash(hash), name: "operator", hash, scopes: ["admin"] }], { isNeeded: true });
const operator = { authorization: "Bearer operator" };

it("a quota of bytes counts the payloads of every key, including those of retries", async () => {
  const redis = await freshRedis();
  const queue = await openQueue(redis.address);
  const limits = new RateLimits({
    take: (requests) => queue.take(requests),
    rate: null,
    quota: null,
    bytes: { quota: 1_000, windowMs: 86_400_000 },
  });
  const own = await startApiServer({ redis: redis.address, deps: { limits, apiKeyCache } });
  const post = async (path: string, text?: string) => {
    const body = text === undefined ? undefined : { type: "note", payload: { text }, delay_ms: 60_000 };
    const answer = await request(own, "POST", `/api/v1/jobs${path}`, body, operator);
    return {
      summary: [answer.status, answer.headers.get("ratelimit")?.replace(/;t=.*/, "")],
      id: String(answer.body.id),
      answer,
    };
  };
  const first = await post("", "ä".repeat(200)); // 400 bytes, and 11 around them
  expect(first.summary).toEqual([202, '"bytes";r=589']);
  await request(own, "DELETE", `/api/v1/jobs/${first.id}`, undefined, operator);
  expect((await post(`/${first.id}/retry`)).summary).toEqual([202, '"bytes";r=178']);
  // The quota was not used up, so the whole payload passes.
  expect((await post("", "x".repeat(900))).summary).toEqual([202, '"bytes";r=0']);
  const { summary, answer } = await post("", "x");
  expect([...summary, answer.body.code]).toEqual([429, '"bytes";r=0', "quota_exceeded"]);
  expect(Number(answer.headers.get("retry-after"))).toBeGreaterThan(3_600);
  expect((await request(own, "GET", "/api/v1/stats", undefined, operator)).status).toBe(200);
  await own.close();
  queue.close();
});
