import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { tempDir } from "../testing/services.ts";
import { importDefinitionFile, isDefinitionFile } from "./definition-file.ts";
import { loadDefinitions } from "./registry.ts";

const TYPED = `
interface Payload { readonly n: number }
export default ({ defineJob, Type, fixed }: any) => defineJob({
  type: "typed", lane: "io", payload: Type.Object({ n: Type.Integer() }), attempts: 1, timeoutMs: 1000, backoff: fixed(10),
  run: ({ n }: Payload): number => n satisfies number });`;

describe("a folder of job types", () => {
  it.each([
    ["sms.js", true],
    ["sms.mjs", true],
    ["sms.ts", true],
    ["sms.mts", true],
    ["sms.d.ts", false],
    ["sms.test.ts", false],
    ["sms.spec.mjs", false],
    ["sms.json", false],
    ["sms.cjs", false],
    ["notes.md", false],
  ])("%s defines a type: %s", (name, isDefinition) => {
    expect(isDefinitionFile(name)).toBe(isDefinition);
  });

  it("may be TypeScript", async () => {
    const folder = tempDir();
    writeFileSync(join(folder, "typed.ts"), TYPED);
    const definitions = await loadDefinitions({ jobsDir: folder });
    expect(definitions.at(-1)?.definition.type).toBe("typed");
  });

  it("names the file whose TypeScript has a syntax error", async () => {
    const file = join(tempDir(), "broken.ts");
    writeFileSync(file, "export default = ;");
    await expect(importDefinitionFile(file)).rejects.toThrow();
  });
});
