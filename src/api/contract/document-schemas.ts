/** The component schemas of the OpenAPI document: submissions and results by job type, jobs, problems. */
import { Type } from "typebox";
import { scheduleSchema } from "../../core/schedules/definition-schema.ts";
import { MAX_ISSUES } from "../../core/schema-issues.ts";
import { submissionSchema } from "../../core/submission.ts";
import type { JobType, Registry } from "../../jobs/registry.ts";
import {
  batchDefinitionSchema,
  batchSchema,
  flowCountsSchema,
  flowDefinitionSchema,
  flowNodeDefinitionSchema,
  flowNodeSchema,
  flowReceiptSchema,
  flowSchema,
  flowSummarySchema,
  flowTotalsSchema,
  followingJobSchema,
  thenFields,
} from "./flow-schemas.ts";
import {
  acceptedBatchSchema,
  jobErrorSchema,
  jobListSchema,
  jobReceiptSchema,
  jobSchema,
  jobSummarySchema,
} from "./job-schemas.ts";
import { scheduleAnswerSchema, scheduleListSchema } from "./schedule-schemas.ts";

type Json = Record<string, unknown>;

const problemSchema = Type.Object(
  {
    type: Type.String({ format: "uri-reference" }),
    title: Type.String(),
    status: Type.Integer(),
    code: Type.String({ description: "A stable identifier, for programs" }),
    detail: Type.String({ description: "An explanation, for people" }),
    errors: Type.Optional(
      Type.Array(
        Type.Object({ path: Type.String({ description: "JSON pointer into the request" }), message: Type.String() }),
        { description: `Every invalid field of the request, up to ${MAX_ISSUES} of them` },
      ),
    ),
    id: Type.Optional(Type.String({ description: "With `outcome_unknown`: the id of the job that may exist" })),
    ids: Type.Optional(
      Type.Array(Type.String(), { description: "With `outcome_unknown`: the ids of the jobs of a batch" }),
    ),
  },
  {
    examples: [
      {
        type: "about:blank",
        title: "Unprocessable Entity",
        status: 422,
        code: "validation_failed",
        detail: "The request is invalid.",
        errors: [{ path: "/priority", message: "expected a number <= 9" }],
      },
    ],
  },
);

export function documentSchemas(registry: Registry): Record<string, unknown> {
  const { types } = registry;
  return {
    Submission: {
      oneOf: types.map(({ type }) => ref(`${nameOf(type)}Submission`)),
      discriminator: {
        propertyName: "type",
        mapping: Object.fromEntries(types.map(({ type }) => [type, `#/components/schemas/${nameOf(type)}Submission`])),
      },
    },
    Job: { ...jobSchema, ...resultsByType(types) },
    JobSummary: jobSummarySchema,
    JobReceipt: jobReceiptSchema,
    JobError: jobErrorSchema,
    JobList: jobListSchema,
    AcceptedBatch: acceptedBatchSchema,
    FollowingJob: followingJobSchema,
    FlowDefinition: flowDefinitionSchema,
    FlowNodeDefinition: flowNodeDefinitionSchema,
    Flow: flowSchema,
    FlowSummary: flowSummarySchema,
    FlowNode: flowNodeSchema,
    FlowCounts: flowCountsSchema,
    FlowTotals: flowTotalsSchema,
    FlowReceipt: flowReceiptSchema,
    BatchDefinition: batchDefinitionSchema,
    Batch: batchSchema,
    Schedule: scheduleAnswerSchema,
    ScheduleDefinition: scheduleSchema,
    ScheduleList: scheduleListSchema,
    Problem: problemSchema,
    ...Object.fromEntries(types.flatMap(schemasOfType)),
  };
}

function schemasOfType({ type, definition }: JobType): [string, unknown][] {
  const name = nameOf(type);
  const { attempts, timeoutMs, backoff, lane, errors = {} } = definition;
  const properties: Json = {
    ...submissionSchema.properties,
    ...thenFields,
    type: { const: type },
    payload: ref(`${name}Payload`),
    max_attempts: { ...submissionSchema.properties.max_attempts, default: attempts },
    timeout_ms: { ...submissionSchema.properties.timeout_ms, default: timeoutMs },
    backoff: { ...submissionSchema.properties.backoff, default: backoff },
  };
  const codes = Object.entries(errors).map(([code, meaning]) => `\`${code}\`: ${meaning}`);
  const thread = lane === "cpu" ? "on a pool thread" : "on the main thread, concurrently with others";
  const ownCodes = codes.length === 0 ? "" : `. Error codes of this type: ${codes.join("; ")}`;
  const description = `A job of type \`${type}\`, which runs ${thread}${ownCodes}`;
  const schemas: [string, unknown][] = [
    [`${name}Submission`, { ...submissionSchema, description, properties }],
    [`${name}Payload`, definition.payload],
  ];
  if (definition.result !== undefined) schemas.push([`${name}Result`, definition.result]);
  return schemas;
}

/** The result of a completed job that is not erased matches the result schema of its type, if the type declares one. */
function resultsByType(types: readonly JobType[]): Json {
  const rules = types
    .filter(({ definition }) => definition.result !== undefined)
    .map(({ type }) => ({
      if: {
        properties: { type: { const: type }, status: { const: "completed" }, erased_at: { type: "null" } },
        required: ["type", "status"],
      },
      then: { properties: { result: ref(`${nameOf(type)}Result`) } },
    }));
  return rules.length === 0 ? {} : { allOf: rules };
}

function ref(name: string): Json {
  return { $ref: `#/components/schemas/${name}` };
}

/** `image_resize` → `ImageResize` */
function nameOf(type: string): string {
  return type
    .split("_")
    .map((word) => word.charAt(0).toUpperCase() + word.slice(1))
    .join("");
}
