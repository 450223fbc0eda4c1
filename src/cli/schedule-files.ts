/** Definitions of schedules in files: `NAME.json`, as in SCHEDULES_DIR. */
import { readFile } from "node:fs/promises";
import { basename } from "node:path";
import { text } from "node:stream/consumers";
import type { Schedule, ScheduleDefinition } from "../client/contract.ts";
import { memberTexts } from "../core/json-span.ts";
import { JsonText } from "../core/json-text.ts";
import { codeOf, messageOf, StartError } from "../errors.ts";

const SUFFIX = ".json";

export interface NamedDefinition {
  readonly name: string;
  /** Its members as they are in the file; the payload keeps every digit. */
  readonly definition: ScheduleDefinition;
}

/**
 * Reads all files before one is applied.
 * @param names of the schedules; by default those of the files
 * @param input the standard input, which the file `-` is
 * @throws StartError if a file cannot be read, or is no JSON object
 */
export async function readDefinitions(
  files: readonly string[],
  name: string | undefined,
  input: NodeJS.ReadableStream,
): Promise<readonly NamedDefinition[]> {
  if (name !== undefined && files.length > 1) throw new StartError("schedules: a name needs exactly one file.");
  const read: NamedDefinition[] = [];
  for (const file of files) {
    const given = name ?? (file.endsWith(SUFFIX) ? basename(file, SUFFIX) : undefined);
    if (given === undefined)
      throw new StartError(`schedules: the file ${file} is not named NAME.json: give the name before --file.`);
    read.push({ name: given, definition: definitionIn(file, file === "-" ? await text(input) : await textOf(file)) });
  }
  return read;
}

async function textOf(file: string): Promise<string> {
  try {
    return await readFile(file, "utf8");
  } catch (error) {
    throw new StartError(`schedules: ${file} cannot be read (${codeOf(error) ?? messageOf(error)}).`, error);
  }
}

function definitionIn(file: string, json: string): ScheduleDefinition {
  const origin = file === "-" ? "the standard input" : file;
  let value: unknown;
  try {
    value = JSON.parse(json);
  } catch (error) {
    throw new StartError(`schedules: ${origin} is not JSON: ${messageOf(error)}`, error);
  }
  if (typeof value !== "object" || value === null || Array.isArray(value))
    throw new StartError(`schedules: ${origin} is not a JSON object.`);
  const { job } = value as { readonly job?: unknown };
  if (typeof job !== "object" || job === null || Array.isArray(job)) return value as ScheduleDefinition;
  const jobJson = memberTexts(json).get("job") ?? "{}";
  const payload = memberTexts(jobJson).get("payload");
  return {
    ...value,
    job: { ...job, ...(payload !== undefined && { payload: new JsonText(payload) }) },
  } as unknown as ScheduleDefinition;
}

/** The members of a definition that a schedule's answer has beside others. */
const MEMBERS = [
  ...["cron", "every_ms", "offset_ms", "times", "time_zone", "overlap", "catch_up", "jitter_ms", "start_at", "end_at"],
  ...["max_runs", "pause_after_failures", "description"],
] as const;

/** The definition of a schedule without its job, whose secrets nobody can read. */
export function timingOf(schedule: Schedule): Partial<ScheduleDefinition> {
  return Object.fromEntries(Object.entries(schedule).filter(([name]) => (MEMBERS as readonly string[]).includes(name)));
}
