/** The response headers, as the OpenAPI document describes them. */
import type { HeaderName, Operation } from "./operation.ts";
import { needsKey } from "./operation.ts";

function header(description: string, schema: object = { type: "string" }): object {
  return { description, schema };
}

export const HEADERS: Readonly<Record<HeaderName | "X-Request-Id" | "RateLimit" | "RateLimit-Policy", object>> = {
  Location: header("The URL of the job, of the flow, or of the page"),
  "Idempotent-Replayed": header("`true`: an earlier request with this Idempotency-Key created the jobs", {
    const: "true",
  }),
  "Retry-After": header("Seconds to wait before the next attempt", { type: "string", pattern: "^[0-9]+$" }),
  Allow: header("The methods that this path supports"),
  ETag: header("Changes when the content changes"),
  "Last-Modified": header("When the file was written"),
  "Accept-Ranges": header("`bytes`: ranges of bytes are supported", { const: "bytes" }),
  "Content-Range": header("Which range of the file the response contains"),
  "Content-Disposition": header("`attachment`, with the name of the file"),
  "Preference-Applied": header("`wait=SECONDS`: the preference as the server applied it (RFC 7240)"),
  "WWW-Authenticate": header("Which credentials the request lacks (RFC 6750)"),
  "X-Request-Id": header("The `X-Request-Id` of the request, or an id that the server generated", {
    type: "string",
    minLength: 1,
  }),
  RateLimit: header("The remaining requests of the API key, if it is limited (draft-ietf-httpapi-ratelimit-headers)"),
  "RateLimit-Policy": header("The limits of the API key, if it has any"),
};

/** Present only for some requests: a 403 has a challenge only if the key lacks a scope, for example. */
const OPTIONAL: readonly string[] = ["Idempotent-Replayed", "Preference-Applied", "WWW-Authenticate"];

/** @param names the headers of one response; the headers that every response has are added */
export function headersOf({ access }: Operation, names: readonly HeaderName[]): Record<string, unknown> {
  const all = [...names, "X-Request-Id", ...(needsKey(access) ? ["RateLimit", "RateLimit-Policy"] : [])];
  return Object.fromEntries(all.map((name) => [name, { $ref: `#/components/headers/${name}` }]));
}

/** Whether a response may lack this header, depending on the request. */
export function isOptionalHeader(name: string): boolean {
  return name.startsWith("RateLimit") || OPTIONAL.includes(name);
}
