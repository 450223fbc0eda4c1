import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { Type } from "typebox";
import { describe, expect, it } from "vitest";
import type { AnyJobDefinition } from "../core/job-type.ts";
import { defineJob, fixed } from "../core/job-type.ts";
import { StartError } from "../errors.ts";
import { tempDir } from "../testing/services.ts";
import { BUILT_IN, builtInTypes, loadDefinitions, loadRegistry, registryOf, settingsOf } from "./registry.ts";

const base = defineJob({
  type: "note",
  lane: "io",
  payload: Type.Object({ to: Type.Union([Type.String(), Type.Array(Type.String())]) }, { additionalProperties: false }),
  check: ({ to }) => (to === "nobody" ? [{ path: "/to", message: "is nobody" }] : []),
  attempts: 3,
  timeoutMs: 1_000,
  backoff: fixed(1_000),
  run: () => ({}),
});
const one = (changes: object, settings = {}) =>
  registryOf([{ source: "a.mjs", definition: { ...base, ...changes } as AnyJobDefinition }], settings);

function folderWith(files: Readonly<Record<string, string>>): string {
  const folder = tempDir();
  for (const [name, text] of Object.entries(files)) writeFileSync(join(folder, name), text);
  return folder;
}

const OWN = `export default ({ defineJob, Type, fixed }) => defineJob({
  type: "own_type", lane: "io", payload: Type.Object({ n: Type.Integer() }), settings: Type.Object({ OWN: Type.String({ default: "" }) }),
  attempts: 1, timeoutMs: 1000, backoff: fixed(10), maxBodyBytes: 5000, run: ({ n }) => n })`;

describe("a registry", () => {
  it("holds the built-in types", async () => {
    const registry = await loadRegistry({ settings: {} });
    expect(registry.types.map(({ definition }) => definition)).toEqual(builtInTypes);
    expect(registry.types.every(({ source }) => source === BUILT_IN)).toBe(true);
    expect(registry.get("email")).toMatchObject({ maxBodyBytes: 16 * 1024 * 1024, hidesSecrets: true });
    expect(registry.get("image_resize")).toMatchObject({ hidesSecrets: true });
    expect(registry.get("webhook")?.maxBodyBytes).toBe(0);
    expect(settingsOf(await loadDefinitions()).flatMap(({ properties }) => Object.keys(properties))).toContain(
      "SMTP_URL",
    );
  });

  it("takes the examples of each built-in type", async () => {
    for (const jobType of (await loadRegistry({ settings: {} })).types) {
      const { type, definition } = jobType;
      const { examples } = definition.payload as { readonly examples?: readonly unknown[] };
      expect(examples, type).not.toHaveLength(0);
      for (const example of examples ?? []) expect(jobType.issuesOf(example), type).toEqual([]);
    }
  });

  it("returns the issues of a payload: those of its schema, or those of its check", () => {
    const type = one({}).get("note");
    expect(type?.issuesOf({ to: 5, cc: 1 })).toEqual([
      { path: "/cc", message: "is not a known field" },
      { path: "/to", message: "expected a string or an array" },
    ]);
    expect(type?.issuesOf({ to: "nobody" })).toEqual([{ path: "/to", message: "is nobody" }]);
    expect(one({ check: undefined }).get("note")?.issuesOf({ to: "nobody" })).toEqual([]);
  });

  it.each([
    [
      Type.Object(
        { a: Type.Optional(Type.Integer()), b: Type.Object({ c: Type.Boolean() }, { additionalProperties: false }) },
        { additionalProperties: false },
      ),
      false,
    ],
    [Type.Object({ a: Type.Object({ c: Type.Boolean() }) }, { additionalProperties: false }), true],
    [Type.Object({ a: Type.String() }, { additionalProperties: false }), true],
    [Type.Object({ a: Type.String() }), true],
    [Type.Object({ secret: Type.String() }, { additionalProperties: false }), true],
    [Type.Object({ headers: Type.Object({}) }, { additionalProperties: false }), true],
  ])("knows which payloads may hide secrets: case %#", (payload, expected) => {
    expect(one({ payload, check: undefined }).get("note")?.hidesSecrets).toBe(expected);
  });

  it("loads a deployment's own types, by definition or by function, in the order of their files", async () => {
    const jobsDir = folderWith({
      "b.mjs": OWN,
      "a.js": `export default { type: "plain", lane: "cpu", payload: { type: "object", properties: {} }, attempts: 1, timeoutMs: 1, backoff: { kind: "fixed", base_ms: 1, max_ms: 1 }, run() {} }`,
      "notes.txt": "not a job",
    });
    const registry = await loadRegistry({ jobsDir, settings: {} });
    expect(registry.types.slice(builtInTypes.length).map(({ type }) => type)).toEqual(["plain", "own_type"]);
    expect(registry.get("own_type")).toMatchObject({ maxBodyBytes: 5_000 });
    expect(registry.get("own_type")?.issuesOf({ n: 1.5 })).toEqual([{ path: "/n", message: "expected an integer" }]);
  });

  it.each([
    [
      { type: "Bad-Name" },
      "a.mjs: type expected a name of up to 64 lower-case letters, digits and _, beginning with a letter",
    ],
    [{ lane: "gpu", attempts: 0 }, `a.mjs: lane expected "io" or "cpu"; attempts expected a number >= 1`],
    [{ payload: Type.String() }, `a.mjs: payload/properties is required; payload/type expected "object"`],
    [{ run: undefined }, "a.mjs: run expected a function"],
    [{ close: 5 }, "a.mjs: close expected a function"],
    [{ tasks: { render: 5 } }, "a.mjs: tasks/render expected a function"],
    [
      { payload: { type: "object", properties: { a: { type: "string", pattern: "(" } } } },
      "a.mjs: its payload schema cannot be compiled",
    ],
  ])("refuses the definition %j", (changes, message) => {
    expect(() => one(changes)).toThrow(StartError);
    expect(() => one(changes)).toThrow(message);
  });

  it("refuses two types of one name", () => {
    const own = { source: "b.mjs", definition: base };
    expect(() => registryOf([own, own], {})).toThrow("b.mjs: there is another job type named note");
  });

  it.each([
    [{ "a.mjs": "export default 5" }, "a.mjs: the default export is not a job definition"],
    [{ "a.mjs": "export const x = 1" }, "a.mjs: the default export is not a job definition"],
    [{ "a.mjs": "import 'nowhere'" }, "a.mjs: cannot be loaded: Cannot find package"],
    [{ "a.mjs": "throw new Error('at load')" }, "a.mjs: cannot be loaded: at load"],
    [{ "a.mjs": OWN.replace("own_type", "email") }, "a.mjs: there is another job type named email"],
  ])("names the file that is wrong: case %#", async (files, message) => {
    await expect(loadDefinitions({ jobsDir: folderWith(files) })).rejects.toThrow(message);
  });

  it("says that the folder cannot be read", async () => {
    const loading = loadDefinitions({ jobsDir: "/nowhere/jobs" });
    await expect(loading).rejects.toThrow("TASKFLOW_JOBS: the folder /nowhere/jobs cannot be read");
    await expect(loadDefinitions({ jobsDir: tempDir() })).rejects.toThrow(
      /^TASKFLOW_JOBS: the folder \S+ has no \*\.js, \*\.mjs, \*\.ts or \*\.mts file$/,
    );
    await expect(loading).rejects.toThrow(StartError);
  });
});
