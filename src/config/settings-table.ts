/**
 * Describes the settings for users, as the table in docs/operations/configuration.md and as the text of `--help`.
 */
import type { TObject } from "typebox";
import { unitOf } from "./duration.ts";
import { namesInFiles } from "./secret-files.ts";
import { isSecret } from "./secret-settings.ts";
import type { SettingSchema } from "./setting-value.ts";
import { ofValue } from "./setting-value.ts";
import { baseSettings } from "./settings.ts";

export interface SettingRow {
  readonly name: string;
  /**
   * `integer`, `text`, `true or false`, `milliseconds or duration`, or the choices: `all, api, worker`; with `or file`
   * where `NAME_FILE` may name a file.
   */
  readonly type: string;
  /** Empty for a secret, and if the setting has no default. */
  readonly default: string;
  /** Markdown with no formatting except code between backticks. */
  readonly description: string;
}

const TYPE_WORDS: Readonly<Record<string, string>> = { string: "text", boolean: "true or false" };

/** Returns one row per setting: the program's settings, then those that only job types name, in their order. */
export function describeSettings(typeSettings: readonly TObject[]): SettingRow[] {
  const schemas: Record<string, SettingSchema> = {};
  const mayBeInFile = new Set(namesInFiles([baseSettings, ...typeSettings]));
  for (const { properties } of [baseSettings, ...typeSettings]) {
    // the program's description has precedence
    for (const [name, schema] of Object.entries(properties)) schemas[name] ??= schema as SettingSchema;
  }
  return Object.entries(schemas).map(([name, schema]) => ({
    name,
    type: `${typeWords(name, ofValue(schema))}${mayBeInFile.has(name) ? " or file" : ""}`,
    default: isSecret(name, schema) ? "" : (schema.defaultText ?? defaultWords(schema.default)),
    description: schema.description ?? "",
  }));
}

function typeWords(name: string, schema: SettingSchema): string {
  const { type = "", typeText, enum: choices } = schema;
  if (typeText !== undefined) return typeText;
  if (choices !== undefined) return choices.filter((choice) => choice !== "").join(", ");
  const unit = unitOf(name, schema);
  return unit === undefined ? (TYPE_WORDS[type] ?? type) : `${unit} or duration`;
}

function defaultWords(value: unknown): string {
  return typeof value === "string" || typeof value === "number" || typeof value === "boolean" ? String(value) : "";
}

/** Formats the rows as a Markdown table. */
export function settingsTable(rows: readonly SettingRow[]): string {
  const cell = (text: string) => text.replaceAll("|", "\\|");
  const lines = rows.map((row) => {
    const value = row.default === "" ? "" : `\`${cell(row.default)}\``;
    return `| \`${row.name}\` | ${cell(row.type)} | ${value} | ${cell(row.description)} |`;
  });
  return ["| variable | type | default | meaning |", "|---|---|---|---|", ...lines, ""].join("\n");
}

const HELP_COLUMNS = 100;
const INTRODUCTION = `Settings are variables of the environment; an empty one counts as not set.
"or file": NAME_FILE may name a file that holds the value.
"or duration": a number with ms, s, m, h or d, such as 500ms, 15s, 1h30m or 30d.`;

/** Formats the rows as plain text for a terminal. */
export function settingsHelp(rows: readonly SettingRow[]): string {
  const entries = rows.map(({ name, type, default: value, description }) => {
    const kind = value === "" ? type : `${type}; default ${value}`;
    return [
      `  ${name}  (${kind})`,
      ...wrap(description.replaceAll("`", ""), HELP_COLUMNS - 6).map((line) => `      ${line}`),
    ].join("\n");
  });
  return `${INTRODUCTION}\n\n${entries.join("\n")}\n`;
}

function wrap(text: string, columns: number): string[] {
  const lines: string[] = [];
  for (const word of text.split(" ")) {
    const last = lines.at(-1);
    if (last !== undefined && last.length + 1 + word.length <= columns) lines[lines.length - 1] = `${last} ${word}`;
    else lines.push(word);
  }
  return lines;
}
