/** Job type `webhook`: one HTTP request to a URL of the caller's, signed by the Standard Webhooks scheme. */
import { createHmac } from "node:crypto";
import { Type, type Static } from "typebox";
import { defineJob, exponential, PermanentError, RetryableError, RetryAfterError, type AttemptContext, type PayloadFault } from "../core/job-type.ts";
import { codeOf, messageOf } from "../errors.ts";
import { openOutbound, outboundSettings, type Outbound, type OutboundResponse } from "../net/outbound.ts";
import { retryAfterMs } from "../net/retry-after.ts";
import { urlFault } from "../net/target.ts";

const METHODS = ["POST", "GET", "PUT", "PATCH", "DELETE", "HEAD"] as const;
const MAX_TIMEOUT_MS = 600_000;
/** What a 429 without a usable Retry-After waits: a minute, the window over which most limits count. */
const DEFAULT_RETRY_AFTER_MS = 60_000;

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
    body: Type.Optional(Type.Unknown({ description: "Any JSON, sent as application/json. Not with GET or HEAD." })),
    secret: Type.Optional(
      Type.String({ minLength: 1, maxLength: 512, description: "Signs the request. After `whsec_` it is base64, else its bytes are the key." }),
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
  settings: Type.Object({ ...outboundSettings }),
  attempts: 3,
  timeoutMs: 30_000,
  backoff: exponential(1_000, 600_000),
  open: openOutbound,
  close: (outbound) => outbound.close(),
  run: deliver,
});

async function deliver(payload: Payload, context: AttemptContext<Outbound>): Promise<WebhookResult> {
  const startedMs = performance.now();
  const answer = await send(payload, context);
  judge(answer);
  return {
    status: answer.status,
    duration_ms: Math.round(performance.now() - startedMs),
    response_excerpt: excerptOf(answer.body, 2_048),
  };
}

async function send(payload: Payload, { jobId, tool, signal }: AttemptContext<Outbound>): Promise<OutboundResponse> {
  const body = payload.body === undefined ? undefined : JSON.stringify(payload.body);
  try {
    return await tool.fetch(payload.url, {
      method: payload.method ?? "POST",
      headers: headersOf(payload, jobId, body ?? ""),
      body,
      signal,
      timeoutMs: payload.timeout_ms ?? MAX_TIMEOUT_MS, // without one, the attempt's own timeout stands behind `signal`
      followRedirects: payload.follow_redirects ?? 0,
    });
  } catch (thrown) {
    if (signal.aborted || thrown instanceof PermanentError || thrown instanceof RetryableError) throw thrown;
    throw new RetryableError(`no answer (${codeOf(thrown) ?? "unknown"}): ${messageOf(thrown)}`, { code: "network", cause: thrown });
  }
}

/** The caller's headers over our defaults, and the scheme's over the caller's. The timestamp is of this attempt, the id of the job. */
function headersOf(payload: Payload, jobId: string, body: string): Record<string, string> {
  const timestampSeconds = Math.floor(Date.now() / 1_000);
  const headers: Record<string, string> = { "user-agent": "TaskFlow" };
  if (payload.body !== undefined) headers["content-type"] = "application/json";
  for (const [name, value] of Object.entries(payload.headers ?? {})) headers[name.toLowerCase()] = value;
  headers["webhook-id"] = jobId;
  headers["webhook-timestamp"] = String(timestampSeconds);
  if (payload.secret !== undefined) headers["webhook-signature"] = signatureOf(payload.secret, jobId, timestampSeconds, body);
  return headers;
}

/** The value of `webhook-signature` for the exact text of a body (Standard Webhooks 1.0.0, symmetric scheme `v1`). */
export function signatureOf(secret: string, id: string, timestampSeconds: number, body: string): string {
  const key = secret.startsWith("whsec_") ? Buffer.from(secret.slice(6), "base64") : Buffer.from(secret, "utf8");
  return `v1,${createHmac("sha256", key).update(`${id}.${timestampSeconds}.${body}`).digest("base64")}`;
}

/** Throws for an answer that is no success what says whether a repeat may mend it. */
function judge({ status, headers, body }: OutboundResponse): void {
  if (status >= 200 && status < 300) return;
  const excerpt = excerptOf(body, 200).replace(/[\s\p{Cc}]+/gu, " ").trim();
  const message = excerpt === "" ? `HTTP ${status}` : `HTTP ${status}: ${excerpt}`;
  const code = `http_${status}`;
  if (status === 429) throw new RetryAfterError(message, retryAfterMs(headers["retry-after"], Date.now()) ?? DEFAULT_RETRY_AFTER_MS, { code });
  if (status === 408 || status === 425 || status >= 500) throw new RetryableError(message, { code });
  throw new PermanentError(message, { code });
}

/** The beginning of a body as text. A character that the limit splits is left out. */
function excerptOf(body: Buffer, maxBytes: number): string {
  return new TextDecoder().decode(body.subarray(0, maxBytes), { stream: true });
}

/** Headers that belong to the connection or the message's framing (RFC 9110, 7.6.1): the client sets them or nobody does. */
const FORBIDDEN_HEADERS = new Set(
  "connection content-length expect host keep-alive proxy-authenticate proxy-authorization proxy-connection te trailer transfer-encoding upgrade".split(" "),
);

function faultsOf(payload: Payload): PayloadFault[] {
  const faults = headerFaults(payload.headers ?? {});
  const fault = urlFault(payload.url);
  if (fault !== undefined) faults.push({ path: "/url", message: fault });
  if (payload.body !== undefined && (payload.method === "GET" || payload.method === "HEAD")) {
    faults.push({ path: "/body", message: `must not be given with ${payload.method}` });
  }
  if (payload.secret?.startsWith("whsec_") === true && !/^[A-Za-z0-9+/]{2,}={0,2}$/.test(payload.secret.slice(6))) {
    faults.push({ path: "/secret", message: "must be base64 after whsec_" });
  }
  return faults;
}

function headerFaults(headers: Readonly<Record<string, string>>): PayloadFault[] {
  const faults: PayloadFault[] = [];
  const seen = new Set<string>();
  for (const [name, value] of Object.entries(headers)) {
    const path = `/headers/${name.replaceAll("~", "~0").replaceAll("/", "~1")}`;
    const lower = name.toLowerCase();
    if (!/^[!#$%&'*+.^_`|~0-9a-z-]+$/.test(lower)) faults.push({ path, message: "is not a header name" });
    else if (FORBIDDEN_HEADERS.has(lower) || lower.startsWith("webhook-")) faults.push({ path, message: "is set by TaskFlow" });
    else if (seen.has(lower)) faults.push({ path, message: "is given twice" });
    // RFC 9110, 5.5; above all no CR or LF, which would begin another header
    if (!/^[\t\x20-\x7e\x80-\xff]*$/.test(value)) faults.push({ path, message: "has characters that no header may hold" });
    seen.add(lower);
  }
  return faults;
}
