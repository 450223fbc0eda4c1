import { describe, expect, it } from "vitest";
import type { JsonObject } from "./json-document.ts";
import { nodeOf, printJson } from "./json-document.ts";
import type { Schema } from "./schema-shape.ts";
import { branchNames, branchOf, canShow, fits, mainFields, messagesAt, shapeOf, startOf } from "./schema-shape.ts";

const address: Schema = {
  anyOf: [
    { type: "string", maxLength: 9 },
    { type: "object", required: ["address"], properties: { address: { type: "string" } }, additionalProperties: false },
  ],
};
const to: Schema = { anyOf: [address, { type: "array", items: address, minItems: 1 }] };
const source: Schema = {
  anyOf: ["url", "base64"].map((key) => ({
    type: "object",
    required: [key],
    properties: { [key]: { type: "string" } },
    additionalProperties: false,
  })),
};

describe("shapeOf", () => {
  it.each([
    [{ type: "string" }, { kind: "text", isLong: true }],
    [
      { type: "string", maxLength: 20 },
      { kind: "text", isLong: false },
    ],
    [{ type: "integer" }, { kind: "number", isWhole: true }],
    [{ type: "boolean" }, { kind: "boolean" }],
    [{ enum: ["a", 1, null] }, { kind: "choice", values: ['"a"', "1", "null"] }],
    [{ const: "a" }, { kind: "choice", values: ['"a"'] }],
    [{ type: "array" }, { kind: "list", items: {} }],
    [{ type: ["string", "null"] }, { kind: "union", branches: [{ type: "string" }, { type: "null" }] }],
    [{}, { kind: "json" }],
    [{ $ref: "#/$defs/x" }, { kind: "json" }],
    [{ type: "unheard of" }, { kind: "json" }],
  ] as [Schema, unknown][])("reads %j", (schema, shape) => {
    expect(shapeOf(schema)).toEqual(shape);
  });

  it("reads records, and objects that allow other members", () => {
    const others = (schema: Schema): unknown => (shapeOf({ type: "object", ...schema }) as { others: unknown }).others;
    expect(others({ patternProperties: { "^.*$": { type: "string" } } })).toEqual({ type: "string" });
    expect(others({ additionalProperties: { type: "number" } })).toEqual({ type: "number" });
    expect(others({ additionalProperties: true })).toEqual({});
    expect(others({ additionalProperties: false })).toBeUndefined();
  });
});

describe("a union", () => {
  const { branches } = shapeOf(to) as { branches: readonly Schema[] };

  it("lists the branches of unions in it, with names", () => {
    expect(branchNames(branches)).toEqual(["Text", "Object: address", "List"]);
    expect(branchNames([{ type: "number" }, { type: "integer" }])).toEqual(["Number 1", "Number 2"]);
  });

  it("finds the branch of a value", () => {
    expect(branchOf(branches, nodeOf("a@b"))).toBe(0);
    expect(branchOf(branches, nodeOf({ address: "a@b" }))).toBe(1);
    expect(branchOf(branches, nodeOf(["a@b"]))).toBe(2);
    expect(branchOf(branches, nodeOf(["a@b", 5]))).toBe(2);
    expect(branchOf(branches, nodeOf(5))).toBe(-1);
    expect(branchOf(source.anyOf ?? [], nodeOf({ base64: "AA==" }))).toBe(1);
  });

  it("keeps the user's choice where several branches fit", () => {
    const both: Schema[] = [{}, { type: "string" }];
    expect(branchOf(both, nodeOf("x"))).toBe(0);
    expect(branchOf(both, nodeOf("x"), 1)).toBe(1);
    expect(branchOf(both, nodeOf(5), 1)).toBe(0);
  });
});

describe("a value", () => {
  it("fits a choice by its value, not by its digits", () => {
    const shape = shapeOf({ enum: [1, "a"] });
    expect(canShow(shape, { kind: "number", text: "1.0" })).toBe(true);
    expect(canShow(shape, nodeOf("1"))).toBe(false);
  });

  it("does not fit with missing or unknown members", () => {
    const schema: Schema = {
      type: "object",
      required: ["a"],
      properties: { a: { type: "integer" } },
      additionalProperties: false,
    };
    expect(fits(schema, nodeOf({ a: 1 }))).toBe(true);
    expect(fits(schema, nodeOf({ a: 1.5 }))).toBe(false);
    expect(fits(schema, nodeOf({}))).toBe(false);
    expect(fits(schema, nodeOf({ a: 1, b: 2 }))).toBe(false);
  });

  it("starts with its default, or with the least that the schema asks for", () => {
    const schema: Schema = {
      type: "object",
      required: ["to", "count", "method", "source"],
      properties: { to, count: { type: "integer", minimum: 3 }, method: { enum: ["POST", "GET"] }, source, note: {} },
    };
    expect(JSON.parse(printJson(startOf(schema)))).toEqual({ to: "", count: 3, method: "POST", source: { url: "" } });
    expect(JSON.parse(printJson(startOf({ type: "integer", default: 7 })))).toBe(7);
    expect(JSON.parse(printJson(startOf({ type: "array", items: address, minItems: 1 })))).toEqual([""]);
  });
});

describe("mainFields", () => {
  it("has required fields, those of the example and those with a value", () => {
    const keys = ["a", "b", "c", "d", "e", "f", "g"];
    const schema: Schema = {
      type: "object",
      required: ["a"],
      properties: Object.fromEntries(keys.map((key) => [key, { type: "string" }])),
      examples: [{ b: "x" }],
    };
    const shape = shapeOf(schema);
    if (shape.kind !== "object") throw new Error("not an object");
    expect([...mainFields(schema, shape, nodeOf({ g: "" }) as JsonObject)]).toEqual(["a", "b", "g"]);
  });
});

describe("messagesAt", () => {
  const issues = [
    { path: "/to", message: "is required" },
    { path: "/to/0/address", message: "must be an address" },
    { path: "/tok", message: "is unknown" },
  ];

  it("has the messages of the field", () => {
    expect(messagesAt(issues, "/to", [0])).toEqual(["is required"]);
    expect(messagesAt(issues, "", ["to"])).toEqual(["tok: is unknown"]);
  });

  it("has those of parts without a field of their own", () => {
    expect(messagesAt(issues, "/to", [])).toEqual(["is required", "0/address: must be an address"]);
  });
});
