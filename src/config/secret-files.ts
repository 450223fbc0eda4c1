/**
 * Reads secrets from files, as Docker and Kubernetes mount them: `NAME_FILE` names the file with the value of the
 * setting NAME.
 */
import { readFileSync } from "node:fs";
import type { TObject } from "typebox";
import { codeOf, messageOf } from "../errors.ts";
import { secretNames } from "./secret-settings.ts";

type Environment = Readonly<Record<string, string | undefined>>;

/**
 * The names of the settings that may be given in a file: the secret ones, unless NAME_FILE is itself a setting.
 */
export function namesInFiles(tables: readonly TObject[]): string[] {
  const names = new Set(tables.flatMap(({ properties }) => Object.keys(properties)));
  return secretNames(tables).filter((name) => !names.has(fileSetting(name)));
}

/** The name of the variable that names a setting's file. */
export function fileSetting(name: string): string {
  return `${name}_FILE`;
}

/**
 * Returns the environment with the contents of the files as the values of their settings, without line ends at the end
 * of a file.
 * @param issues called with a sentence, never with file contents, if a file cannot be read, is empty, or its setting is
 * set too
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
    const contents = readFileSync(path, "utf8").replace(/[\r\n]+$/, "");
    if (contents === "") issues.add(`${fileSetting(name)}: ${JSON.stringify(path)} is empty`);
    return contents;
  } catch (error) {
    issues.add(`${fileSetting(name)}: ${JSON.stringify(path)} cannot be read (${codeOf(error) ?? messageOf(error)})`);
    return "";
  }
}
