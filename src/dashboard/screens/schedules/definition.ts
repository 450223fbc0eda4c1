/** The JSON of a definition, as the form edits it and as the API shows it. */
import { indented, memberText } from "../../parts/json-text.ts";
import type { JsonNode, JsonObject } from "../../parts/schema-form/json-document.ts";
import { memberOf, nodeOf, stringOf } from "../../parts/schema-form/json-document.ts";
import type { Schema } from "../../parts/schema-form/schema-shape.ts";
import type { TimingFields } from "./timing-text.ts";

/** What callers write; the other members of a schedule describe its state. */
const MEMBERS = [
  "description",
  "cron",
  "every_ms",
  "offset_ms",
  "times",
  "time_zone",
  "overlap",
  "catch_up",
  "jitter_ms",
  "start_at",
  "end_at",
  "max_runs",
  "pause_after_failures",
  "job",
];

/** The definition of a schedule, with every digit of its payload. @param json the schedule as the API shows it */
export function definitionText(json: string): string {
  const members = MEMBERS.flatMap((name) => {
    const text = memberText(json, name);
    if (text === undefined || text === "null") return [];
    return [`${JSON.stringify(name)}:${name === "catch_up" ? withoutNulls(text) : text}`];
  });
  return indented(`{${members.join(",")}}`);
}

/** @param json an object */
function withoutNulls(json: string): string {
  const members = Object.entries(JSON.parse(json) as object).filter(([, value]) => value !== null);
  return JSON.stringify(Object.fromEntries(members));
}

export type TimingKind = "cron" | "every" | "times";

const TIMINGS: Readonly<Record<TimingKind, readonly string[]>> = {
  cron: ["cron"],
  every: ["every_ms", "offset_ms"],
  times: ["times"],
};

/** Undefined where the definition has none, or more than one. */
export function timingKindOf(definition: JsonObject): TimingKind | undefined {
  const kinds = (Object.keys(TIMINGS) as TimingKind[]).filter((kind) =>
    TIMINGS[kind].some((name) => memberOf(definition, name) !== undefined),
  );
  return kinds.length === 1 ? kinds[0] : undefined;
}

/** The definition with another kind of timing, in the place of the old one. @param now epoch ms */
export function withTimingKind(definition: JsonObject, kind: TimingKind, now: number): JsonObject {
  const all = Object.values(TIMINGS).flat();
  const at = definition.members.findIndex(({ key }) => all.includes(key));
  const start = at === -1 ? 0 : at;
  const isKept = ({ key }: { readonly key: string }): boolean => !all.includes(key);
  const [key, value] = startOfTiming(kind, now);
  const member = { key, keyText: JSON.stringify(key), value: nodeOf(value) };
  const { members } = definition;
  return {
    kind: "object",
    members: [...members.slice(0, start).filter(isKept), member, ...members.slice(start).filter(isKept)],
  };
}

const DAY_MS = 86_400_000;

function startOfTiming(kind: TimingKind, now: number): readonly [string, unknown] {
  if (kind === "cron") return ["cron", "0 3 * * *"];
  if (kind === "every") return ["every_ms", 900_000];
  return ["times", [new Date(Math.ceil(now / DAY_MS) * DAY_MS + DAY_MS / 2).toISOString().replace(".000", "")]];
}

/** The timing of a definition, as far as it is valid. */
export function timingIn(definition: JsonObject): TimingFields {
  const number = (name: string): number | undefined => {
    const node = memberOf(definition, name);
    return node?.kind === "number" ? Number(node.text) : undefined;
  };
  const cron = memberOf(definition, "cron");
  const times = memberOf(definition, "times");
  return {
    cron: cron?.kind === "string" ? stringOf(cron) : undefined,
    every_ms: number("every_ms"),
    offset_ms: number("offset_ms"),
    times: times?.kind === "array" ? times.items.map(stringOf) : undefined,
  };
}

/** The type of the job; undefined where it has none. */
export function jobTypeOf(definition: JsonObject): string | undefined {
  const job = memberOf(definition, "job");
  const type = job?.kind === "object" ? memberOf(job, "type") : undefined;
  return type?.kind === "string" ? stringOf(type) : undefined;
}

const text = (description: string, more: Schema = {}): Schema => ({
  type: "string",
  description,
  maxLength: 1_000,
  ...more,
});
const whole = (description: string, minimum: number): Schema => ({ type: "integer", description, minimum });

/** The fields of the rules, in their order. Timing and job have controls of their own. */
export const RULES: Readonly<Record<string, Schema>> = {
  description: text("What it is for, in words."),
  overlap: {
    enum: ["skip", "allow", "queue_one", "cancel_previous"],
    description: "What a tick does while the job of the tick before has not finished.",
    default: "skip",
  },
  catch_up: {
    type: "object",
    description: "Which ticks are made up that nobody could fire in time.",
    properties: {
      policy: { enum: ["none", "last", "all"], default: "last" },
      within_ms: whole("Older ticks are not made up, in milliseconds. Without it: one period, at most 24 hours.", 0),
      max: { ...whole("At most so many.", 1), default: 100 },
    },
    additionalProperties: false,
  },
  pause_after_failures: whole("Pauses itself after so many failed jobs in a row.", 1),
  max_runs: whole("Ends after so many ticks.", 1),
  start_at: text("No tick before this time, RFC 3339.", { examples: ["2027-01-01T00:00:00Z"], maxLength: 64 }),
  end_at: text("No tick after this time, RFC 3339.", { maxLength: 64 }),
  jitter_ms: whole("Delays each tick by up to so many milliseconds, by the name of the schedule.", 0),
};

/** The options of the job that have fields; the JSON may have more. */
export const JOB_OPTIONS: Readonly<Record<string, Schema>> = {
  tags: { type: "array", items: { type: "string", maxLength: 100 }, description: "For filters." },
  group_key: text("Groups of one type take turns.", { maxLength: 200 }),
  priority: { type: "integer", minimum: 0, maximum: 9, description: "0 to 9, higher first.", default: 5 },
  max_attempts: whole("The most attempts before it fails.", 1),
  durability: { enum: ["redis", "postgres"], description: "What must hold the job before it counts as accepted." },
  callback_url: text("Gets a signed POST with each finished job.", { maxLength: 2_000 }),
};

/** The pointers of all fields of the form. */
const FIELDS = [
  "/cron",
  "/every_ms",
  "/offset_ms",
  "/times",
  "/time_zone",
  ...Object.keys(RULES).map((key) => `/${key}`),
  "/job/type",
  "/job/payload",
  ...Object.keys(JOB_OPTIONS).map((key) => `/job/${key}`),
];

/** Whether a field of the form shows the issues of this pointer. */
export function hasField(path: string): boolean {
  return FIELDS.some((field) => path === field || path.startsWith(`${field}/`));
}

/** The job of a definition with another type, and a payload to begin with. */
export function withJobType(definition: JsonObject, type: string, payload: JsonNode): JsonNode {
  const job = memberOf(definition, "job");
  const rest = job?.kind === "object" ? job.members.filter(({ key }) => key !== "type" && key !== "payload") : [];
  return {
    kind: "object",
    members: [
      { key: "type", keyText: '"type"', value: nodeOf(type) },
      { key: "payload", keyText: '"payload"', value: payload },
      ...rest,
    ],
  };
}
