import { once } from "node:events";
import { connect } from "node:net";
import { createTransport } from "nodemailer";
import { request } from "undici";
import { afterEach, expect, it } from "vitest";
import { HttpPeer, redirect, retryAfter } from "./http-peer.ts";
import { SmtpPeer } from "./smtp-peer.ts";
import { until } from "./until.ts";

const open: { close(): Promise<void> }[] = [];
afterEach(async () => {
  for (const peer of open.splice(0)) await peer.close();
});

async function smtp(): Promise<{ peer: SmtpPeer; send: () => Promise<unknown> }> {
  const peer = await SmtpPeer.start();
  open.push(peer);
  const transport = createTransport({
    host: "127.0.0.1",
    port: peer.port,
    connectionTimeout: 300,
    greetingTimeout: 300,
    socketTimeout: 300,
  });
  return { peer, send: () => transport.sendMail({ from: "a@x.test", to: "b@y.test", subject: "Hello", text: "body" }) };
}

it("stores the messages that it accepts", async () => {
  const { peer, send } = await smtp();
  await send();
  expect(peer.messages).toMatchObject([{ from: "a@x.test", to: ["b@y.test"], mail: { subject: "Hello" } }]);
  expect(peer.messages[0]?.raw).toContain("Subject: Hello");
});

it("accepts a large message as a sink, and stores only its beginning", async () => {
  const peer = await SmtpPeer.start();
  open.push(peer);
  await peer.behave({ kind: "sink", pauseMs: 1 });
  const text = "a line of text\n".repeat(100_000);
  await createTransport({ host: "127.0.0.1", port: peer.port }).sendMail({
    from: "a@x.test",
    to: "b@y.test",
    subject: "Large",
    text,
  });
  expect(peer.messages).toMatchObject([{ to: ["b@y.test"], mail: { subject: "Large" } }]);
  expect(peer.messages[0]?.raw.length).toBeLessThan(text.length / 2);
});

it("answers with a code at RCPT or DATA, hangs, and refuses connections", async () => {
  const { peer, send } = await smtp();
  await peer.behave({ kind: "answer", at: "rcpt", code: 550 });
  await expect(send()).rejects.toMatchObject({ responseCode: 550 });
  await peer.behave({ kind: "answer", at: "data", code: 451 });
  await expect(send()).rejects.toMatchObject({ responseCode: 451 });
  await peer.behave({ kind: "hang" });
  await expect(send()).rejects.toMatchObject({ code: "ETIMEDOUT" });
  await peer.behave({ kind: "refuse" });
  await expect(send()).rejects.toMatchObject({ code: "ESOCKET" });
  expect(peer.messages).toHaveLength(0);
  await peer.behave({ kind: "accept" });
  await send();
  expect(peer.messages).toHaveLength(1);
});

it("drops the connection after DATA but stores the message, and greylists the first", async () => {
  const { peer, send } = await smtp();
  await peer.behave({ kind: "drop-after-data" });
  await expect(send()).rejects.toThrow();
  expect(peer.messages).toHaveLength(1);
  await peer.behave({ kind: "greylist", first: 1 });
  await expect(send()).rejects.toMatchObject({ responseCode: 451 });
  await send();
  expect([peer.messages.length, peer.recipients]).toEqual([2, 3]);
});

async function http(): Promise<HttpPeer> {
  const peer = await HttpPeer.start();
  open.push(peer);
  return peer;
}

it("stores requests and answers with statuses in turn", async () => {
  const peer = await http();
  peer.respond([500, 200]);
  const statuses: number[] = [];
  for (let i = 0; i < 3; i += 1) {
    const { statusCode, body } = await request(peer.url("/hook?a=1"), { method: "POST", body: "hi" });
    await body.dump();
    statuses.push(statusCode);
  }
  expect(statuses).toEqual([500, 200, 200]);
  expect(peer.requests[0]).toMatchObject({ method: "POST", path: "/hook?a=1", body: Buffer.from("hi") });
});

it("redirects, sends Retry-After, serves files", async () => {
  const peer = await http();
  peer.respond((_request, number) => (number === 0 ? redirect("/there") : retryAfter("7")));
  expect((await request(peer.url())).headers["location"]).toBe("/there");
  expect((await request(peer.url())).headers["retry-after"]).toBe("7");
  const { body, headers } = await request(peer.serve("/cat.png", "bytes", "image/png"));
  expect([await body.text(), headers["content-type"]]).toEqual(["bytes", "image/png"]);
});

it("drips, floods, hangs and drops", async () => {
  const peer = await http();
  peer.respond((_request, number) => (number === 0 ? { kind: "drip", everyMs: 5 } : { kind: "endless" }));
  for (const least of [3, 1_000_000]) {
    const { body } = await request(peer.url());
    let read = 0;
    for await (const chunk of body as AsyncIterable<Buffer>) if ((read += chunk.length) >= least) break;
    expect(read).toBeGreaterThanOrEqual(least);
  }
  expect(peer.bytesSent).toBeGreaterThan(500_000);
  peer.respond(() => ({ kind: "drop" }));
  await expect(request(peer.url())).rejects.toThrow();
  peer.respond(() => ({ kind: "hang" }));
  const socket = connect(peer.port, "127.0.0.1");
  const closed = once(socket, "close");
  socket.write("GET / HTTP/1.1\r\nHost: x\r\n\r\n");
  await until(() => peer.requests.length === 4, { what: "the request arrived" });
  await peer.close();
  await closed;
  expect(socket.bytesRead).toBe(0);
});

it("names the condition that it waited for in vain", async () => {
  await expect(until(() => 0, { timeoutMs: 20, what: "pigs fly" })).rejects.toThrow(
    "Waited 20 ms in vain until pigs fly; last: 0",
  );
  const angry = (): never => {
    throw new Error("not yet");
  };
  await expect(until(angry, { timeoutMs: 20, what: "calm" })).rejects.toThrow("not yet");
});
