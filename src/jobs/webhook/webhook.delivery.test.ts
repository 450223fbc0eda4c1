/** Which responses count as delivered, what is sent, and the effect of redirects and broken responses. */
import { createHmac } from "node:crypto";
import { gzipSync } from "node:zlib";
import { Webhook } from "standardwebhooks";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { type Destinations, type HostHealth, unlimited } from "../../core/destination.ts";
import type { AttemptContext } from "../../core/job-type.ts";
import { answer, HttpPeer, redirect, retryAfter } from "../../testing/http-peer.ts";
import { TcpPeer } from "../../testing/tcp-peer.ts";
import { type Payload, resourceOf, runWebhook } from "../../testing/webhook-job.ts";
import webhook, { type WebhookResource } from "./webhook.ts";

let peer: HttpPeer;
let raw: TcpPeer;
let resource: WebhookResource;
let healths: HostHealth[];
beforeEach(async () => {
  [peer, raw] = await Promise.all([HttpPeer.start(), TcpPeer.start()]);
  healths = [];
  const destinations: Destinations = {
    ...unlimited,
    enter: () => Promise.resolve((health: HostHealth) => void healths.push(health)),
  };
  resource = resourceOf(destinations);
});
afterEach(async () => {
  await webhook.close?.(resource);
  await Promise.all([peer.close(), raw.close()]);
});

function run(payload: Partial<Payload> = {}, context: Partial<AttemptContext<WebhookResource>> = {}): Promise<unknown> {
  return runWebhook({ url: peer.url("/hook"), ...payload }, { resource, ...context });
}

describe("a redirect", () => {
  it.each([301, 302, 303])("%i of a POST ends the job, because no receiver would get the body", async (status) => {
    peer.respond(({ path }) => (path === "/hook" ? redirect("/ok", status) : answer(200)));
    await expect(run({ body: { a: 1 }, follow_redirects: 1 })).rejects.toMatchObject({
      name: "PermanentError",
      code: "redirect_drops_body",
    });
    expect([peer.requests.length, healths]).toEqual([1, ["up"]]);
  });

  it.each([301, 302, 303, 307, 308])(
    "%i is followed with method, body and signature if the job asks for that",
    async (status) => {
      peer.respond(({ path }) => (path === "/hook" ? redirect("/ok", status) : answer(200)));
      await run({ body: { a: 1 }, secret: "s", follow_redirects: 1, redirect_body: "keep" });
      const { method, path, headers, body } = peer.requests[1] ?? expect.fail("no second request");
      expect([method, path]).toEqual(["POST", "/ok"]);
      expect(new Webhook(Buffer.from("s"), { format: "raw" }).verify(body, headers as Record<string, string>)).toEqual({
        a: 1,
      });
    },
  );
});

describe("the statuses of a job", () => {
  it.each<[Partial<Payload>, number, string]>([
    [{ success_statuses: ["2xx", 409] }, 409, "success"],
    [{ success_statuses: ["2xx", 409] }, 201, "success"],
    [{ success_statuses: ["2xx", 409] }, 404, "PermanentError"],
    [{ success_statuses: ["2xx", 409] }, 503, "RetryableError"],
    [{ success_statuses: [409] }, 200, "PermanentError"],
    [{ success_statuses: [302] }, 302, "success"],
    [{ success_statuses: ["5xx"] }, 503, "success"],
    [{ success_statuses: [429] }, 429, "success"],
    [{ retry_statuses: [404] }, 404, "RetryableError"],
    [{ retry_statuses: [404] }, 503, "PermanentError"],
    [{ retry_statuses: [404] }, 429, "PermanentError"],
    [{ retry_statuses: ["4xx"] }, 429, "RetryAfterError"],
    [{ retry_statuses: [202] }, 202, "RetryableError"],
    [{ retry_statuses: [202] }, 200, "success"],
    [{ success_statuses: ["2xx"], retry_statuses: [202, "4xx"] }, 202, "RetryableError"],
    [{ success_statuses: [404], retry_statuses: ["4xx"] }, 404, "success"],
    [{ success_statuses: ["4xx"], retry_statuses: [404] }, 404, "RetryableError"],
  ])("%j make of %i: %s", async (payload, status, expected) => {
    peer.respond([status]);
    const outcome = await run(payload).then(
      () => "success",
      (thrown: unknown) => {
        expect(thrown).toMatchObject({ code: `http_${status}` });
        return (thrown as Error).name;
      },
    );
    expect(outcome).toBe(expected);
    if (expected === "success") expect(healths).toEqual(["up"]);
  });

  it("respect the Retry-After of the receiver", async () => {
    peer.respond(() => retryAfter("7", 404));
    await expect(run({ retry_statuses: [404] })).rejects.toMatchObject({ code: "http_404", atLeastMs: 7_000 });
  });
});

describe("a body that is not JSON", () => {
  const bytes = Buffer.from(Array.from({ length: 256 }, (_, i) => i));

  it.each<[string, Partial<Payload>, Buffer, string]>([
    [
      "text",
      { body_text: '<a n="1.0">\r\n é\u2028😀</a>' },
      Buffer.from('<a n="1.0">\r\n é\u2028😀</a>'),
      "text/plain; charset=utf-8",
    ],
    [
      "text of a type",
      { body_text: "a=b&c=%20d", content_type: "application/x-www-form-urlencoded" },
      Buffer.from("a=b&c=%20d"),
      "application/x-www-form-urlencoded",
    ],
    [
      "text of a header's type",
      { body_text: "<a/>", headers: { "Content-Type": "text/xml" } },
      Buffer.from("<a/>"),
      "text/xml",
    ],
    ["bytes", { body_base64: bytes.toString("base64") }, bytes, "application/octet-stream"],
    ["no bytes", { body_base64: "" }, Buffer.alloc(0), "application/octet-stream"],
    ["no text", { body_text: "", method: "PUT" }, Buffer.alloc(0), "text/plain; charset=utf-8"],
    [
      "JSON of another type",
      { body: [1], content_type: "application/cloudevents+json" },
      Buffer.from("[1]"),
      "application/cloudevents+json",
    ],
    ["text with DELETE", { body_text: "x", method: "DELETE" }, Buffer.from("x"), "text/plain; charset=utf-8"],
  ])("%s is sent byte for byte, and signed over these bytes", async (_what, payload, expected, contentType) => {
    await run({ ...payload, secret: "s" });
    const { headers, body } = peer.requests[0] ?? expect.fail("no request");
    expect([body.equals(expected), headers["content-type"], headers["content-length"]]).toEqual([
      true,
      contentType,
      String(expected.length),
    ]);
    // computed here, because the library of Standard Webhooks first converts the body to text
    const signed = Buffer.concat([
      Buffer.from(`${String(headers["webhook-id"])}.${String(headers["webhook-timestamp"])}.`),
      expected,
    ]);
    expect(headers["webhook-signature"]).toBe(`v1,${createHmac("sha256", "s").update(signed).digest("base64")}`);
  });
});

describe("a success response", () => {
  it("that does not end is a delivery, but delays its destination", async () => {
    peer.respond(() => ({ kind: "drip", everyMs: 10 }));
    expect(await run({ timeout_ms: 200 })).toMatchObject({
      status: 200,
      response_excerpt: expect.stringMatching(/^\.+$/) as string,
      response_incomplete: "no complete response within 200 ms",
    });
    expect(healths).toEqual(["failed"]);
  });

  it.each([
    ["HTTP/1.1 200 OK\r\ncontent-length: 50\r\n\r\nonly so far", "only so far"],
    ["HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n3\r\nyes\r\n", "yes"],
    ["HTTP/1.1 200 OK\r\nx-a", ""],
  ])("that is incomplete is a delivery: %j", async (text, excerpt) => {
    raw.answer(text);
    expect(await run({ url: raw.url, body: 1 })).toEqual({
      status: 200,
      duration_ms: expect.any(Number) as number,
      response_excerpt: excerpt,
      response_incomplete: expect.any(String) as string,
    });
    expect([raw.requests, healths]).toEqual([1, ["up"]]);
  });

  it("counts even if the job is stopped while it is read", async () => {
    peer.respond(() => ({ kind: "drip", everyMs: 10 }));
    const controller = new AbortController();
    const pending = run({}, { signal: controller.signal });
    setTimeout(() => controller.abort(Object.assign(new Error("drain"), { code: "drain" })), 300);
    expect(await pending).toMatchObject({ status: 200 });
  });

  it("is decoded for the excerpt", async () => {
    peer.respond(() => answer(200, { "content-encoding": "gzip" }, gzipSync("thanks")));
    expect(await run()).toMatchObject({ response_excerpt: "thanks" });
    peer.respond(() => answer(200, { "content-encoding": "rot13" }, "gunaxf"));
    expect(await run()).toMatchObject({
      response_excerpt: "",
      response_incomplete: expect.stringContaining("rot13") as string,
    });
    peer.respond(() => answer(200, { "content-encoding": "gzip" }, gzipSync(Buffer.alloc(50_000_000, "x"))));
    expect(await run()).toMatchObject({ response_excerpt: "x".repeat(2_048) });
  });
});

describe("another response", () => {
  it("that is incomplete has the meaning of its status", async () => {
    raw.answer("HTTP/1.1 503 Busy\r\nretry-after: 9\r\ncontent-length: 50\r\n\r\nnot now");
    await expect(run({ url: raw.url })).rejects.toMatchObject({
      name: "RetryableError",
      code: "http_503",
      atLeastMs: 9_000,
      message: "HTTP 503: not now",
    });
    raw.answer("HTTP/1.1 410 Gone\r\nx-a");
    await expect(run({ url: raw.url })).rejects.toMatchObject({ name: "PermanentError", code: "http_410" });
    raw.answer("HTTP/1.1 101 Switching Protocols\r\nupgrade: x\r\nconnection: upgrade\r\n\r\n");
    await expect(run({ url: raw.url })).rejects.toMatchObject({ name: "PermanentError", code: "http_101" });
  });

  it("that is not HTTP ends the job: a repeat might deliver twice", async () => {
    raw.answer("ICY 200 OK\r\n\r\n");
    await expect(run({ url: raw.url })).rejects.toMatchObject({ name: "PermanentError", code: "answer_unreadable" });
    expect([raw.requests, healths]).toEqual([1, ["failed"]]);
  });

  it("that never begins is retried", async () => {
    raw.answer("");
    await expect(run({ url: raw.url })).rejects.toMatchObject({ name: "RetryableError", code: "network" });
    expect(healths).toEqual(["down"]);
  });
});
