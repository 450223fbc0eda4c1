/** The calls that act on all jobs that match a filter. */
import type { TSchema } from "typebox";
import { Type } from "typebox";
import { at } from "../../core/at.ts";
import type { BulkAction } from "../../core/bulk.ts";
import { BULK_STATUSES, bulkTypeOf } from "../../core/bulk.ts";
import { filterSchemas, payloadFilterSchemas } from "../../core/job-filters.ts";
import { includeReplayed } from "../../core/reruns.ts";
import { idempotencyKey, JSON_JOB, KEYED_BODY_PROBLEMS } from "./job-operations.ts";
import { jobPatch } from "./job-update-operations.ts";
import type { Operation } from "./operation.ts";

/** The members of a body beside the filters. */
function controls(rate: { readonly default?: number }) {
  return {
    rate: Type.Optional(
      Type.Integer({ minimum: 1, maximum: 10_000, ...rate, description: "The maximum number of jobs per second" }),
    ),
    dry_run: Type.Optional(Type.Boolean({ default: false, description: "Only count the jobs that match" })),
  };
}

const nested = {
  filter: Type.Optional(
    Type.Object(filterSchemas, {
      additionalProperties: false,
      patternProperties: payloadFilterSchemas,
      description: "The filters, if they are not members of the body itself",
    }),
  ),
};

function bodyOf(fields: Readonly<Record<string, TSchema>>): TSchema {
  return Type.Object(
    { ...filterSchemas, ...nested, ...fields },
    { additionalProperties: false, patternProperties: payloadFilterSchemas },
  );
}

function answersOf(type: string): Operation["answers"] {
  return {
    200: {
      description: "With dry_run: the number of jobs that match",
      content: { "application/json": { schema: Type.Object({ matched: Type.Integer({ minimum: 0 }) }) } },
    },
    202: {
      description: `A job of type \`${type}\`, whose progress and result report on the operation`,
      content: JSON_JOB,
      headers: ["Location", "Idempotent-Replayed"],
    },
  };
}

export const rerunJobs: Operation = {
  method: "POST",
  pattern: "/api/v1/jobs/replay",
  access: "submit",
  id: "replayJobs",
  tag: "Jobs",
  summary: "Run all finished jobs again that match a filter",
  description:
    "Starts a job of type `replay`, which enqueues each matching job again, exactly once: after a crash or a restart it resumes where it stopped. Only jobs that had finished when the call was accepted are run again. Each new job refers to the original in `retry_of`; the originals do not change, so a second call runs them again. Bulk operations, and jobs whose payload is erased or lost, do not match; nor do jobs that are themselves re-runs, unless `include_replayed` is true. Every new job counts against the quotas of the API key that made the call. While a quota is used up, the `replay` job is `retrying` with the error `quota_exceeded`, and resumes when the quota refills. The key also needs the scope `read`.",
  headers: Type.Object({ "Idempotency-Key": idempotencyKey }),
  body: {
    "application/json": {
      schema: bodyOf({ include_replayed: Type.Optional(includeReplayed), ...controls({ default: 100 }) }),
    },
  },
  answers: answersOf("replay"),
  problems: KEYED_BODY_PROBLEMS,
};

function bulkOperation(
  action: BulkAction,
  operation: Pick<Operation, "id" | "summary" | "description">,
  fields: Readonly<Record<string, TSchema>> = {},
): Operation {
  const type = bulkTypeOf(action);
  return {
    method: "POST",
    pattern: `/api/v1/jobs/${action}`,
    access: "admin",
    tag: "Jobs",
    ...operation,
    description:
      `Starts a job of type \`${type}\`. It acts only on jobs that were accepted before it and are ${listOf(BULK_STATUSES[action])}; \`status\` selects among these. Without a filter it acts on all of them; on jobs of the bulk operations' own types only if \`type\` names them. Its result has \`matched\`, \`done\`, and \`skipped\`: the jobs that ended before it reached them. After a crash or a restart it resumes where it stopped; a second call is harmless. ${operation.description ?? ""}`.trim(),
    headers: Type.Object({ "Idempotency-Key": idempotencyKey }),
    body: { "application/json": { schema: bodyOf({ ...fields, ...controls({}) }) } },
    answers: answersOf(type),
    problems: KEYED_BODY_PROBLEMS,
  };
}

function listOf(words: readonly string[]): string {
  return `${words.slice(0, -1).join(", ")} or ${at(words, words.length - 1)}`;
}

export const cancelJobs = bulkOperation("cancel", {
  id: "cancelJobs",
  summary: "Cancel all jobs that match a filter",
  description: "A waiting job ends at once; the attempt of a running job gets an abort signal.",
});

export const runJobs = bulkOperation("run", {
  id: "runJobs",
  summary: "Run all scheduled and retrying jobs now that match a filter",
  description: "A retrying job keeps its attempts.",
});

const changes = Object.fromEntries(Object.entries(jobPatch.properties).filter(([name]) => name !== "payload"));

export const updateJobs = bulkOperation(
  "update",
  {
    id: "updateJobs",
    summary: "Change all waiting jobs that match a filter",
    description: "A job that has made too many attempts for a new `max_attempts` is skipped.",
  },
  {
    set: Type.Object(changes, {
      additionalProperties: false,
      minProperties: 1,
      description: "The fields to change, as in `PATCH /api/v1/jobs/{id}`",
    }),
  },
);

export const eraseJobs = bulkOperation("erase", {
  id: "eraseJobs",
  summary: "Erase all finished jobs that match a filter",
  description:
    "It removes payload, result, error message, attempt logs and artifacts; the jobs stay, with `erased_at`. Jobs that perform bulk operations are not matched.",
});
