/** The calls about what the installation consists of, and about changes to it: job types, destinations, the audit. */
import { Type } from "typebox";
import { nullable, timeSchema } from "./job-schemas.ts";
import { NO_FIELDS, NO_FIELDS_PROBLEMS } from "./no-fields.ts";
import type { Operation } from "./operation.ts";

const count = Type.Integer({ minimum: 0 });
const QUEUE_PROBLEMS = ["queue_unavailable", "outcome_unknown"];

const typeSchema = Type.Object({
  type: Type.String(),
  lane: nullable(Type.Enum(["io", "cpu"])),
  max_attempts: nullable(count),
  timeout_ms: nullable(count),
  backoff: nullable(
    Type.Object({ kind: Type.Enum(["exponential", "fixed"]), base_ms: Type.Number(), max_ms: Type.Number() }),
  ),
  description: nullable(Type.String()),
  is_built_in: nullable(Type.Boolean()),
  payload_schema: nullable(Type.Object({}, { description: "The JSON Schema of the payload" })),
  examples: Type.Array(Type.Unknown({ description: "A payload" })),
  replicas: Type.Array(Type.String(), { description: "The ids of the live replicas that run the type" }),
});

export const getTypes: Operation = {
  method: "GET",
  pattern: "/api/v1/types",
  access: "read",
  id: "listTypes",
  tag: "Queues",
  summary: "List the job types",
  description:
    "The types of this replica, and those that other live replicas report. Of a type that this replica does not have, only `type` and `replicas` are known; the other fields are null.",
  answers: {
    200: {
      description: "The types",
      content: { "application/json": { schema: Type.Object({ types: Type.Array(typeSchema) }) } },
    },
  },
  problems: ["validation_failed", ...QUEUE_PROBLEMS],
};

const destinationSchema = Type.Object({
  host: Type.String({ description: "The host, with its port unless that is 443" }),
  state: Type.Enum(["open", "half_open", "closed"], {
    description:
      "`closed`: requests are sent. `open`: the host does not answer, and gets no requests until `suspended_until`. `half_open`: it gets one request, whose result closes or opens it",
  }),
  in_flight: Type.Integer({ minimum: 0, description: "Requests under way, of all replicas" }),
  limit: Type.Integer({
    minimum: 1,
    description: "The most requests at once: 10 for a new host, more while it answers, fewer after failures",
  }),
  consecutive_failures: count,
  suspended_until: nullable(timeSchema),
  last_used: Type.String({ format: "date-time", description: "Up to a minute late" }),
  routes: Type.Integer({
    minimum: 0,
    description: "Pairs of caller and path whose failures are counted apart from those of the host, at most 256",
  }),
  waiting: Type.Integer({
    minimum: 0,
    maximum: 10_000,
    description:
      "Jobs that began and were postponed because the host, or their path of it, takes no more requests for now; at most 10,000 are counted. A job that is cancelled meanwhile counts until its time. Jobs that have not begun are not counted: their hosts are unknown until then",
  }),
});

export const getDestinations: Operation = {
  method: "GET",
  pattern: "/api/v1/destinations",
  access: "read",
  id: "listDestinations",
  tag: "Queues",
  summary: "List the hosts that jobs send requests to",
  description:
    "The hosts that requests of webhooks and callbacks ended at, or waited for, in the last 15 minutes: the latest 1,000, the one used last first.",
  answers: {
    200: {
      description: "The hosts",
      content: { "application/json": { schema: Type.Object({ destinations: Type.Array(destinationSchema) }) } },
    },
  },
  problems: ["validation_failed", ...QUEUE_PROBLEMS],
};

export const resetDestination: Operation = {
  method: "POST",
  pattern: "/api/v1/destinations/{host}/reset",
  access: "admin",
  id: "resetDestination",
  tag: "Queues",
  summary: "End the suspension of a host",
  description:
    "Forgets the failures of the host and of its paths, as if it were new: requests are sent again at once. Jobs that wait for it keep their time, which `GET /api/v1/jobs/{id}/why` shows. Repeating the call changes nothing more.",
  body: NO_FIELDS,
  isBodyOptional: true,
  answers: { 200: { description: "The host", content: { "application/json": { schema: destinationSchema } } } },
  problems: ["destination_not_found", ...NO_FIELDS_PROBLEMS, ...QUEUE_PROBLEMS],
};

const entrySchema = Type.Object({
  id: Type.String({ format: "uuid" }),
  at: timeSchema,
  key: nullable(
    Type.Object({
      id: nullable(Type.String()),
      name: Type.String({
        description:
          "The name of the API key; without an id, the user of an auth proxy, or `cli` for the command `taskflow keys`",
      }),
    }),
  ),
  action: Type.String({ description: "What was done, such as `queues.pause` or `jobs.cancel`" }),
  target: Type.String({
    description: "What it was done to: the name of a type, host or API key, the id of a job, or filters as JSON",
  }),
  details: nullable(Type.Object({}, { description: "Further facts, such as the `reason` of a pause" })),
  count: nullable(
    Type.Integer({ minimum: 0, description: "Jobs that changed; null until the job of `job_id` has completed" }),
  ),
  job_id: nullable(Type.String({ description: "The job that makes the change" })),
  request_id: nullable(Type.String({ description: "The X-Request-Id of the request" })),
});

export const getAudit: Operation = {
  method: "GET",
  pattern: "/api/v1/audit",
  access: "admin",
  id: "listAudit",
  tag: "Replicas",
  summary: "List what people changed, newest first",
  description:
    "Pauses, resumes, changes of schedules, bulk operations, erased jobs, resets of destinations, and API keys that were created or revoked. Entries are kept for `RETENTION_DAYS`. An entry may appear some seconds after the change; while Postgres is unavailable, entries wait in the memory of the replica.",
  query: Type.Object({
    action: Type.Optional(Type.String({ description: "Of one of these actions, separated by commas" })),
    key: Type.Optional(
      Type.String({ description: "By one of these API keys or users: names or ids, separated by commas" }),
    ),
    from: Type.Optional(Type.String({ description: "At this time (RFC 3339) or later" })),
    to: Type.Optional(Type.String({ description: "Before this time" })),
    limit: Type.Optional(Type.Integer({ minimum: 1, maximum: 1_000, default: 50 })),
    cursor: Type.Optional(Type.String({ description: "The `next_cursor` of the page before" })),
  }),
  answers: {
    200: {
      description: "A page of entries; `next_cursor` is null on the last one",
      content: {
        "application/json": {
          schema: Type.Object({ entries: Type.Array(entrySchema), next_cursor: nullable(Type.String()) }),
        },
      },
    },
  },
  problems: ["validation_failed", "store_unavailable", ...QUEUE_PROBLEMS],
};
