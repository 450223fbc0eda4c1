import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { loadConfig } from "../config.ts";
import { UsageError } from "../errors.ts";
import { loadDefinitions, registryOf, settingsOf } from "../registry.ts";
import { tempDir } from "../testing/services.ts";
import { typesToRun } from "./settings-check.ts";

const definitions = await loadDefinitions();
const registry = registryOf(definitions, {});
function typesOf(env: Record<string, string>): string[] {
  const config = loadConfig(env, settingsOf(definitions));
  return typesToRun({ config, registry, typeSettings: config.typeSettings }).map(({ type }) => type);
}
function faultsOf(env: Record<string, string>): string[] {
  try {
    typesOf(env);
    return [];
  } catch (error) {
    expect(error).toBeInstanceOf(UsageError);
    return (error as UsageError).message.split("\n");
  }
}
const nowhere = join(tempDir(), "nowhere");

describe("the settings that only parts can judge", () => {
  it("are refused all at once, and no secret is shown", () => {
    const env = { WORKER_TYPES: "email,nope", CALLBACK_SECRET: "whsec_x", ARTIFACT_LINK_SECRET: "short", ARTIFACTS_URL: "http://bucket", EMAIL_FROM: "nobody", EMAIL_TEMPLATES_DIR: nowhere };
    const faults = faultsOf(env);
    expect(faults.map((fault) => fault.split(":")[0])).toEqual(Object.keys(env));
    expect(faults[0]).toMatch(/^WORKER_TYPES: no job type is named nope; there are email, /);
    expect(faults.join()).not.toMatch(/whsec_x|short/);
  });

  it("name folders that are there, where their types run", () => {
    const folders = { EMAIL_TEMPLATES_DIR: nowhere, EXPORT_QUERIES_DIR: import.meta.filename };
    expect(faultsOf(folders)).toEqual([`EMAIL_TEMPLATES_DIR: expected a folder, got "${nowhere}"`, `EXPORT_QUERIES_DIR: expected a folder, got "${import.meta.filename}"`]);
    expect(faultsOf({ ...folders, TASKFLOW_ROLE: "api" })).toEqual([]);
    expect(typesOf({ ...folders, WORKER_TYPES: "webhook" })).toEqual(["webhook"]);
    expect(typesOf({ EMAIL_TEMPLATES_DIR: tempDir() })).toContain("email");
  });
});
