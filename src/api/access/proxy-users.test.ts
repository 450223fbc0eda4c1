/** Users whom an auth proxy names, on servers with keys, without, and with TASKFLOW_AUTH=none. */
import { createHash } from "node:crypto";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { idOfHash } from "../../core/api-key.ts";
import { parseNetworks } from "../../net/networks.ts";
import type { ApiServer, ApiServerOptions } from "../../testing/api-server.ts";
import { request, startApiServer } from "../../testing/api-server.ts";
import { rawAnswer } from "../../testing/raw-http.ts";
import { readHead } from "../http/request-head.ts";
import { ApiKeyCache } from "./api-key-cache.ts";
import { RateLimits } from "./rate-limits.ts";

const KEY = { authorization: "Bearer program" };
const FORWARDED = { "x-forwarded-for": "203.0.113.9" };
const ALICE = { "x-user": "alice", ...FORWARDED };
const NOTE = { type: "note", payload: { text: "a" }, delay_ms: 60_000 };
const CROSS_SITE = { "sec-fetch-site": "cross-site", "sec-fetch-mode": "navigate" };

const hash = createHash("sha256").update("program").digest("hex");
const apiKeyCache = new ApiKeyCache();
// Its name is that of a user: they are different callers.
apiKeyCache.replace([{ id: idOfHash(hash), name: "alice", hash, scopes: ["admin"] }], { isNeeded: true });

type Settings = NonNullable<ApiServerOptions["settings"]>;
const TRUSTING: Settings = {
  userHeader: "x-user",
  trustedProxies: parseNetworks("127.0.0.1") ?? [],
  publicUrl: "https://jobs.example.com/taskflow",
  allowedHosts: ["also.example.com"],
  corsOrigins: ["https://app.example.com"],
};
const MODES = {
  "with keys": { deps: { apiKeyCache }, settings: TRUSTING },
  "in protected mode": { settings: TRUSTING },
  "with TASKFLOW_AUTH=none": { settings: { ...TRUSTING, isOpenToAll: true } },
} satisfies Readonly<Record<string, ApiServerOptions>>;
type Mode = keyof typeof MODES;

const servers: ApiServer[] = [];
async function start(options: ApiServerOptions): Promise<ApiServer> {
  const server = await startApiServer(options);
  servers.push(server);
  return server;
}
afterAll(() => Promise.all(servers.map((server) => server.close())));

const whoami = async (server: { readonly url: string }, headers: Readonly<Record<string, string>>) => {
  const { status, body } = await request(server, "GET", "/api/v1/whoami", undefined, headers);
  return status === 200 ? body.user : body.code;
};
/** As {@link whoami}, with headers that no HTTP client sends. */
async function rawWhoami(port: number, ...headers: readonly string[]): Promise<unknown> {
  const lines = ["GET /api/v1/whoami HTTP/1.1", "Host: localhost", ...headers, "", ""];
  const { text } = await rawAnswer(port, lines.join("\r\n"));
  return /"(?:code|user)":(?:"([^"]*)"|null)/.exec(text)?.[1] ?? null;
}

describe.each(Object.entries(MODES))("%s", (mode, options: ApiServerOptions) => {
  /** What requests without a user get. */
  const withoutUser: unknown = {
    "with keys": "key_missing",
    "in protected mode": "protected_mode",
    "with TASKFLOW_AUTH=none": null,
  }[mode as Mode];
  let server: ApiServer;
  let ports: readonly number[];
  beforeAll(async () => {
    server = await start(options);
    ports = [server.port, await server.server.listenForProxies("127.0.0.1", 0)];
  });

  it("a trusted proxy's user is served on both ports, though the request was forwarded", async () => {
    for (const port of ports) {
      const at = { url: `http://127.0.0.1:${port}` };
      expect(await whoami(at, ALICE)).toBe("alice");
      expect(await whoami(at, { "X-USER": "bob@example.com" })).toBe("bob@example.com");
      expect(await whoami(at, { "x-user": "~".repeat(255) })).toBe("~".repeat(255));
      const queue = await request(at, "POST", "/api/v1/queues/note/pause", undefined, ALICE);
      expect(queue).toMatchObject({ status: 200, body: { state: "paused" } });
      expect((await request(at, "POST", "/api/v1/jobs", NOTE, ALICE)).status).toBe(202);
      expect((await request(at, "GET", "/docs", undefined, ALICE)).status).toBe(200);
    }
  });

  it("a header that is empty, not visible, too long or given twice names no user", async () => {
    for (const port of ports) {
      for (const user of ["", "a b", "a\tb", "\xfc", "x".repeat(256)])
        expect([user, await rawWhoami(port, `X-User: ${user}`)]).toEqual([user, withoutUser]);
      expect(await rawWhoami(port, "X-User: alice", "X-User: alice")).toBe(withoutUser);
      expect(await rawWhoami(port, "X-User: alice", "x-user:")).toBe(withoutUser);
      expect(await rawWhoami(port, "X-User:", "x-user: alice")).toBe(withoutUser);
    }
  });

  it.each([
    ["a page of another site", { origin: "https://evil.test", "sec-fetch-site": "cross-site" }],
    ["a page of a sibling site", { origin: "https://other.example.com", "sec-fetch-site": "same-site" }],
    ["a page of a site in CORS_ORIGINS", { origin: "https://app.example.com", "sec-fetch-site": "cross-site" }],
    ["a sandboxed page", { origin: "null" }],
    ["a link or an image on another site", CROSS_SITE],
    ["a page of another scheme", { origin: "http://jobs.example.com" }],
  ])("denies the user's browser what %s asks for", async (_what, headers) => {
    const before = await server.queue.jobCounts();
    expect(await whoami(server, { ...ALICE, ...headers })).toBe("cross_origin");
    for (const path of ["/api/v1/jobs", "/api/v1/queues/note/resume", "/api/v1/jobs/batch"])
      expect(await request(server, "POST", path, NOTE, { ...ALICE, ...headers })).toMatchObject({
        status: 403,
        body: { code: "cross_origin" },
      });
    const { paused, accepted } = await server.queue.jobCounts();
    expect([paused, accepted]).toEqual([before.paused, before.accepted]);
  });

  it("serves the user's browser what its own pages ask for, and pages that links lead to", async () => {
    for (const headers of [
      { origin: "https://jobs.example.com", "sec-fetch-site": "same-origin" },
      { "sec-fetch-site": "same-origin" },
      { "sec-fetch-site": "none" },
      { origin: `http://127.0.0.1:${server.port}` },
    ])
      expect(await whoami(server, { ...ALICE, ...headers })).toBe("alice");
    // After signing in, the browser comes from the site of the identity provider.
    expect((await request(server, "GET", "/docs", undefined, { ...ALICE, ...CROSS_SITE })).status).toBe(200);
  });

  it("serves the Host of PUBLIC_URL, of ALLOWED_HOSTS, of the proxy's upstream, and no other", async () => {
    const ask = (path: string, host: string) =>
      rawAnswer(server.port, `GET ${path} HTTP/1.1\r\nHost: ${host}\r\nX-User: alice\r\nVia: 1.1 proxy\r\n\r\n`);
    const statusesOf = async (path: string, hosts: readonly string[]) =>
      Promise.all(hosts.map(async (host) => (await ask(path, host)).status));
    const own = [
      "jobs.example.com",
      "jobs.example.com:443",
      "also.example.com",
      "localhost:8080",
      "10.1.2.3",
      "taskflow",
    ];
    expect(await statusesOf("/api/v1/whoami", own)).toEqual(own.map(() => 200));
    expect(await statusesOf("/docs", own)).toEqual(own.map(() => 200));
    const others = ["evil.test", "jobs.example.com.evil.test", "other.example.com"];
    expect(await statusesOf("/api/v1/whoami", others)).toEqual(others.map(() => 403));
    expect((await ask("/api/v1/whoami", "evil.test")).text).toContain('"code":"host_not_allowed"');
    if (mode !== "with keys") expect(await statusesOf("/docs", others)).toEqual(others.map(() => 403));
  });

  it("the header counts from no other peer", async () => {
    const trustedProxies = parseNetworks("10.0.0.0/8,::1,127.0.0.2") ?? [];
    const other = await start({ ...options, settings: { ...options.settings, trustedProxies } });
    expect(await whoami(other, ALICE)).toBe(withoutUser);
    expect(await whoami(other, { "x-user": "alice" })).toBe(mode === "with keys" ? "key_missing" : null);
  });

  it("with DASHBOARD=read, users may only read", async () => {
    const reading = await start({
      ...options,
      settings: { ...options.settings, dashboard: { mode: "read", label: null } },
    });
    expect(await whoami(reading, ALICE)).toBe("alice");
    expect((await request(reading, "GET", "/api/v1/jobs", undefined, ALICE)).status).toBe(200);
    for (const [method, path, body] of [
      ["POST", "/api/v1/jobs", NOTE],
      ["POST", "/api/v1/queues/note/pause", undefined],
      ["GET", "/api/v1/audit", undefined],
    ] as const) {
      const answer = await request(reading, method, path, body, ALICE);
      expect(answer).toMatchObject({ status: 403, body: { code: "scope_missing" } });
      expect(answer.body.detail).toContain("DASHBOARD=read");
    }
  });

  it("with DASHBOARD=off, the header names nobody", async () => {
    const off = await start({ ...options, settings: { ...options.settings, dashboard: { mode: "off", label: null } } });
    expect(await whoami(off, ALICE)).toBe(withoutUser);
    expect(await whoami(off, { "x-user": "alice" })).toBe(withoutUser);
  });
});

describe("beside API keys", () => {
  let server: ApiServer;
  beforeAll(async () => {
    server = await start({ ...MODES["with keys"] });
  });

  it("a valid key has precedence, and another Authorization does not hide the user", async () => {
    const who = async (headers: Readonly<Record<string, string>>) =>
      (await request(server, "GET", "/api/v1/whoami", undefined, headers)).body;
    expect(await who({ ...ALICE, ...KEY })).toMatchObject({ key: { name: "alice" }, user: null });
    // Keys are no cookies: pages of other sites do not have them.
    expect(await who({ ...ALICE, ...KEY, origin: "https://app.example.com" })).toMatchObject({ user: null });
    for (const authorization of ["Basic YWxpY2U6c2VjcmV0", "Bearer a-token-of-the-identity-provider"])
      expect(await who({ ...ALICE, authorization })).toMatchObject({ key: null, user: "alice" });
  });

  it("the audit and the log of rejections name the user", async () => {
    await request(server, "POST", "/api/v1/queues/note/pause", { reason: "why" }, { ...ALICE, "x-user": "carol" });
    await server.audit.flush();
    const entries = async (key: string) =>
      (await request(server, "GET", `/api/v1/audit?key=${key}`, undefined, KEY)).body.entries;
    expect(await entries("carol")).toMatchObject([{ key: { id: null, name: "carol" }, action: "queues.pause" }]);
    server.warned.length = 0;
    await whoami(server, { ...ALICE, origin: "https://evil.test" });
    expect(server.warned).toMatchObject([{ code: "cross_origin", key: "alice", status: 403 }]);
  });

  it("each user, and each key, has its own idempotency keys and jobs", async () => {
    const submit = async (headers: Readonly<Record<string, string>>) => {
      const answer = await request(server, "POST", "/api/v1/jobs", NOTE, { ...headers, "idempotency-key": "one" });
      expect(answer.status).toBe(202);
      return String(answer.body.id);
    };
    const BOB = { ...ALICE, "x-user": "bob" };
    const [ofAlice, again, ofBob, ofKey] = [
      await submit(ALICE),
      await submit(ALICE),
      await submit(BOB),
      await submit(KEY),
    ];
    expect(again).toBe(ofAlice);
    expect(new Set([ofAlice, ofBob, ofKey]).size).toBe(3);
    const jobs = await server.queue.read([ofAlice, ofBob, ofKey]);
    const owners = new Map(jobs.map(({ id, options }) => [id, options.api_key]));
    expect(owners.get(ofAlice)).toMatch(/^user-[0-9a-f]{32}$/);
    expect(owners.get(ofBob)).toMatch(/^user-[0-9a-f]{32}$/);
    expect(new Set(owners.values()).size).toBe(3);
  });

  it("each user has the limits of a key", async () => {
    const limits = new RateLimits({
      take: (requests) => server.queue.take(requests),
      rate: { quota: 100, windowMs: 60_000_000 },
      quota: { quota: 1, windowMs: 86_400_000 },
    });
    const limited = await start({ ...MODES["with keys"], deps: { apiKeyCache, limits } });
    const limitOf = async (user: string, path = "/api/v1/queues") =>
      (await request(limited, "GET", path, undefined, { "x-user": user })).headers.get("ratelimit");
    expect(await limitOf("dave")).toMatch(/^"requests";r=99;/);
    expect(await limitOf("dave")).toMatch(/^"requests";r=98;/);
    expect(await limitOf("erin")).toMatch(/^"requests";r=99;/);
    expect(await limitOf("dave", "/docs")).toBeNull(); // it needs no key, so no limit applies
    const post = async (user: string) =>
      (await request(limited, "POST", "/api/v1/jobs", NOTE, { "x-user": user })).body.code;
    await expect.poll(() => post("frank")).toBe("quota_exceeded");
    expect(await post("grace")).toBeUndefined();
  });
});

it("an IPv4 proxy is the same on a socket for IPv6", async () => {
  const server = await start({ ...MODES["with keys"], host: "::" });
  expect(await whoami(server, ALICE)).toBe("alice");
  expect(await whoami({ url: `http://[::1]:${server.port}` }, ALICE)).toBe("key_missing");
});

it("the head of a request has the user only if the header is set", () => {
  const userOf = (name: string | undefined, ...values: readonly string[]) =>
    readHead((visit) => {
      for (const value of values) visit("x-forwarded-user", value);
    }, name);
  expect(userOf(undefined, "a")).toMatchObject({ user: undefined, isForwarded: true });
  expect(userOf("x-user", "a")).toMatchObject({ user: undefined, isForwarded: true });
  expect(userOf("x-forwarded-user", "a")).toMatchObject({ user: "a", isForwarded: true });
  expect(userOf("x-forwarded-user", "a", "b").user).toBe("a, b");
  expect(userOf("x-forwarded-user", "", "b").user).toBe(", b");
});
