import { randomBytes } from "node:crypto";
import { Webhook } from "standardwebhooks";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { type Destination, type Destinations, type HostHealth, unlimited } from "../../core/destination.ts";
import { type AttemptContext, RetryAfterError } from "../../core/job-type.ts";
import { openOutbound } from "../../net/outbound.ts";
import { answer, HttpPeer, redirect, retryAfter } from "../../testing/http-peer.ts";
import { noThread } from "../../testing/no-thread.ts";
import { until } from "../../testing/until.ts";
import webhook, { type WebhookResource } from "./webhook.ts";

type Payload = Parameters<typeof webhook.run>[0];

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

/** Destinations that let everyone in, and keep how each visit went. */
function attentive(): Destinations & { readonly healths: [Destination, HostHealth][] } {
  const healths: [Destination, HostHealth][] = [];
  return {
    healths,
    enter: (destination) => Promise.resolve((health: HostHealth) => void healths.push([destination, health])),
  };
}

function resourceOf(destinations: Destinations = unlimited, access: "public" | "private" = "private"): WebhookResource {
  return {
    outbound: openOutbound({ OUTBOUND_ALLOW_PRIVATE: access === "private" }),
    destinations,
    limits: { concurrency: 100, perSecond: 0 },
    callbackSecrets: [],
  };
}

const JOB_ID = "0197a2d4-5e6f-7a1b-8c2d-3e4f5a6b7c8d";

function run(payload: Partial<Payload> = {}, context: Partial<AttemptContext<WebhookResource>> = {}): Promise<unknown> {
  const { signal } = new AbortController();
  const ignore = (): void => undefined;
  const attempt = {
    jobId: JOB_ID,
    attempt: 1,
    timeoutMs: 30_000,
    resource,
    signal,
    progress: ignore,
    log: ignore,
    onThread: noThread,
    ...context,
  };
  return Promise.resolve(webhook.run({ url, ...payload }, attempt));
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

  it("goes without body and content type when there is none", async () => {
    await run({ method: "GET" });
    await run({ method: "DELETE" });
    expect(peer.requests.map(({ method, body, headers }) => [method, body.length, headers["content-type"]])).toEqual([
      ["GET", 0, undefined],
      ["DELETE", 0, undefined],
    ]);
  });

  it("carries the caller's headers, which win over our defaults", async () => {
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
    ["plain words ü", new Webhook(Buffer.from("plain words ü"), { format: "raw" })], // of a job that an earlier version took
  ])(
    "is signed over the bytes that arrive with %s, and the library of Standard Webhooks takes it",
    async (secret, verifier) => {
      for (const body of [{ event: "paid", by: "Zoë" }, 1]) await run({ body, secret });
      for (const { headers, body } of peer.requests) {
        expect(verifier.verify(body, headers as Record<string, string>)).toEqual(JSON.parse(body.toString()));
      }
      expect(peer.requests).toHaveLength(2);
    },
  );

  it("is signed with each of several secrets, so that a receiver that knows any of them takes it", async () => {
    const secrets = [24, 32, 64].map((bytes) => `whsec_${randomBytes(bytes).toString("base64")}`);
    await run({ body: { event: "paid" }, secret: secrets });
    const { headers, body } = peer.requests[0] ?? expect.fail("no request");
    for (const secret of secrets)
      expect(new Webhook(secret).verify(body, headers as Record<string, string>)).toEqual({ event: "paid" });
    const stranger = new Webhook(randomBytes(24).toString("base64"));
    expect(() => stranger.verify(body, headers as Record<string, string>)).toThrow();
  });
});

describe("the answer", () => {
  it.each([200, 201, 204, 299])(
    "%i is success, with status, duration and the beginning of the body",
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
    peer.respond(() => answer(200, {}, Buffer.from("café", "latin1"))); // no half of a character that a limit left
    expect(await run()).toMatchObject({ response_excerpt: "caf\ufffd" });
  });

  it.each([200, 422])("%i is read back without the credentials that it repeats", async (status) => {
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

  it("without an end is success as well: 64 KiB of it are read", async () => {
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

  it("says in the error what the other end said, in a line", async () => {
    peer.respond(() => answer(422, {}, `no such\r\n\torder\0 ${"y".repeat(1_000)}`));
    await expect(run()).rejects.toThrow(/^HTTP 422: no such order y{100,200}$/);
  });

  it.each([
    ["7", 7_000],
    [new Date(Date.now() + 3_600_000).toUTCString(), 3_600_000],
    ["whenever", 60_000],
  ])("429 with Retry-After %j asks to come back then", async (value, expectedMs) => {
    peer.respond(() => retryAfter(value));
    const error: unknown = await run().catch((thrown: unknown) => thrown);
    expect(error).toMatchObject({
      name: "RetryAfterError",
      code: "http_429",
      retryAfterMs: expect.any(Number) as number,
    });
    expect(Math.abs((error as { retryAfterMs: number }).retryAfterMs - expectedMs)).toBeLessThan(5_000);
  });

  it("429 without Retry-After asks for a minute", async () => {
    peer.respond([429]);
    await expect(run()).rejects.toMatchObject({ name: "RetryAfterError", retryAfterMs: 60_000 });
  });

  it.each([
    [503, "7", 7_000],
    [500, "120", 120_000],
    [503, "soon", 0],
  ])("%i with Retry-After %j counts, and is not retried before that", async (status, value, atLeastMs) => {
    peer.respond(() => retryAfter(value, status));
    await expect(run()).rejects.toMatchObject({ name: "RetryableError", code: `http_${status}`, atLeastMs });
  });
});

describe("redirects", () => {
  it("are followed as often as the payload says", async () => {
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
    await expect(run({ follow_redirects: 5 })).rejects.toMatchObject({ name: "TargetRefused", code: "target_refused" });
  });
});

describe("faults", () => {
  it("a private target ends the job, by default", async () => {
    const strict = resourceOf(unlimited, "public");
    try {
      await expect(run({}, { resource: strict })).rejects.toMatchObject({
        name: "TargetRefused",
        code: "target_refused",
      });
      expect(peer.requests).toHaveLength(0);
    } finally {
      await strict.outbound.close();
    }
  });

  it("of the network are retried, and tell Node's code", async () => {
    peer.respond(() => ({ kind: "drop" }));
    await expect(run()).rejects.toMatchObject({
      name: "RetryableError",
      code: "network",
      cause: { code: "UND_ERR_SOCKET" },
    });
    await peer.close();
    await expect(run()).rejects.toMatchObject({
      name: "RetryableError",
      code: "network",
      message: expect.stringContaining("ECONNREFUSED") as string,
    });
  });

  it("timeout_ms ends a request that hangs, for a retry", async () => {
    peer.respond(() => ({ kind: "hang" }));
    await expect(run({ timeout_ms: 100 })).rejects.toMatchObject({ name: "RetryableError", code: "timeout" });
  });

  it("an abort ends the request with its own reason", async () => {
    peer.respond(() => ({ kind: "hang" }));
    const controller = new AbortController();
    const ended = expect(run({}, { signal: controller.signal })).rejects.toThrow("cancelled");
    await until(() => peer.requests.length === 1, { what: "the request has arrived" });
    controller.abort(new Error("cancelled"));
    await ended;
  });
});

describe("the destination", () => {
  it("learns how each delivery went", async () => {
    const destinations = attentive();
    const own = resourceOf(destinations);
    const healths = (): HostHealth[] => destinations.healths.splice(0).map(([, health]) => health);
    for (const status of [200, 404, 429, 500, 502, 503]) {
      peer.respond([status]);
      await run({}, { resource: own }).catch(() => undefined);
    }
    expect(healths()).toEqual(["up", "up", "busy", "failed", "failed", "overloaded"]);
    peer.respond(() => ({ kind: "drop" }));
    await run({}, { resource: own }).catch(() => undefined);
    peer.respond(() => ({ kind: "hang" }));
    for (const code of ["timeout", "cancelled"]) {
      const controller = new AbortController();
      const ended = run({}, { resource: own, signal: controller.signal }).catch(() => undefined);
      controller.abort(Object.assign(new Error(code), { code }));
      await ended;
    }
    await peer.close();
    await run({}, { resource: own }).catch(() => undefined);
    expect(healths()).toEqual(["down", "late", "unknown", "down"]);
    await own.outbound.close();
    await run({}, { resource: own }).catch(() => undefined); // which is closed on this side
    expect(healths()).toEqual(["unknown"]);
  });

  it("is not held to be away for what its caller alone is the cause of", async () => {
    const destinations = attentive();
    const own = resourceOf(destinations);
    const healthOfRun = async (payload: Partial<Payload>, timeoutMs = 30_000): Promise<HostHealth | undefined> => {
      await run(payload, { resource: own, timeoutMs }).catch(() => undefined);
      return destinations.healths.pop()?.[1];
    };
    peer.respond(() => ({ kind: "hang" }));
    expect([await healthOfRun({ timeout_ms: 1 }), await healthOfRun({}, 1)]).toEqual(["late", "late"]);
    peer.respond(() => ({ kind: "drip", everyMs: 10 }));
    expect(await healthOfRun({ timeout_ms: 100 })).toBe("failed"); // it began to answer
    peer.respond(({ path }) => (path === "/hook" ? redirect("http://127.0.0.1:1/", 307) : answer(200)));
    expect(await healthOfRun({ follow_redirects: 1 })).toBe("failed"); // the other host does not answer
    peer.respond(() => redirect("http://169.254.169.254/"));
    expect(await healthOfRun({ follow_redirects: 1 })).toBe("up");
    expect(await healthOfRun({ url: url.replace("http:", "https:") })).toBe("failed"); // it speaks no TLS
    await own.outbound.close();
  });

  it("is not visited, and not held to be away, where the look-up of its name has to wait for its turn", async () => {
    const destinations = attentive();
    const turn = new RetryAfterError("waits for its turn", 1_000, { code: "destination_limited", waitsForTurn: true });
    const own = {
      ...resourceOf(destinations),
      outbound: openOutbound({ OUTBOUND_ALLOW_PRIVATE: true }, (_host, found) => found(turn, [])),
    };
    await expect(run({ url: "http://hooks.example/" }, { resource: own })).rejects.toBe(turn);
    expect(destinations.healths.map(([, health]) => health)).toEqual(["unknown"]);
    await own.outbound.close();
  });

  it("is down where it is silent for as long as one waits for a host", async () => {
    const destinations = attentive();
    const own = resourceOf(destinations);
    peer.respond(() => ({ kind: "hang" }));
    await expect(run({ timeout_ms: 5_500 }, { resource: own })).rejects.toMatchObject({ code: "timeout" });
    expect(destinations.healths.map(([, health]) => health)).toEqual(["down"]);
    await own.outbound.close();
  });

  it("ends with the attempt's own time, where that is the shorter", async () => {
    peer.respond(() => ({ kind: "hang" }));
    await expect(run({ timeout_ms: 600_000 }, { timeoutMs: 50 })).rejects.toMatchObject({
      name: "RetryableError",
      code: "timeout",
    });
  });

  it.each([
    ["https://hooks.example/orders?token=1", null, { host: "hooks.example", path: "/orders", caller: "" }],
    ["http://Hooks.example./", "tenant-1", { host: "hooks.example:80", path: "/", caller: "tenant-1" }],
    ["https://hooks.example:8443/a", null, { host: "hooks.example:8443", path: "/a", caller: "" }],
    ["http://[fd00::1]/a", null, { host: "[fd00::1]:80", path: "/a", caller: "" }],
  ])("of %s for %j", async (target, groupKey, expected) => {
    const entered: Destination[] = [];
    const denied = new RetryAfterError("", 5_000);
    const destinations: Destinations = {
      enter: (destination) => {
        entered.push(destination);
        return Promise.reject(denied);
      },
    };
    await expect(run({ url: target }, { resource: resourceOf(destinations), groupKey })).rejects.toBe(denied);
    expect(entered).toEqual([expected]);
  });

  it("that takes no more is not visited", async () => {
    const limited = new RetryAfterError("takes no more for now", 5_000, { code: "destination_limited" });
    await expect(run({}, { resource: resourceOf({ enter: () => Promise.reject(limited) }) })).rejects.toBe(limited);
    expect(peer.requests).toHaveLength(0);
  });
});

it("opens with its settings and their defaults", async () => {
  expect(webhook.settings?.properties.OUTBOUND_ALLOW_PRIVATE).toMatchObject({
    default: false,
    description: expect.any(String) as string,
  });
  const opened = await webhook.open?.(
    { OUTBOUND_ALLOW_PRIVATE: false, WEBHOOK_HOST_CONCURRENCY: 7, WEBHOOK_HOST_RATE: 5 },
    { destinations: unlimited },
  );
  expect(opened?.limits).toEqual({ concurrency: 7, perSecond: 5 });
  await opened?.outbound.close();
  expect(webhook).toMatchObject({
    type: "webhook",
    lane: "io",
    attempts: 3,
    timeoutMs: 30_000,
    backoff: { kind: "exponential", base_ms: 1_000, max_ms: 600_000 },
  });
});
