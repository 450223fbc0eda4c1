/**
 * Parses the bytes of a request into submissions or a rejection. The same function runs on the main thread, and on a
 * pool thread for large bodies; its result can be cloned between them.
 */
import { Type } from "typebox";
import { at } from "./at.ts";
import type { FlowDraft } from "./flows/flow.ts";
import { hasFollowers, parseBatch, parseBatchLines, parseThen } from "./flows/parse-callbacks.ts";
import { parseFlow } from "./flows/parse-flow.ts";
import type { FlowRules, ParsedFlow } from "./flows/reading.ts";
import type { Durability, Submission } from "./job.ts";
import { changedSubmission, type PatchedJob, patchedJson, typeWithoutPayload } from "./job-patch.ts";
import type { Read, Rejection } from "./json-body.ts";
import { invalid, readJson, reject, textOf } from "./json-body.ts";
import { elementsOf, memberText } from "./json-span.ts";
import type { ValidationIssue } from "./schema-issues.ts";
import { MAX_ISSUES } from "./schema-issues.ts";
import type { TypeLookup } from "./submission.ts";
import { parseSubmission } from "./submission.ts";
import { compileValidator } from "./validator.ts";

export type { Rejection } from "./json-body.ts";
export { invalid, parseJson, tooComplex } from "./json-body.ts";

export const MAX_JOBS = 10_000;
/** Threads that parse large bodies. With two, a body that takes long does not delay the next one. */
export const BODY_THREADS = 2;

/**
 * A parsed payload may take ten times the memory of its JSON, and only the JSON is counted: larger ones are parsed
 * again where they run.
 */
const MAX_KEPT_BYTES = 2 * 1024;

/**
 * One job as JSON, perhaps with jobs that follow it; `{"jobs":[…]}` as JSON; one job a line; a flow; a batch of its own
 * as JSON, or one job a line.
 */
export type BodyKind = "single" | "batch" | "ndjson" | "flow" | "flow-batch" | "flow-batch-ndjson";

export type ParsedBody =
  | {
      /** Of a flow: in the order of its nodes, and of the jobs in a node. */
      readonly submissions: readonly Submission[];
      /** Present if the submissions belong together. */
      readonly flow?: FlowDraft;
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

export function parseBody(task: BodyTask, typeOf: TypeLookup): ParsedBody {
  const { bytes, kind, maxBodyBytes, now, durability } = task;
  const text = textOf(bytes);
  if (typeof text !== "string") return text;
  if (kind === "batch") return parseBatchOfJobs(text, task, typeOf);
  if (kind === "ndjson") return parseJobs(readLines(text), task, typeOf);
  if (kind === "flow-batch-ndjson") return parseFlowLines(readLines(text, 1), { ...task, typeOf });
  const json = readJson(text);
  if ("rejection" in json) return json;
  if (kind === "flow") return bodyOfFlow(parseFlow(json.value, text, { ...task, typeOf }));
  if (kind === "flow-batch") return bodyOfFlow(parseBatch(json.value, text, { ...task, typeOf }));
  if (task.patched) return parsePatch(json.value, text, task, task.patched, typeOf);
  if (hasFollowers(json.value)) return bodyOfFlow(parseThen(json.value, text, { ...task, typeOf }));
  const parsed = parseSubmission(json.value, text, typeOf, now, durability);
  if ("issues" in parsed) return invalid(parsed.issues);
  const excess = excessOf(bytes.length, parsed.submission.type, maxBodyBytes, typeOf);
  if (excess) return excess;
  const payload = bytes.length <= MAX_KEPT_BYTES ? (json.value as { payload: unknown }).payload : undefined;
  const { submission, isDelayed, needsRead, needsAdmin } = parsed;
  const submissions = [submission];
  // Two literals, not a spread, for speed
  return needsAdmin
    ? { submissions, isDelayed, needsRead, needsAdmin, payload }
    : { submissions, isDelayed, needsRead, payload };
}

function bodyOfFlow(parsed: ParsedFlow): ParsedBody {
  return "issues" in parsed ? invalid(parsed.issues) : parsed;
}

function parseFlowLines(read: Read<JobText[]>, rules: FlowRules): ParsedBody {
  if ("rejection" in read) return read;
  const lines = read.value.map(({ index, value, json }) => ({ value, json, path: `/jobs/${index}` }));
  return bodyOfFlow(parseBatchLines(lines, rules));
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

function parseBatchOfJobs(text: string, task: BodyTask, typeOf: TypeLookup): ParsedBody {
  const json = readJson(text);
  if ("rejection" in json) return json;
  const issues = batch.isValid(json.value) ? [] : batch.issuesOf(json.value);
  const listed = jobsOf(json.value);
  // the jobs are checked as well, so that one answer lists all issues
  if (issues.length > 0 && (listed.length === 0 || listed.length > MAX_JOBS)) return invalid(issues);
  const jsons = elementsOf(memberText(text, "jobs") ?? "[]");
  const jobs = listed.map((job, index) => ({ index, value: job, json: at(jsons, index) }));
  return parseJobs({ value: jobs }, task, typeOf, issues);
}

/** The jobs of a body that may have none. */
function jobsOf(value: unknown): readonly unknown[] {
  const jobs: unknown = typeof value === "object" && value !== null && "jobs" in value ? value.jobs : undefined;
  return Array.isArray(jobs) ? jobs : [];
}

/** @param others how many lines may be no jobs */
function readLines(text: string, others = 0): Read<JobText[]> {
  const maxLines = MAX_JOBS + others;
  const jobs: JobText[] = [];
  const issues: ValidationIssue[] = [];
  let first: Rejection | undefined;
  let index = 0;
  // Line by line: a body of 16 MiB may have 16 million lines, of which only the first MAX_JOBS matter.
  for (
    let start = 0, end;
    start < text.length && jobs.length <= maxLines && issues.length < MAX_ISSUES;
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
  if (jobs.length > maxLines) return invalid([{ path: "/jobs", message: `expected at most ${MAX_JOBS} items` }]);
  return { value: jobs };
}

/** @param issues those of the members beside the jobs */
function parseJobs(
  read: Read<JobText[]>,
  { maxBodyBytes, now, durability }: BodyTask,
  typeOf: TypeLookup,
  issues: ValidationIssue[] = [],
): ParsedBody {
  if ("rejection" in read) return read;
  const submissions: Submission[] = [];
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
