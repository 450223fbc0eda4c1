import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { jsonTexts, objectTexts } from "../../testing/json-texts.ts";
import type { ReferenceScope } from "./reference.ts";
import { type KeptValue, referencesOf, resolveReferences } from "./references.ts";

const scope: ReferenceScope = { names: new Set(["a", "a.b", "a.result", "list", "empty", "big", "bad", "..x"]) };
const first: ReferenceScope = { names: new Set(["job"]), implicit: "job" };

const RESULTS: Readonly<Record<string, KeptValue>> = {
  "a/result": {
    json: String.raw`{"link":"https://x.example/?a=1\u0026b","n":12345678901234567890,"t":true,"o":{"k": 1.0}}`,
  },
  "a/error": { json: `{"code":"permanent","message":"no \\"such\\"\\nhost","attempt":1}` },
  "a.b/result": { json: `"text of a.b"` },
  "a.result/result": { json: `{"x":"of a.result"}` },
  "list/result": { json: `[ 10 , {"":{"/":1,"~":2}} , null ]` },
  "empty/result": { json: "null" },
  "big/result": "too_large",
  "bad/result": { json: `{"__proto__":{"isAdmin":true},"deep":${"[".repeat(200)}${"]".repeat(200)}}` },
  "..x/result": { json: "3" },
  "job/result": { json: `{"link":"L"}` },
  "job/error": { json: `{"code":"timeout"}` },
};

const lookup = (node: string, part: string): KeptValue => RESULTS[`${node}/${part}`] ?? "missing";

function resolve(json: string, where = scope, maxBytes = 10_000): string {
  const resolved = resolveReferences(json, where, lookup, maxBytes);
  return "json" in resolved ? resolved.json : `${resolved.code}: ${resolved.message}`;
}

describe("a reference for a whole value", () => {
  it.each([
    ["a/result/link", String.raw`"https://x.example/?a=1\u0026b"`],
    ["a/result/n", "12345678901234567890"],
    ["a/result/o", `{"k": 1.0}`],
    ["a/error", String.raw`{"code":"permanent","message":"no \"such\"\nhost","attempt":1}`],
    ["list/result/0", "10"],
    ["list/result/1//~1", "1"],
    ["list/result/1//~0", "2"],
    ["list/result/2", "null"],
    ["empty/result", "null"],
    ["a.b/result", `"text of a.b"`],
    ["..x/result", "3"],
  ])("%s is replaced by %s", (reference, value) => {
    const ref = `{ "$ref" : ${JSON.stringify(reference)} }`;
    expect(resolve(`{"x": ${ref} ,"y":[${ref}], "n":1.50}`)).toBe(`{"x": ${value} ,"y":[${value}], "n":1.50}`);
  });

  it("is the payload itself, too", () => {
    expect(resolve(`{"$ref":"a/result/o"}`)).toBe(`{"k": 1.0}`);
    expect(referencesOf(`{"$ref":"a/result"}`, scope).references).toEqual([
      { node: "a", part: "result", path: [], at: "" },
    ]);
  });

  it("may spell its characters as escapes, and leaves out the name of the only node", () => {
    expect(resolve(String.raw`{"x":{"\u0024ref":"\u0061/result/o"}}`)).toBe(`{"x":{"k": 1.0}}`);
    expect(resolve(`{"x":{"$ref":"result/link"},"y":{"$ref":"error"},"z":{"$ref":"job/result"}}`, first)).toBe(
      `{"x":"L","y":{"code":"timeout"},"z":{"link":"L"}}`,
    );
  });

  it("is an object with no other member, whose value is a string", () => {
    const json = `{"x":{"$ref":"a/result","z":1},"y":{"$ref":1},"w":{"$ref":"a/result","$ref":"a/result"}}`;
    expect([resolve(json), referencesOf(json, scope).references]).toEqual([json, []]);
  });

  it("loses one $ of an escape", () => {
    const json = `{"x":{"$$ref":"#/a"},"y":{"$$$ref":"b"},"z":{"$$ref":1}}`;
    expect(resolve(json)).toBe(`{"x":{"$ref":"#/a"},"y":{"$$ref":"b"},"z":{"$$ref":1}}`);
    expect(referencesOf(json, scope)).toEqual({ references: [], issues: [], isTemplate: true });
  });
});

describe("a reference in a string", () => {
  it.each([
    ["${a.result.link}!", String.raw`"https://x.example/?a=1\u0026b!"`],
    ["${a.result.n}${a.result.t}", `"12345678901234567890true"`],
    ["${a.result.o}", String.raw`"{\"k\": 1.0}"`],
    ["${a.error.message}", String.raw`"no \"such\"\nhost"`],
    ["${list.result.0} ${list.result}", String.raw`"10 [ 10 , {\"\":{\"/\":1,\"~\":2}} , null ]"`],
    ["${a.b.result}", `"text of a.b"`],
    ["${a.result.result.x}", `"of a.result"`],
    ["${..x.result}", `"3"`],
    ["$${a.result.n} $$${a.result.n} $", `"\${a.result.n} $\${a.result.n} $"`],
    ['é"\\\u2028 ${a.result.t} \u0000', JSON.stringify('é"\\\u2028 true \u0000')],
    ["$ {a.result.t} $a", `"$ {a.result.t} $a"`],
  ])("%s becomes %s", (text, value) => {
    expect(resolve(`{"x":${JSON.stringify(text)}}`)).toBe(`{"x":${value}}`);
  });

  it("may spell its characters as escapes, and leaves other escapes as they are", () => {
    expect(resolve(String.raw`{"x":"\u0041\/$\u007ba.result.t\u007D\u0042"}`)).toBe(
      String.raw`{"x":"\u0041\/true\u0042"}`,
    );
  });

  it("means the node with the longest name that fits", () => {
    expect(referencesOf('{"x":"${a.result.y}"}', scope).references).toMatchObject([{ node: "a", path: ["y"] }]);
    expect(referencesOf('{"x":"${a.result.result}"}', scope).references).toMatchObject([
      { node: "a.result", path: [] },
    ]);
  });
});

describe("referencesOf", () => {
  it("names the place of each reference", () => {
    const json = `{"to":"\${a.result.link} \${list.result.0}","list":[1,{"a/b":{"$ref":"a/error/code"}}]}`;
    expect(referencesOf(json, scope).references).toEqual([
      { node: "a", part: "result", path: ["link"], at: "/to" },
      { node: "list", part: "result", path: ["0"], at: "/to" },
      { node: "a", part: "error", path: ["code"], at: "/list/1/a~1b" },
    ]);
  });

  it.each([
    [`{"x":{"$ref":"c/result"}}`, "/x", 'refers to "c", which'],
    [`{"x":{"$ref":"constructor/result"}}`, "/x", 'refers to "constructor"'],
    [`{"x":{"$ref":"a/output"}}`, "/x", "is no reference: expected"],
    [`{"x":{"$ref":"a"}}`, "/x", "is no reference"],
    [`{"x":{"$ref":""}}`, "/x", "is no reference"],
    [`{"x":{"$ref":"result/link"}}`, "/x", "is no reference"],
    [`{"x":{"$ref":"a/result/~2"}}`, "/x", "is no reference"],
    [`{"x":{"$ref":"#/definitions/a"}}`, "/x", "write $$ref for the name $ref"],
    [`{"x":{"$ref":"a/result${"/0".repeat(101)}"}}`, "/x", "has more than 100 steps"],
    [`{"x":"\${c.result.x}"}`, "/x", 'refers to "c"'],
    [`{"x":"\${HOME}"}`, "/x", "write $${ for the text ${"],
    [`{"x":"\${a.result"}`, "/x", "is no reference"],
    [`{"x":"\${a.result.}"}`, "/x", "is no reference"],
    [`{"x":"\${a.result..b}"}`, "/x", "is no reference"],
    [`{"x":"\${ a.result }"}`, "/x", "is no reference"],
    [`{"x":"\${}"}`, "/x", "is no reference"],
    [`{"x":"\${a.result${".0".repeat(101)}}"}`, "/x", "has more than 100 steps"],
  ])("reports %s", (json, path, message) => {
    const { issues, references } = referencesOf(json, scope);
    expect(issues).toEqual([{ path, message: expect.stringContaining(message) as string }]);
    expect(references).toEqual([]);
  });

  it("leaves names of members as they are", () => {
    const json = `{"\${a.result.t}":{"$ref":"a/result/t"}}`;
    expect(resolve(json)).toBe(`{"\${a.result.t}":true}`);
  });
});

describe("a reference that cannot be resolved", () => {
  it.each([
    [`{"x":{"$ref":"list/error"}}`, "reference_missing: list has no error"],
    [`{"x":{"$ref":"a/result/no/x~1y"}}`, "reference_missing: the result of a has nothing at /no/x~1y"],
    [`{"x":{"$ref":"a/result/__proto__"}}`, "reference_missing: the result of a has nothing at /__proto__"],
    [`{"x":{"$ref":"list/result/length"}}`, "reference_missing: the result of list has nothing at /length"],
    [`{"x":{"$ref":"list/result/00"}}`, "reference_missing: the result of list has nothing at /00"],
    [`{"x":{"$ref":"a/result/link/0"}}`, "reference_missing: the result of a has nothing at /link/0"],
    [`{"x":{"$ref":"empty/result/x"}}`, "reference_missing: the result of empty has nothing at /x"],
    [`{"x":"\${empty.result.x}"}`, "reference_missing: the result of empty has nothing at /x"],
    [
      `{"x":{"$ref":"big/result/x"}}`,
      "result_too_large: the result of big was too large to be kept for references: pass it as an artifact",
    ],
    [`{"x":{"$ref":"bad/result"}}`, expect.stringMatching(/^payload_invalid: .*more than 100 levels$/)],
    [`{"x":{"$ref":"bad/result/__proto__"}}`, `{"x":{"isAdmin":true}}`],
  ])("%s: %s", (json, expected) => {
    expect(resolve(json)).toEqual(expected);
  });

  it("brings no name into a payload that a request may not have", () => {
    const kept: KeptValue = { json: String.raw`{"a":[{"\u005f_proto__":1}]}` };
    expect(resolveReferences(`{"x":{"$ref":"a/result"}}`, scope, () => kept, 1_000)).toEqual({
      code: "payload_invalid",
      message: "/payload/x/a/0/__proto__, which a reference brought in, must not be a name in a payload",
    });
  });

  it("is the first of several; the others are not looked up", () => {
    const asked: string[] = [];
    const json = `{"x":{"$ref":"list/error"},"y":{"$ref":"a/result"}}`;
    const resolved = resolveReferences(json, scope, (node) => (asked.push(node), "missing"), 1_000);
    expect([asked, resolved]).toMatchObject([["list"], { code: "reference_missing" }]);
  });
});

describe("the size of a resolved payload", () => {
  it("is limited, in bytes", () => {
    const kept: KeptValue = { json: `"${"é".repeat(100)}"` };
    const json = `{"x":{"$ref":"a/result"}}`;
    const size = (maxBytes: number): string => {
      const resolved = resolveReferences(json, scope, () => kept, maxBytes);
      return "code" in resolved ? resolved.code : "json";
    };
    expect([size(208), size(207)]).toEqual(["json", "result_too_large"]);
  });

  it("is limited before the payload is made", () => {
    const kept: KeptValue = { json: `"${"x".repeat(256 * 1024)}"` };
    const json = `{"x":"${"${a.result}".repeat(100_000)}"}`;
    expect(resolveReferences(json, scope, () => kept, 16 * 1024 * 1024)).toMatchObject({ code: "result_too_large" });
  });
});

it("a text without references stays as it is, and a resolved one is in one line", () => {
  fc.assert(
    fc.property(
      objectTexts.filter((json) => !/\$|\\u00[24]|\\u007b/i.test(json)),
      (json) => {
        expect(resolve(json)).toBe(json);
        expect(referencesOf(json, scope)).toEqual({ references: [], issues: [], isTemplate: false });
      },
    ),
  );
  expect(resolve(`{"x":\n{"$ref":"a/result/t"}}`)).toBe(`{"x": true}`);
});

it("any value of a result becomes part of the payload as it is", () => {
  fc.assert(
    fc.property(jsonTexts, fc.array(jsonTexts, { maxLength: 3 }), (value, others) => {
      const list = `[${[...others, value].join(",")}]`;
      const json = `{"x":{"$ref":"a/result/${others.length}"},"s":"<\${a.result.${others.length}}>"}`;
      const resolved = resolveReferences(json, scope, () => ({ json: list }), 1_000_000);
      const { x, s } = JSON.parse("json" in resolved ? resolved.json : "{}") as { x: unknown; s: string };
      const expected = JSON.parse(value) as unknown;
      expect(x).toEqual(expected);
      expect(s).toBe(`<${typeof expected === "string" ? expected : value.trim()}>`);
      expect("json" in resolved && resolved.json.startsWith(`{"x":${value.trim()},`)).toBe(true);
    }),
  );
});
