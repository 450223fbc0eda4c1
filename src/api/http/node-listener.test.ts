import { Agent, request as ask } from "node:http";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { ApiServer } from "../../testing/api-server.ts";
import { request, startApiServer } from "../../testing/api-server.ts";
import { isFull } from "../../testing/full.ts";
import { SPLITS, violationsOfServer } from "../../testing/hostile-http.ts";
import { rawAnswer, rawSocket } from "../../testing/raw-http.ts";
import { targetOf } from "./node-listener.ts";
import { bytesOfAddress } from "./node-response.ts";

const GOOD = JSON.stringify({ type: "note", payload: { text: "good" } });
let server: ApiServer;
let port: number;
let atProxyPort: { readonly url: string };
beforeAll(async () => {
  server = await startApiServer({ settings: { isOpenToAll: true } });
  port = await server.server.listenForProxies("127.0.0.1", 0, { headMs: 3_000 });
  atProxyPort = { url: `http://127.0.0.1:${port}` };
});
afterAll(() => server.close());

function raw(line: string, ...headers: readonly string[]): ReturnType<typeof rawAnswer> {
  return rawAnswer(port, [line, ...headers, "", ""].join("\r\n"));
}
const HTTP10_POST = [
  "POST /api/v1/jobs HTTP/1.0",
  "Host: a",
  "Content-Type: application/json",
  `Content-Length: ${GOOD.length}`,
];

describe("HTTP/1.0", () => {
  it("is answered, and the connection is closed", async () => {
    const socket = await rawSocket(port, ["GET /api/v1/health/ready HTTP/1.0", "", ""].join("\r\n"));
    expect(await socket.closed()).toMatch(/^HTTP\/1\.1 200 OK\r\n[^]*Connection: close\r\n[^]*"ok"/);
  });

  it("accepts jobs", async () => {
    const socket = await rawSocket(port, [...HTTP10_POST, "", GOOD].join("\r\n"));
    expect(await socket.closed()).toMatch(/^HTTP\/1\.1 202 /);
  });

  it("keeps the connection open if the client asks for it", async () => {
    const socket = await rawSocket(port, [...HTTP10_POST, "Connection: Keep-Alive", "", GOOD].join("\r\n"));
    expect(await socket.until(/finished_at/)).toMatch(/Connection: keep-alive\r\nKeep-Alive: timeout=75\r\n/i);
    socket.socket.write([...HTTP10_POST, "", GOOD].join("\r\n"));
    expect((await socket.closed()).match(/HTTP\/1\.1 202 /g)).toHaveLength(2);
  });

  it("ends an answer of unknown length by closing the connection", async () => {
    const answer = await rawSocket(port, "GET /api/v1/jobs?limit=1 HTTP/1.0\r\nHost: a\r\n\r\n");
    expect(await answer.closed()).not.toMatch(/Transfer-Encoding/i);
  });
});

describe("the port for proxies", () => {
  it("announces that it keeps idle connections longer than load balancers do", async () => {
    expect((await raw("GET /api/v1/health/live HTTP/1.1", "Host: a")).text).toMatch(/Keep-Alive: timeout=75\r\n/);
  });

  it("serves jobs, lists, pages, HEAD, 304 and 404 like the other port", async () => {
    const made = await request(atProxyPort, "POST", "/api/v1/jobs", GOOD);
    expect([made.status, made.headers.get("location")]).toEqual([202, `/api/v1/jobs/${String(made.body.id)}`]);
    const paths = [
      `/api/v1/jobs/${String(made.body.id)}`,
      "/api/v1/jobs/none",
      "/docs",
      "/docs/",
      "/",
      "/nothing",
      "/api/v1/queues",
      "/api/v1/%6Aobs/",
    ];
    for (const path of paths) {
      for (const method of ["GET", "HEAD", "OPTIONS", "DELETE", "PUT"]) {
        if (method === "DELETE" && path.includes(String(made.body.id))) continue;
        const [here, there] = [await request(atProxyPort, method, path), await request(server, method, path)];
        expect([
          method,
          path,
          here.status,
          here.headers.get("content-type"),
          here.headers.get("allow"),
          here.headers.get("location"),
        ]).toEqual([
          ...[
            method,
            path,
            there.status,
            there.headers.get("content-type"),
            there.headers.get("allow"),
            there.headers.get("location"),
          ],
        ]);
      }
    }
    const etag = (await request(atProxyPort, "GET", "/docs/start.js")).headers.get("etag") ?? "";
    expect(await request(atProxyPort, "GET", "/docs/start.js", undefined, { "if-none-match": etag })).toMatchObject({
      status: 304,
      text: "",
    });
  });

  it("waits for a job", async () => {
    const own = await startApiServer({ settings: { isOpenToAll: true } });
    const proxied = { url: `http://127.0.0.1:${await own.server.listenForProxies("127.0.0.1", 0)}` };
    const answer = request(proxied, "POST", "/api/v1/jobs?wait=60", GOOD);
    await own.finishNext("{}");
    expect(await answer).toMatchObject({ status: 200, body: { status: "completed" } });
    await own.close();
  });

  it("streams events", async () => {
    const { id } = (await request(atProxyPort, "POST", "/api/v1/jobs", GOOD)).body;
    const socket = await rawSocket(port, `GET /api/v1/jobs/${String(id)}/events HTTP/1.1\r\nHost: a\r\n\r\n`);
    expect(await socket.until(/data: /)).toMatch(/text\/event-stream[^]*Transfer-Encoding: chunked/);
    expect((await request(server, "DELETE", `/api/v1/jobs/${String(id)}`)).status).toBe(200);
    await socket.until(/cancelled/);
    socket.socket.destroy();
  });

  it("accepts large bodies, with a length and in chunks, and compresses large answers", async () => {
    const large = JSON.stringify({ type: "note", payload: { text: "x".repeat(1_500_000) } });
    expect((await request(atProxyPort, "POST", "/api/v1/jobs", large)).status).toBe(202);
    const inChunks = await fetch(`${atProxyPort.url}/api/v1/jobs`, {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: new Blob([large]).stream(),
      duplex: "half",
    });
    expect(inChunks.status).toBe(202);
    const smaller = await request(atProxyPort, "POST", "/api/v1/jobs", {
      type: "note",
      payload: { text: "x".repeat(5_000) },
    });
    const read = await request(atProxyPort, "GET", `/api/v1/jobs/${String(smaller.body.id)}`, undefined, {
      "accept-encoding": "gzip",
    });
    expect([read.headers.get("content-encoding"), read.text.length > 5_000]).toEqual(["gzip", true]);
  });

  it("answers a body that is too large, and closes", async () => {
    const socket = await rawSocket(
      port,
      `POST /api/v1/jobs HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\nContent-Length: 100000000\r\n\r\n${"x".repeat(100_000)}`,
    );
    expect(await socket.closed()).toMatch(/^HTTP\/1\.1 413 [^]*body_too_large/);
  });

  it("sends a file no faster than the client reads it, whole or in part", async () => {
    const content = Buffer.alloc(3_000_000, "0123456789");
    const own = await startApiServer({ settings: { isOpenToAll: true } });
    const proxied = { url: `http://127.0.0.1:${await own.server.listenForProxies("127.0.0.1", 0)}` };
    const id = String((await request(proxied, "POST", "/api/v1/jobs", GOOD)).body.id);
    await own.artifacts.write({ jobId: id, attempt: 1, name: "a.txt" }, content);
    await own.finishNext(`{"artifact":"a.txt"}`);
    const path = `/api/v1/jobs/${id}/artifacts/a.txt`;
    expect((await request(proxied, "GET", path)).text).toBe(content.toString());
    const part = await request(proxied, "GET", path, undefined, { range: "Bytes=5-14" });
    expect([part.status, part.text]).toEqual([206, "5678901234"]);
    await own.close();
  });

  it.each([
    ["GET http://a/api/v1/health/live?x=1 HTTP/1.1", 200],
    ["GET HTTP://A:80/api/v1/stats HTTP/1.1", 200],
    ["GET http://a HTTP/1.1", 302],
    ["OPTIONS * HTTP/1.1", 204],
    ["TRACE /api/v1/jobs HTTP/1.1", 405],
    ["PATCH /api/v1/jobs HTTP/1.1", 405],
    ["FOO /api/v1/jobs HTTP/1.1", 501],
    ["CONNECT a:443 HTTP/1.1", 501],
  ])("%s: %d", async (line, status) => {
    expect((await raw(line, "Host: a")).status).toBe(status);
  });

  it.each(["Expect: 100-Continue", "EXPECT: 100-continue"])(
    "asks for a body that the client holds back: %s",
    async (header) => {
      const socket = await rawSocket(
        port,
        `POST /api/v1/jobs HTTP/1.1\r\nHost: a\r\nContent-Type: APPLICATION/JSON\r\nContent-Length: ${GOOD.length}\r\n${header}\r\n\r\n`,
      );
      await socket.until(/^HTTP\/1\.1 100 Continue\r\n\r\n/);
      socket.socket.write(GOOD);
      await socket.until(/HTTP\/1\.1 202 /);
      socket.socket.destroy();
    },
  );

  it("serves a pool of connections", async () => {
    const agent = new Agent({ keepAlive: true, maxSockets: 5 });
    const statuses = await Promise.all(
      Array.from(
        { length: 100 },
        () =>
          new Promise<number | undefined>((resolve, reject) => {
            const call = ask(
              `${atProxyPort.url}/api/v1/jobs`,
              { agent, method: "POST", headers: { "content-type": "application/json" } },
              (answer) => {
                answer.resume().on("end", () => resolve(answer.statusCode));
              },
            );
            call.on("error", reject).end(GOOD);
          }),
      ),
    );
    agent.destroy();
    expect(statuses).toEqual(Array<number>(100).fill(202));
  });

  it.each(isFull ? SPLITS : SPLITS.filter((split) => split !== "after the answer"))(
    "rejects hostile requests like the other port, with the next request %s",
    { timeout: 60_000 },
    async (split) => {
      expect(await violationsOfServer(split, { host: "127.0.0.1", port }, "PROXY_ADDR")).toEqual([]);
      expect((await request(atProxyPort, "POST", "/api/v1/jobs", GOOD)).status).toBe(202);
      expect(server.logged).toEqual([]);
    },
  );

  it("treats every request as passed on by a proxy: without keys it serves nobody, even without proxy headers", async () => {
    const closed = await startApiServer();
    const proxied = { url: `http://127.0.0.1:${await closed.server.listenForProxies("", 0)}` };
    expect(await request(proxied, "POST", "/api/v1/jobs", GOOD)).toMatchObject({
      status: 403,
      body: { code: "protected_mode" },
    });
    expect((await request(proxied, "GET", "/api/v1/health/ready")).status).toBe(200);
    await closed.close();
    await expect(fetch(proxied.url)).rejects.toThrow();
  });

  it("reports in one sentence that its port is in use", async () => {
    const other = await startApiServer();
    await expect(other.server.listenForProxies("127.0.0.1", port)).rejects.toThrow(
      `PROXY_ADDR: cannot listen on 127.0.0.1:${port}`,
    );
    await other.close();
  });
});

it.each([
  ["127.0.0.1", "7f000001"],
  ["::1", "00000000000000000000000000000001"],
  ["::ffff:127.0.0.1", "00000000000000000000ffff7f000001"],
  ["2001:db8::5:0", "20010db8000000000000000000050000"],
  ["fe80::1%eth0", "fe800000000000000000000000000001"],
  [undefined, ""],
])("the address %s is the bytes %s", (address, bytes) => {
  expect(Buffer.from(bytesOfAddress(address)).toString("hex")).toBe(bytes);
});

it.each([
  ["/a?b=c?d", { path: "/a", query: "b=c?d" }],
  ["http://h:1/a?b", { path: "/a", query: "b", authority: "h:1" }],
  ["http://h?b", { path: "/", query: "b", authority: "h" }],
  ["*", { path: "*", query: "" }],
])("the target %s is read as %j", (target, expected) => {
  expect(targetOf(target)).toEqual(expected);
});
