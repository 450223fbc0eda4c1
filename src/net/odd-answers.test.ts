/**
 * Responses that a strict parser would reject, and responses that end badly: the receiver has acted, so the status
 * counts.
 */
import { once } from "node:events";
import { writeFileSync } from "node:fs";
import { createServer as createHttpServer } from "node:http";
import { type AddressInfo, connect, createServer } from "node:net";
import { join } from "node:path";
import { createServer as createTlsServer } from "node:tls";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { tempDir } from "../testing/services.ts";
import { type Script, TcpPeer } from "../testing/tcp-peer.ts";
import { testCertificate, testKey } from "../testing/tls.ts";
import { type Outbound, type OutboundRequest, type OutboundResponse, openOutbound } from "./outbound.ts";

let peer: TcpPeer;
let outbound: Outbound;
beforeEach(async () => {
  peer = await TcpPeer.start();
  outbound = openOutbound({ OUTBOUND_ALLOW_PRIVATE: true });
});
afterEach(() => Promise.all([outbound.close(), peer.close()]));

const post = (request: OutboundRequest = {}): Promise<OutboundResponse> =>
  outbound.fetch(peer.url, { method: "POST", body: "{}", statusDecides: true, ...request });

const OK = "HTTP/1.1 200 OK\r\n";
const WHOLE = `${OK}content-length: 2\r\n\r\nok`;

describe("read whole is an answer", () => {
  it.each<[string, Script]>([
    ["without a reason", ["HTTP/1.1 200\r\ncontent-length: 2\r\n\r\nok"]],
    ["of HTTP/1.0, which ends with the connection", ["HTTP/1.0 200 OK\r\n\r\nok"]],
    ["whose lines end in LF", ["HTTP/1.1 200 OK\ncontent-length: 2\n\nok"]],
    ["with lines that are not headers", [`${OK}bad header name: x\r\nnonsense\r\ncontent-length: 2\r\n\r\nok`]],
    ["with a space before a colon", [`${OK}content-length : 2\r\n\r\nok`]],
    ["with a folded header", [`${OK}x-a: b\r\n c\r\ncontent-length: 2\r\n\r\nok`]],
    ["with two equal lengths", [`${OK}content-length: 2\r\ncontent-length: 2\r\n\r\nok`]],
    ["with two different lengths", [`${OK}content-length: 2\r\ncontent-length: 3\r\n\r\nok`]],
    ["with a length and chunks", [`${OK}content-length: 2\r\ntransfer-encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n`]],
    ["with trailers", [`${OK}transfer-encoding: chunked\r\n\r\n2\r\nok\r\n0\r\nx-t: 1\r\n\r\n`]],
    ["with 40 KiB of headers", [`${OK}${`x-a: ${"y".repeat(1_000)}\r\n`.repeat(40)}content-length: 2\r\n\r\nok`]],
    ["with more bytes than declared", [`${WHOLE} and more`]],
    ["after 100 Continue", ["HTTP/1.1 100 Continue\r\n\r\n", WHOLE]],
    ["after 100 Continue, with time between", ["HTTP/1.1 100 Continue\r\n\r\n", 20, WHOLE]],
    [
      "after other interim answers, in pieces",
      [
        "HTTP/1.1 102 Proc",
        5,
        "essing\r\n\r",
        5,
        "\nHTTP/1.1 103 Early Hints\r\nlink: x\r\n\r\nHTTP/1.1 2",
        5,
        "00 OK\r\ncontent-len",
        5,
        "gth: 2\r\n\r\no",
        5,
        "k",
      ],
    ],
  ])("%s", async (_what, script) => {
    peer.answer(script);
    const { status, body, flaw } = await post();
    expect([status, body.toString(), flaw]).toEqual([200, "ok", undefined]);
    expect(peer.requests).toBe(1);
  });

  it("of 204 with a body, followed by a request on a new connection", async () => {
    peer.answer("HTTP/1.1 204 No Content\r\ncontent-length: 2\r\n\r\nok", "stay");
    expect(await post()).toMatchObject({ status: 204, body: Buffer.alloc(0) });
    peer.answer(WHOLE, "stay");
    expect((await post()).body.toString()).toBe("ok");
  });

  it("with headers that had to be repaired: they are present", async () => {
    peer.answer("HTTP/1.1 503 Busy\nretry-after : 7\ncontent-length: 0\n\n");
    expect(await post()).toMatchObject({ status: 503, headers: { "retry-after": "7" } });
  });
});

describe("judged by its status is an answer", () => {
  it.each<[string, Script, string]>([
    ["that is shorter than declared", [`${OK}content-length: 50\r\n\r\nonly so far`], "only so far"],
    ["with invalid chunks", [`${OK}transfer-encoding: chunked\r\n\r\nzz\r\nok\r\n`], ""],
    ["without a last chunk", [`${OK}transfer-encoding: chunked\r\n\r\n2\r\nok\r\n`], "ok"],
    ["without the end of its headers", [`${OK}x-a: `], ""],
    ["without the end of its first line", ["HTTP/1.1 200 OK"], ""],
    ["with a mebibyte of headers", [`${OK}${`x-a: ${"y".repeat(1_000)}\r\n`.repeat(1_000)}`], ""],
    ["in an unknown encoding", [`${OK}content-encoding: rot13\r\ncontent-length: 2\r\n\r\nok`], ""],
    ["that does not match its encoding", [`${OK}content-encoding: gzip\r\ncontent-length: 2\r\n\r\nok`], ""],
  ])("%s, however its connection ends", async (_what, script, expected) => {
    for (const end of ["end", "reset", "stay"] as const) {
      peer.answer(script, end);
      const { status, body, flaw } = await post({ timeoutMs: 300 });
      expect([status, flaw instanceof Error]).toEqual([200, true]);
      if (end === "stay") expect(body.toString()).toBe(expected);
    }
    expect(peer.requests).toBe(3);
  });

  it("to a body that is still being sent, followed by a reset of the connection", async () => {
    const server = createServer((socket) => {
      socket
        .on("error", () => undefined)
        .once("data", () => {
          socket.pause().write(`HTTP/1.1 413 Too Large\r\ncontent-length: 2\r\n\r\nok`, () => socket.resetAndDestroy());
        });
    });
    await once(server.listen(0, "127.0.0.1"), "listening");
    const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/`;
    for (let n = 0; n < 5; n++)
      expect(
        (await outbound.fetch(url, { method: "POST", body: Buffer.alloc(16_777_216), statusDecides: true })).status,
      ).toBe(413);
    server.close();
  });

  it("that the caller stops waiting for: a delivery that is cancelled at this point was made", async () => {
    peer.answer([`${OK}content-length: 9\r\n\r\nso`], "stay");
    const controller = new AbortController();
    const pending = post({
      signal: controller.signal,
      onAnswer: () => setImmediate(() => controller.abort(new Error("cancelled"))),
    });
    expect(await pending).toMatchObject({ status: 200, flaw: { message: "cancelled" } });
  });

  it("that changes the protocol", async () => {
    peer.answer("HTTP/1.1 101 Switching Protocols\r\nupgrade: websocket\r\nconnection: upgrade\r\n\r\n", "stay");
    expect(await post()).toMatchObject({ status: 101 });
  });
});

describe("no answer is", () => {
  it.each([
    "SSH-2.0-OpenSSH_9.6\r\n",
    "ICY 200 OK\r\n\r\n",
    "HTTP/1.1 OK\r\n\r\n",
    "HTTP/1.1 2000 OK\r\n\r\n",
    "HTTP/1.1 000 X\r\n\r\n",
    "\x15\x03\x03\0\x02\x02F",
  ])("%j", async (text) => {
    peer.answer(text, "stay");
    await expect(post()).rejects.toMatchObject({ code: "answer_unreadable" });
  });

  it.each(["", "HTTP/1.1 20", "HTTP/1.1 100 Continue\r\n\r\n"])("%j and the end of the connection", async (text) => {
    peer.answer(text);
    await expect(post()).rejects.toMatchObject({ code: "UND_ERR_SOCKET" });
  });

  it("a redirect that leads to an unreachable host", async () => {
    peer.answer("HTTP/1.1 307 X\r\nlocation: http://127.0.0.1:1/\r\ncontent-length: 0\r\n\r\n");
    await expect(post({ followRedirects: 1 })).rejects.toMatchObject({ code: "ECONNREFUSED" });
  });
});

describe("responses are parsed just as tolerantly", () => {
  const script = "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\nx-a : b\ncontent-length: 50\n\nso far";

  it("over TLS", async () => {
    const server = createTlsServer({ cert: testCertificate, key: testKey }, (socket) =>
      socket.on("error", () => undefined).once("data", () => socket.end(script)),
    );
    await once(server.listen(0, "127.0.0.1"), "listening");
    const caFile = join(tempDir(), "ca.pem");
    writeFileSync(caFile, testCertificate);
    const own = openOutbound({ OUTBOUND_ALLOW_PRIVATE: true, OUTBOUND_CA_FILE: caFile });
    const url = `https://127.0.0.1:${(server.address() as AddressInfo).port}/`;
    expect(await own.fetch(url, { method: "POST", body: "{}", statusDecides: true })).toMatchObject({
      status: 200,
      headers: { "x-a": "b" },
      body: Buffer.from("so far"),
    });
    await own.close();
    server.close();
  });

  it("through a proxy", async () => {
    peer.answer(script);
    const proxy = createHttpServer().on("connect", (_request, socket) => {
      const onward = connect(Number(new URL(peer.url).port), "127.0.0.1", () =>
        socket.write("HTTP/1.1 200 OK\r\n\r\n"),
      );
      onward.pipe(socket).pipe(onward);
      for (const end of [onward, socket]) end.on("error", () => undefined);
    });
    await once(proxy.listen(0, "127.0.0.1"), "listening");
    const own = openOutbound({
      OUTBOUND_ALLOW_PRIVATE: true,
      OUTBOUND_PROXY: `http://127.0.0.1:${(proxy.address() as AddressInfo).port}`,
    });
    expect(await own.fetch(peer.url, { method: "POST", body: "{}", statusDecides: true })).toMatchObject({
      status: 200,
      headers: { "x-a": "b" },
      body: Buffer.from("so far"),
    });
    await own.close();
    proxy.close();
  });
});

it("without statusDecides, an incomplete response is an error, because a part of a file is useless", async () => {
  peer.answer(`${OK}content-length: 50\r\n\r\nonly so far`);
  await expect(post({ statusDecides: false })).rejects.toThrow();
});
