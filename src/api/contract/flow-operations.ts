/** The calls about flows: jobs that wait for each other. */
import type { TSchema } from "typebox";
import { Type } from "typebox";
import { FLOW_KINDS, FLOW_STATUSES } from "../../core/flows/flow.ts";
import { STATUSES } from "../../core/job.ts";
import { flowJobListSchema, flowListSchema, flowRetrySchema } from "./flow-schemas.ts";
import { idempotencyKey, KEYED_BODY_PROBLEMS } from "./job-operations.ts";
import { componentRef } from "./job-schemas.ts";
import { NO_FIELDS_PROBLEMS } from "./no-fields.ts";
import type { HeaderName, Operation, OperationAnswer } from "./operation.ts";

const PATTERN = "/api/v1/flows/{id}";
export const STORE_PROBLEMS = ["queue_unavailable", "outcome_unknown", "store_unavailable"];
const ONE_FLOW_PROBLEMS = ["invalid_id", "flow_not_found", ...STORE_PROBLEMS];
export const SUBMISSION_PROBLEMS = [
  ...KEYED_BODY_PROBLEMS,
  ...["unsupported_content_encoding", "body_too_complex", "overloaded"],
];
export const RETRY_PROBLEMS = [
  ...["draining", "flow_running", "nothing_to_retry", "job_not_retryable", "payload_erased"],
  ...["idempotency_key_invalid", "idempotency_key_reused"],
];

export const OWN_FLOWS_ONLY =
  "With `submit` but without `read`, a key can do this only with what it submitted itself: all else does not exist for it, and the response is a `FlowReceipt`.";

export function json(schema: TSchema): NonNullable<Operation["body"]> {
  return { "application/json": { schema } };
}

export function withExamples(
  body: NonNullable<Operation["body"]>,
  examples: Readonly<Record<string, object>>,
): typeof body {
  const named = Object.fromEntries(Object.entries(examples).map(([name, value]) => [name, { value }]));
  return Object.fromEntries(Object.entries(body).map(([type, media]) => [type, { ...media, examples: named }]));
}

const FLOW = json(componentRef("Flow"));
const FLOW_OR_RECEIPT = json(Type.Union([componentRef("Flow"), componentRef("FlowReceipt")]));
const SUBMITTED: readonly HeaderName[] = ["Location", "Idempotent-Replayed"];

const limit = Type.Optional(Type.Integer({ minimum: 1, maximum: 1_000, default: 50 }));
const cursor = Type.Optional(Type.String({ format: "uuid", description: "The `next_cursor` of the page before" }));

/** The query of a list of flows or batches. */
export const listFields = {
  status: Type.Optional(
    Type.String({ description: `One or more of ${FLOW_STATUSES.join(", ")}, separated by commas` }),
  ),
  name: Type.Optional(Type.String({ description: "Only those with this name" })),
  limit,
  cursor,
};

/** The query of the list of a flow's jobs. */
export const jobsFields = {
  status: Type.Optional(Type.String({ description: `One or more of ${STATUSES.join(", ")}, separated by commas` })),
  view: Type.Optional(
    Type.Enum(["full", "summary"], { default: "full", description: "`summary` leaves out `payload` and `result`" }),
  ),
  limit,
  cursor,
};

export const JOBS: Readonly<Record<number, OperationAnswer>> = {
  200: { description: "One page", content: json(flowJobListSchema) },
};

export const lastEventId = Type.Object({
  "Last-Event-ID": Type.Optional(Type.String({ description: "The `id` of the last event that the client received" })),
});
export const EVENTS: Readonly<Record<number, OperationAnswer>> = {
  200: {
    description: "The states, as they change",
    content: { "text/event-stream": { schema: Type.String({ description: "Server-sent events" }) } },
  },
  204: { description: "The client has received the last event" },
};
export const FOLLOWING =
  "The first event shows the state as it is now, also after a reconnect. Changes that follow each other within a quarter of a second are one event. The last event shows the end, and has the id `end`; then the stream ends. The server sends a comment every 15 s. It disconnects a client that reads too slowly, and all clients when the replica drains.";

// References in examples are strings: tools that read the document would follow a `$ref`.
const ORDER = {
  on_failure: "finish",
  name: "order-4711",
  jobs: {
    export: { type: "data_export", payload: { format: "csv", source: { rows: [{ id: 4711 }] } } },
    mail: {
      type: "email",
      after: ["export"],
      payload: {
        to: "you@example.com",
        subject: "Your export",
        body: "It has ${export.result.rows} rows.",
        attachments: [{ filename: "order.csv", artifact: "${export.result.artifact_ref}" }],
      },
    },
    tidy: {
      type: "webhook",
      after: ["mail"],
      when: "ended",
      payload: { url: "https://example.com/done" },
    },
  },
};
const THUMBNAILS = {
  jobs: {
    thumbs: {
      batch: [
        {
          type: "image_resize",
          payload: { source: { url: "https://example.com/a.jpg" }, width: 200 },
        },
      ],
      max_failures: 1,
    },
    tell: {
      type: "webhook",
      after: ["thumbs"],
      payload: { url: "https://example.com/done", body: { failed: "${thumbs.result.failed}" } },
    },
  },
};

export const submitFlow: Operation = {
  method: "POST",
  pattern: "/api/v1/flows",
  access: "submit",
  id: "submitFlow",
  tag: "Flows",
  summary: "Submit a flow: jobs that wait for each other",
  description:
    "All or nothing: if one node is invalid, none is enqueued. The paths in `errors` begin with `/jobs/{node}`. The API key needs the scopes that submitting each job needs.",
  headers: Type.Object({ "Idempotency-Key": idempotencyKey }),
  body: withExamples(json(componentRef("FlowDefinition")), { order: ORDER, thumbnails: THUMBNAILS }),
  answers: { 202: { description: "The accepted flow", content: FLOW, headers: SUBMITTED } },
  problems: SUBMISSION_PROBLEMS,
};

export const listFlows: Operation = {
  method: "GET",
  pattern: "/api/v1/flows",
  access: "read",
  id: "listFlows",
  tag: "Flows",
  summary: "List flows and batches, newest first",
  query: Type.Object({
    kind: Type.Optional(Type.String({ description: `One or more of ${FLOW_KINDS.join(", ")}, separated by commas` })),
    ...listFields,
  }),
  answers: { 200: { description: "One page", content: json(flowListSchema) } },
  problems: ["validation_failed", ...STORE_PROBLEMS],
};

export const getFlow: Operation = {
  method: "GET",
  pattern: PATTERN,
  access: "read",
  id: "getFlow",
  tag: "Flows",
  summary: "Read a flow and its nodes",
  description: "Also a batch, or a job with `then`, as the nodes that it consists of.",
  answers: { 200: { description: "The flow", content: FLOW } },
  problems: ONE_FLOW_PROBLEMS,
};

export const listFlowJobs: Operation = {
  method: "GET",
  pattern: `${PATTERN}/jobs`,
  access: "read",
  id: "listFlowJobs",
  tag: "Flows",
  summary: "List the jobs of a flow",
  query: Type.Object({
    node: Type.Optional(Type.String({ description: "Only the jobs of this node" })),
    ...jobsFields,
  }),
  answers: JOBS,
  problems: ["validation_failed", ...ONE_FLOW_PROBLEMS],
};

export const cancelFlow: Operation = {
  method: "DELETE",
  pattern: PATTERN,
  access: "submit",
  id: "cancelFlow",
  tag: "Flows",
  summary: "Cancel every job of a flow that has not ended",
  description: `Also jobs with \`when\` \`ended\` or \`failed\`. ${OWN_FLOWS_ONLY}`,
  answers: {
    200: { description: "It was cancelled before, and has ended", content: FLOW_OR_RECEIPT },
    202: { description: "Its jobs are being cancelled", content: FLOW_OR_RECEIPT },
  },
  problems: [...ONE_FLOW_PROBLEMS, "validation_failed", "flow_finished"],
};

export const retryFlow: Operation = {
  method: "POST",
  pattern: `${PATTERN}/retry`,
  access: "submit",
  id: "retryFlow",
  tag: "Flows",
  summary: "Run the failed part of a flow again",
  description: `What failed, was cancelled or waited for those runs again, as new jobs whose \`retry_of\` names the earlier ones. Completed jobs keep their results. The flow keeps its id. ${OWN_FLOWS_ONLY}`,
  headers: Type.Object({ "Idempotency-Key": idempotencyKey }),
  body: withExamples(json(flowRetrySchema), { node: { from: ["mail"] } }),
  isBodyOptional: true,
  answers: { 202: { description: "The flow, which runs again", content: FLOW_OR_RECEIPT, headers: SUBMITTED } },
  problems: [...new Set([...ONE_FLOW_PROBLEMS, ...NO_FIELDS_PROBLEMS, ...RETRY_PROBLEMS, "scope_missing"])],
};

export const followFlow: Operation = {
  method: "GET",
  pattern: `${PATTERN}/events`,
  access: "read",
  id: "followFlow",
  tag: "Flows",
  summary: "Follow a flow until it ends",
  description: `Each event is of type \`flow\`, and its data are the flow. ${FOLLOWING}`,
  headers: lastEventId,
  answers: EVENTS,
  problems: [...ONE_FLOW_PROBLEMS, "too_many_streams"],
};
