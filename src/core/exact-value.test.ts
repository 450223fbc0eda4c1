import fc from "fast-check";
import { parse as parseLossless } from "lossless-json";
import { expect, it } from "vitest";
import { isFull } from "../testing/full.ts";
import { jsonTexts, KNOWN_TEXTS } from "../testing/json-texts.ts";
import { ExactNumber, valueOfNumber } from "./exact-number.ts";
import { exactValue } from "./exact-value.ts";

const RUNS = isFull ? 50_000 : 500;
const exactOf = (json: string): unknown => exactValue(JSON.parse(json), json);

/** A value with each number replaced by `#` and its text. */
function spelled(value: unknown): unknown {
  if (typeof value === "number" || value instanceof ExactNumber) return `#${String(value)}`;
  if (Array.isArray(value)) return value.map(spelled);
  return typeof value === "object" && value !== null
    ? Object.fromEntries(Object.entries(value).map(([name, member]) => [name, spelled(member)]))
    : value;
}

/** The value according to another library; the last of two members with the same name. */
const asReadByAnother = (json: string): unknown =>
  parseLossless(json, undefined, { parseNumber: (digits) => `#${digits}`, onDuplicateKey: ({ newValue }) => newValue });

it("has the numbers that another library reads", () => {
  const property = fc.property(jsonTexts, (json) => {
    expect(spelled(exactOf(json))).toEqual(asReadByAnother(json));
  });
  fc.assert(property, { numRuns: RUNS, examples: KNOWN_TEXTS.map((json) => [json]) });
});

it("is the parsed value itself if no number can differ", () => {
  const value = { a: [1, "x", true, null, -20] };
  expect(exactValue(value, JSON.stringify(value))).toBe(value);
});

it("converts numbers by the given function", () => {
  expect(exactValue({ a: 1, b: 0 }, '{"a":1.0,"b":9007199254740993}', valueOfNumber)).toEqual({
    a: 1,
    b: new ExactNumber("9007199254740993"),
  });
});
