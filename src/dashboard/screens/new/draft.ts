/** What a user has typed for a new job of a type. It stays until the page is loaded again. */
import { signal } from "@preact/signals";
import type { TypeDescription } from "../../../client/taskflow.ts";
import { nodeOf, parseJson, printJson } from "../../parts/schema-form/json-document.ts";
import { startOf } from "../../parts/schema-form/schema-shape.ts";
import type { OptionsDraft } from "./job-options.ts";
import { NO_OPTIONS } from "./job-options.ts";

export interface Draft {
  /** JSON, or what the user has typed so far. */
  readonly payload: string;
  readonly options: OptionsDraft;
}

const drafts = signal<ReadonlyMap<string, Draft>>(new Map());

export function draftOf(type: TypeDescription): Draft {
  return drafts.value.get(type.type) ?? { payload: examplesOf(type)[0] ?? "{}", options: NO_OPTIONS };
}

export function setDraft({ type }: TypeDescription, draft: Draft): void {
  drafts.value = new Map(drafts.peek()).set(type, draft);
}

/** The payloads that the form can begin with, as JSON: at least one. */
export function examplesOf({ examples, payload_schema: schema }: TypeDescription): readonly string[] {
  if (examples.length > 0) return examples.map((example) => printJson(nodeOf(example)));
  const start = startOf(schema ?? { type: "object" });
  return [start.kind === "object" ? printJson(start) : "{}"];
}

/** Why a payload cannot be submitted; undefined if it can. */
export function issueOf(payload: string): string | undefined {
  const parsed = parseJson(payload);
  if (!("node" in parsed)) return "The JSON is not valid.";
  return parsed.node.kind === "object" ? undefined : "The payload must be an object.";
}
