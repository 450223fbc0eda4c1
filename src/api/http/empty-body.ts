/** The body of calls that take no fields: there is none, or it is an empty object. */
import type { Rejection } from "../../core/body.ts";
import { invalid, parseJson } from "../../core/body.ts";
import { escapePointer } from "../../core/schema-issues.ts";
import { isJson } from "./content-type.ts";
import type { Answer, ApiRequest } from "./exchange.ts";
import { problem, problemOfRejection } from "./problem.ts";

/** So much of it is read: enough to name what is wrong with it. */
export const EMPTY_BODY_BYTES = 16 * 1_024;

/** Why a request is refused for its body; undefined where that has no fields. To be called before the handler first waits: the body is gone then. */
export function rejectionOfBody({ body, headers }: Pick<ApiRequest, "body" | "headers">): Answer | undefined {
  if (body.length === 0) return undefined;
  if (!isJson(headers.contentType))
    return problem(
      415,
      "unsupported_media_type",
      "This call needs no body; the Content-Type of one must be application/json.",
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
