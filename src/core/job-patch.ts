/**
 * A change of a waiting job, as a JSON Merge Patch (RFC 7396): `null` removes a field, which restores its default. The
 * patched fields are checked as those of a new submission: they are joined to one, without the fields that stay.
 */
import type { JobOptions, Submission } from "./job.ts";
import { mergePatch } from "./json-merge.ts";
import { memberTexts } from "./json-span.ts";
import { redactWhole } from "./redaction.ts";
import type { ValidationIssue } from "./schema-issues.ts";
import { escapePointer } from "./schema-issues.ts";
import type { ParsedSubmission, SubmissionType, TypeLookup } from "./submission.ts";
import { submissionSchema } from "./submission.ts";

/** The fields that a patch may name. */
export const PATCH_FIELDS = [
  "run_at",
  "delay_ms",
  "priority",
  "tags",
  "expires_at",
  "max_attempts",
  "payload",
] as const;

/** The submission of a job after a change. `dueAt`: when to run it, epoch ms, 0 for now; absent if that stays. */
export type ChangedSubmission = Submission & { readonly dueAt?: number };

/** The job that a patch is for. */
export interface PatchedJob extends Omit<Submission, "payload"> {
  /** The number of counted attempts. */
  readonly attempt: number;
  /** The JSON text of the payload, or its UTF-8; only needed if the patch may name it. */
  readonly payload?: string | Uint8Array | undefined;
  /** Whether the job delivers a callback: then nobody may change its payload. */
  readonly isCallback?: boolean;
}

type Patch = Readonly<Record<string, unknown>>;

/** The type by which a patched job is checked if its payload stays: one without rules for it. */
export function typeWithoutPayload({ type, maxAttempts }: PatchedJob, typeOf: TypeLookup): SubmissionType {
  const known = typeOf(type);
  const attempts = known?.definition.attempts ?? maxAttempts;
  return { definition: { attempts }, maxBodyBytes: known?.maxBodyBytes ?? 0, issuesOf: () => [] };
}

/** The JSON of a submission with the patched fields, and with the patched payload. */
export function patchedJson(job: PatchedJob, patch: Patch, json: string, type: SubmissionType | undefined): string {
  const texts = memberTexts(json);
  const fields = [`"type":${JSON.stringify(job.type)}`];
  const payloadPatch = texts.get("payload");
  if (payloadPatch === undefined) fields.push('"payload":{}');
  else if (patch["payload"] !== null) {
    const stored = textOf(job.payload);
    fields.push(`"payload":${mergePatch(stored, payloadPatch, (type?.redact ?? redactWhole)(stored))}`);
    const timeoutMs = submittedTimeout(job.options, stored, type);
    if (timeoutMs !== undefined) fields.push(`"timeout_ms":${timeoutMs}`);
  }
  for (const name of PATCH_FIELDS) {
    if (name !== "payload" && Object.hasOwn(patch, name) && patch[name] !== null)
      fields.push(`"${name}":${texts.get(name) ?? "null"}`);
  }
  return `{${fields.join(",")}}`;
}

function textOf(payload: PatchedJob["payload"]): string {
  if (payload === undefined) throw new Error("the payload was not fetched");
  return typeof payload === "string" ? payload : new TextDecoder().decode(payload);
}

/** The `timeout_ms` that was submitted, rather than requested by the payload. */
function submittedTimeout(
  { timeout_ms }: JobOptions,
  stored: string,
  type: SubmissionType | undefined,
): number | undefined {
  const requestedMs =
    timeout_ms === undefined ? undefined : type?.definition.timeoutMsOf?.(JSON.parse(stored) as never);
  return requestedMs === timeout_ms ? undefined : timeout_ms;
}

/**
 * The submission of the job after the patch, or all issues of the patch.
 * @param parsed {@link patchedJson} as a submission
 */
export function changedSubmission(
  job: PatchedJob,
  patch: Patch,
  parsed: ParsedSubmission,
  type: SubmissionType | undefined,
): { readonly submission: ChangedSubmission } | { readonly issues: readonly ValidationIssue[] } {
  const issues = [
    ...unknownFields(patch),
    ...("issues" in parsed ? parsed.issues.map(aboutPatch) : []),
    ...issuesOfTime(patch),
    ...issuesOfAttempts(job, patch, type),
  ];
  if (issues.length > 0 || "issues" in parsed) return { issues };
  const has = (name: (typeof PATCH_FIELDS)[number]): boolean => Object.hasOwn(patch, name);
  const { submission } = parsed;
  const { run_at, tags, expires_at, timeout_ms } = submission.options;
  const isMoved = has("run_at") || has("delay_ms");
  const options = {
    ...job.options,
    ...(isMoved && { run_at }),
    ...(has("tags") && { tags }),
    ...(has("expires_at") && { expires_at }),
    ...(has("payload") && { timeout_ms }),
  };
  return {
    submission: {
      type: job.type,
      groupKey: job.groupKey,
      payload: submission.payload,
      priority: has("priority") ? submission.priority : job.priority,
      maxAttempts: has("max_attempts") ? submission.maxAttempts : job.maxAttempts,
      options: withoutAbsent(options),
      ...(isMoved && { dueAt: run_at ?? 0 }),
    },
  };
}

function unknownFields(patch: Patch): ValidationIssue[] {
  return Object.keys(patch)
    .filter((name) => !(PATCH_FIELDS as readonly string[]).includes(name))
    .map((name) => ({
      path: `/${escapePointer(name)}`,
      message: Object.hasOwn(submissionSchema.properties, name)
        ? "cannot be changed after submission"
        : "is not a known field",
    }));
}

/** The type is not part of the patch: without it, no payload can be checked. */
function aboutPatch(issue: ValidationIssue): ValidationIssue {
  return issue.path === "/type"
    ? { path: "/payload", message: "cannot be changed: the type of the job is not a job type of this server" }
    : issue;
}

function issuesOfTime({ run_at, delay_ms }: Patch): ValidationIssue[] {
  if (run_at === undefined || delay_ms === undefined || (run_at === null) === (delay_ms === null)) return [];
  return [{ path: "/delay_ms", message: "must not be given together with run_at" }];
}

function issuesOfAttempts({ attempt }: PatchedJob, patch: Patch, type: SubmissionType | undefined): ValidationIssue[] {
  const max = patch["max_attempts"] === null ? type?.definition.attempts : patch["max_attempts"];
  if (typeof max !== "number" || attempt === 0 || max > attempt || max < 1 || !Number.isInteger(max)) return [];
  const made = attempt === 1 ? "1 attempt" : `${attempt} attempts`;
  return [{ path: "/max_attempts", message: `expected at least ${attempt + 1}: the job has made ${made}` }];
}

function withoutAbsent(options: { readonly [Name in keyof JobOptions]?: JobOptions[Name] | undefined }): JobOptions {
  return Object.fromEntries(Object.entries(options).filter(([, value]) => value !== undefined));
}
