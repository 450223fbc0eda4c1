import { createHash } from "node:crypto";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { ApiKey, Scope } from "../../core/api-key.ts";
import { idOfHash } from "../../core/api-key.ts";
import type { ApiServer } from "../../testing/api-server.ts";
import { request, startApiServer } from "../../testing/api-server.ts";
import { ApiKeyCache } from "./api-key-cache.ts";
import type { Limited } from "./rate-limits.ts";
import { RateLimits } from "./rate-limits.ts";

function keyOf(text: string, scopes: readonly Scope[], limits: Pick<ApiKey, "rate" | "quota"> = {}): ApiKey {
  const hash = createHash("sha256").update(text).digest("hex");
  return { id: idOfHash(hash), name: `the-${text}`, hash, scopes, ...limits };
}
const as = (key: string) => ({ authorization: `Bearer ${key}` });
const NOTE = { type: "note", payload: { text: "a" } };

let server: ApiServer;
const apiKeyCache = new ApiKeyCache();
const keys = [
  keyOf("submitter", ["submit"]),
  keyOf("reader", ["read"]),
  keyOf("operator", ["admin"]),
  keyOf("hasty", ["submit", "read"], { rate: { quota: 3, windowMs: 60_000 } }),
  keyOf("small", ["submit"], { quota: { quota: 4, windowMs: 86_400_000 } }),
  keyOf("clumsy", ["submit"], { quota: { quota: 10, windowMs: 86_400_000 } }),
];
beforeAll(async () => {
  apiKeyCache.replace(keys, { isNeeded: true });
  server = await startApiServer({ deps: { apiKeyCache }, settings: { corsOrigins: ["https://app.example.com"] } });
});
afterAll(() => server.close());

describe("with API keys", () => {
  it.each([
    ["none", {}, 401, "key_missing", 'Bearer realm="taskflow"'],
    ["an invalid key", as("nobody"), 401, "key_invalid", 'Bearer realm="taskflow", error="invalid_token"'],
    [
      "another scheme",
      { authorization: "Basic c3VibWl0dGVy" },
      401,
      "key_invalid",
      'Bearer realm="taskflow", error="invalid_token"',
    ],
    [
      "a key without the scope",
      as("submitter"),
      403,
      "scope_missing",
      'Bearer realm="taskflow", error="insufficient_scope", scope="read"',
    ],
  ])("a read with %s is denied", async (_what, headers, status, code, challenge) => {
    const answer = await request(server, "GET", "/api/v1/jobs", undefined, headers);
    expect([answer.status, answer.body.code, answer.headers.get("www-authenticate")]).toEqual([
      status,
      code,
      challenge,
    ]);
  });

  it.each([
    ["submitter", "POST", "/api/v1/jobs", 202],
    ["reader", "POST", "/api/v1/jobs", 403],
    ["reader", "GET", "/api/v1/stats", 200],
    ["operator", "POST", "/api/v1/jobs", 202],
    ["operator", "GET", "/api/v1/queues", 200],
  ])("%s: %s %s is %i", async (key, method, path, status) => {
    expect((await request(server, method, path, method === "POST" ? NOTE : undefined, as(key))).status).toBe(status);
  });

  it.each([
    "/api/v1/health",
    "/api/v1/health/live",
    "/api/v1/health/ready",
    "/healthz",
    "/livez",
    "/readyz",
    "/metrics",
  ])("%s stays open to read", async (path) => {
    expect((await request(server, "GET", path)).status).not.toBe(401);
  });

  it("logs denied requests without the key, up to a limit", async () => {
    server.warned.length = 0;
    for (let i = 0; i < 200; i++)
      await request(server, "GET", "/api/v1/stats", undefined, { ...as("a-guess"), "x-request-id": `guess-${i}` });
    expect(server.warned.length).toBeLessThanOrEqual(50);
    expect(JSON.stringify(server.warned)).toContain('"code":"key_invalid"');
    expect(JSON.stringify(server.warned)).not.toContain("a-guess");
  });

  it("different API keys may use the same Idempotency-Key", async () => {
    const submit = async (key: string) =>
      (await request(server, "POST", "/api/v1/jobs", NOTE, { ...as(key), "idempotency-key": "one" })).body.id;
    const [first, again, other] = [await submit("submitter"), await submit("submitter"), await submit("operator")];
    expect(again).toBe(first);
    expect(other).not.toBe(first);
  });

  it("a revoked key is not valid", () => {
    const own = new ApiKeyCache();
    own.replace([keyOf("brief", ["read"])], { isNeeded: true });
    expect(own.find("Bearer brief")?.name).toBe("the-brief");
    own.replace([], { isNeeded: true });
    expect(own.find("Bearer brief")).toBeUndefined();
  });
});

describe("limits of a key", () => {
  it("rejects requests beyond the rate, with the time to wait", async () => {
    const answers = [];
    for (let i = 0; i < 5; i++) answers.push(await request(server, "GET", "/api/v1/stats", undefined, as("hasty")));
    expect(answers.map(({ status }) => status)).toEqual([200, 200, 200, 429, 429]);
    expect(answers[0]?.headers.get("ratelimit-policy")).toBe('"requests";q=3;w=60');
    expect(answers[0]?.headers.get("ratelimit")).toBe('"requests";r=2;t=20');
    const { headers, body } = answers[4] ?? {};
    expect(body?.code).toBe("rate_limited");
    expect(Number(headers?.get("retry-after"))).toBeGreaterThan(15);
    expect(headers?.get("ratelimit")).toMatch(/^"requests";r=0;t=(?:59|60)$/);
  });

  it.each(["/api/v1/health/live", "/metrics", "/docs"])("do not apply to %s, which needs no key", async (path) => {
    for (let i = 0; i < 4; i++) await request(server, "GET", "/api/v1/stats", undefined, as("hasty"));
    const answer = await request(server, "GET", path, undefined, as("hasty"));
    expect([answer.status, answer.headers.get("ratelimit")]).toEqual([200, null]);
  });

  it("of its jobs are not reported for calls that submit none", async () => {
    const answer = await request(
      server,
      "DELETE",
      "/api/v1/jobs/01890000-0000-7000-8000-000000000000",
      undefined,
      as("small"),
    );
    expect([answer.status, answer.headers.get("ratelimit"), answer.headers.get("ratelimit-policy")]).toEqual([
      404,
      null,
      null,
    ]);
  });

  it("counts each job of a batch", async () => {
    const batch = (count: number) =>
      request(server, "POST", "/api/v1/jobs/batch", { jobs: Array.from({ length: count }, () => NOTE) }, as("small"));
    expect((await batch(3)).status).toBe(202);
    await expect
      .poll(async () => (await request(server, "POST", "/api/v1/jobs", NOTE, as("small"))).headers.get("ratelimit"))
      .toMatch(/^"jobs";r=0/);
    const rejected = await batch(1);
    expect([rejected.status, rejected.body.code]).toEqual([429, "quota_exceeded"]);
    expect(rejected.headers.get("ratelimit-policy")).toBe('"jobs";q=4;w=86400');
  });

  it("charges a quota for enqueued jobs, and not for rejected or replayed ones", async () => {
    const post = async (path: string, body?: object, headers = {}) => {
      const answer = await request(server, "POST", `/api/v1/jobs${path}`, body, { ...as("clumsy"), ...headers });
      return {
        summary: [answer.status, answer.headers.get("ratelimit")?.replace(/;t=.*/, "")],
        id: String(answer.body.id),
      };
    };
    const batch = { jobs: Array.from({ length: 7 }, () => NOTE) };
    for (let i = 0; i < 11; i++)
      expect((await post("", { type: "nope", payload: {} })).summary).toEqual([422, '"jobs";r=10']);
    const { summary, id } = await post("", { ...NOTE, delay_ms: 60_000 }, { "idempotency-key": "clumsy" });
    expect(summary).toEqual([202, '"jobs";r=9']);
    expect((await post("", { ...NOTE, delay_ms: 60_000 }, { "idempotency-key": "clumsy" })).summary).toEqual([
      202,
      '"jobs";r=9',
    ]);
    expect((await post("", NOTE, { "idempotency-key": "clumsy" })).summary).toEqual([422, '"jobs";r=9']);
    expect((await post(`/${id}/retry`)).summary).toEqual([409, '"jobs";r=9']);
    await request(server, "DELETE", `/api/v1/jobs/${id}`, undefined, as("clumsy"));
    expect((await post(`/${id}/retry`)).summary).toEqual([202, '"jobs";r=8']);
    expect((await post("/batch", { jobs: [NOTE, { type: "nope", payload: {} }] })).summary).toEqual([
      422,
      '"jobs";r=8',
    ]);
    expect((await post("/batch", batch, { "idempotency-key": "clumsy" })).summary).toEqual([202, '"jobs";r=1']);
    expect((await post("/batch", batch, { "idempotency-key": "clumsy" })).summary).toEqual([202, '"jobs";r=1']);
    // The quota was not used up, so the whole batch passes.
    expect((await post("/batch", batch)).summary).toEqual([202, '"jobs";r=0']);
    expect((await post("", NOTE)).summary).toEqual([429, '"jobs";r=0']);
  });

  it("makes the checks of one turn in one call, and none for a key without limits", async () => {
    const calls: number[] = [];
    const limits = new RateLimits({
      take: (requests) => {
        calls.push(requests.length);
        return Promise.resolve(
          requests.map((takings) => takings.map(() => ({ suffices: true, left: 1, wholeInMs: 0, fitsInMs: 0 }))),
        );
      },
      rate: null,
      quota: null,
    });
    expect(limits.isLimited(keyOf("free", ["read"]), { takesJobs: true })).toBe(false);
    const limited = keyOf("x", ["read"], { rate: { quota: 1, windowMs: 1_000 } });
    await Promise.all(
      [1, 2, 3].map(
        () =>
          new Promise((resolve) => {
            limits.check(limited, { takesJobs: false }, resolve);
          }),
      ),
    );
    expect(calls).toEqual([3]);
  });

  it("let requests pass while Redis does not answer", async () => {
    const limits = new RateLimits({
      take: () => Promise.reject(new Error("away")),
      rate: { quota: 1, windowMs: 1_000 },
      quota: null,
    });
    const limited = await new Promise<Limited>((resolve) => {
      limits.check(keyOf("x", ["read"]), { takesJobs: true }, resolve);
    });
    expect([limited.headersAfter(1, 1), limited.rejection]).toEqual([[], undefined]);
  });
});

describe("every answer", () => {
  it("adopts a valid X-Request-Id, and generates one otherwise", async () => {
    const idFor = async (given?: string) =>
      (
        await request(
          server,
          "GET",
          "/api/v1/health/live",
          undefined,
          given === undefined ? {} : { "x-request-id": given },
        )
      ).headers.get("x-request-id");
    expect(await idFor("order-17/a")).toBe("order-17/a");
    expect(await idFor("a b")).toMatch(/^[0-9a-f]{8}-[0-9a-z]+$/);
    expect(await idFor()).not.toBe(await idFor());
  });

  it("must not be rendered or cached by browsers", async () => {
    const { headers } = await request(server, "GET", "/api/v1/health");
    expect([
      headers.get("x-content-type-options"),
      headers.get("cache-control"),
      headers.get("content-security-policy"),
    ]).toEqual(["nosniff", "no-store", "default-src 'none'; frame-ancestors 'none'"]);
  });

  it("is compressed if it is large and the client accepts that", async () => {
    for (let i = 0; i < 20; i++)
      await request(server, "POST", "/api/v1/jobs", { ...NOTE, payload: { text: "x".repeat(500) } }, as("submitter"));
    const large = await request(server, "GET", "/api/v1/jobs", undefined, {
      ...as("reader"),
      "accept-encoding": "gzip",
    });
    expect([large.headers.get("content-encoding"), (large.body.jobs as unknown[]).length > 10]).toEqual(["gzip", true]);
    const plain = await request(server, "GET", "/api/v1/jobs", undefined, {
      ...as("reader"),
      "accept-encoding": "gzip;q=0",
    });
    expect(plain.headers.get("content-encoding")).toBeNull();
  });

  it("may be read by pages of the origins in CORS_ORIGINS", async () => {
    const get = async (origin: string) =>
      (await request(server, "GET", "/api/v1/health/live", undefined, { origin })).headers;
    expect((await get("https://app.example.com")).get("access-control-allow-origin")).toBe("https://app.example.com");
    expect((await get("https://evil.example.com")).get("access-control-allow-origin")).toBeNull();
    const preflight = await request(server, "OPTIONS", "/api/v1/jobs", undefined, {
      origin: "https://app.example.com",
      "access-control-request-method": "POST",
    });
    expect([preflight.status, preflight.headers.get("access-control-allow-methods")]).toEqual([
      204,
      "POST, GET, HEAD, OPTIONS",
    ]);
    expect(preflight.headers.get("access-control-allow-headers")).toContain("Authorization");
  });
});
