import { execFileSync } from "node:child_process";
import { readFileSync, writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { expect, it } from "vitest";
import {
  batchSchema,
  flowCountsSchema,
  flowNodeSchema,
  flowReceiptSchema,
  flowSchema,
  flowSummarySchema,
  flowTotalsSchema,
} from "../api/contract/flow-schemas.ts";
import * as health from "../api/contract/health-operations.ts";
import * as history from "../api/contract/history-operations.ts";
import * as introspection from "../api/contract/introspection-operations.ts";
import * as evidence from "../api/contract/job-diagnostics-operations.ts";
import {
  acceptedBatchSchema,
  jobErrorSchema,
  jobReceiptSchema,
  jobSchema,
  statusSchema,
} from "../api/contract/job-schemas.ts";
import { updateJob } from "../api/contract/job-update-operations.ts";
import * as mail from "../api/contract/mail-operations.ts";
import type { Operation } from "../api/contract/operation.ts";
import * as queues from "../api/contract/queue-operations.ts";
import { previewAnswerSchema, scheduleAnswerSchema, scheduleRunSchema } from "../api/contract/schedule-schemas.ts";
import * as system from "../api/contract/system-operations.ts";
import { isOperation } from "../core/bulk.ts";
import { filterSchemas } from "../core/job-filters.ts";
import { includeReplayed } from "../core/reruns.ts";
import { scheduleSchema } from "../core/schedules/definition-schema.ts";
import { submissionSchema } from "../core/submission.ts";
import { loadRegistry } from "../jobs/registry.ts";
import type { JsonSchema, Rendering } from "../testing/schema-types.ts";
import { interfaceOf, typeOf } from "../testing/schema-types.ts";

const FILE = new URL("contract.ts", import.meta.url);

/**
 * Converts a schema to the caller's options: names in camelCase, times as text or Date, whose JSON has the API's form.
 */
const INPUT: Rendering = {
  isInput: true,
  nameOf: (name) => name.replace(/_(\w)/g, (_, letter: string) => letter.toUpperCase()),
  typeOf: (name) =>
    /_(at|after|before)$/.test(name) ? "string | Date" : name === "status" ? "Status | readonly Status[]" : undefined,
};

/** Like {@link INPUT}, for a merge patch: null removes a time. */
const PATCH: Rendering = {
  ...INPUT,
  typeOf: (name) => (name.endsWith("_at") ? "string | Date | null" : name === "payload" ? "object" : undefined),
};

/** As {@link INPUT}, for the definition of a schedule and for its merge patch. */
const SCHEDULE: Rendering = {
  ...INPUT,
  typeOf: (name) =>
    name === "job"
      ? "Submission"
      : name === "times"
        ? "readonly (string | Date)[]"
        : name.endsWith("_at")
          ? "string | Date | null"
          : undefined,
};

const STATUS = typeOf(statusSchema);

/** The filters of lists and of bulk operations. Those of payloads are one property, from paths to texts. */
const FILTERS: JsonSchema = {
  properties: {
    ...(filterSchemas as Readonly<Record<string, JsonSchema>>),
    payload: {
      patternProperties: { "": { type: "string" } },
      description:
        'Values in the payload by their dotted paths, compared as text: `{ "order.id": "42" }`. This filter has no index: the server searches the jobs that pass the others',
    },
  },
};

function without({ properties, ...schema }: JsonSchema, ...names: readonly string[]): JsonSchema {
  return {
    ...schema,
    properties: Object.fromEntries(Object.entries(properties ?? {}).filter(([name]) => !names.includes(name))),
  };
}

function answerOf({ answers }: Operation): JsonSchema {
  return answers[200]?.content?.["application/json"]?.schema as JsonSchema;
}

/** The item type of a list in a response. */
function itemOf(schema: JsonSchema, property: string): JsonSchema {
  return schema.properties?.[property]?.items as JsonSchema;
}

async function contract(): Promise<string> {
  const { types } = await loadRegistry({ settings: {} });
  const builtIn = types.filter(({ type }) => !isOperation(type)); // methods submit them
  const payloadName = (type: string): string =>
    `${type.replace(/(?:^|_)(\w)/g, (_, letter: string) => letter.toUpperCase())}Payload`;
  const parts = [
    "/**\n * The types of the API. Generated from the schemas by which the server validates, do not edit:\n * `UPDATE_CLIENT=1 npx vitest run src/client/contract.test.ts` writes this file, and that test fails where it differs.\n */\n",
    'import type { Submission } from "./submission.ts";\n',
    interfaceOf("Job", jobSchema as JsonSchema),
    `export type Status = ${STATUS};\n`,
    interfaceOf("JobError", jobErrorSchema),
    interfaceOf("JobReceipt", jobReceiptSchema),
    interfaceOf("AcceptedJob", itemOf(acceptedBatchSchema, "jobs")),
    interfaceOf("Attempt", itemOf(answerOf(evidence.getAttempts), "attempts")),
    interfaceOf("Why", answerOf(evidence.getWhy)),
    interfaceOf("Queue", itemOf(answerOf(system.getQueues), "queues")),
    interfaceOf("QueueDetail", answerOf(queues.getQueue)),
    interfaceOf("QueueHistory", answerOf(queues.getQueueHistory)),
    interfaceOf("Worker", itemOf(answerOf(system.getWorkers), "workers")),
    interfaceOf("Stats", answerOf(system.getStats)),
    interfaceOf("Whoami", answerOf(system.getWhoami)),
    interfaceOf("Health", answerOf(health.getHealth)),
    interfaceOf("Series", answerOf(history.getSeries)),
    interfaceOf("ErrorGroups", answerOf(history.getErrors)),
    interfaceOf("TypeDescription", itemOf(answerOf(introspection.getTypes), "types")),
    interfaceOf("Destination", itemOf(answerOf(introspection.getDestinations), "destinations")),
    interfaceOf("MailSummary", itemOf(answerOf(mail.listMail), "mail")),
    interfaceOf("Mail", answerOf(mail.readMail)),
    interfaceOf("AuditEntry", itemOf(answerOf(introspection.getAudit), "entries")),
    interfaceOf("Flow", flowSchema as JsonSchema),
    interfaceOf("FlowSummary", flowSummarySchema),
    interfaceOf("FlowNode", flowNodeSchema),
    interfaceOf("FlowCounts", flowCountsSchema),
    interfaceOf("FlowTotals", flowTotalsSchema),
    interfaceOf("Batch", batchSchema),
    interfaceOf("FlowReceipt", flowReceiptSchema),
    interfaceOf("Schedule", scheduleAnswerSchema),
    interfaceOf("ScheduleRun", scheduleRunSchema),
    interfaceOf("ScheduleTick", itemOf(previewAnswerSchema, "ticks")),
    interfaceOf("ScheduleDefinition", scheduleSchema, SCHEDULE),
    interfaceOf("JobOptions", without(submissionSchema, "type", "payload"), INPUT),
    interfaceOf("JobPatch", updateJob.body?.["application/json"]?.schema as JsonSchema, PATCH),
    interfaceOf("ListFilters", FILTERS, INPUT),
    interfaceOf("ReplayFilters extends ListFilters", { properties: { include_replayed: includeReplayed } }, INPUT),
    "/** The payloads of the built-in types. Add your own by declaration merging. */\n" +
      interfaceOf("Payloads", {
        properties: Object.fromEntries(builtIn.map(({ type }) => [type, { $ref: payloadName(type) }])),
        required: builtIn.map(({ type }) => type),
      }),
    ...builtIn.map(({ type, definition }) =>
      interfaceOf(payloadName(type), definition.payload as JsonSchema, { isInput: true }),
    ),
  ];
  return formatted(parts.join("\n").replaceAll(`: ${STATUS}`, ": Status"));
}

/** Formats the text with Biome, like all files. */
function formatted(source: string): string {
  const biome = fileURLToPath(new URL("../../node_modules/.bin/biome", import.meta.url));
  return execFileSync(biome, ["format", "--stdin-file-path=src/client/contract.ts"], {
    input: source,
    encoding: "utf8",
  });
}

it("the generated types match the schemas; UPDATE_CLIENT=1 writes them", async () => {
  const text = await contract();
  if (process.env.UPDATE_CLIENT === "1") writeFileSync(FILE, text);
  expect(readFileSync(FILE, "utf8")).toBe(text);
});
