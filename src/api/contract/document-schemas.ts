/** The schemas of the document's components: submissions and results by type, jobs, problems. */
import { Type } from "typebox";
import { MAX_ISSUES } from "../../core/schema-issues.ts";
import { submissionSchema } from "../../core/submission.ts";
import type { JobType, Registry } from "../../jobs/registry.ts";
import { acceptedBatchSchema, jobErrorSchema, jobListSchema, jobReceiptSchema, jobSchema } from "./job-schemas.ts";

type Json = Record<string, unknown>;

const problemSchema = Type.Object(
  {
    type: Type.String({ format: "uri-reference" }),
    title: Type.String(),
    status: Type.Integer(),
    code: Type.String({ description: "Stable: what programs go by" }),
    detail: Type.String({ description: "A sentence for people" }),
    errors: Type.Optional(
      Type.Array(
        Type.Object({ path: Type.String({ description: "JSON pointer into the request" }), message: Type.String() }),
        { description: `Every fault of the request; of more than ${MAX_ISSUES} the first of them` },
      ),
    ),
    id: Type.Optional(Type.String({ description: "Of `outcome_unknown`: the job that may exist" })),
    ids: Type.Optional(Type.Array(Type.String())),
  },
  {
    examples: [
      {
        type: "about:blank",
        title: "Unprocessable Entity",
        status: 422,
        code: "validation_failed",
        detail: "The request has a fault.",
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
    JobReceipt: jobReceiptSchema,
    JobError: jobErrorSchema,
    JobList: jobListSchema,
    AcceptedBatch: acceptedBatchSchema,
    Problem: problemSchema,
    ...Object.fromEntries(types.flatMap(schemasOfType)),
  };
}

function schemasOfType({ type, definition }: JobType): [string, unknown][] {
  const name = nameOf(type);
  const { attempts, timeoutMs, backoff, lane, errors = {} } = definition;
  const properties: Json = {
    ...submissionSchema.properties,
    type: { const: type },
    payload: ref(`${name}Payload`),
    max_attempts: { ...submissionSchema.properties.max_attempts, default: attempts },
    timeout_ms: { ...submissionSchema.properties.timeout_ms, default: timeoutMs },
    backoff: { ...submissionSchema.properties.backoff, default: backoff },
  };
  const codes = Object.entries(errors).map(([code, meaning]) => `\`${code}\`: ${meaning}`);
  const description = `A job of type \`${type}\`, which runs ${lane === "cpu" ? "on a pool thread" : "among many on the main thread"}${codes.length === 0 ? "" : `. Its own error codes: ${codes.join("; ")}`}`;
  const schemas: [string, unknown][] = [
    [`${name}Submission`, { ...submissionSchema, description, properties }],
    [`${name}Payload`, definition.payload],
  ];
  if (definition.result !== undefined) schemas.push([`${name}Result`, definition.result]);
  return schemas;
}

/** Of a completed job of a type that says what it returns, the result is that. */
function resultsByType(types: readonly JobType[]): Json {
  const rules = types
    .filter(({ definition }) => definition.result !== undefined)
    .map(({ type }) => ({
      if: { properties: { type: { const: type }, status: { const: "completed" } }, required: ["type", "status"] },
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
