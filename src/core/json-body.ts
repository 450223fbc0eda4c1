/** Reads the bytes of a request as JSON, within bounds, or rejects them. */
import { exceeded } from "./json-span.ts";
import type { ValidationIssue } from "./schema-issues.ts";
import { escapePointer, MAX_ISSUES } from "./schema-issues.ts";

/** Above what any payload needs, below the depth at which recursion over a value fails. */
export const JSON_BOUNDS = { levels: 100, containers: 1_000_000 };

export interface Rejection {
  readonly status: 400 | 409 | 413 | 422;
  readonly code:
    | "invalid_utf8"
    | "malformed_json"
    | "json_too_deep"
    | "body_too_large"
    | "body_too_complex"
    | "callback_payload"
    | "validation_failed";
  readonly detail: string;
  readonly issues: readonly ValidationIssue[];
}

export type Read<Value> = { readonly value: Value } | { readonly rejection: Rejection };

const decoder = new TextDecoder("utf-8", { fatal: true });

/** The value of a body without submissions, or why it is rejected. */
export function parseJson(bytes: Uint8Array): Read<unknown> {
  const text = textOf(bytes);
  return typeof text === "string" ? readJson(text) : text;
}

export function textOf(bytes: Uint8Array): string | { readonly rejection: Rejection } {
  try {
    return decoder.decode(bytes);
  } catch {
    return reject(400, "invalid_utf8", "The body is not valid UTF-8.");
  }
}

export function reject(
  status: Rejection["status"],
  code: Rejection["code"],
  detail: string,
  issues: readonly ValidationIssue[] = [],
): { readonly rejection: Rejection } {
  return { rejection: { status, code, detail, issues } };
}

/** The rejection of a body whose thread took too long. */
export function tooComplex(): { readonly rejection: Rejection } {
  return reject(
    422,
    "body_too_complex",
    "Reading and checking this body takes too long, or too much memory. Send fewer jobs at once, or less in each.",
  );
}

/** The rejection of a request that is readable but not valid. */
export function invalid(issues: readonly ValidationIssue[]): { readonly rejection: Rejection } {
  return reject(422, "validation_failed", `The request has ${numberOf(issues)}.`, issues.slice(0, MAX_ISSUES));
}

function numberOf({ length }: readonly ValidationIssue[]): string {
  if (length > MAX_ISSUES) return `more than ${MAX_ISSUES} errors: the first ${MAX_ISSUES} are listed`;
  return length === 1 ? "an error" : `${length} errors`;
}

export function readJson(text: string): Read<unknown> {
  const excess = exceeded(text, JSON_BOUNDS);
  if (excess === "levels")
    return reject(400, "json_too_deep", `The body is nested deeper than ${JSON_BOUNDS.levels} levels.`);
  if (excess === "containers") return tooComplex();
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (error) {
    return reject(400, "malformed_json", `The body is not JSON: ${error instanceof Error ? error.message : ""}`);
  }
  if (mayHaveProto(text)) {
    const path = pathOfProto(value, "");
    if (path !== undefined) return invalid([{ path, message: "must not be a name in a request" }]);
  }
  return { value };
}

/** Whether a JSON text may have the name `__proto__`, which changes the prototype of a careless copy. */
export function mayHaveProto(json: string): boolean {
  return json.includes("__proto__") || json.includes("\\u005"); // an escape can spell it, too
}

/** The JSON pointer to the first member named `__proto__`. */
export function pathOfProto(value: unknown, path: string): string | undefined {
  if (typeof value !== "object" || value === null) return undefined;
  for (const [name, inner] of Object.entries(value)) {
    const innerPath = `${path}/${escapePointer(name)}`;
    const found = name === "__proto__" ? innerPath : pathOfProto(inner, innerPath);
    if (found !== undefined) return found;
  }
  return undefined;
}
