import { randomBytes } from "node:crypto";
import { Webhook } from "standardwebhooks";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { type AttemptContext } from "../../core/job-type.ts";
import { answer, HttpPeer, redirect, retryAfter } from "../../testing/http-peer.ts";
import { JOB_ID, type Payload, resourceOf, runWebhook } from "../../testing/webhook-job.ts";
import webhook, { type WebhookResource } from "./webhook.ts";

let peer: HttpPeer;
let url: string;
let resource: WebhookResource;
beforeEach(async () => {
  peer = await HttpPeer.start();
  url = peer.url("/hook");
  resource = resourceOf();
});
afterEach(async () => {
  await webhook.close?.(resource);
  await peer.close();
});

function run(payload: Partial<Payload> = {}, context: Partial<AttemptContext<WebhookResource>> = {}): Promise<unknown> {
  return runWebhook({ url, ...payload }, { resource, ...context });
}

describe("the request", () => {
  it("is a POST of the body as JSON, with the id of the job and the time of the attempt", async () => {
    const before = Math.floor(Date.now() / 1_000);
    await run({ body: { to: "Zoë", n: [1, null] } });
    const { method, path, headers, body } = peer.requests[0] ?? expect.fail("no request");
    expect([method, path, body.toString()]).toEqual(["POST", "/hook", '{"to":"Zoë","n":[1,null]}']);
    expect(headers).toMatchObject({
      "content-type": "application/json",
      "content-length": "26",
      "user-agent": "TaskFlow",
      "webhook-id": JOB_ID,
    });
    expect(Number(headers["webhook-timestamp"])).toBeGreaterThanOrEqual(before);
    expect(headers).not.toHaveProperty("webhook-signature");
  });

  it.each(["text", 0, false, null, [] as unknown])("carries %j as body", async (body) => {
    await run({ body });
    expect(peer.requests[0]?.body.toString()).toBe(JSON.stringify(body));
  });

  it("has neither body nor content type if the payload has no body", async () => {
    await run({ method: "GET" });
    await run({ method: "DELETE" });
    expect(peer.requests.map(({ method, body, headers }) => [method, body.length, headers["content-type"]])).toEqual([
      ["GET", 0, undefined],
      ["DELETE", 0, undefined],
    ]);
  });

  it("has the caller's headers, which override our defaults", async () => {
    await run({
      method: "PUT",
      body: 1,
      headers: { "X-Source": "shop", "Content-Type": "application/vnd.shop+json", "User-Agent": "shop" },
    });
    expect(peer.requests[0]).toMatchObject({
      method: "PUT",
      headers: { "x-source": "shop", "content-type": "application/vnd.shop+json", "user-agent": "shop" },
    });
  });

  it.each([
    ["whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", new Webhook("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw")],
    ["MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", new Webhook("MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw")],
    // of a job that an earlier version accepted
    ["plain words ü", new Webhook(Buffer.from("plain words ü"), { format: "raw" })],
  ])(
    "is signed over the bytes that arrive with %s, and the library of Standard Webhooks accepts it",
    async (secret, verifier) => {
      for (const body of [{ event: "paid", by: "Zoë" }, 1]) await run({ body, secret });
      for (const { headers, body } of peer.requests) {
        expect(verifier.verify(body, headers as Record<string, string>)).toEqual(JSON.parse(body.toString()));
      }
      expect(peer.requests).toHaveLength(2);
    },
  );

  it("is signed with each of several secrets, so a receiver that knows any of them accepts it", async () => {
    const secrets = [24, 32, 64].map((bytes) => `whsec_${randomBytes(bytes).toString("base64")}`);
    await run({ body: { event: "paid" }, secret: secrets });
    const { headers, body } = peer.requests[0] ?? expect.fail("no request");
    for (const secret of secrets)
      expect(new Webhook(secret).verify(body, headers as Record<string, string>)).toEqual({ event: "paid" });
    const stranger = new Webhook(randomBytes(24).toString("base64"));
    expect(() => stranger.verify(body, headers as Record<string, string>)).toThrow();
  });
});

describe("the response", () => {
  it.each([200, 201, 204, 299])(
    "%i is a success, with status, duration and the beginning of the body",
    async (status) => {
      peer.respond(() => answer(status, {}, status === 204 ? "" : "received"));
      expect(await run()).toEqual({
        status,
        duration_ms: expect.any(Number) as number,
        response_excerpt: status === 204 ? "" : "received",
      });
    },
  );

  it("is cut to 2 KiB in the result, never within a character", async () => {
    peer.respond(() => answer(200, {}, "x" + "é".repeat(2_000)));
    expect(await run()).toMatchObject({ response_excerpt: "x" + "é".repeat(1_023) });
    // an invalid byte, but not half of a character that the limit split
    peer.respond(() => answer(200, {}, Buffer.from("café", "latin1")));
    expect(await run()).toMatchObject({ response_excerpt: "caf\ufffd" });
  });

  it.each([200, 422])("%i is shown without the credentials that it repeats", async (status) => {
    const secret = `whsec_${randomBytes(24).toString("base64")}`;
    const headers = {
      Authorization: "Bearer hunter2hunter2",
      Cookie: 'a=1; sid="tasty+biscuits"',
      "X-Session": 'quote"d-value ü',
      Accept: "application/json",
    };
    peer.respond(({ headers: sent }) =>
      answer(
        status,
        {},
        `${JSON.stringify({ sent, secret, at: encodeURIComponent(headers.Authorization) })} hunter2hunter2 tasty+biscuits Zoë`,
      ),
    );
    const end = JSON.stringify(await run({ headers, secret }).catch((error: unknown) => (error as Error).message));
    for (const credential of ["hunter2", "biscuits", "d-value", secret]) expect(end).not.toContain(credential);
    expect(end).toContain(status === 200 ? "Zoë" : "HTTP 422: ");
    expect(end).toContain("application/json");
  });

  it("without an end is a success too: 64 KiB of it are read", async () => {
    peer.respond(() => ({ kind: "endless" }));
    expect(await run()).toMatchObject({ status: 200, response_excerpt: "x".repeat(2_048) });
  });

  it.each([408, 425, 500, 502, 503, 599])("%i is retried", async (status) => {
    peer.respond([status]);
    await expect(run()).rejects.toMatchObject({
      name: "RetryableError",
      code: `http_${status}`,
      message: `HTTP ${status}`,
    });
  });

  it.each([300, 301, 304, 307, 400, 401, 404, 410, 422])("%i is final", async (status) => {
    peer.respond(() => answer(status, { location: peer.url("/other") }));
    await expect(run()).rejects.toMatchObject({ name: "PermanentError", code: `http_${status}` });
    expect(peer.requests).toHaveLength(1);
  });

  it("is quoted in the error, on one line", async () => {
    peer.respond(() => answer(422, {}, `no such\r\n\torder\0 ${"y".repeat(1_000)}`));
    await expect(run()).rejects.toThrow(/^HTTP 422: no such order y{100,200}$/);
  });

  it.each([
    ["7", 7_000],
    [new Date(Date.now() + 3_600_000).toUTCString(), 3_600_000],
    ["whenever", 60_000],
  ])("429 with Retry-After %j is retried after that time", async (value, expectedMs) => {
    peer.respond(() => retryAfter(value));
    const error: unknown = await run().catch((thrown: unknown) => thrown);
    expect(error).toMatchObject({
      name: "RetryAfterError",
      code: "http_429",
      retryAfterMs: expect.any(Number) as number,
    });
    expect(Math.abs((error as { retryAfterMs: number }).retryAfterMs - expectedMs)).toBeLessThan(5_000);
  });

  it("429 without Retry-After is retried after a minute", async () => {
    peer.respond([429]);
    await expect(run()).rejects.toMatchObject({ name: "RetryAfterError", retryAfterMs: 60_000 });
  });

  it.each([
    [503, "7", 7_000],
    [500, "120", 120_000],
    [503, "soon", 0],
  ])(
    "%i with Retry-After %j counts as an attempt, and is not retried before that time",
    async (status, value, atLeastMs) => {
      peer.respond(() => retryAfter(value, status));
      await expect(run()).rejects.toMatchObject({ name: "RetryableError", code: `http_${status}`, atLeastMs });
    },
  );
});

describe("redirects", () => {
  it("are followed as often as the payload allows", async () => {
    peer.respond(({ path }) =>
      path === "/end" ? answer(200, {}, "there") : redirect(path === "/hook" ? "/next" : "/end", 307),
    );
    expect(await run({ body: 1, follow_redirects: 2 })).toMatchObject({ status: 200, response_excerpt: "there" });
    expect(peer.requests.map(({ path, body }) => path + body.toString())).toEqual(["/hook1", "/next1", "/end1"]);
    await expect(run({ follow_redirects: 1 })).rejects.toMatchObject({
      name: "PermanentError",
      code: "too_many_redirects",
    });
  });

  it("to cloud metadata end the job", async () => {
    peer.respond(() => redirect("http://169.254.169.254/latest/meta-data/"));
    await expect(run({ follow_redirects: 5 })).rejects.toMatchObject({
      name: "TargetRejected",
      code: "target_refused",
    });
  });
});
