import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { JsonArray, JsonObject } from "./json-document.ts";
import { memberOf, nodeOf, parseJson, pointersOf, printJson, withItem, withKey, withMember } from "./json-document.ts";

const objectOf = (json: string): JsonObject => {
  const parsed = parseJson(json);
  if (!("node" in parsed) || parsed.node.kind !== "object") throw new Error(`no object: ${json}`);
  return parsed.node;
};

describe("parseJson", () => {
  it("accepts what JSON.parse accepts, and nothing else", () => {
    const pieces = [
      "{",
      "}",
      "[",
      "]",
      ",",
      ":",
      '"a"',
      '"\\u00e9\\""',
      '"\\x"',
      '"',
      "1",
      "-0",
      "01",
      "1e5",
      "1.",
      " ",
    ];
    const texts = fc.oneof(
      fc.json(),
      fc
        .array(fc.constantFrom(...pieces, "true", "null", "nul", "\n", "\u00a0"), { maxLength: 8 })
        .map((all) => all.join("")),
    );
    fc.assert(
      fc.property(texts, (text) => {
        let value: unknown;
        try {
          value = JSON.parse(text);
        } catch {
          expect(parseJson(text)).toHaveProperty("issue");
          return;
        }
        const parsed = parseJson(text);
        expect("node" in parsed && JSON.parse(printJson(parsed.node))).toEqual(value);
      }),
      { numRuns: 1_000 },
    );
  });

  it("names the place of an issue", () => {
    expect(parseJson('{"a": 1,\n "b" 2}')).toEqual({ issue: { message: "Expected a colon.", line: 2, column: 6 } });
    expect(parseJson("")).toEqual({ issue: { message: "Expected a value.", line: 1, column: 1 } });
    expect(parseJson('["a\nb"]')).toEqual({
      issue: { message: "The text has an invalid escape or a line break.", line: 1, column: 2 },
    });
  });

  it("rejects deep nesting with an issue", () => {
    expect(parseJson("[".repeat(100_000))).toHaveProperty("issue.message", "The JSON has more than 200 levels.");
  });

  it("reads texts of many megabytes", () => {
    const text = JSON.stringify({ base64: "A\\".repeat(4_000_000) });
    expect(memberOf(objectOf(text), "base64")).toEqual({
      kind: "string",
      text: JSON.stringify("A\\".repeat(4_000_000)),
    });
  });
});

describe("an edit", () => {
  it("keeps digits, escapes and the order of all other values", () => {
    const object = objectOf('{"id":12345678901234567890,"price":1.50,"name":"\\u00e9","x":1E5,"list":[1.0]}');
    expect(printJson(withMember(object, "name", nodeOf("é")))).toBe(
      '{\n  "id": 12345678901234567890,\n  "price": 1.50,\n  "name": "é",\n  "x": 1E5,\n  "list": [\n    1.0\n  ]\n}',
    );
  });

  it("adds, replaces, renames and removes members", () => {
    const object = objectOf('{"a":1,"b":2}');
    expect(JSON.parse(printJson(withMember(object, "c", nodeOf(3))))).toEqual({ a: 1, b: 2, c: 3 });
    expect(JSON.parse(printJson(withMember(object, "a", undefined)))).toEqual({ b: 2 });
    expect(JSON.parse(printJson(withKey(object, 1, 'q"')))).toEqual({ a: 1, 'q"': 2 });
    expect(JSON.parse(printJson(withMember(objectOf('{"a":1,"a":2}'), "a", nodeOf(3))))).toEqual({ a: 3 });
    expect(JSON.parse(printJson(withMember(objectOf("{}"), "__proto__", nodeOf(1))))).toHaveProperty("__proto__", 1);
  });

  it("adds, replaces and removes items", () => {
    const array = nodeOf([1, 2]) as JsonArray;
    expect(JSON.parse(printJson(withItem(array, 2, nodeOf(3))))).toEqual([1, 2, 3]);
    expect(JSON.parse(printJson(withItem(array, 0, nodeOf(9))))).toEqual([9, 2]);
    expect(JSON.parse(printJson(withItem(array, 0, undefined)))).toEqual([2]);
  });

  it("with a draft makes the text invalid", () => {
    const text = printJson(withMember(objectOf('{"a":1}'), "a", { kind: "draft", text: "1e" }));
    expect(parseJson(text)).toHaveProperty("issue.line", 2);
  });
});

describe("pointersOf", () => {
  it("finds each place of a text", () => {
    const node = nodeOf({ secret: "x", headers: { "A/B~": "x", c: "y" }, list: ["x"] });
    expect(pointersOf(node, "x")).toEqual(["/secret", "/headers/A~1B~0", "/list/0"]);
  });
});
