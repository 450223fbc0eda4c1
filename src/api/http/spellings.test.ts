/** Equivalent requests in different spellings: paths as in RFC 3986, header values as in RFC 9110. */
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { ApiServer } from "../../testing/api-server.ts";
import { request, startApiServer } from "../../testing/api-server.ts";
import { rawAnswer, rawSocket } from "../../testing/raw-http.ts";

let server: ApiServer;
let id: string;
beforeAll(async () => {
  server = await startApiServer({ settings: { corsOrigins: ["https://app.example.com"] } });
  id = String(
    (await request(server, "POST", "/api/v1/jobs", { type: "note", payload: { text: "x".repeat(5_000) } })).body.id,
  );
});
afterAll(() => server.close());

const GOOD = JSON.stringify({ type: "note", payload: { text: "good" } });
function raw(line: string, ...headers: readonly string[]): Promise<{ readonly status: number; readonly text: string }> {
  return rawAnswer(server.port, [`${line} HTTP/1.1`, "Host: a", ...headers, "", ""].join("\r\n"));
}
function post(...headers: readonly string[]): Promise<{ readonly status: number; readonly text: string }> {
  const length = headers.some((header) => /^transfer/i.test(header)) ? [] : [`Content-Length: ${GOOD.length}`];
  const body = length.length > 0 ? GOOD : `${GOOD.length.toString(16)}\r\n${GOOD}\r\n0\r\n\r\n`;
  const typed = headers.some((header) => /^content-type/i.test(header)) ? [] : ["Content-Type: application/json"];
  return rawAnswer(
    server.port,
    ["POST /api/v1/jobs HTTP/1.1", "Host: a", ...typed, ...length, ...headers, "", body].join("\r\n"),
  );
}

describe("a path in another spelling", () => {
  it.each([
    ["GET", "/api/v1/jobs/ID", 200],
    ["GET", "/api/v1/jobs/ID/", 200],
    ["GET", "/api/v1/%6aobs/ID", 200],
    ["GET", "/api/v1/jobs/ENCODED", 200],
    ["GET", "/api/v1/jobs/x/../ID", 200],
    ["GET", "/api/v1/jobs/./ID", 200],
    ["GET", "/api/v1/jobs/%2E/ID/%61ttempts/", 200],
    ["HEAD", "/api/v1/%6Aobs/ID/", 200],
    ["GET", "/api/v1/stats/", 200],
    ["GET", "/api/v1/stats/?", 200],
    ["GET", "/api/v1/health/live/", 200],
    ["POST", "/api/v1/queues/%6Eote/resume", 200],
    ["POST", "/api/v1/queues/n%6fte/resume/", 200],
    ["POST", "/api/v1/queues/../queues/note/%72esume", 200],
    ["OPTIONS", "/api/v1/jobs/", 204],
    ["PUT", "/api/v1/jobs/", 405],
    ["DELETE", "/api/v1/%73tats", 405],
    ["FOO", "/api/v1/%73tats/", 405],
    ["TRACE", "/api/v1/jobs/", 405],
    ["GET", "/api/v1/jobs/%2e%2e/%2E%2E/%2e./nothing", 404],
    ["GET", "/api/v1/jobs//", 404],
    ["GET", "/api//v1/jobs", 404],
    ["GET", "/api%2Fv1/jobs", 404],
    ["POST", "/api/v1/queues/no%2Fte/resume", 404],
    ["GET", "/API/v1/jobs", 404],
  ])("%s %s: %d", async (method, path, status) => {
    const encoded = id.replace(/./g, (character) => `%${character.charCodeAt(0).toString(16)}`);
    const answer = await raw(
      `${method} ${path.replace("ID", id).replace("ENCODED", encoded)}`,
      ...(method === "POST" ? ["Content-Length: 0"] : []),
    );
    expect(answer.status).toBe(status);
    if (path.includes("jobs/ID") && method === "GET") expect(answer.text).toContain(id);
  });

  it("accepts a job at a path with a trailing slash", async () => {
    const answer = await request(server, "POST", "/api/v1/%6Aobs/", GOOD);
    expect(answer).toMatchObject({ status: 202, body: { status: "queued" } });
  });

  it("redirects a page with a trailing slash, because its links are relative to its path", async () => {
    const answer = await request(server, "GET", "/docs/");
    expect([answer.status, answer.headers.get("location")]).toEqual([308, "../docs"]);
  });
});

describe("a header value in another case", () => {
  it.each([
    "Content-Type: Application/JSON; Charset=UTF-8",
    "Content-Type: APPLICATION/JSON",
    'Content-Type: application/json;charset="utf-8"',
    "Transfer-Encoding: Chunked",
    "TRANSFER-ENCODING: CHUNKED",
    "Content-Encoding: Identity",
    "Connection: CLOSE",
    "Connection: Keep-Alive, X",
    "Expect: 100-Continue",
    "Origin: http://A",
    "Origin: HTTPS://APP.Example.com",
    "Origin: https://app.example.com:443",
  ])("%s", async (header) => {
    expect((await post(header)).text).toMatch(/HTTP\/1\.1 202/);
  });

  it("Connection: CLOSE ends the connection", async () => {
    const socket = await rawSocket(
      server.port,
      "GET /api/v1/health/live HTTP/1.1\r\nHost: a\r\nConnection: CLOSE\r\n\r\n",
    );
    expect(await socket.closed()).toContain("200 OK");
  });

  it("Origin matches CORS_ORIGINS, and the answer repeats it as the browser wrote it", async () => {
    const answer = await raw("GET /api/v1/stats", "Origin: https://APP.example.com");
    expect(answer.text).toContain("Access-Control-Allow-Origin: https://APP.example.com");
    expect((await raw("GET /api/v1/stats", "Origin: https://app.example.com/path")).status).toBe(403);
  });

  it("Prefer: Wait=1 waits", async () => {
    expect((await post("Prefer: respond-async", "Prefer: WAIT=1")).text).toContain("Preference-Applied: wait=1");
  });

  it.each(["GZIP;q=0.5", "Gzip", "x-GZIP", "br;q=1.0, GZIP ; Q=0.1", "*"])("Accept-Encoding: %s", async (value) => {
    expect((await raw(`GET /api/v1/jobs/${id}`, `Accept-Encoding: ${value}`)).text).toMatch(/Content-Encoding: gzip/);
  });
  it.each(["GZIP;Q=0", "identity", "gzip;q=0, *"])("Accept-Encoding: %s does not accept gzip", async (value) => {
    expect((await raw(`GET /api/v1/jobs/${id}`, `Accept-Encoding: ${value}`)).text).not.toMatch(/Content-Encoding/);
  });
  it("two Accept-Encoding headers are one list", async () => {
    expect((await raw(`GET /api/v1/jobs/${id}`, "Accept-Encoding: gzip", "Accept-Encoding: br")).text).toMatch(
      /Content-Encoding: gzip/,
    );
  });

  it("If-None-Match: a list, a weak tag, a star, or several headers", async () => {
    const path = "/docs/start.js";
    const tag = /ETag: (.*)/i.exec((await raw(`GET ${path}`)).text)?.[1]?.trim() ?? "";
    const statuses = [tag, `W/${tag}`, `"a,b", ${tag}`, `"x",W/${tag} , "y"`, "*", ` * `];
    for (const value of statuses)
      expect([value, (await raw(`GET ${path}`, `If-None-Match: ${value}`)).status]).toEqual([value, 304]);
    expect((await raw(`GET ${path}`, `If-None-Match: ${tag}`, `If-None-Match: "other"`)).status).toBe(304);
    for (const value of [`"a,*,b"`, `"*"`, tag.toLowerCase(), tag.slice(1, -1)])
      expect([value, (await raw(`GET ${path}`, `If-None-Match: ${value}`)).status]).toEqual([value, 200]);
  });
});

describe("a time in a query", () => {
  it.each([
    "2026-01-31T12:00:00+02:00",
    "2026-01-31T12:00:00%2B02:00",
    "2026-01-31t12:00:00-02:00",
    "2026-01-31T12:00:00.5z",
  ])("%s", async (time) => {
    expect((await request(server, "GET", `/api/v1/jobs?created_after=${time}`)).status).toBe(200);
  });
  it.each(["2026-01-31+12:00:00Z", "2026-01-31T12:00:00Z+", "+2026-01-31T12:00:00Z"])("%s is invalid", async (time) => {
    expect((await request(server, "GET", `/api/v1/jobs?created_before=${time}`)).status).toBe(422);
  });
});

it.each(["/docs", "/docs/start.js", "/api/v1/health/live", "/", "/nothing"])(
  "after HEAD %s the connection serves another request",
  async (path) => {
    const socket = await rawSocket(server.port, `HEAD ${path} HTTP/1.1\r\nHost: a\r\n\r\n`);
    expect(await socket.until(/\r\n\r\n/)).toMatch(/^Content-Length: \d+\r$/m);
    socket.socket.write("GET /api/v1/health/live HTTP/1.1\r\nHost: a\r\n\r\n");
    await socket.until(/\r\n\r\nHTTP\/1\.1 200 OK[^]*"ok"/);
    socket.socket.destroy();
  },
);

describe("Keep-Alive", () => {
  it("announces how long a connection may be idle", async () => {
    expect((await raw("GET /api/v1/health/live")).text).toContain("\r\nKeep-Alive: timeout=7\r\n");
    expect((await post()).text).toContain("\r\nKeep-Alive: timeout=7\r\n");
  });
  it.each(["Connection: close", "Content-Length: x"])("is missing if the connection ends: %s", async (header) => {
    expect((await raw("GET /api/v1/health/live", header)).text).not.toMatch(/^keep-alive/im);
  });
  it("is true: a connection serves another request after being idle for that long", { timeout: 30_000 }, async () => {
    const socket = await rawSocket(server.port, "GET /api/v1/health/live HTTP/1.1\r\nHost: a\r\n\r\n");
    await socket.until(/"ok"/);
    await new Promise((resolve) => void setTimeout(resolve, 7_000));
    socket.socket.write("GET /api/v1/stats HTTP/1.1\r\nHost: a\r\n\r\n");
    await socket.until(/"ok"[^]*200 OK/);
    socket.socket.destroy();
  });
});
