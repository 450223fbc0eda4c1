/**
 * References in payloads to the results and errors of earlier nodes:
 *
 *   {"$ref": "NODE/result/a/0"}    the whole value; the rest is a JSON pointer (RFC 6901) into the result
 *   {"$ref": "NODE/error/message"}
 *   "… ${NODE.result.a.0} …"       in a string: a string's text, the JSON text of any other value
 *   {"$$ref": "…"}  "$${…}"        the text without one `$`
 *
 * `NODE/` and `NODE.` are left out where only one node can be meant ({@link ReferenceScope}). A node's name may contain
 * dots: the longest name that fits is meant. Members are found in the JSON text, so no name has a special meaning.
 */

import { JSON_BOUNDS, mayHaveProto, pathOfProto } from "../json-body.ts";
import { endOfValue, exceeded, rewritten, skipSpace, type Visitor, valueText } from "../json-span.ts";
import { escapedText, replacedInString } from "../json-string.ts";
import { oneLine } from "../packed-job.ts";
import type { ValidationIssue } from "../schema-issues.ts";
import { escapePointer } from "../schema-issues.ts";
import { type Reference, type ReferenceScope, readInline, readWhole } from "./reference.ts";
import { ResultText } from "./result-text.ts";

export interface FoundReference extends Reference {
  /** A JSON pointer into the payload: where it is. */
  readonly at: string;
}

export interface FoundReferences {
  readonly references: readonly FoundReference[];
  readonly issues: readonly ValidationIssue[];
  /** Whether {@link resolveReferences} changes the payload: it has references or escapes. */
  readonly isTemplate: boolean;
}

/** What is stored of a node. missing: it has no such result or error · too_large: it was too large to be stored. */
export type KeptValue = { /** JSON */ readonly json: string } | "missing" | "too_large";

export type Resolved =
  | { readonly json: string }
  | { readonly code: "reference_missing" | "result_too_large" | "payload_invalid"; readonly message: string };

/** Anything in a string that begins like a reference. The first `$` of two is an escape. */
const CANDIDATE = /\$?\$\{[^}]*\}?/g;
const MAY_BE_TEMPLATE = /\$\{|\$ref|\\u/;
const NO_REFERENCES: FoundReferences = { references: [], issues: [], isTemplate: false };

/**
 * The references of a payload, and the issues of what only looks like one.
 * @param json the text of an object
 */
export function referencesOf(json: string, scope: ReferenceScope): FoundReferences {
  if (!MAY_BE_TEMPLATE.test(json)) return NO_REFERENCES;
  const references: FoundReference[] = [];
  const issues: ValidationIssue[] = [];
  let isTemplate = false;
  rewriteTemplates(json, {
    whole: (text, path) => {
      isTemplate = true;
      const read = readWhole(text, scope);
      if ("issue" in read) issues.push({ path: path(), message: read.issue });
      else references.push({ ...read, at: path() });
      return undefined;
    },
    escaped: () => {
      isTemplate = true;
      return undefined;
    },
    inline: (found, path) => {
      isTemplate = true;
      if (found.startsWith("$$")) return "";
      const read = readInline(found, scope);
      if ("issue" in read) issues.push({ path: path(), message: read.issue });
      else references.push({ ...read, at: path() });
      return "";
    },
  });
  return { references, issues, isTemplate };
}

/**
 * The payload with each reference replaced, and its escapes removed; everything else stays as it is.
 * @param json the text of a payload without issues ({@link referencesOf})
 * @param valueOf returns the JSON of a value; undefined leaves the reference as it is. `path` makes the JSON pointer to
 * the reference
 */
export function withReferences(
  json: string,
  scope: ReferenceScope,
  valueOf: (reference: Reference, path: () => string) => string | undefined,
): string {
  if (!MAY_BE_TEMPLATE.test(json)) return json;
  return rewriteTemplates(json, {
    whole: (text, path) => {
      const read = readWhole(text, scope);
      return "issue" in read ? undefined : valueOf(read, path);
    },
    escaped: (text) => text,
    inline: (found, path) => {
      if (found.startsWith("$$")) return escapedText(found.slice(1));
      const read = readInline(found, scope);
      const value = "issue" in read ? undefined : valueOf(read, path);
      if (value === undefined) return escapedText(found);
      return value.startsWith('"') ? value.slice(1, -1) : escapedText(value);
    },
  });
}

/**
 * The payload that runs, in one line. Its type has not checked it.
 * @param json the text of a payload without issues ({@link referencesOf})
 * @param lookup called for each node and part that the payload refers to, once
 * @param maxBytes of the result
 */
export function resolveReferences(
  json: string,
  scope: ReferenceScope,
  lookup: (node: string, part: Reference["part"]) => KeptValue,
  maxBytes: number,
): Resolved {
  const kept = new Map<string, ResultText | "missing" | "too_large">();
  let failure: Exclude<Resolved, { json: string }> | undefined;
  let length = json.length;
  const valueOf = (reference: Reference): string | undefined => {
    if (failure) return undefined;
    const { node, part, path } = reference;
    const key = `${node}/${part}`;
    const known = kept.get(key) ?? keptText(lookup(node, part));
    kept.set(key, known);
    const value = typeof known === "string" ? undefined : known.valueAt(path);
    length += value?.length ?? 0;
    if (known === "too_large") failure = { code: "result_too_large", message: tooLarge(reference) };
    else if (value === undefined)
      failure = { code: "reference_missing", message: missing(reference, known !== "missing") };
    else if (length > maxBytes) failure = { code: "result_too_large", message: excess(maxBytes) };
    return value;
  };
  const resolved = oneLine(withReferences(json, scope, valueOf));
  return failure ?? checked(resolved, maxBytes);
}

function keptText(value: KeptValue): ResultText | "missing" | "too_large" {
  return typeof value === "string" ? value : new ResultText(value.json);
}

/** Results are not checked where they are made, and the code that runs a job trusts these bounds. */
function checked(json: string, maxBytes: number): Resolved {
  if (json.length > maxBytes || Buffer.byteLength(json) > maxBytes)
    return { code: "result_too_large", message: excess(maxBytes) };
  const bound = exceeded(json, JSON_BOUNDS);
  if (bound !== undefined) {
    const message = `with its references resolved, the payload has more than ${JSON_BOUNDS[bound]} ${bound}`;
    return { code: "payload_invalid", message };
  }
  const path = mayHaveProto(json) ? pathOfProto(JSON.parse(json), "/payload") : undefined;
  return path === undefined
    ? { json }
    : { code: "payload_invalid", message: `${path}, which a reference brought in, must not be a name in a payload` };
}

function excess(maxBytes: number): string {
  return `with its references resolved, the payload has more than ${maxBytes} bytes: pass large results as artifacts`;
}

function tooLarge({ node, part }: Reference): string {
  return `the ${part} of ${node} was too large to be kept for references: pass it as an artifact`;
}

function missing({ node, part, path }: Reference, hasPart: boolean): string {
  if (!hasPart) return `${node} has no ${part}`;
  const pointer = path.map((step) => `/${escapePointer(step)}`).join("");
  return `the ${part} of ${node} has nothing at ${pointer.slice(0, 256)}`;
}

/** Returns a replacement, or undefined to leave the text as it is. `path` makes the JSON pointer to it. */
interface Templates {
  /** @param text the string of a `$ref` */
  readonly whole: (text: string, path: () => string) => string | undefined;
  /** @param text the object without the escape */
  readonly escaped: (text: string) => string | undefined;
  /** @param found a match of {@link CANDIDATE} */
  readonly inline: (found: string, path: () => string) => string;
}

interface Place {
  readonly parent: Place | undefined;
  readonly step: string | number;
}

function rewriteTemplates(json: string, templates: Templates): string {
  const start = skipSpace(json, 0);
  const root = replacementOf(json, start, undefined, templates);
  return root ?? rewritten(json, visitorAt(undefined, templates));
}

/** Visits the members or elements of the value at a place. */
function visitorAt(place: Place | undefined, templates: Templates): Visitor {
  let index = 0;
  return (name, json, start) => {
    const inner = { parent: place, step: name ?? index++ };
    return replacementOf(json, start, inner, templates) ?? visitorAt(inner, templates);
  };
}

function replacementOf(
  json: string,
  start: number,
  place: Place | undefined,
  { whole, escaped, inline }: Templates,
): string | undefined {
  const path = (): string => pointerOf(place);
  const first = json.charAt(start);
  if (first === '"') {
    const text = valueText(json, start);
    return MAY_BE_TEMPLATE.test(text) ? replacedInString(text, CANDIDATE, (found) => inline(found, path)) : undefined;
  }
  if (first !== "{") return undefined;
  const only = onlyString(json, start);
  if (only?.name === "$ref") return whole(JSON.parse(only.value) as string, path);
  return only && /^\$\$+ref$/.test(only.name)
    ? escaped(`{${JSON.stringify(only.name.slice(1))}:${only.value}}`)
    : undefined;
}

function pointerOf(place: Place | undefined): string {
  const steps: string[] = [];
  for (let at = place; at; at = at.parent)
    steps.push(`/${typeof at.step === "string" ? escapePointer(at.step) : at.step}`);
  return steps.reverse().join("");
}

/** The member of an object that has only this one, if its value is a string. Each character is read at most twice. */
function onlyString(
  json: string,
  start: number,
): { readonly name: string /** JSON */; readonly value: string } | undefined {
  const nameStart = skipSpace(json, start + 1);
  if (json.charAt(nameStart) !== '"') return undefined;
  const nameEnd = endOfValue(json, nameStart);
  const valueStart = skipSpace(json, skipSpace(json, nameEnd) + 1);
  if (json.charAt(valueStart) !== '"') return undefined;
  const valueEnd = endOfValue(json, valueStart);
  if (json.charAt(skipSpace(json, valueEnd)) !== "}") return undefined;
  return { name: JSON.parse(json.slice(nameStart, nameEnd)) as string, value: json.slice(valueStart, valueEnd) };
}
