/** The issues of a payload whose references cannot be resolved yet. */
import { memberText } from "../json-span.ts";
import type { ValidationIssue } from "../schema-issues.ts";
import type { SubmissionType } from "../submission.ts";
import type { ReferenceScope } from "./reference.ts";
import { type FoundReferences, withReferences } from "./references.ts";

/** A value may become any of these kinds. */
const SAMPLES: readonly [string, ...string[]] = ['"x"', "1", "true", "[]", "{}", "null"];

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
  const issuesWith = (sampleAt: (place: string) => string): readonly ValidationIssue[] => {
    const json = withReferences(payload, scope, (_, path) => sampleAt(path()));
    const value: unknown = JSON.parse(json);
    const isPayload = typeof value === "object" && value !== null && !Array.isArray(value);
    return isPayload ? type.issuesOf(value, `{"payload":${json}}`) : [{ path: "", message: "expected an object" }];
  };
  /** For each place, the first sample that has no issue there. */
  const fitting = new Map<string, string>();
  const fits: (readonly ValidationIssue[])[] = [];
  for (const sample of SAMPLES) {
    const issues = issuesWith(() => sample);
    if (issues.length === 0) return [];
    const touched = placesOf(issues, places);
    if (touched.size === 0) fits.push(issues);
    for (const place of places) if (!touched.has(place) && !fitting.has(place)) fitting.set(place, sample);
    if (places.size === 0) break;
  }
  const mixed = issuesWith((place) => fitting.get(place) ?? SAMPLES[0]);
  return mixed.filter(
    (issue) => !isAbout(issue, places) && fits.every((issues) => issues.some(({ path }) => path === issue.path)),
  );
}

/** The places at or below which there is an issue. */
function placesOf(issues: readonly ValidationIssue[], places: ReadonlySet<string>): Set<string> {
  const touched = new Set<string>();
  for (const { path } of issues) for (const place of above(path)) if (places.has(place)) touched.add(place);
  return touched;
}

/** The JSON pointers to a value, and to those that contain it. */
function above(path: string): string[] {
  const steps = path.split("/");
  return steps.map((_, nth) => steps.slice(0, nth + 1).join("/"));
}

/** Whether an issue is at or below a reference, or is about the forms that a value around one may have. */
function isAbout({ path, message }: ValidationIssue, places: ReadonlySet<string>): boolean {
  if (above(path).some((place) => places.has(place))) return true;
  return message.startsWith("matches none of the forms") && [...places].some((place) => place.startsWith(`${path}/`));
}
