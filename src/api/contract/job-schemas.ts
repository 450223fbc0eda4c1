/** The schemas of answers about jobs. */
import type { TSchema } from "typebox";
import { Type } from "typebox";
import { STATUSES } from "../../core/job.ts";

/** A reference to a schema among the components of the OpenAPI document. */
export function componentRef(name: string): TSchema {
  return Type.Unsafe({ $ref: `#/components/schemas/${name}` });
}

export function nullable(schema: TSchema, description?: string): TSchema {
  return Type.Union([schema, Type.Null()], description === undefined ? {} : { description });
}

export const idSchema = Type.String({ format: "uuid", description: "A UUIDv7: ids sort by creation time" });
export const timeSchema = Type.String({ format: "date-time", description: "RFC 3339, in UTC" });
export const statusSchema = Type.Enum([...STATUSES]);

export const jobErrorSchema = Type.Object(
  {
    code: Type.String({
      description:
        "`timeout`, `lost`, `expired`, `unrecordable`, `unreadable`, `permanent`, `dependency_failed`, `not_needed`, `reference_missing`, `result_too_large` in flows, or a code of the job type",
    }),
    message: Type.String(),
    attempt: Type.Integer({ description: "The number of the attempt that failed" }),
  },
  { additionalProperties: true },
);

export const jobSchema = Type.Object(
  {
    id: idSchema,
    type: Type.String(),
    status: statusSchema,
    priority: Type.Integer({ minimum: 0, maximum: 9 }),
    durability: Type.Enum(["redis", "postgres"]),
    group_key: nullable(Type.String()),
    payload: nullable(
      Type.Object({}),
      "As it was submitted; secrets are replaced by `[redacted]`. null if it has more than 32,768 characters",
    ),
    payload_omitted: Type.Optional(
      Type.Literal(true, { description: "Present if the payload is too large to be shown" }),
    ),
    result: Type.Unknown({
      description:
        "The return value of the type's handler; null until the job has completed. A bulk operation that was cancelled has its counts up to then",
    }),
    error: nullable(componentRef("JobError")),
    attempt: Type.Integer({
      minimum: 0,
      description:
        "The number of attempts, including the running one; attempts that were postponed or lost are not counted",
    }),
    max_attempts: Type.Integer({ minimum: 1 }),
    progress: nullable(Type.Number({ minimum: 0, maximum: 100 })),
    tags: Type.Array(Type.String()),
    retry_of: nullable(idSchema, "The job that this one runs again"),
    schedule: nullable(
      Type.Object({ name: Type.String(), tick: timeSchema }),
      "The schedule that submitted the job, and the tick that it is for",
    ),
    flow_id: nullable(idSchema, "The flow that the job belongs to"),
    batch_id: nullable(idSchema, "The batch that the job belongs to, if it is no node of a flow"),
    node: nullable(Type.String(), "The name of the job's node in its flow, or of the callback of its batch"),
    worker: nullable(Type.String(), "The replica that runs or ran the latest attempt"),
    run_at: nullable(timeSchema, "The earliest start"),
    expires_at: nullable(timeSchema, "If no attempt has started by then, the job fails with the code `expired`"),
    created_at: timeSchema,
    started_at: nullable(timeSchema, "The start of the latest attempt"),
    finished_at: nullable(timeSchema),
    erased_at: nullable(timeSchema, "When its payload, result, messages and logs were erased"),
    callback_job: Type.Optional(
      Type.String({
        format: "uuid",
        description:
          "Only in `GET /api/v1/jobs/{id}`, once a job with a `callback_url` has ended: the job that delivers its callback",
      }),
    ),
    callback_of: Type.Optional(
      Type.String({
        format: "uuid",
        description:
          "Only in `GET /api/v1/jobs/{id}` of a job that delivers a callback and whose payload is shown: the job that has ended",
      }),
    ),
  },
  {
    examples: [
      {
        id: "01a20b8f-dc59-7000-a0b8-709b0c88f80f",
        type: "email",
        status: "queued",
        priority: 5,
        durability: "redis",
        group_key: null,
        payload: { to: "you@example.com", subject: "Hello", body: "From TaskFlow" },
        result: null,
        error: null,
        attempt: 0,
        max_attempts: 3,
        progress: null,
        tags: [],
        retry_of: null,
        schedule: null,
        flow_id: null,
        batch_id: null,
        node: null,
        worker: null,
        run_at: null,
        expires_at: null,
        created_at: "2026-11-24T03:18:27.161Z",
        started_at: null,
        finished_at: null,
        erased_at: null,
      },
    ],
  },
);

/** A job in a list with `view=summary`. */
export const jobSummarySchema = Type.Omit(
  jobSchema,
  ["payload", "payload_omitted", "result", "callback_job", "callback_of"],
  {
    description: "A job without its payload and its result",
  },
);

export const jobListSchema = Type.Object({
  jobs: Type.Union([Type.Array(componentRef("Job")), Type.Array(componentRef("JobSummary"))]),
  next_cursor: nullable(
    idSchema,
    "null at the end of the list; a page before it may contain fewer jobs than its limit",
  ),
  examined: Type.Integer({ minimum: 0, description: "The number of jobs that the server examined for this page" }),
});

export const jobReceiptSchema = Type.Object(
  { id: idSchema, status: statusSchema, retry_of: Type.Optional(idSchema) },
  {
    additionalProperties: false,
    description: "The response about a job of its own to a key without the scope `read`",
  },
);

export const acceptedBatchSchema = Type.Object({
  jobs: Type.Array(Type.Object({ id: idSchema, status: statusSchema }), { description: "In the order of the request" }),
});
