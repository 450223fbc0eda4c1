/**
 * Turns unknown JSON into a Submission, or into all its validation issues with their paths. Later code checks nothing
 * again. This is the hot path: a request with only type and payload costs one compiled check of each.
 */
import type { Static } from "typebox";
import { Type } from "typebox";
import type { Backoff } from "./backoff.ts";
import { CALLBACK_TYPE } from "./callback.ts";
import type { Durability, JobOptions, Submission } from "./job.ts";
import { memberText } from "./json-span.ts";
import { NO_OPTIONS, oneLine } from "./packed-job.ts";
import { payloadOf } from "./payload.ts";
import type { Redact } from "./redaction.ts";
import { parseTime } from "./rfc3339.ts";
import type { ValidationIssue } from "./schema-issues.ts";
import { compileValidator } from "./validator.ts";

const DAY_MS = 86_400_000;
/** "One year ahead", by any calendar. */
const MAX_AHEAD_MS = 366 * DAY_MS;
const DEFAULT_PRIORITY = 5;
const MAX_TAGS = 10;
const DEFAULT_MAX_DELAY_MS = 600_000;
/** The scripts look for the end of the percent-encoded group within the first 1,024 characters of a job. */
const MAX_ENCODED_GROUP = 900;

/** The schema of a submission; `payload` must match the schema of its type as well. */
export const submissionSchema = Type.Object(
  {
    type: Type.String({ minLength: 1, maxLength: 64, description: "The job type" }),
    payload: Type.Object({}, { description: "Checked against the type's schema" }),
    priority: Type.Optional(
      Type.Integer({
        minimum: 0,
        maximum: 9,
        default: DEFAULT_PRIORITY,
        description: "Higher first; first in, first out within one priority",
      }),
    ),
    run_at: Type.Optional(
      Type.String({ maxLength: 64, description: "RFC 3339: start no earlier; at most one year ahead" }),
    ),
    delay_ms: Type.Optional(
      Type.Integer({
        minimum: 0,
        maximum: MAX_AHEAD_MS,
        description: "Start no earlier than so long from now; not together with run_at",
      }),
    ),
    max_attempts: Type.Optional(Type.Integer({ minimum: 1, maximum: 25, description: "Default by type" })),
    backoff: Type.Optional(
      Type.Object(
        {
          kind: Type.Enum(["exponential", "fixed"]),
          base_ms: Type.Integer({ minimum: 1, maximum: DAY_MS }),
          max_ms: Type.Optional(Type.Integer({ minimum: 1, maximum: DAY_MS })),
        },
        { additionalProperties: false, description: "The delay between attempts. Default by type" },
      ),
    ),
    timeout_ms: Type.Optional(
      Type.Integer({ minimum: 100, maximum: DAY_MS, description: "Of one attempt. Default by type" }),
    ),
    expires_at: Type.Optional(
      Type.String({ maxLength: 64, description: "RFC 3339: not started by then, the job fails as `expired`" }),
    ),
    tags: Type.Optional(Type.Array(Type.String({ minLength: 1, maxLength: 64 }), { maxItems: MAX_TAGS })),
    callback_url: Type.Optional(
      Type.String({ minLength: 1, maxLength: 2_048, description: "Gets a signed POST with the finished job" }),
    ),
    group_key: Type.Optional(
      Type.String({
        minLength: 1,
        maxLength: 255,
        description: `Groups of one type take turns. At most ${MAX_ENCODED_GROUP} characters when percent-encoded`,
      }),
    ),
    durability: Type.Optional(
      Type.Enum(["redis", "postgres"], { description: "What must hold the job before the 202" }),
    ),
  },
  { additionalProperties: false },
);

const envelope = compileValidator(submissionSchema);
const FIELDS = Object.keys(submissionSchema.properties);
type Fields = Partial<Static<typeof submissionSchema>>;

/** The properties of a job type that a submission depends on. */
export interface SubmissionType {
  readonly definition: {
    readonly attempts: number;
    readonly timeoutMs?: number;
    readonly needsRead?: (payload: never) => boolean;
    readonly needsAdmin?: true;
    readonly timeoutMsOf?: (payload: never) => number | undefined;
  };
  /** Absent if the payload is searched as a whole. */
  readonly redact?: Redact;
  /** The largest body for this type, in bytes, if that is more than the general limit; else 0. */
  readonly maxBodyBytes: number;
  /**
   * All issues of a payload; their paths point into the payload.
   * @param submissionJson the text that contains the payload
   */
  issuesOf(payload: object, submissionJson?: string): readonly ValidationIssue[];
}

export type TypeLookup = (type: string) => SubmissionType | undefined;

export type ParsedSubmission =
  | {
      readonly submission: Submission;
      /** Whether `run_at` came from `delay_ms`, and so depends on the time of the request. */
      readonly isDelayed: boolean;
      /** Whether the caller's key needs the scope `read`. */
      readonly needsRead: boolean;
      /** Present if it needs the scope `admin`. */
      readonly needsAdmin?: true;
    }
  | { readonly issues: readonly ValidationIssue[] };

/**
 * @param value the result of JSON.parse for `json`
 * @param json the text, from which the payload is cut unchanged
 * @param now epoch ms, Redis's
 * @param durability the default for a submission without `durability`
 */
export function parseSubmission(
  value: unknown,
  json: string,
  typeOf: TypeLookup,
  now: number,
  durability: Durability,
): ParsedSubmission {
  const issues: ValidationIssue[] = envelope.isValid(value) ? [] : envelope.issuesOf(value).map(aboutFollowers);
  const fields: Fields = issues.length === 0 ? (value as Fields) : validFields(value, issues);
  const type = fields.type === undefined ? undefined : typeOf(fields.type);
  if (type === undefined && fields.type !== undefined)
    issues.push({ path: "/type", message: "is not a job type of this server" });
  const options = readOptions(fields, typeOf, now, durability, issues);
  if (fields.tags === undefined && issues.length > 0) checkTags((value as { tags?: unknown } | null)?.tags, issues);
  if (fields.group_key !== undefined) checkGroup(fields.group_key, issues);
  if (type && fields.payload) {
    for (const { path, message } of type.issuesOf(fields.payload, json))
      issues.push({ path: `/payload${path}`, message });
  }
  if (issues.length > 0 || type === undefined || fields.type === undefined) return { issues };
  const askedMs = type.definition.timeoutMsOf?.(fields.payload as never) ?? 0;
  if (fields.timeout_ms !== undefined && askedMs > fields.timeout_ms) {
    return {
      issues: [{ path: "/payload/timeout_ms", message: `expected at most the job's timeout_ms, ${fields.timeout_ms}` }],
    };
  }
  const submission: Submission = {
    type: fields.type,
    payload: payloadOf(oneLine(memberText(json, "payload") ?? "{}")),
    priority: fields.priority ?? DEFAULT_PRIORITY,
    maxAttempts: fields.max_attempts ?? type.definition.attempts,
    groupKey: fields.group_key ?? null,
    options:
      askedMs > (fields.timeout_ms ?? type.definition.timeoutMs ?? 0) ? { ...options, timeout_ms: askedMs } : options,
  };
  const needsRead = type.definition.needsRead?.(fields.payload as never) ?? false;
  const isDelayed = fields.delay_ms !== undefined && fields.delay_ms > 0;
  return type.definition.needsAdmin
    ? { submission, isDelayed, needsRead, needsAdmin: true }
    : { submission, isDelayed, needsRead };
}

/** The fields that only a single submission may have; it is parsed as a flow. */
function aboutFollowers(issue: ValidationIssue): ValidationIssue {
  if (issue.path !== "/then" && issue.path !== "/on_failure") return issue;
  return { ...issue, message: "is only for a single job, POST /api/v1/jobs: submit a flow instead" };
}

/**
 * The members of an invalid request that have no issue so far: further checks of these let one answer report all
 * issues.
 */
function validFields(value: unknown, issues: readonly ValidationIssue[]): Fields {
  if (typeof value !== "object" || value === null || Array.isArray(value)) return {};
  const invalid = new Set(issues.map(({ path }) => path.split("/", 2)[1]));
  const isValid = (name: string): boolean => Object.hasOwn(value, name) && !invalid.has(name);
  return Object.fromEntries(
    FIELDS.filter(isValid).map((name) => [name, (value as Readonly<Record<string, unknown>>)[name]]),
  );
}

const DEFAULT_OPTIONS: Readonly<Record<Durability, JobOptions>> = {
  redis: NO_OPTIONS,
  postgres: Object.freeze({ durability: "postgres" }),
};

function readOptions(
  fields: Fields,
  typeOf: TypeLookup,
  now: number,
  defaultDurability: Durability,
  issues: ValidationIssue[],
): JobOptions {
  const {
    run_at,
    delay_ms,
    expires_at,
    timeout_ms,
    backoff,
    tags,
    callback_url,
    durability = defaultDurability,
  } = fields;
  const given = [run_at, delay_ms, expires_at, timeout_ms, backoff, tags, callback_url];
  if (given.every((field) => field === undefined)) return DEFAULT_OPTIONS[durability];
  const options: { -readonly [Name in keyof JobOptions]: JobOptions[Name] } = {};
  const runAt = readRunAt(run_at, delay_ms, now, issues);
  if (runAt !== undefined) options.run_at = runAt;
  const expiresAt = expires_at === undefined ? undefined : readTime("/expires_at", expires_at, issues);
  if (expiresAt !== undefined) options.expires_at = expiresAt;
  if (timeout_ms !== undefined) options.timeout_ms = timeout_ms;
  if (backoff !== undefined) options.backoff = readBackoff(backoff, issues);
  if (tags !== undefined && tags.length > 0) {
    checkTags(tags, issues);
    options.tags = tags;
  }
  if (callback_url !== undefined) options.callback_url = readCallback(callback_url, typeOf, issues);
  if (durability === "postgres") options.durability = durability;
  return options;
}

function readRunAt(
  text: string | undefined,
  delayMs: number | undefined,
  now: number,
  issues: ValidationIssue[],
): number | undefined {
  if (text === undefined) return delayMs === undefined || delayMs === 0 ? undefined : now + delayMs;
  if (delayMs !== undefined) issues.push({ path: "/delay_ms", message: "must not be given together with run_at" });
  const runAt = readTime("/run_at", text, issues);
  if (runAt !== undefined && runAt > now + MAX_AHEAD_MS)
    issues.push({ path: "/run_at", message: "expected a time at most one year ahead" });
  return runAt;
}

function readTime(path: string, text: string, issues: ValidationIssue[]): number | undefined {
  const time = parseTime(text);
  if (time === undefined) issues.push({ path, message: "expected a time as in 2026-01-31T12:00:00Z (RFC 3339)" });
  return time && Math.max(0, time); // any past time means now, and Redis stores times without a sign
}

function readBackoff({ kind, base_ms, max_ms }: NonNullable<Fields["backoff"]>, issues: ValidationIssue[]): Backoff {
  if (max_ms !== undefined && max_ms < base_ms)
    issues.push({ path: "/backoff/max_ms", message: "expected at least base_ms" });
  return { kind, base_ms, max_ms: max_ms ?? Math.max(base_ms, kind === "fixed" ? 0 : DEFAULT_MAX_DELAY_MS) };
}

/** Control characters, and lone surrogates, which Postgres cannot store. */
export const UNPRINTABLE = /[\p{Cc}\p{Surrogate}]/u;

/** Checks what the schema cannot, also of tags among which others are not valid. */
function checkTags(tags: unknown, issues: ValidationIssue[]): void {
  if (!Array.isArray(tags)) return;
  tags.slice(0, MAX_TAGS).forEach((tag, index) => {
    if (typeof tag === "string" && UNPRINTABLE.test(tag))
      issues.push({ path: `/tags/${index}`, message: "expected text without control characters" });
  });
}

function checkGroup(group: string, issues: ValidationIssue[]): void {
  if (UNPRINTABLE.test(group)) issues.push({ path: "/group_key", message: "expected text without control characters" });
  else if (encodeURIComponent(group).length > MAX_ENCODED_GROUP) {
    issues.push({
      path: "/group_key",
      message: `expected at most ${MAX_ENCODED_GROUP} characters when percent-encoded`,
    });
  }
}

function readCallback(url: string, typeOf: TypeLookup, issues: ValidationIssue[]): string {
  const type = typeOf(CALLBACK_TYPE);
  if (!type) issues.push({ path: "/callback_url", message: "callbacks are not available on this server" });
  for (const { message } of type?.issuesOf({ url }) ?? []) issues.push({ path: "/callback_url", message });
  return url;
}
