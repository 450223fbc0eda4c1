import { spawn } from "node:child_process";
import { once } from "node:events";
import { writeFileSync } from "node:fs";
import { createServer as createHttpServer, type IncomingMessage } from "node:http";
import { createServer as createHttpsServer } from "node:https";
import { type AddressInfo, connect, createServer, type Server } from "node:net";
import { join } from "node:path";
import { afterEach, expect, it } from "vitest";
import { HttpPeer } from "../testing/http-peer.ts";
import { tempDir } from "../testing/services.ts";
import { testCertificate, testKey } from "../testing/tls.ts";
import { until } from "../testing/until.ts";
import { type Outbound, type OutboundSettings, openOutbound } from "./outbound.ts";

const closers: (() => unknown)[] = [];
afterEach(async () => {
  for (const close of closers.splice(0).reverse()) await close();
});

function open(settings: Partial<OutboundSettings> = {}): Outbound {
  const outbound = openOutbound({ OUTBOUND_ALLOW_PRIVATE: true, ...settings });
  closers.push(() => outbound.close());
  return outbound;
}

async function listen(server: Server): Promise<number> {
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  closers.push(() => void server.close());
  return (server.address() as AddressInfo).port;
}

async function startPeer(): Promise<HttpPeer> {
  const peer = await HttpPeer.start();
  closers.push(() => peer.close());
  return peer;
}

it("uses a connection again", async () => {
  let connections = 0;
  const server = createHttpServer((_request, response) => response.end("thanks")).on("connection", () => connections++);
  const url = `http://127.0.0.1:${await listen(server)}/`;
  const outbound = open();
  for (let n = 0; n < 6; n++) await outbound.fetch(url);
  expect(connections).toBeLessThanOrEqual(2); // the first connection may still be busy when the second request begins
});

it("presents its certificate to a server that asks for one, and trusts the configured authorities", async () => {
  const server = createHttpsServer(
    { cert: testCertificate, key: testKey, ca: testCertificate, requestCert: true, rejectUnauthorized: true },
    (_request, response) => void response.end(),
  );
  const shown: unknown[] = [];
  server.on("secureConnection", (socket) => shown.push(socket.getPeerCertificate().subject.CN));
  const url = `https://127.0.0.1:${await listen(server)}/`;
  const [certFile, caFile] = ["client.pem", "ca.pem"].map((name) => join(tempDir(), name)) as [string, string];
  writeFileSync(certFile, testCertificate + testKey);
  writeFileSync(caFile, testCertificate);
  expect((await open({ OUTBOUND_CLIENT_CERT_FILE: certFile, OUTBOUND_CA_FILE: caFile }).fetch(url)).status).toBe(200);
  expect(shown).toEqual(["peer.example"]);
  await expect(open({ OUTBOUND_CA_FILE: caFile }).fetch(url)).rejects.toThrow();
  await expect(open({ OUTBOUND_CLIENT_CERT_FILE: certFile }).fetch(url)).rejects.toMatchObject({
    code: "DEPTH_ZERO_SELF_SIGNED_CERT",
  });
  expect(() => openOutbound({ OUTBOUND_ALLOW_PRIVATE: true, OUTBOUND_CA_FILE: "/nowhere/ca.pem" })).toThrow(
    /^OUTBOUND_CA_FILE cannot be read: ENOENT/,
  );
});

it("passes names to its proxy, and checks addresses in URLs itself", async () => {
  const peer = await startPeer();
  const asked: string[] = [];
  const proxy = createHttpServer().on("connect", (request: IncomingMessage, socket) => {
    asked.push(`${request.url ?? ""} ${request.headers["proxy-authorization"] ?? ""}`);
    const onward = connect(peer.port, "127.0.0.1", () => socket.write("HTTP/1.1 200 OK\r\n\r\n"));
    onward.pipe(socket).pipe(onward);
    for (const end of [onward, socket]) end.on("error", () => undefined);
    closers.push(() => socket.destroy());
  });
  const outbound = open({
    OUTBOUND_ALLOW_PRIVATE: false,
    OUTBOUND_PROXY: `http://user:word@127.0.0.1:${await listen(proxy)}`,
  });
  expect((await outbound.fetch("http://hooks.example/a")).status).toBe(200);
  expect(asked).toEqual([`hooks.example:80 Basic ${Buffer.from("user:word").toString("base64")}`]);
  await expect(outbound.fetch("http://10.0.0.1/")).rejects.toMatchObject({ code: "target_refused" });
  expect([peer.requests.length, asked.length]).toEqual([1, 1]);
});

it("fails if a response does not begin in time, or pauses too long", async () => {
  const peer = await startPeer();
  peer.respond(() => ({ kind: "hang" }));
  await expect(open({ OUTBOUND_HEADERS_TIMEOUT_MS: 50 }).fetch(peer.url())).rejects.toMatchObject({
    code: "UND_ERR_HEADERS_TIMEOUT",
  });
  const port = await listen(
    createServer((socket) =>
      socket.on("error", () => undefined).write("HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\nx"),
    ),
  );
  await expect(open({ OUTBOUND_BODY_TIMEOUT_MS: 50 }).fetch(`http://127.0.0.1:${port}/`)).rejects.toMatchObject({
    code: "UND_ERR_BODY_TIMEOUT",
  });
});

/** A port of a stopped process whose accept queue is full, so that the kernel answers no further connections. */
async function silentPort(): Promise<number> {
  const code = `const s = require("node:net").createServer().listen({ port: 0, host: "127.0.0.1", backlog: 1 }, () => console.log(s.address().port));`;
  const child = spawn(process.execPath, ["-e", code], { stdio: ["ignore", "pipe", "inherit"] });
  closers.push(() => child.kill("SIGKILL"));
  const [line] = (await once(child.stdout, "data")) as [Buffer];
  child.kill("SIGSTOP");
  const port = Number(line);
  let made = 0;
  for (let n = 0; n < 8; n++) {
    const socket = connect(port, "127.0.0.1", () => {
      made += 1;
    }).on("error", () => undefined);
    closers.push(() => socket.destroy());
  }
  await until(() => made >= 2, { what: "the queue is full" }); // Linux queues one more than requested
  return port;
}

it("fails if a connection is not made in time", async () => {
  const port = await silentPort();
  await expect(
    open({ OUTBOUND_CONNECT_TIMEOUT_MS: 50 }).fetch(`http://127.0.0.1:${port}/`, { timeoutMs: 20_000 }),
  ).rejects.toMatchObject({ code: "UND_ERR_CONNECT_TIMEOUT" });
});
