/** References in payloads. */
import type { ValidationIssue } from "../schema-issues.ts";

export interface Reference {
  readonly node: string;
  readonly part: "result" | "error";
  /** Names of members and indexes of elements, from the outside in. */
  readonly path: readonly string[];
}

/** The nodes that a payload may refer to. */
export interface ReferenceScope {
  readonly names: ReadonlySet<string>;
  /** The node that references without a name mean. */
  readonly implicit?: string;
}

export interface FoundReference extends Reference {
  /** A JSON pointer into the payload. */
  readonly at: string;
}

/** The stored result or error of a node: JSON. missing: there is none · too_large: Redis did not keep it. */
export type KeptValue = { readonly json: string } | "missing" | "too_large";

export type Resolved =
  | { readonly json: string }
  | { readonly code: "reference_missing" | "result_too_large" | "payload_invalid"; readonly message: string };

/**
 * All references of a payload.
 * @param json the text of the payload
 */
export function referencesOf(
  _json: string,
  _scope: ReferenceScope,
): {
  readonly references: readonly FoundReference[];
  readonly issues: readonly ValidationIssue[];
  /** Whether {@link resolveReferences} changes the payload: it has references, or escapes. */
  readonly isTemplate: boolean;
} {
  throw new Error("not written yet");
}

/**
 * The payload with its references resolved, in one line; everything else stays as it is.
 * @param json the text of a payload without issues ({@link referencesOf})
 * @param lookup called for each reference
 * @param maxBytes the largest result
 */
export function resolveReferences(
  _json: string,
  _scope: ReferenceScope,
  _lookup: (reference: Reference) => KeptValue,
  _maxBytes: number,
): Resolved {
  throw new Error("not written yet");
}
