/** One setting's text ↔ its value, as its schema says. Variables of the environment are text; a schema knows what is meant. */
import type { TSchema } from "typebox";
import Value from "typebox/value";

/** The keywords of JSON Schema that settings use. */
export interface SettingSchema {
  readonly type?: string;
  readonly enum?: readonly unknown[];
  readonly anyOf?: readonly SettingSchema[];
  readonly default?: unknown;
  /** What the table says in place of a default that differs from machine to machine, or follows another setting. */
  readonly defaultText?: string;
  /** What the table says of its values, where `type` does not say it. */
  readonly typeText?: string;
  readonly description?: string;
  readonly minimum?: number;
  readonly maximum?: number;
  readonly minLength?: number;
  readonly pattern?: string;
  /** What the pattern asks for, in words. */
  readonly expected?: string;
  /** It may hold a password or a key, so it may be given in a file (secret-files.ts). */
  readonly isSecret?: boolean;
  /** It names a folder, which must be there for the types that ask for it, unless it is the default's. */
  readonly isFolder?: boolean;
}

/** A setting that may be empty is a union with null: this is its other half. */
export function ofValue(schema: SettingSchema): SettingSchema {
  return schema.anyOf?.find(({ type }) => type !== "null") ?? schema;
}

/** The value that a text stands for; undefined where it is none that the schema allows. */
export function parseValue(schema: SettingSchema, text: string): unknown {
  const value = convert(ofValue(schema), text);
  return Value.Check(schema as TSchema, value) ? value : undefined;
}

function convert({ type }: SettingSchema, text: string): unknown {
  const bare = text.trim();
  if (type === "integer") return /^[+-]?\d+$/.test(bare) ? Number(bare) : undefined;
  if (type === "number") return bare === "" ? undefined : Number(bare);
  if (type === "boolean") return { true: true, 1: true, false: false, 0: false }[bare.toLowerCase()];
  return text;
}

/** What a schema asks for, in words: `integer >= 1`, `"all", "api" or "worker"`. */
export function expectation(schema: SettingSchema): string {
  const { type = "text", enum: choices, minimum, maximum, minLength, pattern, expected } = ofValue(schema);
  if (expected !== undefined) return expected;
  if (choices !== undefined) return anyOfThese(choices.map((choice) => JSON.stringify(choice)));
  if (type === "boolean") return "true or false";
  if (type === "string")
    return `text${minLength === undefined ? "" : ` of at least ${minLength} characters`}${pattern === undefined ? "" : ` that matches ${pattern}`}`;
  if (minimum !== undefined && maximum !== undefined) return `${type} from ${minimum} to ${maximum}`;
  if (minimum !== undefined) return `${type} >= ${minimum}`;
  return maximum === undefined ? type : `${type} <= ${maximum}`;
}

function anyOfThese(choices: readonly string[]): string {
  return choices.length < 2 ? choices.join("") : `${choices.slice(0, -1).join(", ")} or ${choices.at(-1) ?? ""}`;
}
