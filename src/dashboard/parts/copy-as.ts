/** A job as commands and code that submit it again. Secrets are `[redacted]` in them: the user fills them in. */
import type { Job } from "../../client/taskflow.ts";
import { indented } from "./json-text.ts";
import type { JsonNode } from "./schema-form/json-document.ts";
import { parseJson } from "./schema-form/json-document.ts";

export interface CopiedJob extends Pick<Job, "type" | "priority" | "tags" | "group_key" | "max_attempts"> {
  /** A JSON object. */
  readonly payloadJson: string;
}

export interface CopyTarget {
  /** The server's URL. */
  readonly url: string;
  /** Whether the server asks for a key. It is taken from the environment, never copied. */
  readonly hasKey: boolean;
}

/** What differs from the default of every job. */
function optionsOf({ priority, tags, group_key: groupKey, max_attempts: maxAttempts }: CopiedJob) {
  return {
    ...(priority !== 5 && { priority }),
    ...(tags.length > 0 && { tags }),
    ...(groupKey !== null && { groupKey }),
    maxAttempts,
  };
}

/** For POSIX shells: nothing is special between single quotes, but the quote itself. */
export function shellQuoted(text: string): string {
  return `'${text.replaceAll("'", "'\\''")}'`;
}

export function asCurl(job: CopiedJob, target: CopyTarget): string {
  const { priority, tags, groupKey, maxAttempts } = optionsOf(job);
  const fields = { priority, tags, group_key: groupKey, max_attempts: maxAttempts };
  const members = Object.entries(fields).filter(([, value]) => value !== undefined);
  const rest = members.map(([name, value]) => `,${JSON.stringify(name)}:${JSON.stringify(value)}`).join("");
  return curlOf(`{"type":${JSON.stringify(job.type)},"payload":${job.payloadJson}${rest}}`, target);
}

/** @param submissionJson the body of `POST /api/v1/jobs` */
export function curlOf(submissionJson: string, { url, hasKey }: CopyTarget, idempotencyKey?: string): string {
  return [
    `curl -X POST ${shellQuoted(`${url}/api/v1/jobs`)}`,
    ...(hasKey ? ['-H "Authorization: Bearer $TASKFLOW_API_KEY"'] : []),
    "-H 'Content-Type: application/json'",
    ...(idempotencyKey === undefined ? [] : [`-H ${shellQuoted(`Idempotency-Key: ${idempotencyKey}`)}`]),
    `--data-raw ${shellQuoted(indented(submissionJson))}`,
  ].join(" \\\n  ");
}

/** The command reads the API key from TASKFLOW_API_KEY. */
export function asCli(job: CopiedJob, { url }: CopyTarget): string {
  const { priority, tags = [], groupKey, maxAttempts } = optionsOf(job);
  return [
    `taskflow submit ${shellQuoted(job.type)}`,
    `--url ${shellQuoted(url)}`,
    `--payload ${shellQuoted(indented(job.payloadJson))}`,
    ...(priority === undefined ? [] : [`--priority ${priority}`]),
    ...tags.map((tag) => `--tag=${shellQuoted(tag)}`), // with "=", since a tag may begin with a hyphen
    ...(groupKey === undefined ? [] : [`--group=${shellQuoted(groupKey)}`]),
    `--max-attempts ${maxAttempts}`,
  ].join(" \\\n  ");
}

export function asTypeScript(job: CopiedJob, { url, hasKey }: CopyTarget): string {
  const parsed = parseJson(job.payloadJson);
  const isExact = "node" in parsed && isExactIn(parsed.node);
  const isLiteral = isExact && "node" in parsed && isPlain(parsed.node);
  const text = JSON.stringify(job.payloadJson);
  const payload = isLiteral ? indented(job.payloadJson) : isExact ? `JSON.parse(${text})` : `parse(${text}) as object`;
  const codec = isExact ? "" : ', json: { parse, stringify: (value) => stringify(value) ?? "null" }';
  const key = hasKey ? ', apiKey: process.env["TASKFLOW_API_KEY"]' : "";
  return [
    'import { TaskFlow } from "taskflow/client";',
    ...(isExact ? [] : ['import { parse, stringify } from "lossless-json"; // the payload has numbers of many digits']),
    "",
    `const client = new TaskFlow({ url: ${JSON.stringify(url)}${key}${codec} });`,
    `const job = await client.submit(${JSON.stringify(job.type)}, ${payload}, ${JSON.stringify(optionsOf(job))});`,
    "console.log(job.id);",
  ].join("\n");
}

/** A double keeps 15 significant digits of any number. */
const EXACT_DIGITS = 15;

function isExactNumber(text: string): boolean {
  const [mantissa = ""] = text.split(/e/i);
  const digits = mantissa.replace(/[-.]/g, "").replace(/^0+/, "");
  const value = Math.abs(Number(text));
  return (
    digits.length <= EXACT_DIGITS && Number.isFinite(value) && (digits === "" || value >= Number.MIN_VALUE * 2 ** 52)
  );
}

/** Whether JavaScript reads all numbers without a loss. */
function isExactIn(node: JsonNode): boolean {
  if (node.kind === "array") return node.items.every(isExactIn);
  if (node.kind === "object") return node.members.every(({ value }) => isExactIn(value));
  return node.kind !== "number" || isExactNumber(node.text);
}

/** Whether the JSON means the same as a literal of TypeScript: keys given twice and `__proto__` do not. */
function isPlain(node: JsonNode): boolean {
  if (node.kind === "array") return node.items.every(isPlain);
  if (node.kind !== "object") return true;
  const keys = node.members.map(({ key }) => key);
  return (
    new Set(keys).size === keys.length &&
    !keys.includes("__proto__") &&
    node.members.every(({ value }) => isPlain(value))
  );
}
