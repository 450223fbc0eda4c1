/** The payload of a webhook. */
import { type Static, Type } from "typebox";
import type { PayloadIssue } from "../../core/job-type.ts";
import { urlIssue } from "../../net/target.ts";
import { headerIssues, isHeaderValue } from "./headers.ts";
import { MAX_SECRETS, secretIssue } from "./signature.ts";
import { statusFields, statusIssues } from "./statuses.ts";

const METHODS = ["POST", "GET", "PUT", "PATCH", "DELETE", "HEAD"] as const;
export const MAX_TIMEOUT_MS = 600_000;

const secretSchema = Type.String({ minLength: 1, maxLength: 512 });

export const payloadSchema = Type.Object(
  {
    url: Type.String({ minLength: 1, maxLength: 2_048, description: "An http or https URL without credentials." }),
    method: Type.Optional(Type.Enum([...METHODS], { default: "POST" })),
    headers: Type.Optional(
      Type.Record(Type.String(), Type.String({ maxLength: 8_192 }), {
        maxProperties: 64,
        description: "Sent as they are. Headers of the connection and of the signature (webhook-*) are rejected.",
      }),
    ),
    body: Type.Optional(
      Type.Unknown({
        delivered: true,
        description:
          "Any JSON, sent as application/json as it was submitted: every digit, key and escape. Not with GET or HEAD.",
      }),
    ),
    body_text: Type.Optional(
      Type.String({
        description:
          "Instead of `body`: text, sent unchanged in UTF-8. The content type is text/plain unless `content_type` is given.",
      }),
    ),
    body_base64: Type.Optional(
      Type.String({
        pattern: "^[A-Za-z0-9+/]*={0,2}$",
        expected: "base64 in one line",
        description:
          "Instead of `body`: bytes in base64, sent unchanged. The content type is application/octet-stream unless `content_type` is given.",
      }),
    ),
    content_type: Type.Optional(
      Type.String({
        minLength: 1,
        maxLength: 255,
        description:
          "The content type of the body, instead of its default. Not together with a Content-Type in `headers`.",
      }),
    ),
    secret: Type.Optional(
      Type.Union([secretSchema, Type.Array(secretSchema, { minItems: 1, maxItems: MAX_SECRETS })], {
        description:
          "Signs the request. Each secret of a list signs it, so that a secret can be replaced while receivers still know the old one. `whsec_` and then base64 of 24 to 64 bytes, as in Standard Webhooks; the prefix is optional.",
      }),
    ),
    timeout_ms: Type.Optional(
      Type.Integer({
        minimum: 1,
        maximum: MAX_TIMEOUT_MS,
        description:
          "The time limit of the request, redirects included. Above 30,000 it is also the time limit of the attempt, unless the job has a timeout_ms, which must not be less.",
      }),
    ),
    follow_redirects: Type.Optional(Type.Integer({ minimum: 0, maximum: 5, default: 0 })),
    redirect_body: Type.Optional(
      Type.Enum(["refuse", "keep"], {
        default: "refuse",
        description:
          "How to handle a followed 303, or a 301 or 302 of a POST: `refuse` ends the job as `redirect_drops_body`, `keep` follows with the same method and body.",
      }),
    ),
    ...statusFields,
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
      {
        url: "https://hooks.example.com/invoices",
        body_text: "<invoice><number>4711</number></invoice>",
        content_type: "application/xml",
        success_statuses: ["2xx", 409],
        retry_statuses: [404, 408, 425, 429, "5xx"],
      },
    ],
  },
);

export type Payload = Static<typeof payloadSchema>;

function secretsOf({ secret = [] }: Payload): readonly string[] {
  return typeof secret === "string" ? [secret] : secret;
}

/** The issues that the schema cannot find. */
export function issuesOf(payload: Payload): PayloadIssue[] {
  const issues = headerIssues(payload.headers ?? {});
  const issue = urlIssue(payload.url);
  if (issue !== undefined) issues.push({ path: "/url", message: issue });
  issues.push(...bodyIssues(payload), ...statusIssues(payload));
  secretsOf(payload).forEach((secret, i) => {
    const message = secretIssue(secret);
    if (message !== undefined)
      issues.push({ path: Array.isArray(payload.secret) ? `/secret/${i}` : "/secret", message });
  });
  return issues;
}

const BODIES = ["body", "body_text", "body_base64"] as const;

function bodyIssues(payload: Payload): PayloadIssue[] {
  const issues: PayloadIssue[] = [];
  const [given, ...others] = BODIES.filter((name) => payload[name] !== undefined);
  for (const name of others)
    issues.push({ path: `/${name}`, message: `must not be given together with ${given ?? ""}` });
  if (given !== undefined && (payload.method === "GET" || payload.method === "HEAD"))
    issues.push({ path: `/${given}`, message: `must not be given with ${payload.method}` });
  if (/\p{Surrogate}/u.test(payload.body_text ?? ""))
    issues.push({ path: "/body_text", message: "has half of a surrogate pair, which UTF-8 cannot encode" });
  if ((payload.body_base64 ?? "").length % 4 !== 0)
    issues.push({ path: "/body_base64", message: "expected base64, of a length that is a multiple of 4" });
  if (payload.content_type === undefined) return issues;
  const hasHeader = Object.keys(payload.headers ?? {}).some((name) => name.toLowerCase() === "content-type");
  if (given === undefined) issues.push({ path: "/content_type", message: "must not be given without a body" });
  else if (hasHeader)
    issues.push({ path: "/content_type", message: "must not be given together with the header Content-Type" });
  else if (!isHeaderValue(payload.content_type))
    issues.push({ path: "/content_type", message: "has characters that headers must not contain" });
  return issues;
}
