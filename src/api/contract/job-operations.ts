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
      "A repeat with the same key and body within 24 h (IDEMPOTENCY_TTL) gets the response of the first request and creates nothing. With another body it gets 422. Keys of different API keys, and of different calls, do not collide",
  }),
);
/** Of every call with a body and an idempotency key. */
export const KEYED_BODY_PROBLEMS = [
  ...["body_missing", "invalid_utf8", "malformed_json", "json_too_deep", "body_too_large", "unsupported_media_type"],
  ...["validation_failed", "idempotency_key_invalid", "idempotency_key_reused"],
  ...["queue_unavailable", "outcome_unknown", "store_unavailable", "draining"],
];
const SUBMISSION_PROBLEMS = [
  ...KEYED_BODY_PROBLEMS,
  ...["unsupported_content_encoding", "body_too_complex", "overloaded"],
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
        description: "How many seconds to wait for the job to finish, on whichever replica it runs",
      }),
    ),
  }),
  headers: Type.Object({
    "Idempotency-Key": idempotencyKey,
    Prefer: Type.Optional(
      Type.String({
        description:
          "`wait=SECONDS` (RFC 7240): the same as the parameter `wait`, but a larger value is reduced to the maximum",
      }),
    ),
  }),
  body: { "application/json": { schema: componentRef("Submission") } },
  answers: {
    200: {
      description: "With `wait`: the finished job",
      content: JSON_JOB,
      headers: ["Location", "Idempotent-Replayed", "Preference-Applied"],
    },
    202: {
      description: "The accepted job. With `wait`: the job as it is when the time is over",
      content: JSON_JOB,
      headers: ["Location", "Idempotent-Replayed", "Preference-Applied"],
    },
  },
  problems: SUBMISSION_PROBLEMS,
};

export const submitBatch: Operation = {
  method: "POST",
  pattern: "/api/v1/jobs/batch",
  access: "submit",
  id: "submitBatch",
  tag: "Jobs",
  summary: "Submit many jobs",
  description: `All or nothing: if one job is invalid, none is enqueued. The paths in \`errors\` begin with \`/jobs/{index}\`; for NDJSON, the index is that of the line, from 0.`,
  headers: Type.Object({ "Idempotency-Key": idempotencyKey }),
  body: {
    "application/json": {
      schema: Type.Object(
        { jobs: Type.Array(componentRef("Submission"), { minItems: 1, maxItems: MAX_JOBS }) },
        { additionalProperties: false },
      ),
    },
    "application/x-ndjson": { schema: Type.String({ description: `One job per line, 1 to ${MAX_JOBS} lines` }) },
  },
  answers: {
    202: {
      description: "The ids and statuses of the jobs, in the order of the request",
      content: { "application/json": { schema: componentRef("AcceptedBatch") } },
      headers: ["Idempotent-Replayed"],
    },
  },
  problems: SUBMISSION_PROBLEMS,
};

export const listJobs: Operation = {
  method: "GET",
  pattern: "/api/v1/jobs",
  access: "read",
  id: "listJobs",
  tag: "Jobs",
  summary: "List jobs",
  description:
    "Unfinished and finished jobs in one list, newest first. A page may contain fewer than `limit` jobs, because the server examines at most 10,000 jobs per page; the list ends only where `next_cursor` is null. Of the values of one filter, one must match; different filters must all match. A parameter `payload.PATH=VALUE` filters by the value at a dotted path into the payload, compared as text: `payload.order.id=4711`. Filters by payload and `q` have no index: the server searches the other matches, and a page ends when it has read enough payloads.",
  query: Type.Object({
    ...listQuerySchema.properties,
    view: Type.Optional(
      Type.Enum(["full", "summary"], {
        default: "full",
        description: "`summary` leaves out `payload` and `result`; a page is then less than 500 kB",
      }),
    ),
    limit: Type.Optional(Type.Integer({ minimum: 1, maximum: 1_000, default: 50 })),
    cursor: Type.Optional(Type.String({ format: "uuid", description: "The `next_cursor` of the previous page" })),
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
/** The answer to a call that acts on a job: a receipt for a key that may not read it. */
export const JOB_OR_RECEIPT = {
  "application/json": { schema: Type.Union([componentRef("Job"), componentRef("JobReceipt")]) },
};
export const OWN_JOBS_ONLY =
  "With `submit` but without `read`, a key can do this only with jobs that it submitted itself: other jobs do not exist for it, and the response is a `JobReceipt`.";

export const getJob: Operation = {
  method: "GET",
  pattern: "/api/v1/jobs/{id}",
  access: "read",
  id: "getJob",
  tag: "Jobs",
  summary: "Read a job",
  description: "Finds the job in every state: it waits, runs, or has finished and is within its retention.",
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
  description: OWN_JOBS_ONLY,
  answers: {
    200: { description: "The job was waiting, and is now cancelled", content: JOB_OR_RECEIPT },
    202: { description: "The job is running: its attempt gets an abort signal", content: JOB_OR_RECEIPT },
  },
  problems: [...ONE_JOB_PROBLEMS, "validation_failed", "job_finished"],
};

const EVENTS = {
  "text/event-stream": {
    schema: Type.String({
      description:
        "Server-sent events: `status` and `progress`, `log` if one job is followed, and `gap` if changes may be missing",
    }),
  },
};
const FOLLOWING = [
  "Each change is an event `status` or `progress`; its data contain `id`, `type`, `status`, `progress` and `at`.",
  "The server sends a comment every 15 s. It disconnects a client that reads too slowly, and all clients when the replica drains.",
].join(" ");
const lastEventId = Type.Object({
  "Last-Event-ID": Type.Optional(Type.String({ description: "The `id` of the last event that the client received" })),
});

export const followJob: Operation = {
  method: "GET",
  pattern: "/api/v1/jobs/{id}/events",
  access: "read",
  id: "followJob",
  tag: "Jobs",
  summary: "Follow a job until it finishes",
  description: [
    "The first event shows the job as it is now, also after a reconnect. The last one shows the finished job; then the stream ends.",
    "Neither contains the payload: `payload` is null and `payload_omitted` is true. A result of more than 64 KiB is omitted as well, with `result_omitted`. Read the job to get them.",
    "Each line that the handler logs is an event `log` with `id`, `attempt`, the attempt's `started_at`, `number` (from 1), `at` and `line`. For a running attempt, they begin with up to 50 lines that it has logged before. At most 100 lines a second are sent; a line in place of others counts those that were left out. The lines of a quick attempt may be missing: `GET /api/v1/jobs/{id}/attempts` has the last 50 of every attempt that has ended.",
    FOLLOWING,
  ].join(" "),
  headers: lastEventId,
  answers: {
    200: { description: "The changes of the job, as they happen", content: EVENTS },
    204: { description: "The client has received the last event" },
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
    "A client that reconnects with `Last-Event-ID`, to any replica, gets the changes it missed: the server keeps those of the last minute while a client follows.",
    "If changes are no longer available, the stream begins with an event `gap`: read the jobs that you track again.",
  ].join(" "),
  query: Type.Object({
    ids: Type.Optional(Type.String({ description: "Only changes of these jobs: 1 to 100 ids, separated by commas" })),
    status: Type.Optional(Type.String({ description: `One or more of ${STATUSES.join(", ")}, separated by commas` })),
    type: Type.Optional(Type.String({ description: "One or more job types, separated by commas" })),
  }),
  headers: lastEventId,
  answers: { 200: { description: "The changes of all jobs, as they happen", content: EVENTS } },
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
  description: "A signed link, as job results contain it, works without an API key until it expires.",
  query: Type.Object({
    expires: Type.Optional(Type.String({ description: "Of a signed link: when it expires, in seconds since 1970" })),
    signature: Type.Optional(Type.String({ description: "Of a signed link: its signature" })),
  }),
  headers: Type.Object({
    Range: Type.Optional(Type.String({ description: "One range of bytes; the server ignores several" })),
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
      description: "The requested range",
      content: FILE,
      headers: ["ETag", "Last-Modified", "Accept-Ranges", "Content-Disposition", "Content-Range"],
    },
    304: { description: "The client's copy is current", headers: ["ETag", "Last-Modified", "Accept-Ranges"] },
  },
  problems: [...ONE_JOB_PROBLEMS, "artifact_not_found", "range_not_satisfiable", "link_invalid", "link_expired"],
};
