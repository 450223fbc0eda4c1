import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { loadConfig } from "../config/config.ts";
import { UsageError } from "../errors.ts";
import { loadDefinitions, registryOf, settingsOf } from "../jobs/registry.ts";
import { tempDir } from "../testing/services.ts";
import { typesToRun } from "./settings-check.ts";

const definitions = await loadDefinitions();
const registry = registryOf(definitions, {});
function typesOf(env: Record<string, string>): string[] {
  const config = loadConfig(env, settingsOf(definitions));
  return typesToRun({ config, registry, typeSettings: config.typeSettings }).map(({ type }) => type);
}
function issuesOf(env: Record<string, string>): string[] {
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
  it("are rejected together, and no secret is shown", () => {
    const env = {
      WORKER_TYPES: "email,nope",
      CALLBACK_SECRET: "whsec_x",
      ARTIFACT_LINK_SECRET: "short",
      ARTIFACTS_URL: "http://bucket",
      EMAIL_FROM: "nobody",
      EMAIL_TEMPLATES_DIR: nowhere,
    };
    const issues = issuesOf(env);
    expect(issues.map((issue) => issue.split(":")[0])).toEqual(Object.keys(env));
    expect(issues[0]).toMatch(/^WORKER_TYPES: no job type is named nope; there are email, /);
    expect(issues.join()).not.toMatch(/whsec_x|short/);
  });

  it("list networks, or say true or false", () => {
    for (const networks of ["10/8", "fuel", "10.0.0.0/33"])
      expect(issuesOf({ OUTBOUND_ALLOW_PRIVATE: networks })).toEqual([
        expect.stringMatching(/^OUTBOUND_ALLOW_PRIVATE: expected true, false, or networks/),
      ]);
    for (const good of ["true", " FALSE ", "1", "10.1.0.0/16, fd12::/16"])
      expect(issuesOf({ OUTBOUND_ALLOW_PRIVATE: good })).toEqual([]);
  });

  it("have callback secrets that the scheme's libraries take", () => {
    const good = Buffer.alloc(24, "x").toString("base64");
    for (const secret of ["a", "words", `whsec_${good} short`, good.slice(4)])
      expect(issuesOf({ CALLBACK_SECRET: secret })).toEqual([
        expect.stringMatching(/^CALLBACK_SECRET: each secret must be whsec_ and then base64/),
      ]);
    for (const secret of [good, `whsec_${good}`, `whsec_${good} ${good}`])
      expect(issuesOf({ CALLBACK_SECRET: secret })).toEqual([]);
  });

  it("name folders that are there, where their types run", () => {
    const folders = { EMAIL_TEMPLATES_DIR: nowhere, EXPORT_QUERIES_DIR: import.meta.filename };
    expect(issuesOf(folders)).toEqual([
      `EMAIL_TEMPLATES_DIR: expected a folder, got "${nowhere}"`,
      `EXPORT_QUERIES_DIR: expected a folder, got "${import.meta.filename}"`,
    ]);
    expect(issuesOf({ ...folders, TASKFLOW_ROLE: "api" })).toEqual([]);
    expect(typesOf({ ...folders, WORKER_TYPES: "webhook" })).toEqual(["webhook"]);
    expect(typesOf({ EMAIL_TEMPLATES_DIR: tempDir() })).toContain("email");
  });
});
