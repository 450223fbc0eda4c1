/** The auth proxy of docs/operations/security.md: nginx with a service that knows users by their cookie. */
import { afterAll, beforeAll, expect, it } from "vitest";
import { freePort } from "../../embedded/free-port.ts";
import { request } from "../../testing/api-server.ts";
import { startBrowser } from "../../testing/browser.ts";
import { answer, HttpPeer } from "../../testing/http-peer.ts";
import { installation } from "../../testing/installation.ts";
import type { Program } from "../../testing/process.ts";
import type { RunningProxy } from "../../testing/proxies.ts";
import { authProxyConfigs, startProxy } from "../../testing/proxies.ts";
import { rawAnswer } from "../../testing/raw-http.ts";

const ALICE = { cookie: "_oauth2_proxy=alice@example.com" };
const EVIL = { origin: "https://evil.test", "sec-fetch-site": "cross-site" };
let program: Program;
let auth: HttpPeer;
let proxy: RunningProxy;
beforeAll(async () => {
  const [proxies, listen] = await Promise.all([freePort(), freePort()]);
  auth = await HttpPeer.start();
  auth.respond(({ path, headers }) => {
    const user = /_oauth2_proxy=(\S*)/.exec(headers.cookie ?? "")?.[1];
    if (path === "/oauth2/sign_in") return answer(403, { "content-type": "text/html" }, "sign in");
    if (path !== "/oauth2/auth") return answer(404);
    return user === undefined ? answer(401) : answer(202, { "x-auth-request-email": user });
  });
  program = (await installation()).start({
    PROXY_ADDR: `127.0.0.1:${proxies}`,
    PUBLIC_URL: `http://127.0.0.1:${listen}`,
    DASHBOARD_USER_HEADER: "X-Auth-Request-Email",
    TRUSTED_PROXIES: "127.0.0.1",
    LOG_LEVEL: "warn",
  });
  await program.ready();
  const [config] = authProxyConfigs();
  if (config === undefined) throw new Error("docs/operations/security.md has no configuration of nginx");
  const server = Number(new URL(program.url).port);
  proxy = await startProxy(config, { server, proxies, auth: auth.port, listen }, ALICE);
});
afterAll(async () => {
  await proxy.close();
  await auth.close();
  await program.close();
});

it("serves the user who is signed in: calls, waits, event streams and pages", async () => {
  expect((await request(proxy, "GET", "/api/v1/whoami", undefined, ALICE)).body).toMatchObject({
    key: null,
    user: "alice@example.com",
    scopes: ["submit", "read", "admin"],
  });
  const own = { ...ALICE, origin: proxy.url, "sec-fetch-site": "same-origin" };
  const job = await request(proxy, "POST", "/api/v1/jobs?wait=30", { type: "noop", payload: {} }, own);
  expect(job).toMatchObject({ status: 200, body: { status: "completed" } });
  const path = `/api/v1/jobs/${String(job.body.id)}/events`;
  expect((await request(proxy, "GET", path, undefined, own)).text).toContain("data: ");
  const link = { ...ALICE, "sec-fetch-site": "cross-site", "sec-fetch-mode": "navigate" };
  expect((await request(proxy, "GET", "/docs", undefined, link)).status).toBe(200);
});

it("asks everybody else to sign in, whatever user their headers name", async () => {
  for (const headers of [{}, { "x-auth-request-email": "alice@example.com" }]) {
    const { status, text } = await request(proxy, "GET", "/api/v1/whoami", undefined, headers);
    expect([status, text]).toEqual([403, "sign in"]);
  }
});

it("replaces the header that a client sends, and names nobody without a user", async () => {
  const whoami = async (cookie: string) => {
    const lines = ["GET /api/v1/whoami HTTP/1.1", "Host: 127.0.0.1", `Cookie: ${cookie}`];
    const named = ["X-Auth-Request-Email: root@example.com", "x-auth-request-email: eve@example.com", "", ""];
    const { text } = await rawAnswer(Number(new URL(proxy.url).port), [...lines, ...named].join("\r\n"));
    return /"(?:user|code)":"([^"]*)"/.exec(text)?.[1];
  };
  expect(await whoami("_oauth2_proxy=alice@example.com")).toBe("alice@example.com");
  expect(await whoami("_oauth2_proxy=")).toBe("protected_mode");
});

it("denies the user's browser what other sites ask for", async () => {
  for (const [method, path] of [
    ["POST", "/api/v1/queues/noop/pause"],
    ["GET", "/api/v1/jobs"],
  ] as const) {
    const answered = await request(proxy, method, path, undefined, { ...ALICE, ...EVIL });
    expect(answered).toMatchObject({ status: 403, body: { code: "cross_origin" } });
  }
});

it("serves the dashboard to the user who is signed in, with all actions", async () => {
  const browser = await startBrowser();
  try {
    const context = await browser.newContext({ locale: "en-US" });
    await context.addCookies([{ name: "_oauth2_proxy", value: "alice@example.com", url: proxy.url }]);
    const page = await context.newPage();
    await page.goto(`${proxy.url}/`);
    await page.getByRole("heading", { level: 1, name: "Overview" }).waitFor();
    await page.getByText("alice@example.com").waitFor();
    await page.goto(`${proxy.url}/ui/queues/noop`);
    await page.getByRole("button", { name: /^Pause/ }).click();
    await page
      .getByRole("dialog")
      .getByRole("button", { name: /^Pause/ })
      .click();
    await page.getByRole("button", { name: /^Resume/ }).waitFor();
    await page.goto(`${proxy.url}/ui/audit`);
    await page.locator("tbody tr", { hasText: "alice@example.com" }).first().waitFor();
    const stranger = await (await browser.newContext()).newPage();
    await stranger.goto(`${proxy.url}/ui`);
    expect(await stranger.locator("body").textContent()).toBe("sign in");
  } finally {
    await browser.close();
  }
});
