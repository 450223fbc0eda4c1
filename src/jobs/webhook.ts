/** Job type `webhook`: one HTTP request to a URL of the caller's, signed by the Standard Webhooks scheme. */
import { Type, type Static } from "typebox";
import { unlimited, type DestinationLimits, type Destinations, type Sign } from "../core/destination.ts";
import { defineJob, exponential, payloadJsonOf, PermanentError, RetryableError, RetryAfterError, type AttemptContext, type PayloadFault, type Services } from "../core/job-type.ts";
import { codeOf, messageOf } from "../errors.ts";
import { openOutbound, outboundSettings, type Outbound, type OutboundResponse, type OutboundSettings } from "../net/outbound.ts";
import { urlFault } from "../net/target.ts";
import { excerptOf, judge, signOf } from "../webhooks/answer.ts";
import { bodyText } from "../webhooks/body.ts";
import { destinationOf, signOfThrow } from "../webhooks/destination.ts";
import { secretsToSignWith, signingSecrets } from "../webhooks/callback-secret.ts";
import { withoutEchoes } from "../webhooks/echo.ts";
import { webhookErrors } from "../webhooks/error-codes.ts";
import { headerFaults } from "../webhooks/headers.ts";
import { MAX_SECRETS, secretFault, signatureOf } from "../webhooks/signature.ts";

const METHODS = ["POST", "GET", "PUT", "PATCH", "DELETE", "HEAD"] as const;
const MAX_TIMEOUT_MS = 600_000;
const TIMEOUT_MS = 30_000;

const secretSchema = Type.String({ minLength: 1, maxLength: 512 });

const payloadSchema = Type.Object(
  {
    url: Type.String({ minLength: 1, maxLength: 2_048, description: "An http or https URL without credentials." }),
    method: Type.Optional(Type.Enum([...METHODS], { default: "POST" })),
    headers: Type.Optional(
      Type.Record(Type.String(), Type.String({ maxLength: 8_192 }), {
        maxProperties: 64,
        description: "Sent as they are. Headers of the connection and of the signature (webhook-*) are refused.",
      }),
    ),
    body: Type.Optional(Type.Unknown({ description: "Any JSON, sent as application/json as it was submitted: every digit, key and escape. Not with GET or HEAD." })),
    secret: Type.Optional(
      Type.Union([secretSchema, Type.Array(secretSchema, { minItems: 1, maxItems: MAX_SECRETS })], {
        description: "Signs the request; of a list, each does, so that a secret can be replaced while receivers still know the old one. `whsec_` and then base64 of 24 to 64 bytes, as Standard Webhooks has it; the prefix may be left out.",
      }),
    ),
    timeout_ms: Type.Optional(Type.Integer({ minimum: 1, maximum: MAX_TIMEOUT_MS, description: "Of the request, redirects included." })),
    follow_redirects: Type.Optional(Type.Integer({ minimum: 0, maximum: 5, default: 0 })),
  },
  {
    additionalProperties: false,
    examples: [
      { url: "https://hooks.example.com/orders", body: { event: "order.paid", order: 4711 } },
      {
        url: "https://hooks.example.com/orders/4711",
        method: "PUT",
        headers: { "X-Source": "shop" },
        body: { state: "paid" },
        secret: "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw",
        timeout_ms: 10_000,
        follow_redirects: 2,
      },
    ],
  },
);

type Payload = Static<typeof payloadSchema>;

const hostSettings = {
  WEBHOOK_HOST_CONCURRENCY: Type.Integer({ default: 100, minimum: 1, maximum: 10_000, description: "Webhooks under way to one host at once, of all replicas. A new host begins with 10" }),
  WEBHOOK_HOST_RATE: Type.Integer({ default: 0, minimum: 0, maximum: 100_000, description: "Webhooks to one host a second, of all replicas. 0: no limit" }),
};

/** The program's setting, which callbacks are signed with. */
const callbackSettings = { CALLBACK_SECRET: Type.Optional(Type.String({ default: "" })) };

export interface WebhookTool {
  readonly outbound: Outbound;
  readonly destinations: Destinations;
  readonly limits: DestinationLimits;
  /** What callbacks are signed with. */
  readonly callbackSecrets: readonly string[];
}

type Settings = OutboundSettings & { readonly CALLBACK_SECRET?: string; readonly WEBHOOK_HOST_CONCURRENCY: number; readonly WEBHOOK_HOST_RATE: number };

function open(settings: Settings, { destinations }: Services = { destinations: unlimited }): WebhookTool {
  const limits = { concurrency: settings.WEBHOOK_HOST_CONCURRENCY, perSecond: settings.WEBHOOK_HOST_RATE };
  return { outbound: openOutbound(settings), destinations, limits, callbackSecrets: signingSecrets(settings.CALLBACK_SECRET ?? "") };
}

interface WebhookResult {
  readonly status: number;
  readonly duration_ms: number;
  /** The first 2 KiB of the answer, as text. */
  readonly response_excerpt: string;
}

export default defineJob({
  type: "webhook",
  lane: "io",
  payload: payloadSchema,
  check: faultsOf,
  settings: Type.Object({ ...outboundSettings, ...hostSettings, ...callbackSettings }),
  result: Type.Object({ status: Type.Integer(), duration_ms: Type.Integer(), response_excerpt: Type.String() }),
  errors: webhookErrors,
  attempts: 3,
  timeoutMs: TIMEOUT_MS,
  backoff: exponential(1_000, 600_000),
  open,
  close: ({ outbound }) => outbound.close(),
  run: deliver,
});

async function deliver(payload: Payload, context: AttemptContext<WebhookTool>): Promise<WebhookResult> {
  const { destinations, limits, callbackSecrets } = context.tool;
  const secrets = secretsToSignWith(payload.secret, callbackSecrets); // before the visit: what it throws says nothing of the host
  const leave = await destinations.enter(destinationOf(payload.url, context.groupKey ?? ""), limits);
  const startedMs = performance.now();
  let sign: Sign = "unknown";
  let hasAnswered = false;
  try {
    const answer = await send({ payload, secrets, body: bodyText(payload, payloadJsonOf(payload, context)) }, context, () => { hasAnswered = true; });
    sign = signOf(answer.status);
    judge(answer, Date.now());
    return { status: answer.status, duration_ms: Math.round(performance.now() - startedMs), response_excerpt: excerptOf(answer.body, 2_048) };
  } catch (thrown) {
    if (sign === "unknown") sign = signOfThrow(thrown, { signal: context.signal, hasAnswered, waitedMs: performance.now() - startedMs });
    throw thrown;
  } finally {
    leave(sign);
  }
}

interface Delivery {
  readonly payload: Payload;
  /** What it is signed with; none for no signature. */
  readonly secrets: readonly string[];
  /** What is sent; undefined where there is none. */
  readonly body: string | undefined;
}

/** @param onAnswer is called when the host's answer begins, a redirect say, whatever comes after that */
async function send(delivery: Delivery, { jobId, tool, signal, timeoutMs }: AttemptContext<WebhookTool>, onAnswer: () => void): Promise<OutboundResponse> {
  const { payload, secrets, body } = delivery;
  try {
    const answer = await tool.outbound.fetch(payload.url, {
      method: payload.method ?? "POST",
      headers: headersOf(delivery, jobId),
      body,
      signal,
      timeoutMs: Math.min(payload.timeout_ms ?? MAX_TIMEOUT_MS, timeoutMs),
      followRedirects: payload.follow_redirects ?? 0,
      onAnswer,
    });
    return { ...answer, body: withoutEchoes(answer.body, payload.headers ?? {}, secrets) };
  } catch (thrown) {
    if (signal.aborted || thrown instanceof PermanentError || thrown instanceof RetryableError || thrown instanceof RetryAfterError) throw thrown;
    throw new RetryableError(`no answer (${codeOf(thrown) ?? "unknown"}): ${messageOf(thrown)}`, { code: "network", cause: thrown });
  }
}

/** The caller's headers over our defaults, and the scheme's over the caller's. The timestamp is of this attempt, the id of the job. */
function headersOf({ payload, secrets, body = "" }: Delivery, jobId: string): Record<string, string> {
  const timestampSeconds = Math.floor(Date.now() / 1_000);
  const headers: Record<string, string> = { "user-agent": "TaskFlow" };
  if (payload.body !== undefined) headers["content-type"] = "application/json";
  for (const [name, value] of Object.entries(payload.headers ?? {})) headers[name.toLowerCase()] = value;
  headers["webhook-id"] = jobId;
  headers["webhook-timestamp"] = String(timestampSeconds);
  if (secrets.length > 0) headers["webhook-signature"] = signatureOf(secrets, jobId, timestampSeconds, body);
  return headers;
}

function secretsOf({ secret = [] }: Payload): readonly string[] {
  return typeof secret === "string" ? [secret] : secret;
}

function faultsOf(payload: Payload): PayloadFault[] {
  const faults = headerFaults(payload.headers ?? {});
  const fault = urlFault(payload.url);
  if (fault !== undefined) faults.push({ path: "/url", message: fault });
  if (payload.body !== undefined && (payload.method === "GET" || payload.method === "HEAD")) {
    faults.push({ path: "/body", message: `must not be given with ${payload.method}` });
  }
  secretsOf(payload).forEach((secret, i) => {
    const message = secretFault(secret);
    if (message !== undefined) faults.push({ path: Array.isArray(payload.secret) ? `/secret/${i}` : "/secret", message });
  });
  return faults;
}
