/** The built program behind a proxy that signs users in by a cookie, with the settings that the documentation names. */
import { afterAll, beforeAll, expect, it } from "vitest";
import { freePort } from "../../embedded/free-port.ts";
import { request } from "../../testing/api-server.ts";
import { answer, HttpPeer } from "../../testing/http-peer.ts";
import { installation } from "../../testing/installation.ts";
import type { Program } from "../../testing/process.ts";
import { until } from "../../testing/until.ts";

const ALICE = { cookie: "session=alice@example.com" };
let program: Program;
let proxy: HttpPeer;
let at: { readonly url: string };
beforeAll(async () => {
  const port = await freePort();
  proxy = await HttpPeer.start();
  program = (await installation()).start({
    PROXY_ADDR: `127.0.0.1:${port}`,
    DASHBOARD_USER_HEADER: "X-Auth-Request-Email",
    DASHBOARD_LABEL: "staging",
    TRUSTED_PROXIES: "127.0.0.1",
    PUBLIC_URL: "https://jobs.example.com",
    LOG_LEVEL: "warn",
  });
  await program.ready();
  // Like a real proxy, it removes what the client sends in the header of the user.
  proxy.respond(async ({ method, path, headers, body }) => {
    const user = /^session=(\S+)$/.exec(headers.cookie ?? "")?.[1];
    if (user === undefined) return answer(401);
    const passed = ["content-type", "origin", "sec-fetch-site"].flatMap((name) =>
      typeof headers[name] === "string" ? [[name, headers[name]] as const] : [],
    );
    const response = await fetch(`http://127.0.0.1:${port}${path}`, {
      method,
      headers: { ...Object.fromEntries(passed), "x-auth-request-email": user, "x-forwarded-for": "203.0.113.9" },
      ...(body.length > 0 && { body }),
    });
    const type = response.headers.get("content-type") ?? "";
    return answer(response.status, { "content-type": type }, Buffer.from(await response.arrayBuffer()));
  });
  at = { url: proxy.url("").replace(/\/$/, "") };
});
afterAll(async () => {
  await proxy.close();
  await program.close();
});

it("serves the user, though the server has no keys and the request was forwarded", async () => {
  expect(await request(at, "GET", "/api/v1/whoami", undefined, ALICE)).toMatchObject({
    status: 200,
    body: { key: null, user: "alice@example.com", dashboard: { mode: "full", label: "staging" } },
  });
  const own = { ...ALICE, origin: "https://jobs.example.com", "sec-fetch-site": "same-origin" };
  const job = { type: "noop", payload: {} };
  expect((await request(at, "POST", "/api/v1/jobs?wait=30", job, own)).body).toMatchObject({ status: "completed" });
  expect((await request(at, "POST", "/api/v1/queues/noop/pause", undefined, own)).status).toBe(200);
  expect((await request(at, "POST", "/api/v1/queues/noop/resume", undefined, own)).status).toBe(200);
  const entries = await until(
    async () => {
      const found = (await request(at, "GET", "/api/v1/audit", undefined, ALICE)).body.entries as unknown[];
      return found.length === 2 ? found : undefined;
    },
    { what: "the audit has both changes" },
  );
  const key = { id: null, name: "alice@example.com" };
  expect(entries).toMatchObject([
    { key, action: "queues.resume" },
    { key, action: "queues.pause" },
  ]);
});

it("denies the user's browser what other sites ask for, and everybody who is not signed in", async () => {
  const foreign = { ...ALICE, origin: "https://evil.test", "sec-fetch-site": "cross-site" };
  expect(await request(at, "POST", "/api/v1/queues/noop/pause", undefined, foreign)).toMatchObject({
    status: 403,
    body: { code: "cross_origin" },
  });
  expect((await request(at, "GET", "/api/v1/jobs")).status).toBe(401);
  // Directly, without the proxy: a program of this machine, without a user.
  expect((await request(program, "GET", "/api/v1/whoami")).body).toMatchObject({ user: null });
});

it("does not start without TRUSTED_PROXIES, and says what to set", async () => {
  const alone = (await installation()).start({ DASHBOARD_USER_HEADER: "X-Auth-Request-Email" });
  expect(await alone.ended).toEqual({ code: 2, signal: null });
  expect(alone.stderr).toMatch(/^taskflow: DASHBOARD_USER_HEADER: .* set TRUSTED_PROXIES to the address of your auth/m);
});
