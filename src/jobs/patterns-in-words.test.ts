import { Type } from "typebox";
import { describe, expect, it } from "vitest";
import { listQuerySchema } from "../api/contract/list-query-schema.ts";
import { baseSettings } from "../config/settings.ts";
import type { Schema } from "../core/schema-keywords.ts";
import { submissionSchema } from "../core/submission.ts";
import { compileValidator } from "../core/validator.ts";
import dataExport from "./data-export/data-export.ts";
import imageResize from "./image-resize/image-resize.ts";
import { builtInTypes } from "./registry.ts";

const schemas: [string, unknown][] = [
  ["a submission", submissionSchema],
  ["the query of a list", listQuerySchema],
  ["the settings", baseSettings],
  ...builtInTypes.flatMap(({ type, payload, settings }): [string, unknown][] => [
    [`the payload of ${type}`, payload],
    [`the settings of ${type}`, settings ?? {}],
  ]),
];

/** All schemas within a schema that have a pattern, each with its place. */
function patternsOf(schema: unknown, at = ""): [string, Schema][] {
  if (typeof schema !== "object" || schema === null) return [];
  const own: [string, Schema][] = typeof (schema as Schema).pattern === "string" ? [[at, schema]] : [];
  return [...own, ...Object.entries(schema).flatMap(([name, part]) => patternsOf(part, `${at}/${name}`))];
}

describe("a message about a text", () => {
  it.each(schemas)("says in words what %s expects, wherever there is a pattern", (_name, schema) => {
    expect(
      patternsOf(schema)
        .filter(([, { expected }]) => expected === undefined)
        .map(([at]) => at),
    ).toEqual([]);
  });

  it.each([
    [{ expected: "an E.164 number" }, "expected an E.164 number"],
    [{ examples: ["+4915112345678"], description: "A number" }, 'expected text of the form of "+4915112345678"'],
    [{ description: "A number" }, "expected text that fits the description of the field: A number"],
    [{}, "expected text that matches ^\\+\\d+$"],
  ])("has the words that a deployment's schema has: %j", (words, message) => {
    const to = Type.String({ pattern: "^\\+\\d+$", ...words });
    for (const field of [to, Type.Intersect([to])])
      expect(compileValidator(Type.Object({ to: field })).issuesOf({ to: "x" })).toEqual([{ path: "/to", message }]);
  });

  it("names a colour, an artifact, a file and a query", () => {
    const issues = (payload: unknown, schema: typeof imageResize.payload | typeof dataExport.payload): unknown[] =>
      compileValidator(schema).issuesOf(payload);
    const url = { url: "https://example.com/a.png" };
    expect(issues({ source: url, background: "red" }, imageResize.payload)).toEqual([
      { path: "/background", message: "expected a colour such as #ff0000, or #ff000080 with its opacity" },
    ]);
    expect(issues({ source: { base64: "data:image/png;base64,AAAA" }, width: 1 }, imageResize.payload)).toEqual([
      { path: "/source/base64", message: "expected base64 in one line, without a data: prefix" },
    ]);
    expect(issues({ format: "csv", source: { query: "../q" } }, dataExport.payload)).toEqual([
      { path: "/source/query", message: expect.stringMatching(/^expected the name of a query/) as string },
    ]);
  });
});
