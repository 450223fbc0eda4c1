import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { mergePatch, restored } from "./json-merge.ts";

/** The algorithm of RFC 7396, section 2, on parsed values. */
function merged(target: unknown, patch: unknown): unknown {
  if (typeof patch !== "object" || patch === null || Array.isArray(patch)) return patch;
  const isObject = typeof target === "object" && target !== null && !Array.isArray(target);
  const result: Record<string, unknown> = isObject ? { ...target } : {};
  for (const [name, value] of Object.entries(patch)) {
    if (value === null) Reflect.deleteProperty(result, name);
    else result[name] = merged(result[name], value);
  }
  return result;
}

describe("mergePatch", () => {
  // The examples of RFC 7396, appendix A, whose targets are objects
  it.each([
    [`{"a":"b"}`, `{"a":"c"}`, `{"a":"c"}`],
    [`{"a":"b"}`, `{"b":"c"}`, `{"a":"b","b":"c"}`],
    [`{"a":"b"}`, `{"a":null}`, `{}`],
    [`{"a":"b","b":"c"}`, `{"a":null}`, `{"b":"c"}`],
    [`{"a":["b"]}`, `{"a":"c"}`, `{"a":"c"}`],
    [`{"a":"c"}`, `{"a":["b"]}`, `{"a":["b"]}`],
    [`{"a":{"b":"c"}}`, `{"a":{"b":"d","c":null}}`, `{"a":{"b":"d"}}`],
    [`{"a":[{"b":"c"}]}`, `{"a":[1]}`, `{"a":[1]}`],
    [`{"a":"foo"}`, `null`, `null`],
    [`{"a":"foo"}`, `"bar"`, `"bar"`],
    [`{"e":null}`, `{"a":1}`, `{"e":null,"a":1}`],
    [`{}`, `{"a":{"bb":{"ccc":null}}}`, `{"a":{"bb":{}}}`],
  ])("merges %s and %s", (target, patch, result) => {
    expect(mergePatch(target, patch)).toBe(result);
  });

  it("keeps the text of all values that the patch does not name", () => {
    const target = `{ "id" : 12345678901234567890.10 ,"x":{"n":1e400,"m":-0} , "y":"\\u0041" }`;
    expect(mergePatch(target, ` { "x" : {"m": 1.50 , "k":2.0}} `)).toBe(
      `{"id":12345678901234567890.10,"x":{"n":1e400,"m":1.50,"k":2.0},"y":"\\u0041"}`,
    );
  });

  it("agrees with the algorithm of the RFC for any values", () => {
    const value = fc.letrec((tie) => ({
      object: fc.dictionary(fc.constantFrom("a", "b", 'c"d', "é\\"), tie("any"), { maxKeys: 4 }),
      any: fc.oneof(
        { maxDepth: 4, withCrossShrink: true },
        fc.constant(null),
        fc.jsonValue({ maxDepth: 1 }),
        tie("object"),
      ),
    })).object;
    fc.assert(
      fc.property(value, value, fc.constantFrom(undefined, 2), (target, patch, indent) => {
        const text = mergePatch(JSON.stringify(target, null, indent), JSON.stringify(patch, null, indent));
        expect(JSON.parse(text)).toEqual(JSON.parse(JSON.stringify(merged(target, patch))));
      }),
    );
  });

  it("keeps a value that the patch repeats as it is shown", () => {
    const target = `{"secret":"s3","headers":{"X":"1","Auth":"k"},"list":["u:p"]}`;
    const shown = `{"secret":"[redacted]","headers":{"X":"1","Auth":"[redacted]"},"list":["[redacted]"]}`;
    expect(mergePatch(target, `{"headers":{"X":"2","Auth":"[redacted]"},"secret":"[redacted]","n":1}`, shown)).toBe(
      `{"secret":"s3","headers":{"X":"2","Auth":"k"},"list":["u:p"],"n":1}`,
    );
    expect(mergePatch(target, `{"list":[ "[redacted]" ],"secret":"new"}`, shown)).toBe(
      `{"secret":"new","headers":{"X":"1","Auth":"k"},"list":["u:p"]}`,
    );
    expect(mergePatch(target, `{"secret":null}`, shown)).toBe(`{"headers":{"X":"1","Auth":"k"},"list":["u:p"]}`);
  });
});

describe("restored", () => {
  const stored = `{"a":"x","secret":"s","inner":{"token":{"n":1.0},"list":["s"]},"n":1.50}`;
  const shown = `{"a":"x","secret":"[redacted]","inner":{"token":"[redacted]","list":["[redacted]"]},"n":1.50}`;

  it.each([
    [shown, stored],
    [`{"n":1.50}`, `{"n":1.50}`],
    [`{ "secret" : "[redacted]", "new": null }`, `{"secret":"s","new":null}`],
    [`{"inner":{"token":"[redacted]"},"a":{"b":"[redacted]"}}`, `{"inner":{"token":{"n":1.0}},"a":{"b":"[redacted]"}}`],
    [`{"inner":{"list":["[redacted]","b"]}}`, `{"inner":{"list":["[redacted]","b"]}}`],
    [`{"a":"[redacted]"}`, `{"a":"[redacted]"}`],
    [`{"secret":"new"}`, `{"secret":"new"}`],
  ])("of %s is %s", (json, expected) => {
    expect(restored(json, stored, shown)).toBe(expected);
  });
});
