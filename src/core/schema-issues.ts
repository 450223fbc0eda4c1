/**
 * Turns typebox errors into issues for people: one issue for each mistake, at its position. For a union typebox reports
 * errors of every branch; only those of the branch that the caller most likely meant remain.
 */
import type { TLocalizedValidationError } from "typebox/error";
import { Settings } from "typebox/system";
import { at } from "./at.ts";
import type { PayloadIssue } from "./job-type.ts";

/** A mistake in a request; `path` is a JSON pointer into it. */
export type ValidationIssue = PayloadIssue;

/**
 * No caller reads more, and each costs memory and time. The search finds one more, which shows that the list is
 * incomplete.
 */
export const MAX_ISSUES = 1_000;

Settings.Set({ maxErrors: MAX_ISSUES + 1 }); // typebox stops at 8 by default; one answer lists all issues of a request

interface Entry {
  readonly issue: ValidationIssue;
  readonly schemaPath: string;
  /** The expected kind, if the value is of another kind. */
  readonly expected?: string;
}

export function issuesOfErrors(errors: readonly TLocalizedValidationError[]): ValidationIssue[] {
  const entries: Entry[] = [];
  for (const error of errors) {
    if (error.keyword === "anyOf") {
      const branches = `${error.schemaPath}/anyOf/`;
      let first = entries.length; // the errors of the branches directly precede that of the union
      while (isPart(entries[first - 1], branches, error.instancePath)) first -= 1;
      entries.push(...condense(entries.splice(first), error.instancePath, branches));
    } else {
      entries.push(...entriesOf(error));
    }
  }
  // Always return an issue for an invalid value: callers accept a value without issues.
  if (entries.length === 0) return [{ path: "", message: "is not valid" }];
  // The limits of a value do not matter while it is of another kind
  const ofOtherKind = new Set(entries.flatMap(({ expected, issue }) => (expected === undefined ? [] : [issue.path])));
  return entries
    .filter(({ expected, issue }) => expected !== undefined || !ofOtherKind.has(issue.path))
    .slice(0, MAX_ISSUES + 1)
    .map(({ issue }) => issue);
}

/** Whether an entry belongs to a branch of the union at `path`. */
function isPart(entry: Entry | undefined, branches: string, path: string): boolean {
  return (
    entry !== undefined &&
    entry.schemaPath.startsWith(branches) &&
    (entry.issue.path === path || entry.issue.path.startsWith(`${path}/`))
  );
}

/** The issues of the branch that the caller most likely meant: it has the right kind, and the fewest issues. */
function condense(entries: readonly Entry[], path: string, branches: string): Entry[] {
  const byBranch = new Map<string, Entry[]>();
  for (const entry of entries) {
    const branch = at(entry.schemaPath.slice(branches.length).split("/", 1), 0);
    const ofBranch = byBranch.get(branch);
    if (ofBranch) ofBranch.push(entry);
    else byBranch.set(branch, [entry]);
  }
  const all = [...byBranch.values()];
  const isOfOtherKind = ({ expected, issue }: Entry): boolean => expected !== undefined && issue.path === path;
  const meant = all.filter((branch) => !branch.some(isOfOtherKind));
  const schemaPath = branches.slice(0, -"/anyOf/".length);
  if (meant.length === 0) {
    const expected = [...new Set(entries.filter(isOfOtherKind).map((entry) => entry.expected))].join(" or ");
    return [{ issue: { path, message: `expected ${expected}` }, schemaPath, expected }];
  }
  const fewest = Math.min(...meant.map((branch) => branch.length));
  const nearest = meant.filter((branch) => branch.length === fewest);
  if (nearest.length === 1) return nearest[0] ?? [];
  const reasons = nearest.map(([entry]) =>
    entry ? `${entry.issue.path.slice(path.length)} ${entry.issue.message}`.trim() : "",
  );
  return [{ issue: { path, message: `matches none of the forms allowed here: ${reasons.join(", or ")}` }, schemaPath }];
}

function entriesOf(error: TLocalizedValidationError): Entry[] {
  const { keyword, params, instancePath: path, schemaPath } = error;
  const ofOtherKind = (expected: string): Entry[] => [
    { issue: { path, message: `expected ${expected}` }, schemaPath, expected },
  ];
  if (keyword === "required")
    return params.requiredProperties.map((name) => ({
      issue: { path: `${path}/${escapePointer(name)}`, message: "is required" },
      schemaPath,
    }));
  // `false` is the schema of a member that is not allowed
  if (keyword === "boolean") return [{ issue: { path, message: "is not a known field" }, schemaPath }];
  if (keyword === "additionalProperties") return []; // repeats the error before it
  if (keyword === "type")
    return ofOtherKind(
      [params.type]
        .flat()
        .map((type) => KINDS[type] ?? type)
        .join(" or "),
    );
  if (keyword === "const") return ofOtherKind(JSON.stringify(params.allowedValue));
  return [{ issue: { path, message: messageOf(error) }, schemaPath }];
}

const KINDS: Readonly<Record<string, string>> = {
  string: "a string",
  integer: "an integer",
  number: "a number",
  object: "an object",
  array: "an array",
  boolean: "true or false",
};

const BOUNDS: Readonly<Record<string, readonly [bound: string, noun: string]>> = {
  minLength: ["at least", "character"],
  maxLength: ["at most", "character"],
  minItems: ["at least", "item"],
  maxItems: ["at most", "item"],
  minProperties: ["at least", "field"],
  maxProperties: ["at most", "field"],
};

function messageOf({ keyword, params, message }: TLocalizedValidationError): string {
  if (keyword === "enum") return `expected ${params.allowedValues.map((value) => JSON.stringify(value)).join(" or ")}`;
  if (keyword === "pattern")
    return `expected ${(params as { readonly expected?: string }).expected ?? `text that matches ${String(params.pattern)}`}`;
  if (!("limit" in params)) return message;
  const limit = String(params.limit);
  if ("comparison" in params) return `expected a number ${params.comparison} ${limit}`;
  const [bound, noun] = BOUNDS[keyword] ?? ["", ""];
  return `expected ${bound} ${limit} ${noun}${limit === "1" ? "" : "s"}`;
}

/** A member's name as a step of a JSON pointer (RFC 6901, section 3). */
export function escapePointer(name: string): string {
  return name.replaceAll("~", "~0").replaceAll("/", "~1");
}
