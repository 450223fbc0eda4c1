import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import type { ApiServer } from "../../testing/api-server.ts";
import { startApiServer } from "../../testing/api-server.ts";
import { rawSocket } from "../../testing/raw-http.ts";

/** Both ways without keys: protected mode, and TASKFLOW_AUTH=none. */
const MODES = ["protected", "none"] as const;
type Mode = (typeof MODES)[number];
const servers = {} as Record<Mode, ApiServer>;
beforeAll(async () => {
  const settings = { allowedHosts: ["jobs.example.com"], corsOrigins: ["https://app.example.com"] };
  servers.protected = await startApiServer({ settings });
  servers.none = await startApiServer({
    settings: { ...settings, isOpenToAll: true, publicUrl: "https://own.example.com" },
  });
});
afterAll(() => Promise.all(MODES.map((mode) => servers[mode].close())));

const JOB = JSON.stringify({ type: "note", payload: { text: "a" } });
/** The first line and code of the answer to these bytes; "" if the connection ends without an answer. */
async function answerTo(server: ApiServer, text: string): Promise<string> {
  const raw = await rawSocket(server.port, text);
  const answer = await raw.until(/^HTTP\/1\.1 \d{3} [^]*\r\n\r\n/).catch(() => "");
  raw.socket.destroy();
  return `${answer.slice(9, 12)} ${/"code":"(\w+)"/.exec(answer)?.[1] ?? ""}`.trim();
}
const ask = (server: ApiServer, method: string, path: string, ...headers: string[]): Promise<string> =>
  answerTo(
    server,
    [`${method} ${path} HTTP/1.1`, ...headers, ...(method === "POST" ? ["Content-Length: 0"] : []), "", ""].join(
      "\r\n",
    ),
  );
const post = (server: ApiServer, ...headers: string[]): Promise<string> =>
  answerTo(
    server,
    [
      "POST /api/v1/jobs HTTP/1.1",
      ...headers,
      "Content-Type: application/json",
      `Content-Length: ${JOB.length}`,
      "",
      JOB,
    ].join("\r\n"),
  );
const stateOf = async (server: ApiServer): Promise<unknown> => {
  const { paused, accepted } = await server.queue.jobCounts();
  return { paused: [...paused], accepted };
};

describe.each(MODES)("without keys (%s)", (mode) => {
  let server: ApiServer;
  let before: unknown;
  beforeEach(async () => {
    server = servers[mode];
    before = await stateOf(server);
  });

  it.each([
    ...[
      "evil.test",
      "evil.test:8080",
      "localhost.evil.test",
      "127.0.0.1.evil.test",
      "127.1",
      "0177.0.0.1",
      "%6cocalhost",
      "user@localhost",
      "localhost:99999",
      "own.evil.example.com",
    ].map((host) => [host, [`Host: ${host}`]] as const),
    ["an empty one", ["Host:"]] as const,
    ["two", ["Host: localhost", "Host: evil.test"]] as const,
    ["two, the good one last", ["Host: evil.test", "Host: localhost"]] as const,
    ["an empty one and a good one", ["Host:", "Host: localhost"]] as const,
  ])("denies any request with Host %s", async (_what, hosts) => {
    // On newer versions of Node.js, the library itself rejects some of these.
    const rejected = /^(?:403 host_not_allowed|400.*)?$/;
    for (const path of [
      "/api/v1/jobs",
      "/api/v1/workers",
      "/api/v1/events",
      "/docs",
      "/api/v1/openapi.json",
      "/nothing",
    ])
      expect(await ask(server, "GET", path, ...hosts)).toMatch(rejected);
    expect(await ask(server, "OPTIONS", "/api/v1/jobs", ...hosts)).toMatch(rejected);
    expect(await ask(server, "POST", "/api/v1/queues/note/pause", ...hosts)).toMatch(rejected);
    expect(await post(server, ...hosts)).toMatch(rejected);
    expect(await stateOf(server)).toEqual(before);
  });

  it("does not serve absolute request targets, or requests without a Host", async () => {
    expect(await ask(server, "GET", "http://evil.test/api/v1/jobs", "Host: localhost")).not.toMatch(/^2/);
    expect(await ask(server, "POST", "http://localhost/api/v1/queues/note/pause", "Host: evil.test")).not.toMatch(/^2/);
    expect(await ask(server, "POST", "//evil.test/api/v1/queues/note/pause", "Host: localhost")).not.toMatch(/^2/);
    expect(await stateOf(server)).toEqual(before);
  });

  it("serves programs under the names of this machine, and of ALLOWED_HOSTS", async () => {
    for (const host of [
      "localhost",
      "127.0.0.1:8080",
      "[::1]:8080",
      "LOCALHOST.",
      "a.localhost",
      "jobs.example.com:443",
    ]) {
      expect([host, await ask(server, "GET", "/api/v1/jobs", `Host: ${host}`)]).toEqual([host, "200"]);
    }
    const isOpen = mode === "none";
    for (const host of ["taskflow:8080", "10.1.2.3", "[fd00::1]:80", "own.example.com"]) {
      expect([host, await ask(server, "GET", "/api/v1/jobs", `Host: ${host}`)]).toEqual([
        host,
        isOpen ? "200" : "403 host_not_allowed",
      ]);
    }
  });

  it.each([
    "/api/v1/health/live",
    "/api/v1/health/ready",
    "/api/v1/health",
    "/livez",
    "/readyz",
    "/healthz",
    "/metrics",
  ])("%s answers any Host and any page", async (path) => {
    expect(await ask(server, "GET", path, "Host: 10.244.0.7:8080")).not.toMatch(/403/);
    expect(
      await ask(server, "GET", path, "Host: evil.test", "Origin: http://evil.test", "Sec-Fetch-Site: same-origin"),
    ).not.toMatch(/403/);
  });

  it.each([
    ["a form", ["Origin: http://evil.test", "Content-Type: application/x-www-form-urlencoded"]],
    ["a form of another site", ["Origin: http://evil.test", "Sec-Fetch-Site: cross-site", "Sec-Fetch-Mode: navigate"]],
    ["a sandboxed page", ["Origin: null"]],
    ["a file", ["Origin: file://"]],
    ["another port", ["Origin: http://localhost:3000", "Sec-Fetch-Site: same-site"]],
    ["another port, by an old browser", ["Origin: http://localhost:3000"]],
    ["the other name of this machine", ["Origin: http://127.0.0.1:8080", "Sec-Fetch-Site: cross-site"]],
    ["a name below localhost", ["Origin: http://evil.localhost:8080"]],
    ["a page with no origin", ["Sec-Fetch-Site: cross-site", "Sec-Fetch-Mode: no-cors", "Sec-Fetch-Dest: image"]],
    ["an image of another port", ["Sec-Fetch-Site: same-site", "Sec-Fetch-Dest: image"]],
    [
      "a WebSocket",
      [
        "Origin: http://evil.test",
        "Connection: Upgrade",
        "Upgrade: websocket",
        "Sec-WebSocket-Version: 13",
        "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==",
      ],
    ],
  ])("changes and reveals nothing for %s", async (_what, headers) => {
    const host = "Host: localhost:8080";
    for (const act of ["pause", "resume"])
      expect(await ask(server, "POST", `/api/v1/queues/note/${act}`, host, ...headers)).toBe("403 cross_origin");
    expect(await ask(server, "GET", "/api/v1/jobs", host, ...headers)).toBe("403 cross_origin");
    expect(await ask(server, "OPTIONS", "/api/v1/jobs", host, "Access-Control-Request-Method: POST", ...headers)).toBe(
      "403 cross_origin",
    );
    expect(await post(server, host, ...headers)).toBe("403 cross_origin");
    expect(await stateOf(server)).toEqual(before);
  });

  it("serves its own pages, and those of CORS_ORIGINS", async () => {
    const host = "Host: localhost:8080";
    expect(await ask(server, "GET", "/api/v1/jobs", host, "Sec-Fetch-Site: same-origin")).toBe("200");
    expect(await post(server, host, "Origin: http://localhost:8080", "Sec-Fetch-Site: same-origin")).toMatch(/^202/);
    expect(await post(server, host, "Origin: https://app.example.com", "Sec-Fetch-Site: cross-site")).toMatch(/^202/);
    expect(
      await ask(
        server,
        "OPTIONS",
        "/api/v1/jobs",
        host,
        "Origin: https://app.example.com",
        "Sec-Fetch-Site: cross-site",
      ),
    ).toBe("204");
    expect(
      await post(server, "Host: 127.0.0.1:8080", "Origin: https://own.example.com", "Sec-Fetch-Site: same-origin"),
    ).toMatch(mode === "none" ? /^202/ : /^403 cross_origin/);
  });
});

describe("a proxy on this machine", () => {
  it.each([
    "X-Forwarded-For: 10.0.0.1",
    "X-Forwarded-Host: a",
    "X-Real-IP: 10.0.0.1",
    "Via: 1.1 proxy",
    "Forwarded: for=10.0.0.1",
    "CF-Connecting-IP: 10.0.0.1",
    "X-Envoy-Internal: true",
    "X-Client-IP:",
  ])("that sends %s is denied in protected mode, and served with TASKFLOW_AUTH=none", async (header) => {
    expect(await ask(servers.protected, "GET", "/api/v1/jobs", "Host: localhost", header)).toBe("403 protected_mode");
    expect(await ask(servers.none, "GET", "/api/v1/jobs", "Host: localhost", header)).toBe("200");
  });

  it("that keeps the original Host is denied in protected mode, even if it adds no header", async () => {
    for (const host of ["own.example.com", "taskflow", "backend:8080", "10.0.0.7"])
      expect(await ask(servers.protected, "GET", "/api/v1/jobs", `Host: ${host}`)).toBe("403 host_not_allowed");
  });
});
