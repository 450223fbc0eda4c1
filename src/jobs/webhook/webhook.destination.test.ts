import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { type Destination, type Destinations, type HostHealth, unlimited } from "../../core/destination.ts";
import { type AttemptContext, RetryAfterError } from "../../core/job-type.ts";
import { openOutbound } from "../../net/outbound.ts";
import { answer, HttpPeer, redirect } from "../../testing/http-peer.ts";
import { until } from "../../testing/until.ts";
import { attentive, type Payload, resourceOf, runWebhook } from "../../testing/webhook-job.ts";
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

describe("failures", () => {
  it("with a private target end the job by default", async () => {
    const strict = resourceOf(unlimited, "public");
    try {
      await expect(run({}, { resource: strict })).rejects.toMatchObject({
        name: "TargetRejected",
        code: "target_refused",
      });
      expect(peer.requests).toHaveLength(0);
    } finally {
      await strict.outbound.close();
    }
  });

  it("of the network are retried, with Node's code in the message", async () => {
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

  it("due to timeout_ms are retried", async () => {
    peer.respond(() => ({ kind: "hang" }));
    await expect(run({ timeout_ms: 100 })).rejects.toMatchObject({ name: "RetryableError", code: "timeout" });
  });

  it("due to an abort have the abort's reason", async () => {
    peer.respond(() => ({ kind: "hang" }));
    const controller = new AbortController();
    const ended = expect(run({}, { signal: controller.signal })).rejects.toThrow("cancelled");
    await until(() => peer.requests.length === 1, { what: "the request has arrived" });
    controller.abort(new Error("cancelled"));
    await ended;
  });
});

describe("the destination", () => {
  it("is notified of the outcome of each delivery", async () => {
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
    await run({}, { resource: own }).catch(() => undefined); // its own connection pool is closed
    expect(healths()).toEqual(["unknown"]);
  });

  it("is not reported as down for failures that its caller caused", async () => {
    const destinations = attentive();
    const own = resourceOf(destinations);
    const healthOfRun = async (payload: Partial<Payload>, timeoutMs = 30_000): Promise<HostHealth | undefined> => {
      await run(payload, { resource: own, timeoutMs }).catch(() => undefined);
      return destinations.healths.pop()?.[1];
    };
    peer.respond(() => ({ kind: "hang" }));
    expect([await healthOfRun({ timeout_ms: 1 }), await healthOfRun({}, 1)]).toEqual(["late", "late"]);
    peer.respond(() => ({ kind: "drip", everyMs: 10 }));
    expect(await healthOfRun({ timeout_ms: 100 })).toBe("failed"); // the host began to respond
    peer.respond(({ path }) => (path === "/hook" ? redirect("http://127.0.0.1:1/", 307) : answer(200)));
    expect(await healthOfRun({ follow_redirects: 1 })).toBe("failed"); // only the other host does not respond
    peer.respond(() => redirect("http://169.254.169.254/"));
    expect(await healthOfRun({ follow_redirects: 1 })).toBe("up");
    expect(await healthOfRun({ url: url.replace("http:", "https:") })).toBe("failed"); // the host does not speak TLS
    await own.outbound.close();
  });

  it("is neither visited nor reported as down if the look-up of its name has to wait for its turn", async () => {
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

  it("is down if it is silent for the whole wait for a host", async () => {
    const destinations = attentive();
    const own = resourceOf(destinations);
    peer.respond(() => ({ kind: "hang" }));
    await expect(run({ timeout_ms: 5_500 }, { resource: own })).rejects.toMatchObject({ code: "timeout" });
    expect(destinations.healths.map(([, health]) => health)).toEqual(["down"]);
    await own.outbound.close();
  });

  it("ends with the attempt's time limit if that is shorter", async () => {
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

  it("is not visited while it accepts no more deliveries", async () => {
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
