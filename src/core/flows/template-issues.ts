/** The issues of a payload whose references cannot be resolved yet. */
import { memberText } from "../json-span.ts";
import type { ValidationIssue } from "../schema-issues.ts";
import type { SubmissionType } from "../submission.ts";
import type { ReferenceScope } from "./reference.ts";
import { type FoundReferences, withReferences } from "./references.ts";

/** A value may become any of these kinds: only an issue that remains with each of them is one of the payload. */
const SAMPLES = ['"x"', "1", "true", "[]", "{}", "null"];

/**
 * A type that checks the payload with samples in place of its references, and leaves issues at or below these to the
 * run. Whether it reveals other jobs depends on the values, so that is assumed.
 */
export function typeForTemplate(type: SubmissionType, found: FoundReferences, scope: ReferenceScope): SubmissionType {
  const { definition } = type;
  const timeoutMsOf = (payload: never): number | undefined => {
    const asked: unknown = definition.timeoutMsOf?.(payload);
    return typeof asked === "number" ? asked : undefined;
  };
  return {
    ...type,
    definition: {
      ...definition,
      ...(definition.timeoutMsOf && { timeoutMsOf: withoutErrors(timeoutMsOf) }),
      ...(definition.needsRead && { needsRead: () => true }),
    },
    issuesOf: (_payload, json = "{}") => issuesBeside(type, memberText(json, "payload") ?? "{}", found, scope),
  };
}

/** A function of a payload that its type has not accepted. */
function withoutErrors(timeoutMsOf: (payload: never) => number | undefined): (payload: never) => number | undefined {
  return (payload) => {
    try {
      return timeoutMsOf(payload);
    } catch {
      return undefined; // a reference is in place of what it reads: the default applies
    }
  };
}

function issuesBeside(
  type: SubmissionType,
  payload: string,
  { references }: FoundReferences,
  scope: ReferenceScope,
): readonly ValidationIssue[] {
  const places = new Set(references.map(({ at }) => at));
  let common: Map<string, ValidationIssue> | undefined;
  for (const sample of references.length === 0 ? SAMPLES.slice(0, 1) : SAMPLES) {
    const json = withReferences(payload, scope, () => sample);
    const value: unknown = JSON.parse(json);
    if (typeof value !== "object" || value === null || Array.isArray(value)) continue; // the payload is a reference
    const issues = type.issuesOf(value, `{"payload":${json}}`).filter((issue) => !isOf(issue, places));
    const known = common;
    const named = issues.map((issue) => [`${issue.path} ${issue.message}`, issue] as const);
    common = new Map(known ? named.filter(([name]) => known.has(name)) : named);
    if (common.size === 0) break;
  }
  return [...(common?.values() ?? [])];
}

/** Whether an issue is at or below a reference, or is about the forms that a value around one may have. */
function isOf({ path, message }: ValidationIssue, places: ReadonlySet<string>): boolean {
  for (let end = path.length; end >= 0; end = path.lastIndexOf("/", end - 1))
    if (places.has(path.slice(0, end))) return true;
    else if (end === 0) break;
  return message.startsWith("matches none of the forms") && [...places].some((place) => place.startsWith(`${path}/`));
}
