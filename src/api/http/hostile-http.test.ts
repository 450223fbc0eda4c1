import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import type { ApiServer } from "../../testing/api-server.ts";
import { request, startApiServer } from "../../testing/api-server.ts";
import { SPLITS, violationsOfServer } from "../../testing/hostile-http.ts";
import { rawAnswer, rawSocket } from "../../testing/raw-http.ts";
import { ApiKeyCache } from "../access/api-key-cache.ts";

let server: ApiServer;
beforeAll(async () => {
  server = await startApiServer({ settings: { maxBatchBytes: 16 * 1024 * 1024 } });
});
afterAll(() => server.close());
const logged = () => server.logged.length;
afterEach(async () => {
  // the server still answers a valid request
  expect(await request(server, "POST", "/api/v1/jobs", { type: "note", payload: { text: "good" } })).toMatchObject({
    status: 202,
  });
  expect(logged()).toBe(0);
});

const GOOD = JSON.stringify({ type: "note", payload: { text: "good" } });
/** A POST with a Content-Length, unless `headers` determine the length. */
function post(body: string, headers = `Content-Length: ${Buffer.byteLength(body)}\r\n`, path = "/api/v1/jobs"): string {
  return `POST ${path} HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\n${headers}\r\n${body}`;
}

describe("an invalid request", () => {
  const mib = 1024 * 1024;
  it.each([
    ["malformed JSON", post("{,}"), 400, "malformed_json"],
    [
      "100,000 levels",
      post(`{"type":"note","payload":{"text":"a","more":${"[".repeat(100_000)}${"]".repeat(100_000)}}}`),
      400,
      "json_too_deep",
    ],
    ["100,000 levels, not closed", post("[".repeat(100_000)), 400, "json_too_deep"],
    [
      "__proto__",
      post(`{"type":"note","payload":{"text":"a","more":{"__proto__":{"isAdmin":true}}}}`),
      422,
      "validation_failed",
    ],
    ["no body", post(""), 400, "body_missing"],
    ["no body and no length", post("", ""), 400, "body_missing"],
    ["a body of 100 MB by its length", post("", `Content-Length: ${100 * mib}\r\n`), 413, "body_too_large"],
    [
      "two lengths",
      post(GOOD, `Content-Length: ${GOOD.length}\r\nContent-Length: 5\r\n`),
      400,
      "content_length_invalid",
    ],
    [
      "compression",
      post(GOOD, `Content-Length: ${GOOD.length}\r\nContent-Encoding: gzip\r\n`),
      415,
      "unsupported_content_encoding",
    ],
    [
      "an unknown transfer encoding",
      post("0\r\n\r\n", "Transfer-Encoding: gzip\r\n"),
      400,
      "transfer_encoding_invalid",
    ],
    [
      "a header of 60 KB",
      post(GOOD, `Content-Length: ${GOOD.length}\r\nX-Large: ${"x".repeat(60_000)}\r\n`),
      431,
      "headers_too_large",
    ],
    [
      "an Idempotency-Key given twice",
      post(GOOD, `Content-Length: ${GOOD.length}\r\nIdempotency-Key: a\r\nIdempotency-Key: b\r\n`),
      400,
      "idempotency_key_invalid",
    ],
  ])("with %s is rejected", async (_what, text, status, code) => {
    const answer = await rawAnswer(server.port, text);
    expect(answer.status).toBe(status);
    expect(answer.text).toContain(`"code":"${code}"`);
  });

  it.each([
    [
      "a length and chunks at once",
      post("2\r\n{}\r\n0\r\n\r\n", "Content-Length: 2\r\nTransfer-Encoding: chunked\r\n"),
      400,
    ],
    ["an invalid length", post(GOOD, "Content-Length: abc\r\n"), 400],
    ["a negative length", post(GOOD, "Content-Length: -5\r\n"), 400],
    ["bytes that are not HTTP", "hello\r\n\r\n", 505],
  ])("with %s is rejected by the library", async (_what, text, status) => {
    expect((await rawAnswer(server.port, text)).status).toBe(status);
  });

  it("with a header of 1 MB is rejected by the library, which reads no more of it", async () => {
    const raw = await rawSocket(
      server.port,
      `GET /api/v1/stats HTTP/1.1\r\nHost: a\r\nX-Large: ${"x".repeat(mib)}\r\n\r\n`,
    );
    // The client still sends when the connection closes: its kernel may drop the answer with the reset.
    expect(await raw.closed()).toMatch(/^$|^HTTP\/1\.1 431 /);
  });

  it("with invalid UTF-8 is rejected", async () => {
    const bytes = Buffer.from(`{"type":"note","payload":{"text":"\xff\xfe"}}`, "latin1");
    const raw = await rawSocket(server.port, post("", `Content-Length: ${bytes.length}\r\n`));
    raw.socket.write(bytes);
    expect(await raw.until(/"code":"invalid_utf8"/)).toContain("HTTP/1.1 400 ");
    raw.socket.destroy();
  });

  it("with a body of 100 MB without a length is cut off", async () => {
    const raw = await rawSocket(server.port, post("", "Transfer-Encoding: chunked\r\n"));
    const chunk = `100000\r\n${"x".repeat(mib)}\r\n`;
    let sent = 0;
    for (; sent < 100 && !raw.socket.closed; sent++) await new Promise((resolve) => raw.socket.write(chunk, resolve));
    expect(sent).toBeLessThan(100);
    // the kernel may drop the answer, because the client was still sending
    expect(await raw.closed()).toMatch(/^$|^HTTP\/1\.1 413 /);
  });

  it.each([
    ["with a length", post("x".repeat(3 * mib))],
    ["in chunks", post(`300000\r\n${"x".repeat(3 * mib)}\r\n0\r\n\r\n`, "Transfer-Encoding: chunked\r\n")],
  ])("a body somewhat over the limit, %s, gets its answer", async (_what, text) => {
    const answer = await rawAnswer(server.port, text);
    expect(answer.status).toBe(413);
    expect(answer.text).toContain("body_too_large");
  });

  it("does not include a valid body in chunks: the answer is 202", async () => {
    const half = Math.floor(GOOD.length / 2);
    const chunk = (text: string) => `${text.length.toString(16)}\r\n${text}\r\n`;
    const raw = await rawSocket(server.port, post(chunk(GOOD.slice(0, half)), "Transfer-Encoding: chunked\r\n"));
    raw.socket.write(`${chunk(GOOD.slice(half))}0\r\n\r\n`);
    expect(await raw.until(/finished_at/)).toContain("HTTP/1.1 202 ");
    raw.socket.destroy();
  });
});

describe("after an invalid request", () => {
  it.each(SPLITS)("no other request on the connection is served, sent %s", async (split) => {
    expect(await violationsOfServer(split, { host: "127.0.0.1", port: server.port })).toEqual([]);
  });

  it.each([
    ["415", post("", `Content-Length: ${8 * 1024 * 1024}\r\nContent-Encoding: gzip\r\n`)],
    ["413", post("", "Content-Length: 100000000\r\n")],
    ["431", post("", `Content-Length: ${8 * 1024 * 1024}\r\nX-Large: ${"x".repeat(20_000)}\r\n`)],
  ])("its answer, %s, is read by a client that continues to send", async (status, text) => {
    const raw = await rawSocket(server.port, text);
    for (let i = 0; i < 8; i++)
      raw.socket.write(Buffer.alloc(1024 * 1024, "GET /api/v1/health/live HTTP/1.1\r\nHost: a\r\n\r\n"));
    const answer = await raw.closed();
    expect(answer.match(/HTTP\/1\.1 \d{3}/g)).toEqual([`HTTP/1.1 ${status}`]);
    const [head = "", body = ""] = answer.split("\r\n\r\n");
    expect(JSON.parse(body)).toMatchObject({ status: Number(status) });
    expect(Number(/Content-Length: (\d+)/.exec(head)?.[1])).toBe(body.length);
  });

  it("the connection ends before any key is checked, if the end of the request is uncertain", async () => {
    const apiKeyCache = new ApiKeyCache();
    apiKeyCache.replace([], { isNeeded: true });
    const locked = await startApiServer({ deps: { apiKeyCache } });
    expect(await violationsOfServer("in the same packet", { host: "127.0.0.1", port: locked.port })).toEqual([]);
    await locked.close();
  });
});

describe("paths and methods", () => {
  it.each([
    ["GET", "/nothing", 404, "not_found"],
    ["GET", "/api/v1/jobs//", 404, "not_found"],
    ["POST", "/api/v1/jobs/x/nothing", 404, "not_found"],
    ["PUT", "/api/v1/jobs", 405, "method_not_allowed"],
    ["DELETE", "/api/v1/stats", 405, "method_not_allowed"],
    ["GET", "/api/v1/jobs/batch", 405, "method_not_allowed"],
    ["DELETE", "/api/v1/jobs/replay", 405, "method_not_allowed"],
    ["GET", "/api/v1/jobs/batches", 400, "invalid_id"],
  ])("%s %s is %i", async (method, path, status, code) => {
    const { body, ...answer } = await request(server, method, path);
    expect(answer.status).toBe(status);
    expect(body.code).toBe(code);
  });

  it("OPTIONS lists the methods of a path", async () => {
    const options = await request(server, "OPTIONS", "/api/v1/jobs");
    expect([options.status, options.headers.get("allow"), options.text]).toEqual([204, "POST, GET, HEAD, OPTIONS", ""]);
    expect((await request(server, "PUT", "/api/v1/jobs/x")).headers.get("allow")).toBe(
      "GET, HEAD, DELETE, PATCH, OPTIONS",
    );
    expect((await request(server, "HEAD", "/api/v1/jobs/batch")).headers.get("allow")).toBe("POST, OPTIONS");
    expect((await request(server, "OPTIONS", "/api/v1/jobs/batch")).headers.get("allow")).toBe("POST, OPTIONS");
  });

  it("HEAD gets the answer of GET without the body", async () => {
    const head = await request(server, "HEAD", "/api/v1/queues");
    const get = await request(server, "GET", "/api/v1/queues");
    expect([head.status, head.text, head.headers.get("content-type")]).toEqual([200, "", "application/json"]);
    expect(Number(head.headers.get("content-length"))).toBeGreaterThan(get.text.length / 2);
  });

  it("never become metric labels", async () => {
    await request(server, "GET", "/some/path/of/a/caller");
    expect((await request(server, "GET", "/metrics")).text).not.toContain("some/path");
  });
});

describe("connections", () => {
  it("do not delay others, if many are idle or send their headers slowly", async () => {
    const sockets = await Promise.all(
      Array.from({ length: 200 }, (_, i) =>
        rawSocket(server.port, i % 2 === 0 ? "" : "POST /api/v1/jobs HTTP/1.1\r\nHost:"),
      ),
    );
    const startedAt = performance.now();
    expect((await request(server, "POST", "/api/v1/jobs", GOOD)).status).toBe(202);
    expect(performance.now() - startedAt).toBeLessThan(2_000);
    for (const { socket } of sockets) socket.destroy();
  });

  it("are closed if they stay silent", { timeout: 60_000 }, async () => {
    const [idle, slow] = await Promise.all([
      rawSocket(server.port),
      rawSocket(server.port, "POST /api/v1/jobs HTTP/1.1\r\nHost:"),
    ]);
    await Promise.all([idle.closed(), slow.closed()]);
  });

  it.each([
    ["in its headers", "POST /api/v1/jobs HTTP/1.1\r\nHost"],
    ["before its body", post("", "Content-Length: 100\r\n")],
    ["in its body", post("{", "Content-Length: 100\r\n")],
    ["in a chunk", post("64\r\n{", "Transfer-Encoding: chunked\r\n")],
    ["before the answer", post(GOOD)],
    ["before a slow answer", `GET /api/v1/health HTTP/1.1\r\nHost: a\r\n\r\n`],
  ])("do not end the server if one disconnects %s", async (_what, text) => {
    for (let i = 0; i < 20; i++) {
      const raw = await rawSocket(server.port, text);
      await new Promise((resolve) => raw.socket.write("", resolve));
      if (i % 2 === 0) raw.socket.resetAndDestroy();
      else raw.socket.destroy();
    }
  });

  it("serve one request after the other", async () => {
    const raw = await rawSocket(server.port);
    for (let count = 1; count <= 3; count++) {
      raw.socket.write(post(GOOD));
      await raw.until(new RegExp(`(?:finished_at[^]*){${count}}`));
    }
    raw.socket.destroy();
  });

  it("serve pipelined requests whose answers are immediate", async () => {
    const raw = await rawSocket(server.port, "GET /nothing HTTP/1.1\r\nHost: a\r\n\r\n".repeat(3));
    await raw.until(/(?:HTTP\/1\.1 404[^]*){3}/);
    raw.socket.destroy();
  });

  it("are closed if pipelined requests have to wait, and the next connection is served", async () => {
    // UWebSockets.js does not pipeline what is answered later.
    const raw = await rawSocket(server.port, post(GOOD).repeat(3));
    await raw.closed();
  });
});
