/**
 * Templates in the strings of a schedule's job:
 *
 *   `${tick}` `${previous_tick}`       RFC 3339 in UTC
 *   `${tick-1d}` `${tick+90m}`         moved: d days and w weeks of the zone's calendar, h hours, m minutes
 *   `${tick-1d:YYYY-MM-DD}`            by a pattern, in the zone of the schedule
 *   `$${tick}`                         the text `${tick}`
 *
 * All other text stays as it is. A resolved template is at most four times as long as the template.
 */
import type { Visitor } from "../json-span.ts";
import { rewritten, valueText } from "../json-span.ts";
import { escapedText, replacedInString } from "../json-string.ts";
import { formatTime } from "../rfc3339.ts";
import type { ValidationIssue } from "../schema-issues.ts";
import { escapePointer } from "../schema-issues.ts";
import { DAY_MS, HOUR_MS, MINUTE_MS } from "../time.ts";
import { zoneOf } from "./zone.ts";

/** What templates are resolved with. Times are epoch ms. */
export interface TemplateFacts {
  readonly tick: number;
  readonly previousTick: number;
  readonly timeZone: string;
}

/** Anything that begins like a template. The first group is the `$` of an escape. */
const CANDIDATE = /(\$?)\$\{(?:previous_)?tick[^}]*\}?/g;
const TEMPLATE = /^\$\{(tick|previous_tick)(?:([+-])(\d{1,8})([dwhm]))?(?::([^}]+))?\}$/;
const UNIT_MS = { d: DAY_MS, w: 7 * DAY_MS, h: HOUR_MS, m: MINUTE_MS } as const;
/** A hundred years. */
const MAX_MOVE_MS = 36_525 * DAY_MS;
/** Longer names come first. `[…]` contains text, and so does everything that is no letter. */
const PATTERN_PART = /\[([^[\]]*)\]|YYYY|YY|MM|DD|HH|mm|ss|SSS|Z|T|[^A-Za-z[\]]+/g;

interface Template {
  readonly name: "tick" | "previous_tick";
  readonly moveBy: number;
  readonly unit: keyof typeof UNIT_MS;
  readonly pattern: string | undefined;
}

/** Undefined for a text that is no template. */
function readTemplate(text: string): Template | undefined {
  const [, name, sign, digits, unit, pattern] = TEMPLATE.exec(text) ?? [];
  if (name === undefined) return undefined;
  const template: Template = {
    name: name as Template["name"],
    moveBy: digits === undefined ? 0 : Number(`${sign ?? ""}${digits}`),
    unit: (unit ?? "d") as Template["unit"],
    pattern,
  };
  if (Math.abs(template.moveBy) * UNIT_MS[template.unit] > MAX_MOVE_MS) return undefined;
  return pattern === undefined || pattern.replace(PATTERN_PART, "") === "" ? template : undefined;
}

function textOf({ name, moveBy, unit, pattern }: Template, facts: TemplateFacts): string {
  const zone = zoneOf(facts.timeZone);
  const instant = name === "tick" ? facts.tick : facts.previousTick;
  const moved =
    moveBy === 0
      ? instant
      : unit === "h" || unit === "m"
        ? instant + moveBy * UNIT_MS[unit]
        : zone.instantOf(zone.localOf(instant) + moveBy * UNIT_MS[unit]);
  if (pattern === undefined) return formatTime(moved);
  const local = zone.localOf(moved);
  return patterned(pattern, local, local - moved);
}

function patterned(pattern: string, local: number, offset: number): string {
  const [year, month, day, hour, minute, second, millisecond] = new Date(local).toISOString().match(/\d+/g) ?? [];
  const sign = offset < 0 ? "-" : "+";
  const [offsetHour, offsetMinute] = new Date(Math.abs(offset)).toISOString().slice(11, 16).split(":");
  const values: Readonly<Record<string, string | undefined>> = {
    YYYY: year,
    YY: year?.slice(-2),
    MM: month,
    DD: day,
    HH: hour,
    mm: minute,
    ss: second,
    SSS: millisecond,
    Z: `${sign}${offsetHour}:${offsetMinute}`,
  };
  return pattern.replace(PATTERN_PART, (part, literal: string | undefined) => literal ?? values[part] ?? part);
}

/** Any character of a template may be spelled as an escape sequence. */
const MAY_HAVE_TEMPLATE = /\$\{|\\u/;

/** Whether {@link resolved} may change a text. */
export function mayHaveTemplate(json: string): boolean {
  return MAY_HAVE_TEMPLATE.test(json);
}

/**
 * The JSON text of a job with its templates resolved; everything else stays as it is, with all digits of its numbers.
 * @param json a text without issues ({@link templateIssues})
 */
export function resolved(json: string, facts: TemplateFacts): string {
  if (!mayHaveTemplate(json)) return json;
  const visit: Visitor = (_name, text, start) => {
    if (text.charAt(start) !== '"') return visit;
    const replacementOf = (found: string): string => escapedText(replacement(found, facts));
    return replacedInString(valueText(text, start), CANDIDATE, replacementOf);
  };
  return rewritten(json, visit);
}

/** @param found a match of {@link CANDIDATE} */
function replacement(found: string, facts: TemplateFacts): string {
  if (found.startsWith("$$")) return found.slice(1);
  const template = readTemplate(found);
  return template ? textOf(template, facts) : found;
}

/** The issues of all templates of a job. @param value the result of JSON.parse @param path JSON pointer to it */
export function templateIssues(value: unknown, path: string): ValidationIssue[] {
  if (typeof value === "string") return badTemplates(value).map((message) => ({ path, message }));
  if (typeof value !== "object" || value === null) return [];
  return Object.entries(value).flatMap(([name, member]: [string, unknown]) => {
    const at = `${path}/${escapePointer(name)}`;
    const ofName = readsAsTemplate(name)
      ? [{ path: at, message: "templates are resolved in values, not in names; write $${ for the text ${" }]
      : [];
    return [...ofName, ...templateIssues(member, at)];
  });
}

function readsAsTemplate(text: string): boolean {
  return [...text.matchAll(CANDIDATE)].some(([, escape]) => escape === "");
}

function badTemplates(text: string): string[] {
  return [...text.matchAll(CANDIDATE)]
    .filter(([found, escape]) => escape === "" && !readTemplate(found))
    .map(
      ([found]) =>
        `${JSON.stringify(found.slice(0, 64))} is no template: expected \${tick}, \${previous_tick}, or a form such as ` +
        "${tick-1d:YYYY-MM-DD} (d, w, h, m; at most 100 years); write $${ for the text ${",
    );
}
