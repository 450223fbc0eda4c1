/** The calls that diagnose one job, and the call that runs one again. */
import { Type } from "typebox";
import { idempotencyKey, JOB_OR_RECEIPT, JSON_JOB, ONE_JOB_PROBLEMS, OWN_JOBS_ONLY } from "./job-operations.ts";
import { componentRef, idSchema, nullable, timeSchema } from "./job-schemas.ts";
import { NO_FIELDS, NO_FIELDS_PROBLEMS } from "./no-fields.ts";
import type { Operation } from "./operation.ts";
import { WHY_REASONS } from "./why-reasons.ts";

const attempt = Type.Object({
  number: Type.Integer({
    minimum: 0,
    description:
      "Counts the attempts that use up `max_attempts`. After an attempt that was postponed or whose replica was lost, the next one has the same number",
  }),
  replica: nullable(Type.String()),
  thread: nullable(
    Type.Integer(),
    "The pool thread, for types that run on one; null if the thread was stopped together with the attempt",
  ),
  waited_ms: Type.Integer({ minimum: 0, description: "From the time at which it could start until it started" }),
  ran_ms: nullable(Type.Integer({ minimum: 0 }), "null while it runs"),
  outcome: Type.Enum(["running", "completed", "failed", "cancelled", "retry", "lost", "released"]),
  error: nullable(componentRef("JobError")),
  log: Type.Array(Type.String(), {
    description:
      "The last 50 lines that the handler logged, each cut to 1,024 characters, and the stack trace of an unexpected error. Empty while the attempt runs",
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
  summary: "List the attempts of a job",
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
  detail: Type.String({ description: "An explanation, for people" }),
  until: nullable(timeSchema, "When this reason ends, if known"),
  position: nullable(
    Type.Integer({ minimum: 1 }),
    "Its position in its queue, counted from 1; null if it is not in a queue",
  ),
  waiting_for: Type.Array(
    Type.Object({
      node: Type.String({ description: "The name of the node in the job's flow" }),
      job_id: nullable(idSchema, "Its job; null for a batch"),
      status: Type.Enum(["waiting", "running"]),
    }),
    { description: "The nodes of its flow that it waits for" },
  ),
});

export const getWhy: Operation = {
  method: "GET",
  pattern: "/api/v1/jobs/{id}/why",
  access: "read",
  id: "explainJob",
  tag: "Jobs",
  summary: "Explain why a job is not running",
  answers: { 200: { description: "The reason", content: { "application/json": { schema: why } } } },
  problems: ONE_JOB_PROBLEMS,
};

export const retryJob: Operation = {
  method: "POST",
  pattern: "/api/v1/jobs/{id}/retry",
  access: "submit",
  id: "retryJob",
  tag: "Jobs",
  summary: "Run a failed or cancelled job again",
  description: `Creates a new job whose \`retry_of\` is the id of this one, and which may start immediately. Without an \`Idempotency-Key\`, each call creates another job.\n\n${OWN_JOBS_ONLY}`,
  query: Type.Object({
    alone: Type.Optional(
      Type.Boolean({
        default: false,
        description: "Also a job of a flow or batch, which stays as it is: the new job does not belong to it",
      }),
    ),
  }),
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
    "flow_member",
    "idempotency_key_invalid",
    "idempotency_key_reused",
    "draining",
  ],
};

export const eraseJob: Operation = {
  method: "POST",
  pattern: "/api/v1/jobs/{id}/erase",
  access: "admin",
  id: "eraseJob",
  tag: "Jobs",
  summary: "Erase what a finished job contains",
  description:
    "Removes payload, result, error message, attempt logs and artifacts. The job stays, with `erased_at`, and cannot be retried. A repeat is harmless.",
  body: NO_FIELDS,
  isBodyOptional: true,
  answers: { 200: { description: "The erased job", content: JSON_JOB } },
  problems: [...ONE_JOB_PROBLEMS, ...NO_FIELDS_PROBLEMS, "job_not_finished"],
};
