/** Which error codes the built-in types document, against those that their files throw. */
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import type { AnyJobDefinition } from "../core/job-type.ts";
import dataExport from "./data-export/data-export.ts";
import email from "./email/email.ts";
import imageResize from "./image-resize/image-resize.ts";
import { loadDefinitions } from "./registry.ts";
import webhook from "./webhook/webhook.ts";

const SRC = join(import.meta.dirname, "..");
/** Of any type: the document names them where it says what an error is. */
const GENERAL = ["timeout"];
/** Caught by those who ask for it, and said in their own words. */
const CAUGHT = ["too_large"];
/** Thrown for a webhook, by what all replicas share. */
const BY_QUEUE = ["destination_limited"];

/** Every built-in type that has error codes, with its folder: a new type need not be added here. */
const TYPES = (await loadDefinitions())
  .map(({ definition }) => [`jobs/${definition.type.replaceAll("_", "-")}`, definition] as const)
  .filter(([folder]) => codesIn(folder).length > 0);

/** The codes in the files of a folder; of `smtp_${…}` it is `smtp_NNN`. */
function codesIn(folder: string): string[] {
  const files = readdirSync(join(SRC, folder))
    .filter((name) => name.endsWith(".ts") && !name.endsWith(".test.ts"))
    .map((name) => join(folder, name));
  const text = files.map((file) => readFileSync(join(SRC, file), "utf8")).join("\n");
  const literal = [...text.matchAll(/\bcode: (?:[^}\n]* \? )?"(\w+)"(?: : "(\w+)")?/g)].flatMap(([, first, second]) => [
    first,
    second,
  ]);
  const made = [...text.matchAll(/\bcode(?: =|:) `(\w+)_\$\{([^}]*)\}`/g)].flatMap(([, prefix, inner = ""]) => [
    `${prefix}_NNN`,
    ...[...inner.matchAll(/"(\w+)"/g)].map(([, word]) => `${prefix}_${word}`),
  ]);
  return [...new Set([...literal, ...made])].filter((code) => code !== undefined).sort();
}

const documented = ({ errors = {} }: AnyJobDefinition) => Object.keys(errors);

describe("error codes", () => {
  it.each(TYPES)("%s throws what the type lists", (folder, definition) => {
    const own = codesIn(folder);
    expect(own.length).toBeGreaterThan(1);
    expect(own.filter((code) => !documented(definition).includes(code))).toEqual([]);
  });

  it("finds the types in their folders", () => {
    expect(TYPES.map(([, { type }]) => type)).toEqual(expect.arrayContaining(["email", "webhook", "image_resize"]));
  });

  it("what all share is listed by those who use it", () => {
    const [net, artifacts] = [codesIn("net"), codesIn("artifacts")].map((codes) =>
      codes.filter((code) => !GENERAL.includes(code) && !CAUGHT.includes(code)),
    );
    expect(net?.length).toBeGreaterThan(1);
    expect(artifacts?.length).toBeGreaterThan(1);
    for (const definition of [email, webhook, imageResize])
      expect(documented(definition)).toEqual(expect.arrayContaining(net ?? []));
    for (const definition of [imageResize, dataExport])
      expect(documented(definition)).toEqual(expect.arrayContaining(artifacts ?? []));
  });

  it("lists none that nothing throws", () => {
    const thrown = [
      ...TYPES.flatMap(([folder]) => codesIn(folder)),
      ...codesIn("net"),
      ...codesIn("artifacts"),
      ...BY_QUEUE,
    ];
    expect(TYPES.flatMap(([, definition]) => documented(definition)).filter((code) => !thrown.includes(code))).toEqual(
      [],
    );
  });
});
