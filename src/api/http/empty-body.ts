/** Bodies that may be missing. */
import type { Static, TSchema } from "typebox";
import type { Rejection } from "../../core/body.ts";
import { invalid, parseJson } from "../../core/body.ts";
import { escapePointer } from "../../core/schema-issues.ts";
import type { Validator } from "../../core/validator.ts";
import { isJson } from "./content-type.ts";
import type { Answer, ApiRequest } from "./exchange.ts";
import { problem, problemOfRejection } from "./problem.ts";

/** The size limit: enough for a body whose unknown fields the answer lists. */
export const EMPTY_BODY_BYTES = 16 * 1_024;

const NOT_JSON = problem(
  415,
  "unsupported_media_type",
  "This call needs no body; if you send one, its Content-Type must be application/json.",
);

/**
 * Rejects a body with fields; undefined if it has none. Must be called before the first await, while the body is valid.
 */
export function rejectionOfBody(request: Pick<ApiRequest, "body" | "headers">): Answer | undefined {
  const read = optionalObject(request);
  if ("rejected" in read) return read.rejected;
  const names = Object.keys(read.fields);
  return names.length === 0
    ? undefined
    : problemOfRejection(
        invalid(names.map((name) => ({ path: `/${escapePointer(name)}`, message: "is not a known field" }))).rejection,
      );
}

/** The fields of a body that matches a schema; none if it is missing. Must be called before the first await. */
export function readOptionalFields<Schema extends TSchema>(
  request: Pick<ApiRequest, "body" | "headers">,
  { isValid, issuesOf }: Validator<Schema>,
): { readonly fields: Partial<Static<Schema>> } | { readonly rejected: Answer } {
  const read = optionalObject(request);
  if ("rejected" in read || isValid(read.fields)) return read;
  return { rejected: problemOfRejection(invalid(issuesOf(read.fields)).rejection) };
}

function optionalObject({
  body,
  headers,
}: Pick<ApiRequest, "body" | "headers">): { readonly fields: object } | { readonly rejected: Answer } {
  if (body.length === 0) return { fields: {} };
  if (!isJson(headers.contentType)) return { rejected: NOT_JSON };
  const read: { readonly value: unknown } | { readonly rejection: Rejection } = parseJson(body);
  if ("rejection" in read) return { rejected: problemOfRejection(read.rejection) };
  const { value } = read;
  return typeof value === "object" && value !== null && !Array.isArray(value)
    ? { fields: value }
    : { rejected: problemOfRejection(invalid([{ path: "", message: "expected an object" }]).rejection) };
}
