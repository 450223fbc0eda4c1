/**
 * Turns unknown JSON into a definition, or into all its validation issues, and reads the stored text of a definition.
 * That text is what the API shows: all defaults are filled in, and the job has all digits of its numbers.
 */
import type { Static } from "typebox";
import { memberText } from "../json-span.ts";
import { isLarge, LARGE_PAYLOAD_LENGTH } from "../payload.ts";
import { formatTime, parseTime } from "../rfc3339.ts";
import type { ValidationIssue } from "../schema-issues.ts";
import { parseSubmission } from "../submission.ts";
import { compileValidator } from "../validator.ts";
import { parseCron } from "./cron.ts";
import { DEFAULT_MAX_CAUGHT_UP, envelopeSchema, TICK_FIELDS } from "./definition-schema.ts";
import type { ScheduleDefinition, Timing } from "./schedule.ts";
import { resolved, templateIssues } from "./templates.ts";
import type { SubmissionRules } from "./tick-job.ts";
import { LAST_INSTANT, ticksOf } from "./timing.ts";
import { isZoneName } from "./zone.ts";

/** Its payload is never a large one, with templates or resolved. */
const MAX_JOB_BYTES = LARGE_PAYLOAD_LENGTH;
/** All jobs that one decision makes up are one call of Redis. */
const MAX_CAUGHT_UP_BYTES = 4 * 1024 * 1024;

export interface ScheduleRules extends SubmissionRules {
  /** The schedule's name, by which `H` is chosen. */
  readonly name: string;
  /** Epoch ms: the job is checked with its templates resolved for the next tick. */
  readonly now: number;
}

export type ParsedSchedule =
  | {
      readonly definition: ScheduleDefinition;
      /** The JSON of the definition in one line, for {@link readDefinition}. Equal definitions have equal texts. */
      readonly text: string;
    }
  | { readonly issues: readonly ValidationIssue[] };

const envelope = compileValidator(envelopeSchema);
const FIELDS = Object.keys(envelopeSchema.properties);
type Fields = Partial<Static<typeof envelopeSchema>>;

/**
 * @param value the result of JSON.parse for `json`, whose nesting must be bounded
 * @throws Error before loadCron
 */
export function parseSchedule(value: unknown, json: string, rules: ScheduleRules): ParsedSchedule {
  const issues: ValidationIssue[] = envelope.isValid(value) ? [] : envelope.issuesOf(value);
  if (typeof value !== "object" || value === null || Array.isArray(value)) return { issues };
  const fields = validFields(value, issues);
  const timeZone = readZone(fields.time_zone, issues);
  const timing = readTiming(fields, timeZone, rules.name, issues, (name) => Object.hasOwn(value, name));
  const bounds = readBounds(fields, issues);
  const job = fields.job && readJob(fields.job, json, { ...rules, timeZone, timing }, issues);
  checkCaughtUp(fields, job, issues);
  if (issues.length > 0 || !timing || job === undefined) return { issues };
  const text = textOf(fields, timing, timeZone, bounds, job);
  return { definition: readDefinition(text), text };
}

/** The members that have no issue so far, so that one answer reports all issues. */
function validFields(value: object, issues: readonly ValidationIssue[]): Fields {
  const invalid = new Set(issues.map(({ path }) => path.split("/", 2)[1]));
  const isValid = (name: string): boolean => Object.hasOwn(value, name) && !invalid.has(name);
  return Object.fromEntries(
    FIELDS.filter(isValid).map((name) => [name, (value as Readonly<Record<string, unknown>>)[name]]),
  );
}

function readZone(name: string | undefined, issues: ValidationIssue[]): string {
  if (name === undefined || isZoneName(name)) return name ?? "UTC";
  issues.push({
    path: "/time_zone",
    message: "is not a known time zone: expected an IANA name, such as Europe/Berlin",
  });
  return "UTC";
}

function readTiming(
  { cron, every_ms, offset_ms, times }: Fields,
  timeZone: string,
  name: string,
  issues: ValidationIssue[],
  isGiven: (name: string) => boolean,
): Timing | undefined {
  const given = ["cron", "every_ms", "times"].filter(isGiven);
  if (given.length !== 1)
    issues.push({
      path: given.length === 0 ? "" : `/${given[1]}`,
      message: "expected exactly one of cron, every_ms and times",
    });
  if (offset_ms !== undefined && offset_ms > 0 && !isGiven("every_ms"))
    issues.push({ path: "/offset_ms", message: "is only for every_ms" });
  if (every_ms !== undefined && offset_ms !== undefined && offset_ms >= every_ms)
    issues.push({ path: "/offset_ms", message: "expected less than every_ms" });
  const instants = times?.map((text, index) => readInstant(`/times/${index}`, text, issues));
  const parsed = cron === undefined ? undefined : parseCron(cron, name);
  if (parsed && "problem" in parsed) issues.push({ path: "/cron", message: parsed.problem });
  else if (cron !== undefined) return { kind: "cron", cron: oneSpaced(cron), timeZone };
  if (every_ms !== undefined) return { kind: "every", everyMs: every_ms, offsetMs: offset_ms ?? 0 };
  if (instants === undefined) return undefined;
  return { kind: "times", times: [...new Set(instants)].sort((a, b) => a - b) };
}

function oneSpaced(cron: string): string {
  return cron.trim().replace(/\s+/g, " ");
}

interface Bounds {
  readonly startAt: number | null;
  readonly endAt: number | null;
}

function readBounds({ start_at, end_at }: Fields, issues: ValidationIssue[]): Bounds {
  const read = (path: string, text: string | null | undefined): number | null =>
    text === null || text === undefined ? null : readInstant(path, text, issues);
  const startAt = read("/start_at", start_at);
  const endAt = read("/end_at", end_at);
  if (startAt !== null && endAt !== null && endAt < startAt)
    issues.push({ path: "/end_at", message: "expected a time at or after start_at" });
  return { startAt, endAt };
}

/** NaN, which is not before or after any time, with an issue for a text that is no time. */
function readInstant(path: string, text: string, issues: ValidationIssue[]): number {
  const instant = parseTime(text);
  if (instant !== undefined && instant >= 0 && instant <= LAST_INSTANT) return instant;
  const expected = instant === undefined ? "a time as in 2026-01-31T12:00:00Z (RFC 3339)" : "a time from 1970 to 9999";
  issues.push({ path, message: `expected ${expected}` });
  return Number.NaN;
}

interface JobRules extends ScheduleRules {
  readonly timeZone: string;
  /** Undefined if it is not valid. */
  readonly timing: Timing | undefined;
}

/** The text of the job without space between its tokens. */
function readJob(value: object, json: string, rules: JobRules, issues: ValidationIssue[]): string {
  const job = compact(memberText(json, "job") ?? "{}");
  if (Buffer.byteLength(job) > MAX_JOB_BYTES) {
    issues.push({ path: "/job", message: `expected at most ${MAX_JOB_BYTES} bytes without space between tokens` });
    return job;
  }
  const own = templateIssues(value, "/job");
  for (const name of TICK_FIELDS) {
    if (Object.hasOwn(value, name))
      own.push({ path: `/job/${name}`, message: "is not allowed in a schedule: its job starts at each tick" });
  }
  const sample = resolved(job, sampleTick(rules));
  const parsed = parseSubmission(JSON.parse(sample), sample, rules.typeOf, rules.now, rules.durability);
  if ("issues" in parsed) {
    const reported = new Set(own.map(({ path }) => path));
    const others = parsed.issues.map(({ path, message }) => ({ path: `/job${path}`, message }));
    own.push(...others.filter(({ path }) => !reported.has(path)));
  } else if (isLarge(parsed.submission.payload)) {
    const message = `expected at most ${LARGE_PAYLOAD_LENGTH} characters, with its templates resolved`;
    own.push({ path: "/job/payload", message });
  }
  issues.push(...own);
  return job;
}

function sampleTick({ timing, name, now, timeZone }: JobRules): Parameters<typeof resolved>[1] {
  const ticks = timing && !hasNaN(timing) ? ticksOf(timing, name) : undefined;
  const tick = ticks?.next(now) ?? now;
  return { tick, previousTick: ticks?.last(-Infinity, tick - 1) ?? tick, timeZone };
}

function hasNaN(timing: Timing): boolean {
  return timing.kind === "times" && timing.times.some(Number.isNaN);
}

const TOKEN_OR_SPACE = /("(?:[^"\\]|\\.)*")|\s+/g;

function compact(json: string): string {
  return json.replace(TOKEN_OR_SPACE, (_, text: string | undefined) => text ?? "");
}

function checkCaughtUp({ catch_up }: Fields, job: string | undefined, issues: ValidationIssue[]): void {
  if (job === undefined || catch_up?.max === undefined) return;
  const max = Math.floor(MAX_CAUGHT_UP_BYTES / Math.max(1, Buffer.byteLength(job)));
  if (catch_up.max > max)
    issues.push({ path: "/catch_up/max", message: `expected at most ${max} for a job of this size` });
}

function textOf(fields: Fields, timing: Timing, timeZone: string, { startAt, endAt }: Bounds, job: string): string {
  const { policy = "last", within_ms = null, max = DEFAULT_MAX_CAUGHT_UP } = fields.catch_up ?? {};
  const head = {
    ...timingMembers(timing),
    time_zone: timeZone,
    overlap: fields.overlap ?? "skip",
    catch_up: { policy, within_ms, max },
    jitter_ms: fields.jitter_ms ?? 0,
    start_at: startAt === null ? null : formatTime(startAt),
    end_at: endAt === null ? null : formatTime(endAt),
    max_runs: fields.max_runs ?? null,
    pause_after_failures: fields.pause_after_failures ?? null,
  };
  const description = JSON.stringify(fields.description ?? null);
  return `${JSON.stringify(head).slice(0, -1)},"job":${job},"description":${description}}`;
}

function timingMembers(timing: Timing): object {
  switch (timing.kind) {
    case "cron":
      return { cron: timing.cron };
    case "every":
      return { every_ms: timing.everyMs, offset_ms: timing.offsetMs };
    case "times":
      return { times: timing.times.map((time) => formatTime(time)) };
  }
}

/** A definition's text, parsed: all members have a value. */
type Stored = Required<Omit<Fields, "catch_up" | "cron" | "every_ms" | "times" | "job">> &
  Pick<Fields, "cron" | "every_ms" | "times"> & {
    readonly catch_up: Required<NonNullable<Fields["catch_up"]>>;
  };

/** Reads the text of a checked definition ({@link parseSchedule}). */
export function readDefinition(text: string): ScheduleDefinition {
  const stored = JSON.parse(text) as Stored;
  const { policy, within_ms, max } = stored.catch_up;
  const timeOrNull = (time: string | null): number | null => (time === null ? null : Date.parse(time));
  return {
    timing: storedTiming(stored),
    timeZone: stored.time_zone,
    overlap: stored.overlap,
    catchUp: { policy, withinMs: within_ms, max },
    jitterMs: stored.jitter_ms,
    startAt: timeOrNull(stored.start_at),
    endAt: timeOrNull(stored.end_at),
    maxRuns: stored.max_runs,
    pauseAfterFailures: stored.pause_after_failures,
    job: memberText(text, "job") ?? "{}",
    description: stored.description,
  };
}

function storedTiming({ cron, every_ms, offset_ms, times, time_zone }: Stored): Timing {
  if (cron !== undefined) return { kind: "cron", cron, timeZone: time_zone };
  if (every_ms !== undefined) return { kind: "every", everyMs: every_ms, offsetMs: offset_ms };
  return { kind: "times", times: (times ?? []).map((time) => Date.parse(time)) };
}
