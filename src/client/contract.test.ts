import { readFileSync, writeFileSync } from "node:fs";
import { expect, it } from "vitest";
import * as evidence from "../api/contract/job-diagnostics-operations.ts";
import { listJobs } from "../api/contract/job-operations.ts";
import {
  acceptedBatchSchema,
  jobErrorSchema,
  jobReceiptSchema,
  jobSchema,
  statusSchema,
} from "../api/contract/job-schemas.ts";
import type { Operation } from "../api/contract/operation.ts";
import * as system from "../api/contract/system-operations.ts";
import { submissionSchema } from "../core/submission.ts";
import { loadRegistry } from "../jobs/registry.ts";
import type { JsonSchema, Rendering } from "../testing/schema-types.ts";
import { interfaceOf, typeOf } from "../testing/schema-types.ts";

const FILE = new URL("contract.ts", import.meta.url);

/** What a caller writes is named as TypeScript names things; a time may be a Date, which JSON writes as the API reads it. */
const INPUT: Rendering = {
  isInput: true,
  nameOf: (name) => name.replace(/_(\w)/g, (_, letter: string) => letter.toUpperCase()),
  typeOf: (name) => (/_(at|after|before)$/.test(name) ? "string | Date" : undefined),
};

const STATUS = typeOf(statusSchema);

function without({ properties, ...schema }: JsonSchema, ...names: readonly string[]): JsonSchema {
  return {
    ...schema,
    properties: Object.fromEntries(Object.entries(properties ?? {}).filter(([name]) => !names.includes(name))),
  };
}

function answerOf({ answers }: Operation): JsonSchema {
  return answers[200]?.content?.["application/json"]?.schema as JsonSchema;
}

/** One of the things that a property of an answer lists. */
function itemOf(schema: JsonSchema, property: string): JsonSchema {
  return schema.properties?.[property]?.items as JsonSchema;
}

async function contract(): Promise<string> {
  const { types } = await loadRegistry({ settings: {} });
  const builtIn = types.filter(({ type }) => type !== "replay"); // which the call of that name submits
  const payloadName = (type: string): string =>
    `${type.replace(/(?:^|_)(\w)/g, (_, letter: string) => letter.toUpperCase())}Payload`;
  const replayBody = evidence.rerunJobs.body?.["application/json"]?.schema as JsonSchema;
  const parts = [
    "/**\n * What goes over the wire, in types. Made from the schemas that the server checks with: `UPDATE_CLIENT=1 npx vitest run src/client/contract.test.ts`\n * writes it, and that test fails where it is not as they are. Nobody writes in it, so it may be longer than other files.\n */\n",
    interfaceOf("Job", jobSchema as JsonSchema),
    `export type Status = ${STATUS};\n`,
    interfaceOf("JobError", jobErrorSchema),
    interfaceOf("JobReceipt", jobReceiptSchema),
    interfaceOf("AcceptedJob", itemOf(acceptedBatchSchema, "jobs")),
    interfaceOf("Attempt", itemOf(answerOf(evidence.getAttempts), "attempts")),
    interfaceOf("Why", answerOf(evidence.getWhy)),
    interfaceOf("Queue", itemOf(answerOf(system.getQueues), "queues")),
    interfaceOf("Worker", itemOf(answerOf(system.getWorkers), "workers")),
    interfaceOf("Stats", answerOf(system.getStats)),
    interfaceOf("Health", answerOf(system.getHealth)),
    interfaceOf("JobOptions", without(submissionSchema, "type", "payload"), INPUT),
    interfaceOf("ListFilters", without(listJobs.query as JsonSchema, "limit", "cursor"), INPUT),
    interfaceOf("ReplayFilters", without(replayBody, "rate", "dry_run"), INPUT),
    "/** The payloads of the types that come with TaskFlow. Add your own by declaration merging. */\n" +
      interfaceOf("Payloads", {
        properties: Object.fromEntries(builtIn.map(({ type }) => [type, { $ref: payloadName(type) }])),
        required: builtIn.map(({ type }) => type),
      }),
    ...builtIn.map(({ type, definition }) =>
      interfaceOf(payloadName(type), definition.payload as JsonSchema, { isInput: true }),
    ),
  ];
  return parts.join("\n").replaceAll(`: ${STATUS}`, ": Status");
}

it("the types are those of the schemas; UPDATE_CLIENT=1 writes them", async () => {
  const text = await contract();
  if (process.env.UPDATE_CLIENT === "1") writeFileSync(FILE, text);
  expect(readFileSync(FILE, "utf8")).toBe(text);
});
