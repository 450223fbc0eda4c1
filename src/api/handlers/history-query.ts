/** Parses the queries of the calls about the history, or lists all their issues. */
import type { Rejection } from "../../core/body.ts";
import { invalid } from "../../core/body.ts";
import { readFilters } from "../../core/job-filters.ts";
import { parseTime } from "../../core/rfc3339.ts";
import type { ValidationIssue } from "../../core/schema-issues.ts";
import { escapePointer } from "../../core/schema-issues.ts";
import { DAY_MS, HOUR_MS, MINUTE_MS } from "../../core/time.ts";
import { MINUTES_KEPT_MS } from "../../results/history/compaction.ts";
import type { HistoryPeriod, SeriesStep } from "../../results/history/history-reader.ts";
import { MAX_SAMPLES, MAX_STEPS, STEPS } from "../contract/history-operations.ts";

export const STEP_MS: Readonly<Record<SeriesStep, number>> = { minute: MINUTE_MS, hour: HOUR_MS, day: DAY_MS };
const DEFAULT_STEPS = 60;
const DEFAULT_HOURS = 24;
/** A plus sign in a query means a space, which callers never mean before the offset of a time. */
const SPACED_OFFSET = / (?=\d\d:\d\d$)/;

type Parsed<Query> = Query | { readonly rejection: Rejection };

interface SeriesQuery extends HistoryPeriod {
  readonly step: SeriesStep;
  readonly isByType: boolean;
}

/** @param now epoch ms, from which the default period follows */
export function readSeriesQuery(query: string, now: number): Parsed<SeriesQuery> {
  const { members, issues } = membersOf(query, ["from", "to", "step", "type", "by"]);
  const { step: name = "minute" } = members;
  const step = STEPS.find((one) => one === name);
  if (step === undefined) issues.push({ path: "/step", message: `expected ${STEPS.join(", ")}` });
  if (members.by !== undefined && members.by !== "type") issues.push({ path: "/by", message: "expected type" });
  const maxSteps = step === undefined ? Infinity : MAX_STEPS;
  const rounding = { stepMs: STEP_MS[step ?? "minute"], defaultSteps: DEFAULT_STEPS, maxSteps, now };
  const period = periodOf(members, issues, rounding);
  return issues.length > 0 || step === undefined
    ? invalid(issues)
    : { ...period, step, isByType: members.by !== undefined };
}

/** @param now epoch ms, from which the default period follows */
export function readErrorsQuery(query: string, now: number): Parsed<HistoryPeriod> {
  const { members, issues } = membersOf(query, ["from", "to", "type"]);
  const period = periodOf(members, issues, {
    stepMs: HOUR_MS,
    defaultSteps: DEFAULT_HOURS,
    maxSteps: Infinity,
    now,
  });
  return issues.length > 0 ? invalid(issues) : period;
}

interface SamplesQuery extends Pick<HistoryPeriod, "from" | "to"> {
  /** A multiple of a minute: of a long period, one sample is returned for several minutes. */
  readonly stepMs: number;
}

/** The part of a period that may have samples. @param now epoch ms, from which the default period follows */
export function readSamplesQuery(query: string, now: number): Parsed<SamplesQuery> {
  const { members, issues } = membersOf(query, ["from", "to"]);
  const end = members.to === undefined ? now + 1 : timeOf(members.to, "/to", issues);
  const start = members.from === undefined ? end - DEFAULT_HOURS * HOUR_MS : timeOf(members.from, "/from", issues);
  if (start > end) issues.push({ path: "/from", message: "must not be after `to`" });
  if (issues.length > 0) return invalid(issues);
  const from = Math.max(start, now - MINUTES_KEPT_MS);
  const to = Math.max(from, Math.min(end, now + MINUTE_MS));
  // Both ends are rounded outwards, which may add two steps
  const stepMs = Math.max(1, Math.ceil((to - from) / MINUTE_MS / (MAX_SAMPLES - 2))) * MINUTE_MS;
  return { from: Math.floor(from / stepMs) * stepMs, to: Math.ceil(to / stepMs) * stepMs, stepMs };
}

type Members = Readonly<Record<string, string>>;

function membersOf(query: string, known: readonly string[]): { members: Members; issues: ValidationIssue[] } {
  const params = new URLSearchParams(query);
  const issues: ValidationIssue[] = [];
  const members: Record<string, string> = {};
  for (const name of new Set(params.keys())) {
    const [first = "", ...others] = params.getAll(name);
    if (!known.includes(name)) issues.push({ path: `/${escapePointer(name)}`, message: "is not a known field" });
    else if (others.length > 0) issues.push({ path: `/${name}`, message: "must be given once" });
    else members[name] = first;
  }
  return { members, issues };
}

interface Rounding {
  readonly stepMs: number;
  readonly defaultSteps: number;
  readonly maxSteps: number;
  readonly now: number;
}

function periodOf({ from, to, type }: Members, issues: ValidationIssue[], rounding: Rounding): HistoryPeriod {
  const { stepMs, defaultSteps, maxSteps, now } = rounding;
  const roundDown = (time: number): number => Math.floor(time / stepMs) * stepMs;
  const end = to === undefined ? roundDown(now) + stepMs : roundDown(timeOf(to, "/to", issues));
  const start =
    from === undefined ? Math.max(end - defaultSteps * stepMs, FIRST_TIME) : roundDown(timeOf(from, "/from", issues));
  const steps = (end - start) / stepMs; // NaN, which is not compared, if a time is invalid
  if (steps < 0) issues.push({ path: "/from", message: "must not be after `to`" });
  if (steps > maxSteps)
    issues.push({ path: "/from", message: `the period has ${steps} steps: expected at most ${maxSteps}` });
  const selection = readFilters(type === undefined ? {} : { type });
  if ("issues" in selection) issues.push(...selection.issues);
  return { from: start, to: end, types: "issues" in selection ? undefined : selection.filters.type };
}

/** RFC 3339 has years of four digits; an offset may lead to a time before or after them. */
const FIRST_TIME = Date.parse("0000-01-01T00:00:00Z");
const END_OF_TIME = Date.UTC(10_000, 0);

/** Epoch ms, from the first year on, where there are no jobs; NaN, and an issue, if the text is no time. */
function timeOf(given: string, path: string, issues: ValidationIssue[]): number {
  const read = parseTime(given.replace(SPACED_OFFSET, "+"));
  const time = read !== undefined && read < END_OF_TIME ? Math.max(read, FIRST_TIME) : undefined;
  if (time === undefined) issues.push({ path, message: "expected a time as in 2026-01-31T12:00:00Z (RFC 3339)" });
  return time ?? Number.NaN;
}
