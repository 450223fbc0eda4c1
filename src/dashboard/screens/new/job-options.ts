/** The options of a new job, as a user has typed them. */
import type { SubmitOptions } from "../../../client/taskflow.ts";
import type { FieldIssue } from "../../parts/schema-form/schema-shape.ts";
import type { DelayUnit } from "../../parts/time-field.ts";
import { delayOfField, timeOfField } from "../../parts/time-field.ts";

/** Empty texts leave the choice to the server. */
export interface OptionsDraft {
  readonly priority: string;
  readonly start: "now" | "delay" | "time";
  readonly delay: string;
  readonly delayUnit: DelayUnit;
  /** Of a field of type `datetime-local`, as `expiresAt`. */
  readonly runAt: string;
  readonly expiresAt: string;
  /** See {@link tagsIn}. */
  readonly tags: string;
  readonly group: string;
  readonly maxAttempts: string;
  readonly callbackUrl: string;
  readonly durability: "" | "redis" | "postgres";
  readonly idempotencyKey: string;
}

export const NO_OPTIONS: OptionsDraft = {
  priority: "",
  start: "now",
  delay: "10",
  delayUnit: "minutes",
  runAt: "",
  expiresAt: "",
  tags: "",
  group: "",
  maxAttempts: "",
  callbackUrl: "",
  durability: "",
  idempotencyKey: "",
};

/** The path under which the form shows issues of the header `Idempotency-Key`: a header has no JSON pointer. */
export const KEY_PATH = "/idempotency_key";

export interface OptionsRead {
  readonly options: SubmitOptions;
  /** What the server could not read; it checks all else. */
  readonly issues: readonly FieldIssue[];
}

export function readOptions(draft: OptionsDraft, zone: "local" | "utc"): OptionsRead {
  const issues: FieldIssue[] = [];
  const readTime = (text: string, path: string): string | undefined => {
    const time = timeOfField(text, zone);
    if (time === undefined) issues.push({ path, message: "Enter a date and a time." });
    return time;
  };
  const readNumber = (text: string, path: string): number | undefined => {
    if (/^\d{1,9}$/.test(text)) return Number(text);
    issues.push({ path, message: "Enter a whole number." });
    return undefined;
  };
  const tags = tagsIn(draft.tags);
  const callbackUrl = draft.callbackUrl.trim();
  const idempotencyKey = draft.idempotencyKey.trim();
  return {
    options: {
      ...(draft.priority !== "" && { priority: Number(draft.priority) }),
      ...startOf(draft, readTime, issues),
      ...(draft.maxAttempts !== "" && { maxAttempts: readNumber(draft.maxAttempts.trim(), "/max_attempts") }),
      ...(draft.expiresAt !== "" && { expiresAt: readTime(draft.expiresAt, "/expires_at") }),
      ...(tags.length > 0 && { tags }),
      ...(callbackUrl !== "" && { callbackUrl }),
      ...(draft.group !== "" && { groupKey: draft.group }),
      ...(draft.durability !== "" && { durability: draft.durability }),
      ...(idempotencyKey !== "" && { idempotencyKey }),
    },
    issues,
  };
}

function startOf(
  { start, delay, delayUnit, runAt }: OptionsDraft,
  readTime: (text: string, path: string) => string | undefined,
  issues: FieldIssue[],
): Pick<SubmitOptions, "delayMs" | "runAt"> {
  if (start === "time") return { runAt: readTime(runAt, "/run_at") };
  if (start === "now") return {};
  const delayMs = delayOfField(delay.trim(), delayUnit);
  if (delayMs === undefined) issues.push({ path: "/delay_ms", message: "Enter a whole number." });
  return { delayMs };
}

const TAG = /"((?:[^"\\]|\\.)*)"|[^,\s"](?:[^,]*[^,\s])?|"/g;

/**
 * Tags are separated by commas. In double quotes, a tag may contain commas, and `\"` and `\\` mean the characters
 * themselves.
 */
export function tagsIn(text: string): string[] {
  return Array.from(text.matchAll(TAG), ([tag, quoted]) => quoted?.replace(/\\(.)/g, "$1") ?? tag);
}

/** What belongs to the start, which counts once. */
const OF_START: readonly string[] = ["delay", "delayUnit", "runAt"];

/** How many options differ from their defaults. */
export function countSet(draft: OptionsDraft): number {
  const names = Object.keys(NO_OPTIONS) as (keyof OptionsDraft)[];
  return names.filter((name) => !OF_START.includes(name) && draft[name] !== NO_OPTIONS[name]).length;
}
