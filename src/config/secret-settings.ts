/**
 * Finds the secret settings: those with `secret: true` in their schema. A secret setting may be given in a file
 * (secret-files.ts), and errors, the log and `--help` never show its value.
 */
import type { TObject } from "typebox";
import { isSecretOrKeyName } from "../observability/secret-name.ts";
import type { SettingSchema } from "./setting-value.ts";

/** The value of a setting that names a file or a folder is not secret, such as `DKIM_KEY_FILE`. */
const PATH_NAME = /_(?:FILE|DIR|PATH)$/;

/**
 * Whether a setting is secret. Without the keyword its name decides, so a custom job type that omits the keyword does
 * not leak a secret.
 */
export function isSecret(name: string, { secret }: SettingSchema): boolean {
  return secret ?? (isSecretOrKeyName(name) && !PATH_NAME.test(name));
}

/** The names of the secret settings in these tables, each once. */
export function secretNames(tables: readonly TObject[]): string[] {
  const settings = tables.flatMap(({ properties }) => Object.entries(properties) as [string, SettingSchema][]);
  return [...new Set(settings.filter(([name, schema]) => isSecret(name, schema)).map(([name]) => name))];
}

/** Shorter values may be common words, and replacing those would garble the log. */
const LEAST_LENGTH = 8;

/**
 * The values that no line of the log may show. Addresses are excluded: the log shows them and removes passwords from
 * URLs itself (redacted-url.ts).
 */
export function secretValues(values: Readonly<Record<string, unknown>>, tables: readonly TObject[]): string[] {
  return secretNames(tables)
    .map((name) => values[name])
    .filter((value) => typeof value === "string" && !value.includes("://"))
    .flatMap((value) => (value as string).split(/\s+/)) // several secrets during a rotation
    .filter((value) => value.length >= LEAST_LENGTH);
}
