import { Type } from "typebox";
import { describe, expect, it } from "vitest";
import { issuesOfErrors, MAX_ISSUES } from "./schema-issues.ts";
import { compileValidator } from "./validator.ts";

const closed = { additionalProperties: false } as const;
const source = Type.Union([
  Type.Object({ url: Type.String() }, closed),
  Type.Object({ base64: Type.String() }, closed),
]);
const validator = compileValidator(
  Type.Object(
    {
      text: Type.Optional(Type.String({ minLength: 2, maxLength: 3, pattern: "^a" })),
      count: Type.Optional(Type.Integer({ minimum: 1, exclusiveMaximum: 9, multipleOf: 2 })),
      list: Type.Optional(Type.Array(Type.String(), { minItems: 1, maxItems: 2, uniqueItems: true })),
      map: Type.Optional(Type.Record(Type.String(), Type.String(), { minProperties: 1, maxProperties: 1 })),
      choice: Type.Optional(Type.Enum(["a", "b"])),
      literal: Type.Optional(Type.Union([Type.Literal("x"), Type.Literal("y")])),
      recipients: Type.Optional(
        Type.Union([
          Type.String({ minLength: 3 }),
          Type.Array(Type.Union([Type.String({ minLength: 3 }), Type.Object({ address: Type.String() }, closed)])),
        ]),
      ),
      source: Type.Optional(source),
    },
    closed,
  ),
);

const issuesOf = (value: unknown): string[] =>
  validator.issuesOf(value).map(({ path, message }) => `${path} ${message}`);

describe("issuesOfErrors", () => {
  it.each([
    [[], [" expected an object"]],
    [{ "a/b~c": 1, b: 2 }, ["/a~1b~0c is not a known field", "/b is not a known field"]],
    [{ text: 5 }, ["/text expected a string"]],
    [{ text: "b" }, ["/text expected at least 2 characters", "/text expected text that matches ^a"]],
    [{ text: "abcd" }, ["/text expected at most 3 characters"]],
    [{ count: 0 }, ["/count expected a number >= 1"]],
    [{ count: 9 }, ["/count expected a number < 9", "/count must be multiple of 2"]],
    [{ count: 1.5, zzz: 1 }, ["/zzz is not a known field", "/count expected an integer"]],
    [{ count: "2" }, ["/count expected an integer"]],
    [{ list: [] }, ["/list expected at least 1 item"]],
    [{ list: ["a", "a", "b"] }, ["/list expected at most 2 items"]],
    [{ list: ["a", "a"] }, ["/list must not have duplicate items"]],
    [{ map: {} }, ["/map expected at least 1 field"]],
    [{ choice: "c" }, [`/choice expected "a" or "b"`]],
    [{ literal: "z" }, [`/literal expected "x" or "y"`]],
    [{ recipients: 5 }, ["/recipients expected a string or an array"]],
    [{ recipients: "a" }, ["/recipients expected at least 3 characters"]],
    [
      { recipients: ["abc", "a", { address: 1 }, 7] },
      [
        "/recipients/1 expected at least 3 characters",
        "/recipients/2/address expected a string",
        "/recipients/3 expected a string or an object",
      ],
    ],
    [{ source: { url: 5 } }, ["/source/url expected a string"]],
    [
      { source: { url: "u", base64: "b" } },
      ["/source matches none of the forms allowed here: /base64 is not a known field, or /url is not a known field"],
    ],
    [{ source: {} }, ["/source matches none of the forms allowed here: /url is required, or /base64 is required"]],
  ])("of %j", (value, expected) => {
    expect(issuesOf(value)).toEqual(expected);
  });

  it("returns at least one issue for an invalid value", () => {
    expect(issuesOfErrors([])).toEqual([{ path: "", message: "is not valid" }]);
  });

  it("lists at most MAX_ISSUES, and one more if there are more", () => {
    expect(issuesOf(Object.fromEntries(Array.from({ length: 5_000 }, (_, i) => [`field${i}`, 1])))).toHaveLength(
      MAX_ISSUES + 1,
    );
  });
});
