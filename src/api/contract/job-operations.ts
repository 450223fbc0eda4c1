/** The calls about jobs. */
import { Type } from "typebox";
import { MAX_JOBS } from "../../core/body.ts";
import { STATUSES } from "../../core/job.ts";
import { componentRef } from "./job-schemas.ts";
import { listQuerySchema } from "./list-query-schema.ts";
import type { Operation, OperationAnswer } from "./operation.ts";
import { MAX_WAIT_SECONDS } from "./wait-limit.ts";

export const JSON_JOB = { "application/json": { schema: componentRef("Job") } };

export const idempotencyKey = Type.Optional(
  Type.String({
    pattern: "^[\\x21-\\x7e]{1,255}$",
    description:
      "The same key gives the first request's answer again for 24 h (IDEMPOTENCY_TTL); another body under it gives 422. It is the API key's own, and the call's",
  }),
);
const BODY_PROBLEMS = [
  ...[
    "body_missing",
    "invalid_utf8",
    "malformed_json",
    "json_too_deep",
    "body_too_large",
    "unsupported_media_type",
    "unsupported_content_encoding",
  ],
  ...[
    "validation_failed",
    "body_too_complex",
    "idempotency_key_invalid",
    "idempotency_key_reused",
    "queue_unavailable",
    "outcome_unknown",
    "store_unavailable",
    "draining",
    "overloaded",
  ],
];

export const submitJob: Operation = {
  method: "POST",
  pattern: "/api/v1/jobs",
  access: "submit",
  id: "submitJob",
  tag: "Jobs",
  summary: "Submit a job",
  query: Type.Object({
    wait: Type.Optional(
      Type.Integer({
        minimum: 0,
        maximum: MAX_WAIT_SECONDS,
        description: "Seconds to wait for the job to end, wherever it runs",
      }),
    ),
  }),
  headers: Type.Object({
    "Idempotency-Key": idempotencyKey,
    Prefer: Type.Optional(
      Type.String({ description: "`wait=SECONDS` (RFC 7240) asks for the same as `wait`, held to its maximum" }),
    ),
  }),
  body: { "application/json": { schema: componentRef("Submission") } },
  answers: {
    200: {
      description: "It was waited for, and has finished",
      content: JSON_JOB,
      headers: ["Location", "Idempotent-Replayed", "Preference-Applied"],
    },
    202: {
      description: "The job, as it was accepted; or, where it was waited for, as it is by then",
      content: JSON_JOB,
      headers: ["Location", "Idempotent-Replayed", "Preference-Applied"],
    },
  },
  problems: BODY_PROBLEMS,
};

export const submitBatch: Operation = {
  method: "POST",
  pattern: "/api/v1/jobs/batch",
  access: "submit",
  id: "submitBatch",
  tag: "Jobs",
  summary: "Submit many jobs",
  description: `All or nothing: one bad job, and nothing is enqueued. Paths of faults begin with \`/jobs/{index}\`; of NDJSON it is the line's index.`,
  headers: Type.Object({ "Idempotency-Key": idempotencyKey }),
  body: {
    "application/json": {
      schema: Type.Object(
        { jobs: Type.Array(componentRef("Submission"), { minItems: 1, maxItems: MAX_JOBS }) },
        { additionalProperties: false },
      ),
    },
    "application/x-ndjson": { schema: Type.String({ description: `One job a line, 1 to ${MAX_JOBS} of them` }) },
  },
  answers: {
    202: {
      description: "Ids and statuses, in order",
      content: { "application/json": { schema: componentRef("AcceptedBatch") } },
      headers: ["Idempotent-Replayed"],
    },
  },
  problems: BODY_PROBLEMS,
};

export const listJobs: Operation = {
  method: "GET",
  pattern: "/api/v1/jobs",
  access: "read",
  id: "listJobs",
  tag: "Jobs",
  summary: "List jobs",
  description:
    "Live and finished jobs in one list, newest first. A page examines at most 10,000 ids and may hold fewer than `limit`; only `next_cursor: null` ends the list.",
  query: Type.Object({
    ...listQuerySchema.properties,
    created_after: Type.Optional(Type.String({ format: "date-time", description: "Accepted at this time or later" })),
    created_before: Type.Optional(Type.String({ format: "date-time", description: "Accepted before this time" })),
    limit: Type.Optional(Type.Integer({ minimum: 1, maximum: 1_000, default: 50 })),
    cursor: Type.Optional(Type.String({ format: "uuid", description: "The `next_cursor` of the page before" })),
  }),
  answers: { 200: { description: "One page", content: { "application/json": { schema: componentRef("JobList") } } } },
  problems: ["validation_failed", "queue_unavailable", "outcome_unknown", "store_unavailable"],
};

export const ONE_JOB_PROBLEMS = [
  "invalid_id",
  "job_not_found",
  "queue_unavailable",
  "outcome_unknown",
  "store_unavailable",
];
const JOB: OperationAnswer = { description: "The job", content: JSON_JOB };
/** What who acts on a job is answered. */
export const JOB_OR_RECEIPT = {
  "application/json": { schema: Type.Union([componentRef("Job"), componentRef("JobReceipt")]) },
};
export const OF_OWN_JOBS =
  "A key with `submit` and without `read` does so with the jobs that it submitted itself: any other is answered as one that does not exist, and the answer is a `JobReceipt`.";

export const getJob: Operation = {
  method: "GET",
  pattern: "/api/v1/jobs/{id}",
  access: "read",
  id: "getJob",
  tag: "Jobs",
  summary: "Read a job",
  description: "Wherever it lives: it waits, runs, or has finished and is within its retention.",
  answers: { 200: JOB },
  problems: ONE_JOB_PROBLEMS,
};

export const cancelJob: Operation = {
  method: "DELETE",
  pattern: "/api/v1/jobs/{id}",
  access: "submit",
  id: "cancelJob",
  tag: "Jobs",
  summary: "Cancel a job",
  description: OF_OWN_JOBS,
  answers: {
    200: { description: "It waited, and is cancelled", content: JOB_OR_RECEIPT },
    202: { description: "It runs: its attempt gets an abort signal", content: JOB_OR_RECEIPT },
  },
  problems: [...ONE_JOB_PROBLEMS, "job_finished"],
};

const EVENTS = {
  "text/event-stream": {
    schema: Type.String({
      description: "Server-sent events: `status` and `progress`, and `gap` where changes may have been missed",
    }),
  },
};
const FOLLOWING = [
  "Each change is an event `status` or `progress` whose data are `id`, `type`, `status`, `progress` and `at`.",
  "Every 15 s comes a comment. A client that reads too slowly is cut off, and all are when the replica drains.",
].join(" ");
const lastEventId = Type.Object({
  "Last-Event-ID": Type.Optional(Type.String({ description: "The `id` of the last event that was seen" })),
});

export const followJob: Operation = {
  method: "GET",
  pattern: "/api/v1/jobs/{id}/events",
  access: "read",
  id: "followJob",
  tag: "Jobs",
  summary: "Follow a job to its end",
  description: [
    "The first event shows the job as it is, also to a client that comes back, and the last the finished job; then the stream ends.",
    "Both are jobs without their payload: `payload` is null and `payload_omitted` true. A result of more than 64 KiB is left out likewise, with `result_omitted`. Read the job to get them.",
    FOLLOWING,
  ].join(" "),
  headers: lastEventId,
  answers: {
    200: { description: "The job's changes, as they happen", content: EVENTS },
    204: { description: "The client has seen the last one" },
  },
  problems: [...ONE_JOB_PROBLEMS, "too_many_streams"],
};

export const followAll: Operation = {
  method: "GET",
  pattern: "/api/v1/events",
  access: "read",
  id: "followAll",
  tag: "Jobs",
  summary: "Follow all jobs",
  description: [
    FOLLOWING,
    "A client that comes back with `Last-Event-ID`, to any replica, gets what it missed: the latest changes are kept for a minute while somebody follows.",
    "Where that is not kept any more, an event `gap` comes first: what is known of the jobs is to be read anew.",
  ].join(" "),
  query: Type.Object({
    status: Type.Optional(Type.String({ description: `One or more of ${STATUSES.join(", ")}, with commas between` })),
    type: Type.Optional(Type.String({ description: "One or more job types, with commas between" })),
  }),
  headers: lastEventId,
  answers: { 200: { description: "The changes, as they happen", content: EVENTS } },
  problems: ["validation_failed", "queue_unavailable", "outcome_unknown", "too_many_streams"],
};

const FILE = { "*/*": { schema: Type.String({ format: "binary" }) } };

export const getArtifact: Operation = {
  method: "GET",
  pattern: "/api/v1/jobs/{id}/artifacts/{name}",
  access: "read",
  id: "getArtifact",
  tag: "Jobs",
  summary: "Download a file that a job produced",
  description: "A signed link, as a result gives it, needs no key until it expires.",
  query: Type.Object({
    expires: Type.Optional(
      Type.String({ description: "Of a signed link: until when it holds, in seconds since 1970" }),
    ),
    signature: Type.Optional(Type.String({ description: "Of a signed link" })),
  }),
  headers: Type.Object({
    Range: Type.Optional(Type.String({ description: "One range of bytes" })),
    "If-Range": Type.Optional(Type.String()),
    "If-None-Match": Type.Optional(Type.String()),
  }),
  answers: {
    200: {
      description: "The file",
      content: FILE,
      headers: ["ETag", "Last-Modified", "Accept-Ranges", "Content-Disposition"],
    },
    206: {
      description: "The range",
      content: FILE,
      headers: ["ETag", "Last-Modified", "Accept-Ranges", "Content-Disposition", "Content-Range"],
    },
    304: { description: "The client has this one", headers: ["ETag", "Last-Modified", "Accept-Ranges"] },
  },
  problems: [...ONE_JOB_PROBLEMS, "artifact_not_found", "range_not_satisfiable", "link_invalid", "link_expired"],
};
