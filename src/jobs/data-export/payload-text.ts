/**
 * Reads rows and parameters from the JSON text of a payload: JSON.parse would change digits, and the order of keys such
 * as `10` and `2`.
 */
import { valueOfNumber } from "../../core/exact-number.ts";
import { exactValue } from "../../core/exact-value.ts";
import { elementsOf, memberText } from "../../core/json-span.ts";
import type { QueryParameter } from "./query-parameters.ts";

/** The JSON texts of `source.rows`. */
export function rowsOf(payloadJson: string): string[] {
  return elementsOf(memberText(sourceOf(payloadJson), "rows") ?? "[]");
}

export type QueryParameters = Readonly<Record<string, QueryParameter>>;

/**
 * `source.params`, in which numbers that a double cannot represent keep all their digits. @param params as JSON.parse
 * returned them
 */
export function exactParams(params: QueryParameters, payloadJson: () => string): QueryParameters {
  const hasNumber = Object.values(params).some((value) => [value].flat().some((scalar) => typeof scalar === "number"));
  return hasNumber
    ? (exactValue(params, memberText(sourceOf(payloadJson()), "params") ?? "{}", valueOfNumber) as QueryParameters)
    : params;
}

function sourceOf(payloadJson: string): string {
  return memberText(payloadJson, "source") ?? "{}";
}
