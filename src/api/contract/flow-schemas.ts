/** The schemas of flows and batches: as callers submit them, and as answers show them. */
import type { TSchema } from "typebox";
import { Type } from "typebox";
import { MAX_JOBS } from "../../core/body.ts";
import { FLOW_KINDS, FLOW_STATUSES } from "../../core/flows/flow.ts";
import {
  DEFAULT_CLOSE_AFTER_MS,
  MAX_BATCH_JOBS,
  MAX_CLOSE_AFTER_MS,
  MAX_FLOW_JOBS,
  MAX_FLOW_NAME,
  SUBMITTED_WHENS,
} from "../../core/flows/flow-schema.ts";
import { MAX_NODES } from "../../core/flows/graph.ts";
import { submissionSchema } from "../../core/submission.ts";
import { componentRef, idSchema, nullable, timeSchema } from "./job-schemas.ts";

const NODE_STATUSES = ["waiting", "running", "completed", "failed", "cancelled", "skipped"] as const;

const count = Type.Integer({ minimum: 0 });

const REFERENCES =
  'A value `{"$ref": "NODE/result/…"}`, or `${NODE.result.…}` inside a string, is replaced by the result of an earlier node before the job runs. Its other values are checked at submission, the whole payload before it runs';

/** A job that follows others: its payload may refer to their results. */
export const followingJobSchema = Type.Object(
  { ...submissionSchema.properties, payload: Type.Object({}, { description: REFERENCES }) },
  { additionalProperties: false, description: "A job whose payload may refer to the results of earlier nodes" },
);

const followers = (description: string): TSchema =>
  Type.Optional(Type.Array(componentRef("FollowingJob"), { minItems: 1, maxItems: MAX_NODES, description }));

/** The members of `POST /api/v1/jobs` that make a flow of the job. */
export const thenFields = {
  // biome-ignore lint/suspicious/noThenProperty: the name of the API
  then: followers(
    "Only in `POST /api/v1/jobs`: jobs that run when this one has completed. They refer to its result without a node: `${result.link}`",
  ),
  on_failure: followers(
    "Only in `POST /api/v1/jobs`: jobs that run when this one has failed or was cancelled. They refer to its error: `${error.message}`",
  ),
};

const nodeName = "^[A-Za-z0-9_.-]{1,64}$";
const maxFailures = Type.Optional(
  Type.Integer({
    minimum: 0,
    maximum: MAX_BATCH_JOBS,
    default: 0,
    description: "The batch has failed when more than so many jobs have failed",
  }),
);
const placeFields = {
  after: Type.Optional(
    Type.Array(Type.String({ pattern: nodeName }), {
      maxItems: MAX_NODES,
      description: "The names of the nodes that it waits for",
    }),
  ),
  when: Type.Optional(
    Type.Enum([...SUBMITTED_WHENS], {
      default: "succeeded",
      description:
        "`succeeded`: it runs when all of `after` have completed. `failed`: when all have ended, and one has failed or was cancelled. `ended`: when all have ended",
    }),
  ),
};

/** A node of a flow, as callers submit it. */
export const flowNodeDefinitionSchema = Type.Union(
  [
    Type.Object({ ...followingJobSchema.properties, ...placeFields }, { additionalProperties: false }),
    Type.Object(
      {
        batch: Type.Array(componentRef("FollowingJob"), { maxItems: MAX_FLOW_JOBS }),
        ...placeFields,
        max_failures: maxFailures,
      },
      { additionalProperties: false },
    ),
  ],
  { description: "A job, or a batch of jobs" },
);

export const flowDefinitionSchema = Type.Object(
  {
    name: Type.Optional(
      Type.String({ minLength: 1, maxLength: MAX_FLOW_NAME, description: "For people, and for the list" }),
    ),
    on_failure: Type.Optional(
      Type.Enum(["finish", "stop"], {
        default: "finish",
        description:
          "`finish`: nodes that do not depend on a failed one continue. `stop`: nodes that have not started are cancelled, except those with `when` `failed` or `ended`, and running jobs are asked to stop",
      }),
    ),
    jobs: Type.Unsafe<object>({
      type: "object",
      minProperties: 1,
      maxProperties: MAX_NODES,
      patternProperties: { [nodeName]: componentRef("FlowNodeDefinition") },
      additionalProperties: false,
      description: `The nodes by their names: 1 to ${MAX_NODES}, with at most ${MAX_FLOW_JOBS} jobs together`,
    }),
  },
  { additionalProperties: false },
);

const callback = (when: string): TSchema => Type.Unsafe({ ...componentRef("FollowingJob"), description: when });

export const batchDefinitionSchema = Type.Object(
  {
    name: Type.Optional(
      Type.String({ minLength: 1, maxLength: MAX_FLOW_NAME, description: "For people, and for the list" }),
    ),
    jobs: Type.Array(componentRef("Submission"), { maxItems: MAX_FLOW_JOBS, description: "May be empty" }),
    open: Type.Optional(Type.Boolean({ default: false, description: "Further jobs may be added until it is closed" })),
    close_after_ms: Type.Optional(
      Type.Integer({
        minimum: 1,
        maximum: MAX_CLOSE_AFTER_MS,
        default: DEFAULT_CLOSE_AFTER_MS,
        description: "With `open`: the batch closes itself after this time if nobody has closed it",
      }),
    ),
    max_failures: maxFailures,
    on_success: Type.Optional(callback("Runs once when the batch has completed")),
    on_complete: Type.Optional(callback("Runs once when all of its jobs have ended")),
    on_first_failure: Type.Optional(callback("Runs once when the first of its jobs has failed")),
  },
  { additionalProperties: false },
);

export const addedJobsSchema = Type.Object(
  { jobs: Type.Array(componentRef("Submission"), { minItems: 1, maxItems: MAX_JOBS }) },
  { additionalProperties: false },
);

export const flowRetrySchema = Type.Object(
  {
    from: Type.Optional(
      Type.Array(Type.String({ pattern: nodeName }), {
        minItems: 1,
        maxItems: MAX_NODES,
        description:
          "Runs these nodes and all nodes after them again, completed ones too; by default whatever has failed, was cancelled or waited for those",
      }),
    ),
  },
  { additionalProperties: false },
);

const countFields = {
  waiting: Type.Integer({ minimum: 0, description: "Wait for other jobs" }),
  unfinished: Type.Integer({ minimum: 0, description: "Scheduled, queued, running or retrying" }),
  completed: count,
  failed: count,
  cancelled: count,
};

export const flowCountsSchema = Type.Object(countFields, { description: "The number of jobs by their outcome" });
export const flowTotalsSchema = Type.Object({ total: count, ...countFields });

/** A node, as answers show it. */
export const flowNodeSchema = Type.Object({
  type: nullable(Type.String(), "The job type; null for a batch"),
  when: Type.Enum([...SUBMITTED_WHENS, "first_failure"]),
  after: Type.Array(Type.String(), { description: "The names of the nodes that decide whether it runs" }),
  status: Type.Enum([...NODE_STATUSES], {
    description:
      "`waiting` for other nodes; `running`: its jobs are in a queue or run; `skipped`: it was not needed; else how it ended",
  }),
  job_id: nullable(idSchema, "The job; null for a batch"),
  counts: nullable(componentRef("FlowCounts"), "The jobs of a batch; null for a job"),
  cause: nullable(
    idSchema,
    "The job because of which it cannot run; of a batch, that failed first, else that was cancelled first",
  ),
  results_of: Type.Optional(
    Type.String({ description: "The server added this node: it writes the results of this batch to a file" }),
  ),
});

const summaryFields = {
  id: idSchema,
  kind: Type.Enum([...FLOW_KINDS], {
    description: "`then`: a job that was submitted with `then` or `on_failure`",
  }),
  name: nullable(Type.String()),
  status: Type.Enum([...FLOW_STATUSES]),
  on_failure: Type.Enum(["finish", "stop"]),
  nodes: Type.Integer({ minimum: 1, description: "The number of nodes" }),
  totals: componentRef("FlowTotals"),
  cancel_requested: Type.Boolean(),
  created_at: timeSchema,
  finished_at: nullable(timeSchema),
};

export const flowSummarySchema = Type.Object(summaryFields, { description: "A flow without its nodes" });

export const flowSchema = Type.Object({
  ...summaryFields,
  jobs: Type.Unsafe<object>({
    type: "object",
    patternProperties: { "": componentRef("FlowNode") },
    description: "The nodes by their names, in the order of the request",
  }),
});

export const batchSchema = Type.Object({
  id: idSchema,
  name: nullable(Type.String()),
  status: Type.Enum([...FLOW_STATUSES], { description: "`running` until its callbacks have ended, too" }),
  open: Type.Boolean({ description: "Whether jobs may be added" }),
  closes_at: nullable(timeSchema, "When it closes itself; null if it is closed"),
  closed_by: nullable(
    Type.Enum(["caller", "timeout"]),
    "Who closed an open batch; null while it is open, and for a batch that never was",
  ),
  total: count,
  counts: componentRef("FlowCounts"),
  progress: Type.Number({ minimum: 0, maximum: 100, description: "The share of its jobs that have ended, in percent" }),
  max_failures: count,
  cause: nullable(idSchema, "The job that failed first, else that was cancelled first"),
  callbacks: Type.Object(
    {
      on_success: Type.Optional(Type.String({ format: "uuid" })),
      on_complete: Type.Optional(Type.String({ format: "uuid" })),
      on_first_failure: Type.Optional(Type.String({ format: "uuid" })),
    },
    { description: "The ids of the callback jobs" },
  ),
  cancel_requested: Type.Boolean(),
  created_at: timeSchema,
  finished_at: nullable(timeSchema),
});

export const flowReceiptSchema = Type.Object(
  { id: idSchema, status: Type.Enum([...FLOW_STATUSES]) },
  {
    additionalProperties: false,
    description: "The response about a flow or batch of its own to a key without the scope `read`",
  },
);

const nextCursor = nullable(
  idSchema,
  "null at the end of the list; a page before it may contain fewer items than its limit",
);

export const flowListSchema = Type.Object({
  flows: Type.Array(componentRef("FlowSummary")),
  next_cursor: nextCursor,
});
export const batchListSchema = Type.Object({ batches: Type.Array(componentRef("Batch")), next_cursor: nextCursor });
export const flowJobListSchema = Type.Object({
  jobs: Type.Union([Type.Array(componentRef("Job")), Type.Array(componentRef("JobSummary"))], {
    description: "In the order in which they were submitted",
  }),
  next_cursor: nextCursor,
});
