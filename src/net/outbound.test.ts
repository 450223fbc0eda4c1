import { once } from "node:events";
import { type AddressInfo, createServer, type Socket } from "node:net";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { RetryableError } from "../core/job-type.ts";
import { answer, HttpPeer } from "../testing/http-peer.ts";
import { until } from "../testing/until.ts";
import { type Outbound, openOutbound, type Resolve } from "./outbound.ts";

const closers: (() => unknown)[] = [];
let peer: HttpPeer;
beforeEach(async () => {
  peer = await HttpPeer.start();
});
afterEach(async () => {
  vi.unstubAllEnvs();
  for (const close of closers.splice(0).reverse()) await close();
  await peer.close();
});

/** A bare TCP server, and the number of connections that reached it. */
async function listen(onSocket: (socket: Socket) => void): Promise<{ port: number; count: () => number }> {
  const sockets: Socket[] = [];
  const server = createServer((socket) => {
    sockets.push(socket.on("error", () => undefined)); // the client may end the connection with a reset
    onSocket(socket);
  }).listen(0, "127.0.0.1");
  closers.push(() => {
    for (const socket of sockets) socket.destroy();
    return new Promise((resolve) => server.close(resolve));
  });
  await once(server, "listening");
  return { port: (server.address() as AddressInfo).port, count: () => sockets.length };
}

function open(access: "public" | "private", resolve?: Resolve): Outbound {
  const outbound = openOutbound({ OUTBOUND_ALLOW_PRIVATE: access === "private" }, resolve);
  closers.push(() => outbound.close());
  return outbound;
}

/** A resolver that returns these answers in turn, and then repeats the last one. */
function answering(...answers: string[][]): Resolve & { calls: number } {
  const resolver = (_host: string, found: Parameters<Resolve>[1]): void => {
    const addresses = answers[Math.min(resolve.calls++, answers.length - 1)] ?? [];
    found(
      null,
      addresses.map((address) => ({ address, family: address.includes(":") ? 6 : 4 })),
    );
  };
  const resolve = Object.assign(resolver, { calls: 0 });
  return resolve;
}

/** Global unicast by the tables, but unassigned, so no connection to it succeeds. */
const PUBLIC = "3000::1";
const rejected = { name: "TargetRejected", code: "target_refused" };

describe("the guard", () => {
  it("does not connect to addresses that callers must not reach", async () => {
    const { port, count } = await listen(() => undefined);
    const outbound = open("public");
    for (const name of ["127.0.0.1", "2130706433", "0x7f.1", "[::1]", "[::ffff:7f00:1]", "localhost"]) {
      await expect(outbound.fetch(`http://${name}:${port}/`)).rejects.toMatchObject(rejected);
    }
    await expect(
      open("public", answering(["127.0.0.1", "::1"])).fetch(`http://localhost.:${port}/`),
    ).rejects.toMatchObject(rejected);
    expect(count()).toBe(0);
  });

  it("checks the address that the socket connects to: a name that changes to loopback after the first look-up is rejected", async () => {
    const { port, count } = await listen(() => undefined);
    const rebinding = answering([PUBLIC], ["127.0.0.1"]);
    const outbound = open("public", rebinding);
    await expect(outbound.fetch(`http://flip.example:${port}/`, { timeoutMs: 300 })).rejects.not.toMatchObject(
      rejected,
    );
    expect(rebinding.calls).toBe(1);
    await expect(outbound.fetch(`http://flip.example:${port}/`)).rejects.toMatchObject(rejected);
    expect([rebinding.calls, count()]).toEqual([2, 0]);
  });

  it("connects only to the permitted addresses of a host", async () => {
    const { port, count } = await listen(() => undefined);
    const mixed = open("public", answering(["127.0.0.1", PUBLIC, "::1"]));
    await expect(mixed.fetch(`http://mixed.example:${port}/`, { timeoutMs: 300 })).rejects.not.toMatchObject(rejected);
    expect(count()).toBe(0);
    const lax = open("private", answering(["169.254.169.254", "127.0.0.1"]));
    expect((await lax.fetch(`http://mixed.example:${peer.port}/`)).status).toBe(200);
  });

  it("does not reveal to the caller what a private name resolves to", async () => {
    const internal = open("public", answering(["10.9.8.7"]));
    await expect(internal.fetch("http://db.internal/")).rejects.toThrow(
      /^the host db\.internal has no address that may be reached$/,
    );
  });

  it.each(["ENOTFOUND", "ENODATA", "ESERVFAIL", "EREFUSED", "EBADNAME"])(
    "does not distinguish a private name from one with %s by the error or its time",
    async (code) => {
      const unknown: Resolve = (host, found) => found(Object.assign(new Error(`query ${code} ${host}`), { code }), []);
      const failures = await Promise.all(
        [answering(["10.9.8.7"]), answering(["169.254.169.254", "::1"]), answering([]), unknown].map(
          async (resolve) => {
            const startedAt = performance.now();
            const error: unknown = await open("public", resolve)
              .fetch("http://db.internal/")
              .catch((thrown: unknown) => thrown);
            expect(performance.now() - startedAt).toBeGreaterThan(150);
            const { name, message, cause, ...fields } = error as Error;
            return { name, message, cause, isRetried: error instanceof RetryableError, fields: JSON.stringify(fields) };
          },
        ),
      );
      expect(failures[0]).toMatchObject({
        name: "TargetRejected",
        cause: undefined,
        isRetried: true,
        fields: '{"code":"target_refused","atLeastMs":0}',
      });
      expect(new Set(failures.map((failure) => JSON.stringify(failure))).size).toBe(1);
    },
  );

  it("does not honour the proxy variables of the environment", async () => {
    const proxy = await listen((socket) => socket.destroy());
    for (const name of ["HTTP_PROXY", "http_proxy", "ALL_PROXY"]) vi.stubEnv(name, `http://127.0.0.1:${proxy.port}`);
    await open("private").fetch(peer.url());
    expect([peer.requests.length, proxy.count()]).toEqual([1, 0]);
  });
});

describe("the answer", () => {
  it("has one value for each header, the first one received", async () => {
    peer.respond(() => answer(429, { "Retry-After": ["5", "7"], "X-Once": "a, b" }));
    expect((await open("private").fetch(peer.url())).headers).toMatchObject({ "retry-after": "5", "x-once": "a, b" });
  });
});

describe("the limits", () => {
  it("reads an endless body to its limit, and closes the connection", async () => {
    peer.respond(() => ({ kind: "endless" }));
    const { status, body, isCut } = await open("private").fetch(peer.url());
    expect([status, body.length, isCut]).toEqual([200, 65_536, true]);
    await peer.close(); // waits for the exchange to end
  });

  it("rejects a body over the limit if a part of it is useless, with and without Content-Length", async () => {
    peer.respond(({ path }) => (path === "/declared" ? answer(200, {}, Buffer.alloc(1_001)) : { kind: "endless" }));
    const outbound = open("private");
    for (const path of ["/declared", "/undeclared"]) {
      const pending = outbound.fetch(peer.url(path), { maxBytes: 1_000, onExcess: "fail" });
      await expect(pending).rejects.toMatchObject({ name: "PermanentError", code: "too_large" });
    }
  });

  it("reads a body of exactly the limit completely", async () => {
    peer.serve("/eight", "12345678");
    const outbound = open("private");
    const whole = await outbound.fetch(peer.url("/eight"), { maxBytes: 8, onExcess: "fail" });
    expect([whole.body.toString(), whole.isCut]).toEqual(["12345678", false]);
    const cut = await outbound.fetch(peer.url("/eight"), { maxBytes: 7 });
    expect([cut.body.toString(), cut.isCut]).toEqual(["1234567", true]);
  });

  it.each([
    ["in the body", "HTTP/1.1 200 OK\r\ncontent-length: 100000\r\n\r\n"],
    ["in the headers", "HTTP/1.1 200 OK\r\nx-slow: "],
  ])("ends a slow response %s at the deadline", async (_where, start) => {
    let isGone = false;
    const { port } = await listen((socket) => {
      socket.write(start);
      const drip = setInterval(() => socket.write("x"), 20);
      socket.on("close", () => {
        clearInterval(drip);
        isGone = true;
      });
    });
    const startedMs = performance.now();
    await expect(open("private").fetch(`http://127.0.0.1:${port}/`, { timeoutMs: 200 })).rejects.toMatchObject({
      name: "RetryableError",
      code: "timeout",
    });
    expect(performance.now() - startedMs).toBeLessThan(5_000);
    await until(() => isGone, { what: "the connection is closed" });
  });

  it("ends at the deadline even during the look-up of the host", async () => {
    const never: Resolve = () => undefined;
    await expect(open("private", never).fetch("http://slow.example/", { timeoutMs: 50 })).rejects.toMatchObject({
      code: "timeout",
    });
  });

  it("ends with the reason of the caller's signal, whether that comes before or during the request", async () => {
    peer.respond(() => ({ kind: "hang" }));
    const outbound = open("private");
    await expect(
      outbound.fetch(peer.url(), { signal: AbortSignal.abort(new Error("cancelled before")) }),
    ).rejects.toThrow("cancelled before");
    expect(peer.requests).toHaveLength(0);
    const controller = new AbortController();
    const ended = expect(outbound.fetch(peer.url(), { signal: controller.signal })).rejects.toThrow("cancelled during");
    await until(() => peer.requests.length > 0, { what: "the request has arrived" });
    controller.abort(new Error("cancelled during"));
    await ended;
  });
});

describe("network errors keep their codes:", () => {
  it("a name server that does not answer", async () => {
    const silent: Resolve = (host, found) =>
      found(Object.assign(new Error(`no answer for ${host}`), { code: "ETIMEOUT" }), []);
    await expect(open("public", silent).fetch("http://slow.example/")).rejects.toMatchObject({ code: "ETIMEOUT" });
  });

  it("a refused connection", async () => {
    const { port } = peer;
    await peer.close();
    await expect(open("private").fetch(`http://127.0.0.1:${port}/`)).rejects.toMatchObject({ code: "ECONNREFUSED" });
  });

  it("a closed client, which may be closed repeatedly", async () => {
    const outbound = open("private");
    await outbound.fetch(peer.url());
    await outbound.close();
    await outbound.close();
    await expect(outbound.fetch(peer.url())).rejects.toMatchObject({ code: "UND_ERR_DESTROYED" });
  });
});
