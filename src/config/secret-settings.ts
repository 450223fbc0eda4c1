/**
 * Which settings are secret: those whose schema says `secret: true`. A secret setting may be given in a file
 * (secret-files.ts), and errors, the log and `--help` never show its value.
 */
import type { TObject } from "typebox";
import { isSecretOrKeyName } from "../observability/secret-name.ts";
import type { SettingSchema } from "./setting-value.ts";

/** Settings that name a file or a folder hold no secret themselves: `DKIM_KEY_FILE`. */
const PATH_NAME = /_(?:FILE|DIR|PATH)$/;

/**
 * Whether a setting is secret. Without the keyword its name decides, so that a type of your own that forgot it leaks
 * nothing.
 */
export function isSecret(name: string, { secret }: SettingSchema): boolean {
  return secret ?? (isSecretOrKeyName(name) && !PATH_NAME.test(name));
}

/** The names of the secret settings in these tables, each once. */
export function secretNames(tables: readonly TObject[]): string[] {
  const settings = tables.flatMap(({ properties }) => Object.entries(properties) as [string, SettingSchema][]);
  return [...new Set(settings.filter(([name, schema]) => isSecret(name, schema)).map(([name]) => name))];
}

/** Shorter values are common words: to replace each one would garble the log. */
const LEAST_LENGTH = 8;

/**
 * The values that the log must not show, whatever line they are in. Addresses are left out: the log names them, and
 * takes passwords out of URLs itself (redacted-url.ts).
 */
export function secretValues(values: Readonly<Record<string, unknown>>, tables: readonly TObject[]): string[] {
  return secretNames(tables)
    .map((name) => values[name])
    .filter((value) => typeof value === "string" && !value.includes("://"))
    .flatMap((value) => (value as string).split(/\s+/)) // several secrets, while one replaces another
    .filter((value) => value.length >= LEAST_LENGTH);
}
