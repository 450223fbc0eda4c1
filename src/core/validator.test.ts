import fc from "fast-check";
import type { TSchema } from "typebox";
import { Type } from "typebox";
import { Compile } from "typebox/compile";
import { describe, expect, it } from "vitest";
import { issuesOfErrors } from "./schema-issues.ts";
import { compileValidator } from "./validator.ts";

const closed = { additionalProperties: false } as const;
const text = Type.String({ minLength: 1, maxLength: 3, pattern: "^[ab]*$" });
const scalar = Type.Union([text, Type.Number({ minimum: 0, exclusiveMaximum: 3 }), Type.Boolean(), Type.Null()]);
const inner = Type.Object({ a: text, b: Type.Optional(Type.Integer({ multipleOf: 2 })) }, closed);
const SCHEMAS: readonly TSchema[] = [
  Type.Object({ a: scalar, b: Type.Optional(Type.Array(scalar, { minItems: 1 })), c: Type.Optional(inner) }, closed),
  Type.Object({
    a: Type.Union([inner, Type.Object({ b: Type.Literal("x") }, closed), Type.Array(inner)]),
    b: Type.Optional(Type.Enum(["a", "b"])),
  }),
  Type.Object(
    {
      a: Type.Record(Type.String(), scalar, { minProperties: 1 }),
      b: Type.Optional(Type.Array(Type.Unknown(), { uniqueItems: true })),
    },
    { additionalProperties: Type.Integer() },
  ),
  Type.Object(
    {
      a: Type.Intersect([Type.Object({ a: text }), Type.Object({ b: Type.Integer() })]),
      b: Type.Optional(Type.Tuple([text, scalar])),
    },
    closed,
  ),
  Type.Object({
    a: Type.Optional(Type.Unsafe({ oneOf: [inner, { type: "array" }], not: { const: 1 } })),
    b: Type.Optional(Type.String({ format: "uuid" })),
  }),
  Type.Unsafe({
    type: "object",
    $defs: { node: { type: "object", properties: { a: { $ref: "#/$defs/node" }, b: { type: "integer" } } } },
    properties: { a: { $ref: "#/$defs/node" } },
  }),
];

const { value: anything } = fc.letrec<{ value: unknown; object: unknown }>((tie) => ({
  value: fc.oneof(
    { maxDepth: 4 },
    fc.constantFrom("a", "ab", "b", "x", "c", "", 0, 1, 2, 3, 1.5, true, null),
    fc.array(tie("value"), { maxLength: 4 }),
    tie("object"),
  ),
  object: fc.dictionary(fc.constantFrom("a", "b", "c", "/~"), tie("value"), { maxKeys: 3, noNullPrototype: true }),
}));

describe("a validator", () => {
  it("finds the issues that typebox finds, in its order", () => {
    const compiled = SCHEMAS.map((schema) => ({ ours: compileValidator(schema), theirs: Compile(schema) }));
    fc.assert(
      fc.property(fc.record({ a: anything }, { requiredKeys: [] }), anything, anything, (object, b, c) => {
        for (const value of [object, { ...object, b, c }, { ...object, b }, c]) {
          for (const { ours, theirs } of compiled) {
            expect(ours.isValid(value)).toBe(theirs.Check(value));
            if (!theirs.Check(value)) expect(ours.issuesOf(value)).toEqual(issuesOfErrors(theirs.Errors(value)));
          }
        }
      }),
      { numRuns: 300 },
    );
  });

  it.each([
    [Type.Object({ a: Type.Array(text, { maxItems: 2 }) }), { a: ["", "", ""] }, ["/a expected at most 2 items"]],
    [
      Type.Object({ a: Type.Array(text, { maxItems: 2, uniqueItems: true }) }),
      { a: ["a", "a", "a"] },
      ["/a expected at most 2 items"],
    ],
    [
      Type.Object({ a: Type.Record(Type.String(), text, { maxProperties: 1 }) }),
      { a: { b: "", c: "" } },
      ["/a expected at most 1 field"],
    ],
    [Type.Object({ a: text }), { a: "cccc" }, ["/a expected at most 3 characters"]],
    [Type.Object({ a: text }), { a: "😀😀" }, ["/a expected text that matches ^[ab]*$"]],
    [
      Type.Object({ a: Type.Intersect([Type.Object({ b: Type.String({ pattern: "^a$", expected: "an a" }) })]) }),
      { a: { b: "b" } },
      ["/a/b expected an a"],
    ],
  ])("does not read the content of a value that is too long: case %#", (schema, value, expected) => {
    expect(
      compileValidator(schema)
        .issuesOf(value)
        .map(({ path, message }) => `${path} ${message}`),
    ).toEqual(expected);
  });

  /** typebox's own `Errors` takes from ten seconds to minutes for each of these. */
  it.each([
    [
      "duplicates",
      Type.Object({ a: Type.Array(Type.String(), { uniqueItems: true }) }),
      { a: Array<string>(200_000).fill("a") },
      1,
    ],
    [
      "values before one that is wrong",
      Type.Object({ a: Type.Array(Type.Union([inner, scalar])) }),
      { a: [...Array<unknown>(1_000_000).fill(null), "c"] },
      1,
    ],
    [
      "values that are all wrong",
      Type.Object({ a: Type.Array(inner) }),
      { a: Array<unknown>(1_000_000).fill([]) },
      1_001,
    ],
    [
      "values of a keyword that typebox alone knows",
      Type.Object({ a: Type.Intersect([Type.Unknown(), Type.Array(inner)]) }),
      { a: Array<unknown>(500_000).fill([]) },
      1,
    ],
    [
      "values, each of a keyword that typebox alone knows",
      Type.Object({ a: Type.Array(Type.Intersect([inner])) }),
      { a: Array<unknown>(500_000).fill({}) },
      1_001,
    ],
  ])("is quick for a million %s", (_, schema, value, count) => {
    const startedMs = performance.now();
    const issues = compileValidator(schema).issuesOf(value);
    expect(performance.now() - startedMs).toBeLessThan(5_000);
    expect(issues).toHaveLength(count);
  });

  it("truncates a long path", () => {
    const schema = Type.Object({ a: Type.Record(Type.String(), inner) });
    const issues = compileValidator(schema).issuesOf({
      a: { ["n".repeat(100_000)]: Object.fromEntries(Array.from({ length: 1_000 }, (_, i) => [`x${i}`, 1])) },
    });
    expect(issues).toHaveLength(1_001);
    expect(Math.max(...issues.map(({ path }) => path.length))).toBeLessThan(2_000);
  });
});
