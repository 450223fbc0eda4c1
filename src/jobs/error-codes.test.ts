/**
 * The error codes of the built-in types, where the compiler cannot compare what a type documents with what it throws.
 */
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { artifactReadErrors, artifactWriteErrors } from "../artifacts/error-codes.ts";
import { isBulkType } from "../core/bulk.ts";
import type { AnyJobDefinition } from "../core/job-type.ts";
import { outboundErrors } from "../net/error-codes.ts";
import { builtInTypes } from "./registry.ts";

const SRC = join(import.meta.dirname, "..");

function sourcesOf(folder: string): { readonly file: string; readonly source: string }[] {
  return readdirSync(join(SRC, folder), { recursive: true, encoding: "utf8" })
    .filter((name) => name.endsWith(".ts") && !name.endsWith(".test.ts"))
    .map((name) => ({ file: join(folder, name), source: readFileSync(join(SRC, folder, name), "utf8") }));
}

const sources = ["jobs", "net", "artifacts"].flatMap(sourcesOf);
const documented = ({ errors = {} }: AnyJobDefinition): string[] => Object.keys(errors);
const folderOf = ({ type }: AnyJobDefinition): string =>
  join("jobs", isBulkType(type) ? "bulk" : type.replaceAll("_", "-"));

describe("the error codes of the built-in types", () => {
  it.each(builtInTypes.map((definition) => [definition.type, definition] as const))(
    "%s describes its codes",
    (_, definition) => {
      expect(Object.values(definition.errors ?? {})).not.toEqual([]);
      for (const meaning of Object.values(definition.errors ?? {})) expect(meaning).toMatch(/^\S/);
    },
  );

  it("are thrown by what jobErrors makes, which the compiler checks", () => {
    const direct = /new (?:PermanentError|RetryableError|RetryAfterError)\(/;
    expect(sources.length).toBeGreaterThan(50);
    expect(sources.filter(({ source }) => direct.test(source)).map(({ file }) => file)).toEqual([]);
  });

  it("are all thrown by something", () => {
    const text = sources
      .filter(({ file }) => !file.endsWith("error-codes.ts"))
      .map(({ source }) => source)
      .join("\n");
    const isThrown = (code: string): boolean =>
      text.includes(code.endsWith("_NNN") ? `\`${code.slice(0, -"NNN".length)}\${` : `"${code}"`);
    expect(builtInTypes.flatMap(documented).filter((code) => !isThrown(code))).toEqual([]);
  });

  it("include those of the URLs and artifacts that a type uses", () => {
    const users = (part: RegExp): AnyJobDefinition[] =>
      builtInTypes.filter((definition) => sourcesOf(folderOf(definition)).some(({ source }) => part.test(source)));
    const uses: [RegExp, object][] = [
      [/\bopenOutbound\(/, outboundErrors],
      [/\bopenByReference\(/, artifactReadErrors],
      [/\bstore\s*\.write\(/, artifactWriteErrors],
    ];
    for (const [part, errors] of uses) {
      expect(users(part)).not.toEqual([]);
      for (const definition of users(part))
        expect(documented(definition), definition.type).toEqual(expect.arrayContaining(Object.keys(errors)));
    }
  });
});
