import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import type { AnyJobDefinition, AttemptContext } from "../core/job-type.ts";
import { answer, HttpPeer } from "../testing/http-peer.ts";
import { tempDir } from "../testing/services.ts";
import { loadRegistry } from "./registry.ts";

/** A type that submits to a gateway of the operator, as a deployment writes it. */
const SMS = `
export default ({ assertSuccess, defineJob, exponential, jobErrors, openTrustedOutbound, outboundSettings, Type }) => {
  const errors = { sms_rejected: "The gateway rejected the message", sms_unavailable: "No gateway; retried", sms_busy: "Too many; waits" };
  const smsErrors = jobErrors(errors);
  return defineJob({
    type: "sms", lane: "io", attempts: 3, timeoutMs: 10_000, backoff: exponential(1_000, 60_000), errors,
    payload: Type.Object({ to: Type.String({ pattern: "^\\\\+[1-9]\\\\d{6,14}$", expected: "a number such as +4915112345678" }) }),
    settings: Type.Object({ ...outboundSettings, SMS_URL: Type.String(), SMS_TOKEN: Type.String({ secret: true }) }),
    open: (settings) => ({ ...settings, outbound: openTrustedOutbound(settings.SMS_URL, settings) }),
    close: ({ outbound }) => outbound.close(),
    run: async ({ to }, { resource: { outbound, SMS_URL, SMS_TOKEN }, signal }) => {
      const headers = { authorization: "Bearer " + SMS_TOKEN };
      const response = await outbound.fetch(SMS_URL, { method: "POST", headers, body: to, signal });
      assertSuccess(response, smsErrors, {
        message: "the gateway answered with HTTP " + response.status,
        codes: { final: "sms_rejected", retry: "sms_unavailable", busy: "sms_busy" },
        nowMs: Date.now(),
      });
      return response.body.toString();
    },
  });
};`;

const closers: (() => unknown)[] = [];
let gateway: HttpPeer;
beforeEach(async () => {
  gateway = await HttpPeer.start();
});
afterEach(async () => {
  for (const close of closers.splice(0)) await close();
  await gateway.close();
});

async function loadSms() {
  const jobsDir = tempDir();
  writeFileSync(join(jobsDir, "sms.mjs"), SMS);
  const sms = (await loadRegistry({ jobsDir, settings: {} })).get("sms");
  const definition = sms?.definition as AnyJobDefinition;
  const settings = { OUTBOUND_ALLOW_PRIVATE: false, SMS_URL: gateway.url("/sms"), SMS_TOKEN: "token" };
  const resource: unknown = await definition.open?.(settings);
  closers.push(() => definition.close?.(resource));
  const context = { resource, signal: new AbortController().signal } as AttemptContext<unknown>;
  return { sms, send: async (): Promise<unknown> => await definition.run({ to: "+4915112345678" }, context) };
}

describe("a deployment's type for an HTTP gateway", () => {
  it("reaches the gateway of the operator in a private network", async () => {
    gateway.respond(() => answer(200, {}, "sent"));
    const { sms, send } = await loadSms();
    await expect(send()).resolves.toBe("sent");
    expect(gateway.requests).toMatchObject([{ path: "/sms", headers: { authorization: "Bearer token" } }]);
    expect(sms?.issuesOf({ to: "+0" })).toEqual([{ path: "/to", message: "expected a number such as +4915112345678" }]);
  });

  it.each([
    [429, { name: "RetryAfterError", code: "sms_busy", retryAfterMs: 2_000 }],
    [503, { name: "RetryableError", code: "sms_unavailable", atLeastMs: 2_000 }],
    [400, { name: "PermanentError", code: "sms_rejected" }],
  ])("turns HTTP %i into the error of the job", async (status, error) => {
    gateway.respond(() => answer(status, { "retry-after": "2" }));
    const { send } = await loadSms();
    await expect(send()).rejects.toMatchObject(error);
  });
});
