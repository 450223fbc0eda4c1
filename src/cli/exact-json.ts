/**
 * Parses and prints JSON without parsing payloads and results: they keep every digit and the order of their keys.
 */

import type { JsonCodec } from "../client/transport.ts";
import { elementsOf, memberText } from "../core/json-span.ts";
import { JsonText } from "../core/json-text.ts";

type Fields = Record<string, unknown>;

export const exactJson: JsonCodec = { parse, stringify };

/**
 * Like JSON.parse, but leaves the payload and the result of each job in an API response unparsed, and the payloads of
 * schedules.
 */
function parse(text: string): unknown {
  const value: unknown = JSON.parse(text);
  if (typeof value !== "object" || value === null) return value;
  for (const name of ["jobs", "schedules"]) {
    const items = (value as Fields)[name];
    if (!Array.isArray(items)) continue;
    const texts = elementsOf(memberText(text, name) ?? "[]");
    return { ...value, [name]: items.map((item: Fields, at) => exactItem(item, texts[at] ?? "{}")) };
  }
  return exactItem(value as Fields, text);
}

/** A job, or a schedule, whose job is a member. */
function exactItem(item: Fields, text: string): Fields {
  const { job } = item;
  return typeof job === "object" && job !== null
    ? { ...item, job: exactJob(job as Fields, memberText(text, "job") ?? "{}") }
    : exactJob(item, text);
}

function exactJob(job: Fields, text: string): Fields {
  const exact = { ...job };
  for (const name of ["payload", "result"])
    if (typeof job[name] === "object" || typeof job[name] === "number") exact[name] = exactText(text, name);
  return exact;
}

function exactText(text: string, name: string): JsonText | null {
  const json = memberText(text, name) ?? "null";
  return json === "null" ? null : new JsonText(json);
}

/** Like JSON.stringify, but writes a {@link JsonText} unchanged. */
function stringify(value: unknown): string {
  if (value instanceof JsonText) return value.json;
  if (typeof value !== "object" || value === null || "toJSON" in value) return JSON.stringify(value);
  if (Array.isArray(value)) return `[${value.map(stringify).join(",")}]`;
  const members = Object.entries(value).filter(([, member]) => member !== undefined);
  return `{${members.map(([name, member]) => `${JSON.stringify(name)}:${stringify(member)}`).join(",")}}`;
}
