/** Secrets in files, as Docker and Kubernetes mount them: `NAME_FILE` names the file that holds the value of the setting NAME. */
import { readFileSync } from "node:fs";
import type { TObject } from "typebox";
import { codeOf, messageOf } from "../errors.ts";
import type { SettingSchema } from "./setting-value.ts";

type Environment = Readonly<Record<string, string | undefined>>;

/** The names of the settings in these tables that may be given in a file. */
export function secretNames(tables: readonly TObject[]): string[] {
  const all = tables.flatMap(({ properties }) => Object.entries(properties) as [string, SettingSchema][]);
  const names = new Set(all.map(([name]) => name));
  return [
    ...new Set(
      all.filter(([name, { isSecret }]) => isSecret === true && !names.has(fileSetting(name))).map(([name]) => name),
    ),
  ];
}

/** The variable that names a setting's file. */
export function fileSetting(name: string): string {
  return `${name}_FILE`;
}

/**
 * The environment with the values that files hold in the place of their names. Line ends at the end of a file do not belong to the value.
 * @param faults gets a sentence for each file that cannot be read, is empty, or stands beside the setting itself; never what a file holds
 */
export function withSecretFiles(env: Environment, names: readonly string[], issues: Set<string>): Environment {
  const values: Record<string, string> = {};
  for (const name of names) {
    const path = env[fileSetting(name)] ?? "";
    if (path === "") continue;
    if ((env[name] ?? "") !== "") issues.add(`${fileSetting(name)}: ${name} is set, too: set one of the two`);
    else values[name] = readSecret(name, path, issues);
  }
  return { ...env, ...values };
}

function readSecret(name: string, path: string, issues: Set<string>): string {
  try {
    const text = readFileSync(path, "utf8").replace(/[\r\n]+$/, "");
    if (text === "") issues.add(`${fileSetting(name)}: ${JSON.stringify(path)} is empty`);
    return text;
  } catch (error) {
    issues.add(`${fileSetting(name)}: ${JSON.stringify(path)} cannot be read (${codeOf(error) ?? messageOf(error)})`);
    return "";
  }
}
