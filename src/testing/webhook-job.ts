/** One webhook job, run by its type. */
import { type Destination, type Destinations, type HostHealth, unlimited } from "../core/destination.ts";
import { type AttemptContext } from "../core/job-type.ts";
import webhook, { type WebhookResource } from "../jobs/webhook/webhook.ts";
import { openOutbound } from "../net/outbound.ts";
import { noThread } from "./no-thread.ts";

export type Payload = Parameters<typeof webhook.run>[0];

export const JOB_ID = "0197a2d4-5e6f-7a1b-8c2d-3e4f5a6b7c8d";

/** Destination limits that admit every request and store its outcome. */
export function attentive(): Destinations & { readonly healths: [Destination, HostHealth][] } {
  const healths: [Destination, HostHealth][] = [];
  return {
    healths,
    enter: (destination) => Promise.resolve((health: HostHealth) => void healths.push([destination, health])),
  };
}

export function resourceOf(
  destinations: Destinations = unlimited,
  access: "public" | "private" = "private",
): WebhookResource {
  return {
    outbound: openOutbound({ OUTBOUND_ALLOW_PRIVATE: access === "private" }),
    destinations,
    limits: { concurrency: 100, perSecond: 0 },
    callbackSecrets: [],
  };
}

/** Runs one attempt. */
export function runWebhook(
  payload: Payload,
  context: Partial<AttemptContext<WebhookResource>> & Pick<AttemptContext<WebhookResource>, "resource">,
): Promise<unknown> {
  const { signal } = new AbortController();
  const ignore = (): void => undefined;
  const attempt = {
    jobId: JOB_ID,
    attempt: 1,
    timeoutMs: 30_000,
    signal,
    progress: ignore,
    log: ignore,
    onThread: noThread,
    ...context,
  };
  return Promise.resolve(webhook.run(payload, attempt));
}
