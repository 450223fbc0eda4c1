/** The calls about batches: many jobs with common counts, and callbacks when they have ended. */
import { Type } from "typebox";
import { MAX_JOBS } from "../../core/body.ts";
import {
  EVENTS,
  FOLLOWING,
  JOBS,
  jobsFields,
  json,
  lastEventId,
  listFields,
  OWN_FLOWS_ONLY,
  RETRY_PROBLEMS,
  STORE_PROBLEMS,
  SUBMISSION_PROBLEMS,
  withExamples,
} from "./flow-operations.ts";
import { addedJobsSchema, batchListSchema } from "./flow-schemas.ts";
import { idempotencyKey } from "./job-operations.ts";
import { componentRef } from "./job-schemas.ts";
import { NO_FIELDS, NO_FIELDS_PROBLEMS } from "./no-fields.ts";
import type { Operation } from "./operation.ts";

const PATTERN = "/api/v1/batches/{id}";
const ONE_BATCH_PROBLEMS = ["invalid_id", "batch_not_found", ...STORE_PROBLEMS];
const BATCH = json(componentRef("Batch"));
const BATCH_OR_RECEIPT = json(Type.Union([componentRef("Batch"), componentRef("FlowReceipt")]));
const lines = (description: string) => ({ "application/x-ndjson": { schema: Type.String({ description }) } });

const JOB = { type: "webhook", payload: { url: "https://example.com/1" } };
const EXAMPLES = {
  callback: {
    name: "thumbnails-4711",
    jobs: [JOB, { type: "webhook", payload: { url: "https://example.com/2" } }],
    max_failures: 1,
    on_complete: {
      type: "webhook",
      payload: { url: "https://example.com/done", body: { failed: "${result.failed}" } },
    },
  },
  open: { jobs: [], open: true, close_after_ms: 3_600_000 },
};

export const submitBatchOfJobs: Operation = {
  method: "POST",
  pattern: "/api/v1/batches",
  access: "submit",
  id: "createBatch",
  tag: "Flows",
  summary: "Submit many jobs as a batch, with callbacks",
  description:
    "All or nothing: if one job is invalid, none is enqueued. The paths in `errors` begin with `/jobs/{index}`; for NDJSON, the index is that of the line, from 0. An empty batch that is not open completes immediately.",
  headers: Type.Object({ "Idempotency-Key": idempotencyKey }),
  body: {
    ...withExamples(json(componentRef("BatchDefinition")), EXAMPLES),
    ...lines(
      `One job per line, at most ${MAX_JOBS}. Before them, a line may have the other members of the batch, without \`jobs\``,
    ),
  },
  answers: {
    202: { description: "The accepted batch", content: BATCH, headers: ["Location", "Idempotent-Replayed"] },
  },
  problems: SUBMISSION_PROBLEMS,
};

export const listBatches: Operation = {
  method: "GET",
  pattern: "/api/v1/batches",
  access: "read",
  id: "listBatches",
  tag: "Flows",
  summary: "List batches, newest first",
  query: Type.Object(listFields),
  answers: { 200: { description: "One page", content: json(batchListSchema) } },
  problems: ["validation_failed", ...STORE_PROBLEMS],
};

export const getBatch: Operation = {
  method: "GET",
  pattern: PATTERN,
  access: "read",
  id: "getBatch",
  tag: "Flows",
  summary: "Read a batch",
  answers: { 200: { description: "The batch", content: BATCH } },
  problems: ONE_BATCH_PROBLEMS,
};

export const listBatchJobs: Operation = {
  method: "GET",
  pattern: `${PATTERN}/jobs`,
  access: "read",
  id: "listBatchJobs",
  tag: "Flows",
  summary: "List the jobs of a batch",
  description: "Without its callbacks.",
  query: Type.Object(jobsFields),
  answers: JOBS,
  problems: ["validation_failed", ...ONE_BATCH_PROBLEMS],
};

export const addBatchJobs: Operation = {
  method: "POST",
  pattern: `${PATTERN}/jobs`,
  access: "submit",
  id: "addBatchJobs",
  tag: "Flows",
  summary: "Add jobs to a batch",
  description: `While the batch is open. A handler may also add jobs while its own job, one of the batch, runs: it gives this job's id as \`from\`. With \`submit\` but without \`read\`, a key can add only to batches that it submitted itself.`,
  query: Type.Object({
    from: Type.Optional(
      Type.String({ format: "uuid", description: "A running job of the batch, which adds the jobs" }),
    ),
  }),
  headers: Type.Object({ "Idempotency-Key": idempotencyKey }),
  body: {
    ...withExamples(json(addedJobsSchema), { one: { jobs: [JOB] } }),
    ...lines(`One job per line, 1 to ${MAX_JOBS} lines`),
  },
  answers: {
    202: {
      description: "The ids and statuses of the added jobs, in the order of the request",
      content: json(componentRef("AcceptedBatch")),
      headers: ["Idempotent-Replayed"],
    },
  },
  problems: [...new Set([...SUBMISSION_PROBLEMS, ...ONE_BATCH_PROBLEMS, "batch_closed", "batch_full"])],
};

export const closeBatch: Operation = {
  method: "POST",
  pattern: `${PATTERN}/close`,
  access: "submit",
  id: "closeBatch",
  tag: "Flows",
  summary: "Close an open batch: it gets no more jobs",
  description: `It ends when its jobs have ended. Closing a closed batch changes nothing. ${OWN_FLOWS_ONLY}`,
  body: NO_FIELDS,
  isBodyOptional: true,
  answers: { 200: { description: "The batch", content: BATCH_OR_RECEIPT } },
  problems: [...new Set([...ONE_BATCH_PROBLEMS, ...NO_FIELDS_PROBLEMS])],
};

export const cancelBatch: Operation = {
  method: "DELETE",
  pattern: PATTERN,
  access: "submit",
  id: "cancelBatch",
  tag: "Flows",
  summary: "Cancel every job of a batch that has not ended",
  description: `Its callbacks run as usual: \`on_complete\`, and not \`on_success\`. An open batch is closed. ${OWN_FLOWS_ONLY}`,
  answers: {
    200: { description: "It was cancelled before, and has ended", content: BATCH_OR_RECEIPT },
    202: { description: "Its jobs are being cancelled", content: BATCH_OR_RECEIPT },
  },
  problems: [...ONE_BATCH_PROBLEMS, "validation_failed", "flow_finished"],
};

export const retryBatch: Operation = {
  method: "POST",
  pattern: `${PATTERN}/retry`,
  access: "submit",
  id: "retryBatch",
  tag: "Flows",
  summary: "Run the failed and cancelled jobs of a batch again",
  description: `As new jobs, whose \`retry_of\` names the earlier ones. Its callbacks run again when these have ended. ${OWN_FLOWS_ONLY}`,
  headers: Type.Object({ "Idempotency-Key": idempotencyKey }),
  body: NO_FIELDS,
  isBodyOptional: true,
  answers: {
    202: {
      description: "The batch, which runs again",
      content: BATCH_OR_RECEIPT,
      headers: ["Location", "Idempotent-Replayed"],
    },
  },
  problems: [...new Set([...ONE_BATCH_PROBLEMS, ...NO_FIELDS_PROBLEMS, ...RETRY_PROBLEMS, "scope_missing"])],
};

export const followBatch: Operation = {
  method: "GET",
  pattern: `${PATTERN}/events`,
  access: "read",
  id: "followBatch",
  tag: "Flows",
  summary: "Follow a batch until it ends",
  description: `Each event is of type \`batch\`, and its data are the batch. ${FOLLOWING}`,
  headers: lastEventId,
  answers: EVENTS,
  problems: [...ONE_BATCH_PROBLEMS, "too_many_streams"],
};
