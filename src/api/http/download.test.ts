import { once } from "node:events";
import { connect } from "node:net";
import { afterAll, beforeAll, expect, it } from "vitest";
import { sendWhole } from "./download.ts";
import { loadUws } from "./uws-library.ts";

/** More than the buffers of two sockets take. */
const BYTES = Buffer.alloc(32 * 1024 * 1024, "x");
const uws = loadUws();
const app = uws.App();
let calls = 0;
let onCall = (): void => undefined;
let port = 0;
beforeAll(async () => {
  app.get("/", (response) => {
    calls += 1;
    response.onAborted(() => undefined);
    sendWhole(response, BYTES);
    onCall();
  });
  port = await new Promise(
    (resolve) =>
      void app.listen("127.0.0.1", 0, (socket) => resolve(socket === false ? 0 : uws.us_socket_local_port(socket))),
  );
});
afterAll(() => void app.close());

/** Asks to close the connection, and reads nothing until the answer is being sent. */
async function lateReader() {
  const socket = connect(port, "127.0.0.1");
  socket.pause();
  await once(socket, "connect");
  const called = new Promise<void>((resolve) => (onCall = resolve));
  socket.write("GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n");
  await called;
  return socket;
}

it("sends a whole answer to a client that reads late, and then closes the connection", async () => {
  const socket = await lateReader();
  let received = 0;
  socket.on("data", (chunk: Buffer) => (received += chunk.length));
  socket.resume();
  await once(socket, "close");
  expect(received).toBeGreaterThan(BYTES.length);
});

it("serves no other request on the connection before that client has read its answer", async () => {
  const socket = await lateReader();
  socket.on("error", () => undefined);
  const before = calls;
  socket.write("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
  socket.resume();
  await once(socket, "close");
  expect(calls).toBe(before);
});
