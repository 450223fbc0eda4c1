import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { elementsOf, exceeded, membersOf, memberText, memberTexts } from "./json-span.ts";

describe("memberText", () => {
  it.each([
    [`{"payload":{"n":12345678901234567890,"x":1e400}}`, `{"n":12345678901234567890,"x":1e400}`],
    [`{"type":"a" , "payload" : { "a" : [1, {"payload":2}] } , "z":1}`, `{ "a" : [1, {"payload":2}] }`],
    [`{"payload":{"a":1},"payload":{"b":2}}`, `{"b":2}`],
    [String.raw`{"p\u0061yload":{"a":1}}`, `{"a":1}`],
    [String.raw`{"a":"\\\"payload\":{","payload":"\\"}`, String.raw`"\\"`],
    [`{"payload":-1.5e3}`, "-1.5e3"],
    [`{"payload":null\n}`, "null"],
    [`{"x":{"payload":1}}`, undefined],
    [`{}`, undefined],
  ])("of %s is %s", (json, text) => {
    expect(memberText(json, "payload")).toBe(text);
  });

  it("returns the same values as JSON.parse, for any object and spacing", () => {
    fc.assert(
      fc.property(
        fc.dictionary(fc.string(), fc.jsonValue(), { minKeys: 1 }),
        fc.constantFrom(0, 1, "\t"),
        (object, space) => {
          const json = JSON.stringify(object, null, space);
          for (const [name, value] of Object.entries(JSON.parse(json) as object))
            expect(JSON.parse(memberText(json, name) ?? "")).toEqual(value);
          expect(membersOf(json).map(({ name }) => name)).toEqual(Object.keys(JSON.parse(json) as object));
        },
      ),
    );
  });
});

it("memberTexts returns the last value of each name, in the order of the text", () => {
  expect([...memberTexts(String.raw`{"10": 1.0 ,"2":{"a":-0},"\u0061":1,"10":2e1,"a" : "\""}`)]).toEqual([
    ["10", "2e1"],
    ["2", '{"a":-0}'],
    ["a", String.raw`"\""`],
  ]);
  expect([...memberTexts("{ }")]).toEqual([]);
});

describe("elementsOf", () => {
  it("returns the elements of an array", () => {
    expect(elementsOf(`[ 1, "a,]" ,{"x":[2]}\n, [] ]`)).toEqual(["1", `"a,]"`, `{"x":[2]}`, "[]"]);
    expect(elementsOf("[ ]")).toEqual([]);
  });

  it("returns the same values as JSON.parse, for any array", () => {
    fc.assert(
      fc.property(fc.array(fc.jsonValue()), (array) => {
        const json = JSON.stringify(array);
        expect(elementsOf(json).map((element) => JSON.parse(element) as unknown)).toEqual(JSON.parse(json));
      }),
    );
  });
});

describe("exceeded", () => {
  const nested = (levels: number) => "[".repeat(levels) + "]".repeat(levels);
  it.each([
    [nested(100), undefined],
    [nested(101), "levels"],
    [`{"a":"${"[".repeat(500)}"}`, undefined],
    ["[".repeat(100_000), "levels"],
    [`[${"[],".repeat(300)}[]]`, undefined],
    [`"${'\\"['.repeat(300)}`, undefined],
    [`[${"[],{},".repeat(500)}0]`, "containers"],
    [`[${"[],{},".repeat(499)}0]`, undefined],
    [`[${"0,".repeat(5_000)}"${"[".repeat(5_000)}"]`, undefined],
  ])("case %#", (json, expected) => {
    expect(exceeded(json, { levels: 100, containers: 1_000 })).toBe(expected);
  });
});
