/** Reads flows and batches from files. Payloads keep every digit. */
import { createReadStream } from "node:fs";
import { createInterface } from "node:readline";
import { text } from "node:stream/consumers";
import type { FlowDefinition, FollowingJob, Submission } from "../client/taskflow.ts";
import { elementsOf, memberTexts } from "../core/json-span.ts";
import { JsonText } from "../core/json-text.ts";
import { codeOf, messageOf, StartError } from "../errors.ts";

type Fields = Record<string, unknown>;

/**
 * The flow in a file; its members have the names of the API.
 * @param input the standard input, which the file `-` is
 * @throws StartError if the file cannot be read, or is no JSON object with objects as its `jobs`
 */
export async function readFlow(file: string, input: NodeJS.ReadableStream): Promise<FlowDefinition> {
  const json = await text(openFile(file, input)).catch((error: unknown) => {
    throw unreadable(file, error);
  });
  const { jobs, ...options } = objectIn(json, nameOf(file));
  const texts = memberTexts(memberTexts(json).get("jobs") ?? "{}");
  if (!isObject(jobs)) throw new StartError(`flow: ${nameOf(file)} has no object "jobs".`);
  const nodes = Object.entries(jobs).map(([name, node]) => {
    if (!isObject(node)) throw new StartError(`flow: ${nameOf(file)}: the node ${name} is not an object.`);
    return [name, exactNode(node, texts.get(name) ?? "{}")];
  });
  return { ...options, jobs: Object.fromEntries(nodes) as FlowDefinition["jobs"] };
}

/** Jobs in a file, one a line. @throws StartError for a line that is no JSON object, and as {@link readFlow} */
export async function* readJobLines(file: string, input: NodeJS.ReadableStream): AsyncGenerator<Submission, void> {
  let number = 0;
  try {
    for await (const line of createInterface({ input: openFile(file, input), crlfDelay: Infinity })) {
      number += 1;
      if (line.trim() !== "")
        yield exactJob(objectIn(line, `${nameOf(file)}, line ${number},`), line) as unknown as Submission;
    }
  } catch (error) {
    throw error instanceof StartError || codeOf(error) === undefined ? error : unreadable(file, error);
  }
}

/** A job in an option: JSON itself, or `@FILE`. */
export async function readJob(option: string, source: string): Promise<FollowingJob> {
  const file = source.startsWith("@") ? source.slice(1) : undefined;
  const json =
    file === undefined
      ? source
      : await text(createReadStream(file)).catch((error: unknown) => {
          throw unreadable(file, error);
        });
  return exactJob(objectIn(json, file ?? option), json) as unknown as FollowingJob;
}

function exactNode(node: Fields, json: string): Fields {
  const { batch } = node;
  if (!Array.isArray(batch)) return exactJob(node, json);
  const texts = elementsOf(memberTexts(json).get("batch") ?? "[]");
  const jobs = batch.map((job: unknown, at) => (isObject(job) ? exactJob(job, texts[at] ?? "{}") : job));
  return { ...node, batch: jobs };
}

function exactJob(job: Fields, json: string): Fields {
  const payload = memberTexts(json).get("payload");
  return payload === undefined ? job : { ...job, payload: new JsonText(payload) };
}

function openFile(file: string, input: NodeJS.ReadableStream): NodeJS.ReadableStream {
  return file === "-" ? input : createReadStream(file);
}

function nameOf(file: string): string {
  return file === "-" ? "the standard input" : file;
}

function unreadable(file: string, error: unknown): StartError {
  return new StartError(`${nameOf(file)} cannot be read (${codeOf(error) ?? messageOf(error)}).`, error);
}

function objectIn(json: string, origin: string): Fields {
  let value: unknown;
  try {
    value = JSON.parse(json);
  } catch (error) {
    throw new StartError(`${origin} is not JSON: ${messageOf(error)}`, error);
  }
  if (!isObject(value)) throw new StartError(`${origin} is not a JSON object.`);
  return value;
}

function isObject(value: unknown): value is Fields {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
