/**
 * Parses the bytes of a request into submissions or a rejection. The same function runs on the main thread, and on a
 * pool thread for large bodies; its result can be cloned between them.
 */
import { Type } from "typebox";
import { at } from "./at.ts";
import type { Durability, Submission } from "./job.ts";
import { changedSubmission, type PatchedJob, patchedJson, typeWithoutPayload } from "./job-patch.ts";
import { elementsOf, exceeded, memberText } from "./json-span.ts";
import type { ValidationIssue } from "./schema-issues.ts";
import { escapePointer, MAX_ISSUES } from "./schema-issues.ts";
import type { TypeLookup } from "./submission.ts";
import { parseSubmission } from "./submission.ts";
import { compileValidator } from "./validator.ts";

export const MAX_JOBS = 10_000;
/** Threads that parse large bodies. With two, a body that takes long does not delay the next one. */
export const BODY_THREADS = 2;
/** Above what any payload needs, below the depth at which recursion over a value fails. */
const BOUNDS = { levels: 100, containers: 1_000_000 };

/**
 * A parsed payload may take ten times the memory of its JSON, and only the JSON is counted: larger ones are parsed
 * again where they run.
 */
const MAX_KEPT_BYTES = 2 * 1024;

/** One job as JSON; `{"jobs":[…]}` as JSON; one job a line. */
export type BodyKind = "single" | "batch" | "ndjson";

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

export type ParsedBody =
  | {
      readonly submissions: readonly Submission[];
      /** Whether a `run_at` came from `delay_ms`, and so depends on `now`. */
      readonly isDelayed: boolean;
      /** Whether the caller's key needs the scope `read`. */
      readonly needsRead: boolean;
      /** Present if it needs the scope `admin`. */
      readonly needsAdmin?: true;
      /** Whether a patch left the payload as it is: then that of the submission is empty. */
      readonly isPayloadKept?: boolean;
      /** The parsed payload of a single small job, for an attempt that starts at once. */
      readonly payload?: unknown;
    }
  | { readonly rejection: Rejection };

/** A body and the facts needed to parse it, except the types. */
export interface BodyTask {
  readonly bytes: Uint8Array;
  readonly kind: BodyKind;
  /** For one job, unless its type allows more. */
  readonly maxBodyBytes: number;
  /** Epoch ms, Redis's. */
  readonly now: number;
  /** For submissions without the option. */
  readonly durability: Durability;
  /** Set where the body is a JSON Merge Patch (kind `single`): the job that it is for. */
  readonly patched?: PatchedJob;
}

const decoder = new TextDecoder("utf-8", { fatal: true });

export function parseBody(task: BodyTask, typeOf: TypeLookup): ParsedBody {
  const { bytes, kind, maxBodyBytes, now, durability } = task;
  const text = textOf(bytes);
  if (typeof text !== "string") return text;
  if (kind !== "single") return parseJobs(kind === "batch" ? readBatch(text) : readLines(text), task, typeOf);
  const json = readJson(text);
  if ("rejection" in json) return json;
  if (task.patched) return parsePatch(json.value, text, task, task.patched, typeOf);
  const parsed = parseSubmission(json.value, text, typeOf, now, durability);
  if ("issues" in parsed) return invalid(parsed.issues);
  const excess = excessOf(bytes.length, parsed.submission.type, maxBodyBytes, typeOf);
  if (excess) return excess;
  const payload = bytes.length <= MAX_KEPT_BYTES ? (json.value as { payload: unknown }).payload : undefined;
  const { submission, isDelayed, needsRead, needsAdmin } = parsed;
  return { submissions: [submission], isDelayed, needsRead, ...(needsAdmin && { needsAdmin }), payload };
}

function excessOf(
  bytes: number,
  type: string,
  maxBodyBytes: number,
  typeOf: TypeLookup,
): { readonly rejection: Rejection } | undefined {
  const limit = Math.max(maxBodyBytes, typeOf(type)?.maxBodyBytes ?? 0);
  if (bytes <= limit) return undefined;
  return reject(413, "body_too_large", `Jobs of type ${type} may have bodies of at most ${limit} bytes.`);
}

/** Applies a patch to its job. The result is one submission: that of the job after the patch. */
function parsePatch(
  value: unknown,
  json: string,
  { bytes, maxBodyBytes, now, durability }: BodyTask,
  job: PatchedJob,
  typeOf: TypeLookup,
): ParsedBody {
  if (typeof value !== "object" || value === null || Array.isArray(value))
    return invalid([{ path: "", message: "expected an object" }]);
  const patch = value as Readonly<Record<string, unknown>>;
  const isPayloadKept = !Object.hasOwn(patch, "payload");
  if (!isPayloadKept && job.isCallback)
    return reject(409, "callback_payload", "The payload of a callback cannot be changed: the server wrote it.");
  const type = isPayloadKept ? typeWithoutPayload(job, typeOf) : typeOf(job.type);
  const submitted = patchedJson(job, patch, json, type);
  const read = readJson(submitted);
  if ("rejection" in read) return read;
  const excess = excessOf(Math.max(bytes.length, Buffer.byteLength(submitted)), job.type, maxBodyBytes, typeOf);
  if (excess) return excess;
  const parsed = parseSubmission(
    read.value,
    submitted,
    (name) => (name === job.type ? type : typeOf(name)),
    now,
    durability,
  );
  const changed = changedSubmission(job, patch, parsed, type);
  if ("issues" in changed) return invalid(changed.issues);
  const { needsRead, needsAdmin } = "issues" in parsed ? { needsRead: false } : parsed;
  const submissions = [changed.submission];
  return { submissions, isDelayed: false, needsRead, ...(needsAdmin && { needsAdmin }), isPayloadKept };
}

/** The value of a body without submissions, or why it is rejected. */
export function parseJson(bytes: Uint8Array): Read<unknown> {
  const text = textOf(bytes);
  return typeof text === "string" ? readJson(text) : text;
}

function textOf(bytes: Uint8Array): string | { readonly rejection: Rejection } {
  try {
    return decoder.decode(bytes);
  } catch {
    return reject(400, "invalid_utf8", "The body is not valid UTF-8.");
  }
}

function reject(
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

type Read<Value> = { readonly value: Value } | { readonly rejection: Rejection };

function readJson(text: string): Read<unknown> {
  const excess = exceeded(text, BOUNDS);
  if (excess === "levels")
    return reject(400, "json_too_deep", `The body is nested deeper than ${BOUNDS.levels} levels.`);
  if (excess === "containers") return tooComplex();
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (error) {
    return reject(400, "malformed_json", `The body is not JSON: ${error instanceof Error ? error.message : ""}`);
  }
  // This name changes the prototype of a careless copy. Escapes can spell it, too.
  if (text.includes("__proto__") || text.includes("\\u005")) {
    const path = pathOfProto(value, "");
    if (path !== undefined) return invalid([{ path, message: "must not be a name in a request" }]);
  }
  return { value };
}

function pathOfProto(value: unknown, path: string): string | undefined {
  if (typeof value !== "object" || value === null) return undefined;
  for (const [name, inner] of Object.entries(value)) {
    const innerPath = `${path}/${escapePointer(name)}`;
    const found = name === "__proto__" ? innerPath : pathOfProto(inner, innerPath);
    if (found !== undefined) return found;
  }
  return undefined;
}

interface JobText {
  readonly index: number;
  readonly value: unknown;
  readonly json: string;
}

const batch = compileValidator(
  Type.Object(
    { jobs: Type.Array(Type.Unknown(), { minItems: 1, maxItems: MAX_JOBS }) },
    { additionalProperties: false },
  ),
);

function readBatch(text: string): Read<JobText[]> {
  const json = readJson(text);
  if ("rejection" in json) return json;
  const { value } = json;
  if (!batch.isValid(value)) return invalid(batch.issuesOf(value));
  const jsons = elementsOf(memberText(text, "jobs") ?? "[]");
  return { value: value.jobs.map((job, index) => ({ index, value: job, json: at(jsons, index) })) };
}

function readLines(text: string): Read<JobText[]> {
  const jobs: JobText[] = [];
  const issues: ValidationIssue[] = [];
  let first: Rejection | undefined;
  let index = 0;
  // Line by line: a body of 16 MiB may have 16 million lines, of which only the first MAX_JOBS matter.
  for (
    let start = 0, end;
    start < text.length && jobs.length <= MAX_JOBS && issues.length < MAX_ISSUES;
    start = end + 1, index++
  ) {
    end = text.indexOf("\n", start);
    if (end < 0) end = text.length;
    const json = text.slice(start, end);
    if (json.trim() === "") continue;
    const line = readJson(json);
    if ("value" in line) jobs.push({ index, value: line.value, json });
    else {
      first ??= line.rejection;
      const { issues: own, detail } = line.rejection;
      issues.push(
        ...(own.length > 0
          ? own.map(({ path, message }) => ({ path: `/jobs/${index}${path}`, message }))
          : [{ path: `/jobs/${index}`, message: detail }]),
      );
    }
  }
  if (first) return { rejection: { ...first, detail: "A line cannot be read.", issues } };
  if (jobs.length === 0) return invalid([{ path: "/jobs", message: "expected at least 1 item" }]);
  if (jobs.length > MAX_JOBS) return invalid([{ path: "/jobs", message: `expected at most ${MAX_JOBS} items` }]);
  return { value: jobs };
}

function parseJobs(read: Read<JobText[]>, { maxBodyBytes, now, durability }: BodyTask, typeOf: TypeLookup): ParsedBody {
  if ("rejection" in read) return read;
  const submissions: Submission[] = [];
  const issues: ValidationIssue[] = [];
  let isDelayed = false;
  let needsRead = false;
  let needsAdmin = false;
  for (const { index, value, json } of read.value) {
    const parsed = parseSubmission(value, json, typeOf, now, durability);
    if ("issues" in parsed)
      issues.push(...parsed.issues.map(({ path, message }) => ({ path: `/jobs/${index}${path}`, message })));
    else {
      const limit = Math.max(maxBodyBytes, typeOf(parsed.submission.type)?.maxBodyBytes ?? 0);
      if (json.length > limit) issues.push({ path: `/jobs/${index}`, message: `expected at most ${limit} bytes` });
      submissions.push(parsed.submission);
      isDelayed ||= parsed.isDelayed;
      needsRead ||= parsed.needsRead;
      needsAdmin ||= parsed.needsAdmin === true;
    }
    if (issues.length > MAX_ISSUES) break;
  }
  if (issues.length > 0) return invalid(issues);
  return { submissions, isDelayed, needsRead, ...(needsAdmin && { needsAdmin }) };
}
