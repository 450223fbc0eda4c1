import { once } from "node:events";
import { type AddressInfo, connect, createServer, type Server, type Socket } from "node:net";
import { afterEach, beforeEach, expect, it } from "vitest";
import { TcpProxy } from "./tcp-proxy.ts";
import { until } from "./until.ts";

let echo: Server;
let received: string;
let proxy: TcpProxy;
let client: Socket;
let answered: string;
let lost: boolean;

beforeEach(async () => {
  received = "";
  echo = createServer((socket) => {
    socket.on("error", () => undefined);
    socket.on("data", (bytes) => {
      received += String(bytes);
      socket.write(bytes);
    });
  }).listen(0, "127.0.0.1");
  await once(echo, "listening");
  proxy = await TcpProxy.start((echo.address() as AddressInfo).port);
  client = await open();
});

afterEach(async () => {
  client.destroy();
  await proxy.close();
  echo.close();
});

async function open(): Promise<Socket> {
  answered = "";
  lost = false;
  const socket = connect(proxy.port, "127.0.0.1");
  socket.on("error", () => undefined);
  socket.on("close", () => (lost = true));
  socket.on("data", (bytes) => (answered += String(bytes)));
  await once(socket, "connect");
  return socket;
}

it("passes bytes and ends in both directions", async () => {
  client.write("one");
  await until(() => answered === "one", { what: "the echo came back" });
  expect(proxy.connections).toBe(1);
  client.end();
  await until(() => proxy.connections === 0, { what: "the connection ended" });
});

it("keeps the bytes sent into a black hole, and delivers them afterwards", async () => {
  proxy.setMode({ kind: "black-hole" });
  client.write("held");
  const other = await open();
  other.write("more");
  await until(() => client.bytesWritten === 4 && other.bytesWritten === 4, { what: "both are sent" });
  expect(received).toBe("");
  proxy.setMode({ kind: "pass" });
  await until(() => received.length === 8 && answered.length === 8, { what: "both arrived" });
  other.destroy();
});

it("delays", async () => {
  proxy.setMode({ kind: "delay", delayMs: 60 });
  const sentAt = performance.now();
  client.write("slow");
  await until(() => answered === "slow", { what: "the echo came back" });
  expect(performance.now() - sentAt).toBeGreaterThan(110); // 60 ms in each direction, minus the rounding of timers
});

it("resets connections, new ones too", async () => {
  proxy.setMode({ kind: "reset" });
  await until(() => lost, { what: "the connection is reset" });
  const next = connect(proxy.port, "127.0.0.1");
  next.on("error", () => undefined);
  await until(() => next.destroyed, { what: "the next is reset" });
  expect(received).toBe("");
});

it("drops the reply of one matching request, and only that", async () => {
  const dropped = proxy.dropNextReply((bytes) => bytes.includes("commit"));
  client.write("begin");
  await until(() => answered === "begin", { what: "the first reply came" });
  client.write("commit");
  await dropped;
  await until(() => lost, { what: "the connection is closed" });
  expect([received, answered]).toEqual(["begincommit", "begin"]);
  client = await open();
  client.write("commit");
  await until(() => answered === "commit", { what: "the next one is served" });
});

it("gives an address with itself in place of the server", () => {
  expect(proxy.before("redis://10.0.0.1:6379/3")).toBe(`redis://127.0.0.1:${proxy.port}/3`);
});

it("ends a client's connection when the server is away", async () => {
  echo.close();
  client.destroy();
  await once(echo, "close");
  client = await open();
  await until(() => lost || client.readableEnded, { what: "the connection ended" });
});
