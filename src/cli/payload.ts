/** Reads the payload of a submission from the command line. */
import { readFile } from "node:fs/promises";
import { text } from "node:stream/consumers";
import { JsonText } from "../core/json-text.ts";
import { codeOf, messageOf, StartError } from "../errors.ts";

/**
 * @param source JSON itself, `@FILE`, or `-` for the standard input
 * @returns the JSON, which is submitted unchanged
 * @throws StartError if the file cannot be read, or does not contain a JSON object
 */
export async function readPayload(source: string, input: NodeJS.ReadableStream): Promise<JsonText> {
  const origin = source === "-" ? "standard input" : source.startsWith("@") ? source.slice(1) : "the payload";
  const json =
    source === "-" ? await text(input) : source.startsWith("@") ? await readFileText(source.slice(1)) : source;
  let payload: unknown;
  try {
    payload = JSON.parse(json);
  } catch (error) {
    throw new StartError(`--payload: ${origin} is not JSON: ${messageOf(error)}`, error);
  }
  if (typeof payload !== "object" || payload === null || Array.isArray(payload))
    throw new StartError(`--payload: ${origin} is not a JSON object.`);
  return new JsonText(json.trim());
}

async function readFileText(path: string): Promise<string> {
  try {
    return await readFile(path, "utf8");
  } catch (error) {
    throw new StartError(`--payload: ${path} cannot be read (${codeOf(error) ?? messageOf(error)}).`, error);
  }
}
