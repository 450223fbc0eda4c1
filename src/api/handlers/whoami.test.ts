import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { afterAll, expect, it } from "vitest";
import type { ApiKey, Scope } from "../../core/api-key.ts";
import { idOfHash } from "../../core/api-key.ts";
import { parseNetworks } from "../../net/networks.ts";
import type { ApiServer, ApiServerOptions } from "../../testing/api-server.ts";
import { request, startApiServer } from "../../testing/api-server.ts";
import { ApiKeyCache } from "../access/api-key-cache.ts";

const { version } = JSON.parse(readFileSync(new URL("../../../package.json", import.meta.url), "utf8")) as {
  readonly version: string;
};
const ALL = ["submit", "read", "admin"];
const servers: ApiServer[] = [];
afterAll(() => Promise.all(servers.map((server) => server.close())));

function keyOf(name: string, scopes: readonly Scope[]) {
  const hash = createHash("sha256").update(name).digest("hex");
  return { id: idOfHash(hash), name: `the-${name}`, hash, scopes, rate: { quota: 2, windowMs: 60_000 } };
}
const KEYS = [keyOf("submitter", ["submit"]), keyOf("reader", ["read"]), keyOf("operator", ["admin"])];

async function start(settings: ApiServerOptions["settings"] = {}, keys: readonly ApiKey[] = []): Promise<ApiServer> {
  const apiKeyCache = new ApiKeyCache();
  if (keys.length > 0) apiKeyCache.replace(keys, { isNeeded: true });
  const server = await startApiServer({ deps: { apiKeyCache }, settings });
  servers.push(server);
  return server;
}
const ask = (server: ApiServer, headers: Readonly<Record<string, string>> = {}) =>
  request(server, "GET", "/api/v1/whoami", undefined, headers);

it("names the key and its scopes, and needs a valid one", async () => {
  const server = await start({ dashboard: { mode: "read", label: "staging" } }, KEYS);
  for (const [key, scopes] of [
    ["submitter", ["submit"]],
    ["reader", ["read"]],
    ["operator", ALL],
  ] as const) {
    const { id } = keyOf(key, []);
    const { status, body, headers } = await ask(server, { authorization: `Bearer ${key}` });
    expect({ status, body }).toEqual({
      status: 200,
      body: {
        key: { id, name: `the-${key}` },
        user: null,
        scopes,
        dashboard: { mode: "read", label: "staging" },
        version,
      },
    });
    expect(headers.get("ratelimit")).toMatch(/^"requests";r=1;/);
  }
  expect(await ask(server)).toMatchObject({ status: 401, body: { code: "key_missing" } });
  expect(await ask(server, { authorization: "Bearer nobody" })).toMatchObject({
    status: 401,
    body: { code: "key_invalid" },
  });
});

it("lists all scopes without keys, to callers that are served at all", async () => {
  const body = { key: null, user: null, scopes: ALL, dashboard: { mode: "full", label: null }, version };
  const isProtected = await start();
  expect(await ask(isProtected)).toMatchObject({ status: 200, body });
  expect(await ask(isProtected, { "x-forwarded-for": "10.0.0.1" })).toMatchObject({
    status: 403,
    body: { code: "protected_mode" },
  });
  expect(await ask(isProtected, { origin: "http://evil.test" })).toMatchObject({ body: { code: "cross_origin" } });
  const open = await start({ isOpenToAll: true });
  expect(await ask(open, { "x-forwarded-for": "10.0.0.1" })).toMatchObject({ status: 200, body });
});

it.each([
  ["full", ALL],
  ["read", ["read"]],
] as const)("names the user of an auth proxy: DASHBOARD=%s", async (mode, scopes) => {
  const server = await start({
    dashboard: { mode, label: null },
    userHeader: "x-user",
    trustedProxies: parseNetworks("127.0.0.1") ?? [],
  });
  expect(await ask(server, { "x-user": "alice@example.com" })).toMatchObject({
    status: 200,
    body: { key: null, user: "alice@example.com", scopes, dashboard: { mode, label: null } },
  });
});
