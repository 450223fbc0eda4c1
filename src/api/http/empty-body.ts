/** The body of calls without fields: it is missing, or an empty object. */
import type { Rejection } from "../../core/body.ts";
import { invalid, parseJson } from "../../core/body.ts";
import { escapePointer } from "../../core/schema-issues.ts";
import { isJson } from "./content-type.ts";
import type { Answer, ApiRequest } from "./exchange.ts";
import { problem, problemOfRejection } from "./problem.ts";

/** The size limit: enough for a body whose unknown fields the answer lists. */
export const EMPTY_BODY_BYTES = 16 * 1_024;

/**
 * Rejects a body with fields; undefined if it has none. Must be called before the first await, while the body is valid.
 */
export function rejectionOfBody({ body, headers }: Pick<ApiRequest, "body" | "headers">): Answer | undefined {
  if (body.length === 0) return undefined;
  if (!isJson(headers.contentType))
    return problem(
      415,
      "unsupported_media_type",
      "This call needs no body; if you send one, its Content-Type must be application/json.",
    );
  const read: { readonly value: unknown } | { readonly rejection: Rejection } = parseJson(body);
  if ("rejection" in read) return problemOfRejection(read.rejection);
  const { value } = read;
  if (typeof value !== "object" || value === null || Array.isArray(value))
    return problemOfRejection(invalid([{ path: "", message: "expected an object" }]).rejection);
  const names = Object.keys(value);
  return names.length === 0
    ? undefined
    : problemOfRejection(
        invalid(names.map((name) => ({ path: `/${escapePointer(name)}`, message: "is not a known field" }))).rejection,
      );
}
