/**
 * Converts the text of an environment variable to the value of a setting, and back, by the setting's schema.
 */
import type { TSchema } from "typebox";
import Value from "typebox/value";
import { at } from "../core/at.ts";
import type { Unit } from "./duration.ts";
import { parseDurationAs, shortDuration, unitOf } from "./duration.ts";

/** The keywords of JSON Schema that settings use. */
export interface SettingSchema {
  readonly type?: string;
  readonly enum?: readonly unknown[];
  readonly anyOf?: readonly SettingSchema[];
  readonly default?: unknown;
  /** The table shows this text instead of a default that depends on the machine or on another setting. */
  readonly defaultText?: string;
  /** The table shows this text as the type if `type` does not describe the values. */
  readonly typeText?: string;
  readonly description?: string;
  readonly minimum?: number;
  readonly maximum?: number;
  readonly minLength?: number;
  readonly pattern?: string;
  /** Describes the pattern in words. */
  readonly expected?: string;
  /**
   * The unit of a number whose name does not end in `_MS`, `_SECONDS` or `_DAYS`: the setting accepts durations such as
   * `15s` too.
   */
  readonly unit?: Unit;
  /** Whether the value may contain a password or a key (secret-settings.ts). */
  readonly secret?: boolean;
  /** The setting names a folder, which must exist for the types that use it, unless it is the default folder. */
  readonly isFolder?: boolean;
}

/** The schema of the value itself. The schema of a setting that may be empty is a union with null. */
export function ofValue(schema: SettingSchema): SettingSchema {
  return schema.anyOf?.find(({ type }) => type !== "null") ?? schema;
}

/** Parses a text as the value of setting `name`; undefined if the schema does not allow it. */
export function parseValue(name: string, schema: SettingSchema, text: string): unknown {
  const value = convert(name, ofValue(schema), text);
  return Value.Check(schema as TSchema, value) ? value : undefined;
}

function convert(name: string, schema: SettingSchema, text: string): unknown {
  const bare = text.trim();
  const unit = unitOf(name, schema);
  const amount = unit && parseDurationAs(unit, bare);
  if (amount !== undefined) return amount;
  if (schema.type === "integer") return /^[+-]?\d+$/.test(bare) ? Number(bare) : undefined;
  if (schema.type === "number") return bare === "" ? undefined : Number(bare);
  if (schema.type === "boolean") return { true: true, 1: true, false: false, 0: false }[bare.toLowerCase()];
  return text;
}

/** Describes the schema of setting `name` in words: `integer >= 1`, `"all", "api" or "worker"`. */
export function expectation(name: string, schema: SettingSchema): string {
  const value = ofValue(schema);
  const { type = "text", enum: choices, minLength, pattern, expected } = value;
  if (expected !== undefined) return expected;
  if (choices !== undefined) return anyOfThese(choices.map((choice) => JSON.stringify(choice)));
  if (type === "boolean") return "true or false";
  if (type === "string") return stringExpectation(minLength, pattern);
  const unit = unitOf(name, value);
  if (unit === undefined) return rangeText(type, value, String);
  return `${rangeText(unit, value, String)}, or ${rangeText("a duration", value, (amount) => shortDuration(amount, unit))}, such as ${DURATION_EXAMPLES[unit]}`;
}

const DURATION_EXAMPLES: Readonly<Record<Unit, string>> = {
  milliseconds: "500ms or 15s",
  seconds: "90s or 2h",
  days: "30d",
};

function stringExpectation(minLength = 0, pattern: string | undefined): string {
  const matching = pattern === undefined ? "" : ` that matches ${pattern}`;
  if (minLength === 1) return `a non-empty string${matching}`;
  return `a string${minLength === 0 ? "" : ` of at least ${minLength} characters`}${matching}`;
}

function rangeText(what: string, { minimum, maximum }: SettingSchema, show: (bound: number) => string): string {
  if (minimum !== undefined && maximum !== undefined) return `${what} from ${show(minimum)} to ${show(maximum)}`;
  if (minimum !== undefined) return `${what} >= ${show(minimum)}`;
  return maximum === undefined ? what : `${what} <= ${show(maximum)}`;
}

function anyOfThese(choices: readonly string[]): string {
  return choices.length < 2
    ? choices.join("")
    : `${choices.slice(0, -1).join(", ")} or ${at(choices, choices.length - 1)}`;
}
