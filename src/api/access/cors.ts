/**
 * Cross-origin resource sharing (https://fetch.spec.whatwg.org/#http-cors-protocol) for the origins in CORS_ORIGINS.
 * API keys are sent in a header, so no credentials are shared.
 */
import type { Answer } from "../http/exchange.ts";
import { isAllowedOrigin } from "./protected-mode.ts";

type Headers = readonly (readonly [name: string, value: string])[];

const EXPOSED =
  "ETag, Content-Disposition, Content-Range, Idempotent-Replayed, Location, Preference-Applied, RateLimit, RateLimit-Policy, Retry-After, X-Request-Id";
const REQUEST_HEADERS =
  "Authorization, Content-Type, Idempotency-Key, If-Match, If-None-Match, If-Range, Last-Event-ID, Prefer, Range, X-Request-Id";
/** How many seconds a browser may cache a preflight; Chromium's maximum is two hours. */
const PREFLIGHT_MAX_AGE = "7200";

/**
 * The CORS headers of an answer; without permission if the origin may not read it.
 * @param origin "" for a request without one
 */
export function corsHeaders(origin: string, corsOrigins: readonly string[]): Headers {
  if (corsOrigins.length === 0) return [];
  const vary = ["Vary", "Origin"] as const; // also without an origin: a cache must not serve the answer to another one
  if (origin === "" || !isAllowedOrigin(origin, corsOrigins)) return [vary];
  return [vary, ["Access-Control-Allow-Origin", origin], ["Access-Control-Expose-Headers", EXPOSED]];
}

/** The answer to OPTIONS. It is the same for all origins: the permission is added by {@link corsHeaders}. */
export function optionsAnswer(allow: string, corsOrigins: readonly string[]): Answer {
  const preflight: Headers =
    corsOrigins.length === 0
      ? []
      : [
          ["Access-Control-Allow-Methods", allow],
          ["Access-Control-Allow-Headers", REQUEST_HEADERS],
          ["Access-Control-Max-Age", PREFLIGHT_MAX_AGE],
        ];
  return { status: 204, headers: [["Allow", allow], ...preflight], body: "" };
}
