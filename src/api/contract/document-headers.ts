/** The headers of answers, as the document describes them. */
import type { HeaderName, Operation } from "./operation.ts";
import { needsKey } from "./operation.ts";

function header(description: string, schema: object = { type: "string" }): object {
  return { description, schema };
}

export const HEADERS: Readonly<Record<HeaderName | "X-Request-Id" | "RateLimit" | "RateLimit-Policy", object>> = {
  Location: header("Where the job, or the page, can be read"),
  "Idempotent-Replayed": header("`true`: an earlier request with this Idempotency-Key made the jobs", {
    const: "true",
  }),
  "Retry-After": header("Seconds after which to come back", { type: "string", pattern: "^[0-9]+$" }),
  Allow: header("The methods that the path takes"),
  ETag: header("Changes with the file"),
  "Last-Modified": header("When the file was written"),
  "Accept-Ranges": header("`bytes`", { const: "bytes" }),
  "Content-Range": header("Which part of the file this is"),
  "Content-Disposition": header("`attachment`, with the file's name"),
  "Preference-Applied": header("`wait=SECONDS`, as it was applied (RFC 7240)"),
  "WWW-Authenticate": header("What the request lacks (RFC 6750)"),
  "X-Request-Id": header("The request's own id, or the one that it was given", { type: "string", minLength: 1 }),
  RateLimit: header("What the API key has left, where it is limited (draft-ietf-httpapi-ratelimit-headers)"),
  "RateLimit-Policy": header("The limits of the API key, where it has any"),
};

/** These depend on the request: a 403 has a challenge only where a key lacks its scope, say. */
const OPTIONAL: readonly string[] = ["Idempotent-Replayed", "Preference-Applied", "WWW-Authenticate"];

/** @param names those of one answer; every answer has the others besides */
export function headersOf({ access }: Operation, names: readonly HeaderName[]): Record<string, unknown> {
  const all = [...names, "X-Request-Id", ...(needsKey(access) ? ["RateLimit", "RateLimit-Policy"] : [])];
  return Object.fromEntries(all.map((name) => [name, { $ref: `#/components/headers/${name}` }]));
}

/** Whether an answer may lack it: those that depend on the request. */
export function isOptionalHeader(name: string): boolean {
  return name.startsWith("RateLimit") || OPTIONAL.includes(name);
}
