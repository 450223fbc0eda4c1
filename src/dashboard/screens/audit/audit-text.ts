/** The entries of the audit log in words, and as filter texts. */
import { filterWord } from "../../parts/filter-words.ts";

/** By the name of the action. */
export const ACTIONS: Readonly<Record<string, string>> = {
  "queues.pause": "Pause queue",
  "queues.resume": "Resume queue",
  "jobs.cancel": "Cancel jobs",
  "jobs.replay": "Run jobs again",
  "jobs.run": "Run jobs now",
  "jobs.update": "Update jobs",
  "jobs.erase": "Erase jobs",
  "destinations.reset": "Try destination",
  "schedules.put": "Save schedule",
  "schedules.delete": "Delete schedule",
  "schedules.pause": "Pause schedule",
  "schedules.resume": "Resume schedule",
  "schedules.run": "Run schedule now",
  "schedules.backfill": "Backfill schedule",
  "schedules.revert": "Revert schedule",
  "keys.create": "Create API key",
  "keys.revoke": "Revoke API key",
};

/** The keys of filter texts by the filters of the API. */
const KEYS: Readonly<Record<string, string>> = {
  status: "status",
  type: "type",
  tag: "tag",
  group_key: "group",
  error_code: "code",
  retry_of: "retry-of",
  worker: "worker",
  created_after: "since",
  created_before: "until",
  finished_after: "finished-since",
  finished_before: "finished-until",
};

/** What operations on many jobs have beside their filters. */
const PARAMETERS: readonly string[] = ["rate", "set", "include_replayed"];

export interface BulkTarget {
  /** A filter text; undefined for filters that a filter text cannot express. */
  readonly filterText: string | undefined;
  /** What is no filter. */
  readonly parameters: Readonly<Record<string, unknown>>;
}

/** A target that has filters as JSON; undefined for another target. */
export function readBulkTarget(target: string): BulkTarget | undefined {
  if (!target.startsWith("{")) return undefined;
  let members: Record<string, unknown>;
  try {
    members = JSON.parse(target) as Record<string, unknown>;
  } catch {
    return { filterText: undefined, parameters: {} }; // the target was cut
  }
  const entries = Object.entries(members);
  const words = entries.filter(([name]) => !PARAMETERS.includes(name)).map(([name, value]) => wordOf(name, value));
  return {
    filterText: words.includes(undefined) ? undefined : words.join(" "),
    parameters: Object.fromEntries(entries.filter(([name]) => PARAMETERS.includes(name))),
  };
}

/** The filter text of a target, or of the payload of an operation on many jobs; undefined without one. */
export function filterTextOfTarget(target: string): string | undefined {
  return readBulkTarget(target)?.filterText;
}

/** A word of a filter text; undefined for a filter that it cannot express. */
function wordOf(name: string, value: unknown): string | undefined {
  const values = (Array.isArray(value) ? value : [value]).map(String);
  if (values.includes("")) return undefined;
  if (name === "q") return values.map(searched).join(" ");
  if (name.startsWith(PAYLOAD)) return EXPRESSIBLE.test(name) ? filterWord(name, values) : undefined;
  const key = Object.hasOwn(KEYS, name) ? KEYS[name] : undefined;
  return key === undefined ? undefined : filterWord(key, values);
}

const PAYLOAD = "payload.";
/** The key of a word has no quotes, and ends at the first colon. */
const EXPRESSIBLE = /^[^\s":]+$/;

/** A text to search for, in double quotes where it would be read as something else. */
function searched(text: string): string {
  return /[\s":]/.test(text) ? `"${text.replace(/["\\]/g, "\\$&")}"` : text;
}
