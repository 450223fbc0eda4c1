/** A payload whose references are resolved, checked as one that was submitted. On the main thread, or on another one. */
import type { Reference, ReferenceScope } from "../core/flows/reference.ts";
import type { KeptValue } from "../core/flows/references.ts";
import { resolveReferences } from "../core/flows/references.ts";
import type { PayloadIssue } from "../core/job-type.ts";
import type { JobType } from "../jobs/registry.ts";

export type ResolvedPayload<Json> = { readonly json: Json } | { readonly code: string; readonly message: string };

/** Issues that the error of a job names. */
const MAX_NAMED = 5;

/** The key of what a reference takes from. */
export function keyOf({ part, node }: Pick<Reference, "part" | "node">): string {
  return `${part}/${node}`;
}

export interface ReferringPayload {
  readonly text: string;
  readonly scope: ReferenceScope;
  /** By {@link keyOf}. */
  readonly kept: ReadonlyMap<string, KeptValue>;
  readonly maxBytes: number;
}

export function resolvedPayload(
  { text, scope, kept, maxBytes }: ReferringPayload,
  type: Pick<JobType, "issuesOf" | "definition">,
): ResolvedPayload<string> {
  const lookup = (node: string, part: Reference["part"]): KeptValue => kept.get(keyOf({ node, part })) ?? "missing";
  const resolved = resolveReferences(text, scope, lookup, maxBytes);
  if ("code" in resolved) return resolved;
  const value: unknown = JSON.parse(resolved.json);
  const issues = type.issuesOf(value, `{"payload":${resolved.json}}`);
  if (issues.length > 0) return { code: "payload_invalid", message: messageOf(issues) };
  if (type.definition.needsRead?.(value) && !needsRead(type, text))
    return { code: "payload_invalid", message: "references must not make a job read other jobs" };
  return resolved;
}

/** Whether the payload without its references needs the scope, which was checked at the submission. */
function needsRead({ definition }: Pick<JobType, "definition">, text: string): boolean {
  try {
    return definition.needsRead?.(JSON.parse(text)) === true;
  } catch {
    return false; // the function expects a valid payload
  }
}

function messageOf(issues: readonly PayloadIssue[]): string {
  const named = issues.slice(0, MAX_NAMED).map(({ path, message }) => `${path} ${message}`.trim());
  const more = issues.length - named.length;
  return `the payload is not valid with the results that it refers to: ${named.join("; ")}${more > 0 ? `; and ${more} more` : ""}`;
}
