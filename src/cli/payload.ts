/** The payload of a submission, as it is named on the command line. */
import { readFile } from "node:fs/promises";
import { text } from "node:stream/consumers";
import { JsonText } from "../core/json-text.ts";
import { codeOf, messageOf, StartError } from "../errors.ts";

/**
 * @returns its text, which is submitted as it is
 * @param source JSON itself, `@FILE`, or `-` for the standard input
 * @throws StartError when there is no such file, or no JSON object in it
 */
export async function readPayload(source: string, input: NodeJS.ReadableStream): Promise<JsonText> {
  const where = source === "-" ? "standard input" : source.startsWith("@") ? source.slice(1) : "the payload";
  const json =
    source === "-" ? await text(input) : source.startsWith("@") ? await readFileText(source.slice(1)) : source;
  let payload: unknown;
  try {
    payload = JSON.parse(json);
  } catch (error) {
    throw new StartError(`--payload: ${where} is no JSON: ${messageOf(error)}`, error);
  }
  if (typeof payload !== "object" || payload === null || Array.isArray(payload))
    throw new StartError(`--payload: ${where} is no JSON object.`);
  return new JsonText(json.trim());
}

async function readFileText(path: string): Promise<string> {
  try {
    return await readFile(path, "utf8");
  } catch (error) {
    throw new StartError(`--payload: ${path} cannot be read (${codeOf(error) ?? messageOf(error)}).`, error);
  }
}
