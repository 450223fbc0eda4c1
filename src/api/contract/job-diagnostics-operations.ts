/** The calls that look into one job, and that run it once more. */
import { Type } from "typebox";
import { includeReplayed, textFilters } from "../../core/job-filters.ts";
import { idempotencyKey, JOB_OR_RECEIPT, JSON_JOB, OF_OWN_JOBS, ONE_JOB_PROBLEMS } from "./job-operations.ts";
import { componentRef, nullable, timeSchema } from "./job-schemas.ts";
import { NO_FIELDS, NO_FIELDS_PROBLEMS } from "./no-fields.ts";
import type { Operation } from "./operation.ts";
import { WHY_REASONS } from "./why-reasons.ts";

const attempt = Type.Object({
  number: Type.Integer({
    minimum: 0,
    description:
      "Of counted attempts: one that was put off, or lost its replica, is followed by another of the same number",
  }),
  replica: nullable(Type.String()),
  thread: nullable(Type.Integer(), "The pool thread, in lane cpu; null where it was stopped with its attempt"),
  waited_ms: Type.Integer({ minimum: 0, description: "From when it could start until it was claimed" }),
  ran_ms: nullable(Type.Integer({ minimum: 0 }), "Null while it runs"),
  outcome: Type.Enum(["running", "completed", "failed", "cancelled", "retry", "lost", "released"]),
  error: nullable(componentRef("JobError")),
  log: Type.Array(Type.String(), {
    description:
      "The last 50 lines that its handler wrote, each of up to 1,024 characters, and the stack of an error that it did not mean to throw; while it runs none",
  }),
  started_at: timeSchema,
  finished_at: nullable(timeSchema),
});

export const getAttempts: Operation = {
  method: "GET",
  pattern: "/api/v1/jobs/{id}/attempts",
  access: "read",
  id: "listAttempts",
  tag: "Jobs",
  summary: "What became of each attempt at a job",
  answers: {
    200: {
      description: "The attempts, oldest first",
      content: { "application/json": { schema: Type.Object({ attempts: Type.Array(attempt) }) } },
    },
  },
  problems: ONE_JOB_PROBLEMS,
};

const why = Type.Object({
  reason: Type.Enum([...WHY_REASONS]),
  detail: Type.String({ description: "A sentence for people" }),
  until: nullable(timeSchema, "When that is over, where it is known"),
  position: nullable(Type.Integer({ minimum: 1 }), "Its place in its queue, where it stands in it"),
});

export const getWhy: Operation = {
  method: "GET",
  pattern: "/api/v1/jobs/{id}/why",
  access: "read",
  id: "explainJob",
  tag: "Jobs",
  summary: "Why a job is not running",
  answers: { 200: { description: "One reason", content: { "application/json": { schema: why } } } },
  problems: ONE_JOB_PROBLEMS,
};

export const retryJob: Operation = {
  method: "POST",
  pattern: "/api/v1/jobs/{id}/retry",
  access: "submit",
  id: "retryJob",
  tag: "Jobs",
  summary: "Run a failed or cancelled job once more",
  description: `As a new job whose \`retry_of\` names it; it starts at once. Without an \`Idempotency-Key\`, each call makes another one.\n\n${OF_OWN_JOBS}`,
  headers: Type.Object({ "Idempotency-Key": idempotencyKey }),
  body: NO_FIELDS,
  isBodyOptional: true,
  answers: {
    202: { description: "The new job", content: JOB_OR_RECEIPT, headers: ["Location", "Idempotent-Replayed"] },
  },
  problems: [
    ...ONE_JOB_PROBLEMS,
    ...NO_FIELDS_PROBLEMS,
    "job_not_retryable",
    "idempotency_key_invalid",
    "idempotency_key_reused",
    "draining",
  ],
};

const rerunBody = Type.Object(
  {
    status: Type.Optional(Type.Enum(["failed", "cancelled", "completed"], { default: "failed" })),
    ...textFilters,
    created_after: Type.Optional(timeSchema),
    created_before: Type.Optional(timeSchema),
    include_replayed: Type.Optional(includeReplayed),
    rate: Type.Optional(
      Type.Integer({ minimum: 1, maximum: 10_000, default: 100, description: "How many a second at most" }),
    ),
    dry_run: Type.Optional(Type.Boolean({ default: false, description: "Only count them" })),
  },
  { additionalProperties: false },
);

export const rerunJobs: Operation = {
  method: "POST",
  pattern: "/api/v1/jobs/replay",
  access: "submit",
  id: "replayJobs",
  tag: "Jobs",
  summary: "Run again all finished jobs that a filter names",
  description:
    "Each copy is enqueued once, whatever crashes: the job goes on where it was, over restarts and for as long as it takes. What had not ended when the call was accepted is left alone. The originals stay what they are, so that a repeat of the call runs them again. A copy names its original in `retry_of`; copies are left out unless `include_replayed` asks for them. Each copy is charged to the quotas of the key that called; while they are spent, the job is `retrying` with the error `quota_exceeded`, and goes on as they refill. Its key needs the scope `read`, too.",
  body: { "application/json": { schema: rerunBody } },
  answers: {
    200: {
      description: "With dry_run: how many there are",
      content: { "application/json": { schema: Type.Object({ matched: Type.Integer({ minimum: 0 }) }) } },
    },
    202: {
      description: "A job of type replay, whose progress and result tell the rest",
      content: JSON_JOB,
      headers: ["Location"],
    },
  },
  problems: [
    "body_missing",
    "invalid_utf8",
    "malformed_json",
    "json_too_deep",
    "body_too_large",
    "unsupported_media_type",
    "validation_failed",
    "queue_unavailable",
    "outcome_unknown",
    "store_unavailable",
    "draining",
  ],
};
