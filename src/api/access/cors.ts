/** Cross-origin resource sharing (https://fetch.spec.whatwg.org/#http-cors-protocol), for the origins that CORS_ORIGINS names. Keys travel in a header, so no credentials are shared. */
import type { Answer } from "../http/exchange.ts";
import { isAllowedOrigin } from "./protected-mode.ts";

type Headers = readonly (readonly [name: string, value: string])[];

const EXPOSED =
  "ETag, Content-Disposition, Content-Range, Idempotent-Replayed, Location, Preference-Applied, RateLimit, RateLimit-Policy, Retry-After, X-Request-Id";
const REQUEST_HEADERS =
  "Authorization, Content-Type, Idempotency-Key, If-None-Match, If-Range, Last-Event-ID, Prefer, Range, X-Request-Id";
/** Seconds that a browser remembers a preflight: Chromium keeps none longer than two hours. */
const PREFLIGHT_MAX_AGE = "7200";

/** What an answer to this origin says besides; nothing where it may not read it. @param origin "" for a request without */
export function corsHeaders(origin: string, corsOrigins: readonly string[]): Headers {
  if (corsOrigins.length === 0) return [];
  const vary = ["Vary", "Origin"] as const; // also where there is none: a cache must not give it to another
  if (origin === "" || !isAllowedOrigin(origin, corsOrigins)) return [vary];
  return [vary, ["Access-Control-Allow-Origin", origin], ["Access-Control-Expose-Headers", EXPOSED]];
}

/** The answer to OPTIONS; to a preflight of an origin that is not named it says what any other is told. */
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
