/** Job type `webhook`: one HTTP request to a URL of the caller, signed by the Standard Webhooks scheme. */
import { Type } from "typebox";
import { type DestinationLimits, type Destinations, type HostHealth, unlimited } from "../../core/destination.ts";
import {
  type AttemptContext,
  defineJob,
  exponential,
  payloadJsonOf,
  RetryableError,
  type Services,
} from "../../core/job-type.ts";
import { codeOf, messageOf } from "../../errors.ts";
import { isSelfExplanatory } from "../../net/http-outcome.ts";
import {
  type Outbound,
  type OutboundResponse,
  type OutboundSettings,
  openOutbound,
  outboundSettings,
} from "../../net/outbound.ts";
import { excerptOf, healthOf, judge } from "./answer.ts";
import { bodyOf, type DeliveryBody } from "./body.ts";
import { secretsToSignWith, signingSecrets } from "./callback-secret.ts";
import { destinationOf, healthOfThrow } from "./destination.ts";
import { withoutEchoes } from "./echo.ts";
import { webhookError, webhookErrors } from "./error-codes.ts";
import { issuesOf, MAX_TIMEOUT_MS, type Payload, payloadSchema } from "./payload.ts";
import { signatureOf } from "./signature.ts";
import { meaningFor } from "./statuses.ts";

const TIMEOUT_MS = 30_000;

const hostSettings = {
  WEBHOOK_HOST_CONCURRENCY: Type.Integer({
    default: 100,
    minimum: 1,
    maximum: 10_000,
    description: "The most concurrent webhooks to one host, over all replicas. A new host begins with 10",
  }),
  WEBHOOK_HOST_RATE: Type.Integer({
    default: 0,
    minimum: 0,
    maximum: 100_000,
    description: "The most webhooks to one host per second, over all replicas. 0: no limit",
  }),
};

/** A setting of the program: the secret that signs callbacks. */
const callbackSettings = { CALLBACK_SECRET: Type.Optional(Type.String({ default: "", secret: true })) };

export interface WebhookResource {
  readonly outbound: Outbound;
  readonly destinations: Destinations;
  readonly limits: DestinationLimits;
  /** The secrets that sign callbacks. */
  readonly callbackSecrets: readonly string[];
}

type Settings = OutboundSettings & {
  readonly CALLBACK_SECRET?: string;
  readonly WEBHOOK_HOST_CONCURRENCY: number;
  readonly WEBHOOK_HOST_RATE: number;
};

function open(settings: Settings, { destinations }: Services = { destinations: unlimited }): WebhookResource {
  const limits = { concurrency: settings.WEBHOOK_HOST_CONCURRENCY, perSecond: settings.WEBHOOK_HOST_RATE };
  return {
    outbound: openOutbound(settings),
    destinations,
    limits,
    callbackSecrets: signingSecrets(settings.CALLBACK_SECRET ?? ""),
  };
}

interface WebhookResult {
  readonly status: number;
  readonly duration_ms: number;
  /** The first 2 KiB of the response, as text. */
  readonly response_excerpt: string;
  /** Why the rest of the response could not be read, if it could not. */
  readonly response_incomplete?: string;
}

export default defineJob({
  type: "webhook",
  description: "Sends one HTTP request to a URL, signed by the Standard Webhooks scheme if there is a secret.",
  lane: "io",
  payload: payloadSchema,
  loadTest: {
    share: 40,
    payload: (n, { webhookUrl }) => ({
      url: webhookUrl,
      body: { event: "order.paid", number: n, note: "x".repeat(200) },
      secret: "whsec_bG9hZHRlc3Rsb2FkdGVzdGxvYWR0ZXN0",
    }),
  },
  check: issuesOf,
  settings: Type.Object({ ...outboundSettings, ...hostSettings, ...callbackSettings }),
  result: Type.Object({
    status: Type.Integer(),
    duration_ms: Type.Integer(),
    response_excerpt: Type.String(),
    response_incomplete: Type.Optional(Type.String()),
  }),
  errors: webhookErrors,
  attempts: 3,
  timeoutMs: TIMEOUT_MS,
  timeoutMsOf: ({ timeout_ms }) => timeout_ms,
  backoff: exponential(1_000, 600_000),
  open,
  close: ({ outbound }) => outbound.close(),
  run: deliver,
});

async function deliver(payload: Payload, context: AttemptContext<WebhookResource>): Promise<WebhookResult> {
  const { destinations, limits, callbackSecrets } = context.resource;
  // before the visit: an error here does not concern the host
  const secrets = secretsToSignWith(payload.secret, callbackSecrets);
  const leave = await destinations.enter(destinationOf(payload.url, context.groupKey ?? ""), limits);
  const startedMs = performance.now();
  let health: HostHealth = "unknown";
  let hasAnswered = false;
  try {
    const answer = await send(
      { payload, secrets, body: bodyOf(payload, payloadJsonOf(payload, context)) },
      context,
      () => {
        hasAnswered = true;
      },
    );
    const meaning = meaningFor(answer.status, payload);
    health = healthOf(answer, meaning);
    judge(answer, meaning, Date.now());
    const result = {
      status: answer.status,
      duration_ms: Math.round(performance.now() - startedMs),
      response_excerpt: excerptOf(answer.body, 2_048),
    };
    return answer.flaw === undefined
      ? result
      : {
          ...result,
          response_incomplete: withoutEchoes(
            Buffer.from(messageOf(answer.flaw)),
            payload.url,
            payload.headers ?? {},
            secrets,
          ).toString(),
        };
  } catch (thrown) {
    if (health === "unknown")
      health = healthOfThrow(thrown, { signal: context.signal, hasAnswered, waitedMs: performance.now() - startedMs });
    throw thrown;
  } finally {
    leave(health);
  }
}

interface Delivery {
  readonly payload: Payload;
  /** The secrets that sign the request; empty for no signature. */
  readonly secrets: readonly string[];
  readonly body: DeliveryBody | undefined;
}

/** @param onAnswer called when the host's response begins, also for a redirect and for a response that fails later */
async function send(
  delivery: Delivery,
  { jobId, resource, signal, timeoutMs }: AttemptContext<WebhookResource>,
  onAnswer: () => void,
): Promise<OutboundResponse> {
  const { payload, secrets, body } = delivery;
  try {
    const answer = await resource.outbound.fetch(payload.url, {
      method: payload.method ?? "POST",
      headers: headersOf(delivery, jobId),
      body: body?.bytes,
      signal,
      timeoutMs: Math.min(payload.timeout_ms ?? MAX_TIMEOUT_MS, timeoutMs),
      followRedirects: payload.follow_redirects ?? 0,
      bodyRedirect: payload.redirect_body ?? "refuse",
      statusDecides: true, // the receiver has acted
      onAnswer,
    });
    return { ...answer, body: withoutEchoes(answer.body, payload.url, payload.headers ?? {}, secrets) };
  } catch (thrown) {
    if (signal.aborted || isSelfExplanatory(thrown) || thrown instanceof RetryableError) throw thrown;
    const message = messageOf(thrown);
    if (codeOf(thrown) === "answer_unreadable")
      throw webhookError.permanent("answer_unreadable", `the receiver may have acted: ${message}`, thrown);
    throw webhookError.retryable("network", `no response (${codeOf(thrown) ?? "unknown"}): ${message}`, {
      cause: thrown,
    });
  }
}

/**
 * The caller's headers override our defaults, and those of the signature override the caller's. Each attempt has its
 * own timestamp.
 */
function headersOf({ payload, secrets, body }: Delivery, jobId: string): Record<string, string> {
  const timestampSeconds = Math.floor(Date.now() / 1_000);
  const headers: Record<string, string> = { "user-agent": "TaskFlow" };
  if (body !== undefined) headers["content-type"] = body.contentType;
  for (const [name, value] of Object.entries(payload.headers ?? {})) headers[name.toLowerCase()] = value;
  headers["webhook-id"] = jobId;
  headers["webhook-timestamp"] = String(timestampSeconds);
  if (secrets.length > 0)
    headers["webhook-signature"] = signatureOf(secrets, jobId, timestampSeconds, body?.bytes ?? "");
  return headers;
}
