import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { isFull } from "../testing/full.ts";
import { numberTexts, PLACES, unscaled } from "../testing/json-texts.ts";
import { ExactNumber, isDouble, numberOf, placesOf, roundedText, withoutPadding } from "./exact-number.ts";

const RUNS = isFull ? 100_000 : 1_000;

describe("a number of a JSON text", () => {
  it.each(["0", "-1", "1.5", "1e+21", "9007199254740992", "5e-324"])(
    "is a double if that prints the same text: %s",
    (text) => expect(numberOf(text)).toBe(Number(text)),
  );

  it.each(["1.0", "-0", "1e2", "1E2", "9007199254740993", "0.1234567890123456789", "1e400", "0.10"])(
    "keeps its text if not: %s",
    (text) => {
      expect(numberOf(text)).toBeInstanceOf(ExactNumber);
      expect(String(numberOf(text))).toBe(text);
    },
  );

  it.each([
    ["-0.0", true],
    ["0e9", true],
    ["0.00E+1", true],
    ["0.01", false],
    ["1e-400", false],
    ["10", false],
  ])("%s is zero: %s", (text, isZero) => expect(new ExactNumber(text).isZero).toBe(isZero));

  it.each<[string, boolean]>([
    ...(["1.0", "1e2", "100E-2", "-0", "0e999", "0.10", "1e21", "12300000000000000000000", "-2.50"] as const).map(
      (text): [string, boolean] => [text, true],
    ),
    ...(
      ["9007199254740993", "0.1234567890123456789", "1e400", "-1e400", "1e-400", "0.10000000000000000555"] as const
    ).map((text): [string, boolean] => [text, false]),
  ])("%s has the value of a double: %s", (text, expected) => expect(isDouble(text)).toBe(expected));

  it("has the value of a double exactly if the double prints the same value", () => {
    fc.assert(
      fc.property(numberTexts, (text) => {
        const double = String(Number(text));
        fc.pre(!double.endsWith("Infinity"));
        expect(isDouble(text)).toBe(unscaled(text) === unscaled(double));
      }),
      { numRuns: RUNS },
    );
  });

  it.each<[string, number, string]>([
    ["1.005", 2, "1.01"],
    ["-1.005", 2, "-1.01"],
    ["1.004", 2, "1.00"],
    ["-0.001", 2, "0.00"],
    ["0.5", 0, "1"],
    ["0.05", 0, "0"],
    ["9.995", 2, "10.00"],
    ["9007199254740993", 2, "9007199254740993.00"],
    ["1e3", 1, "1000.0"],
    ["1.5e-400", 2, "0.00"],
    ["1.25e500", 2, "1.25e500"],
    ["-0", 1, "0.0"],
    ["12e-1", 0, "1"],
  ])("%s with %i decimals is %s", (text, decimals, rounded) => expect(roundedText(text, decimals)).toBe(rounded));

  it("is rounded half away from zero, like integer arithmetic does", () => {
    fc.assert(
      fc.property(numberTexts, fc.integer({ min: 0, max: 15 }), (text, decimals) => {
        const value = unscaled(text);
        const step = 10n ** BigInt(PLACES - decimals);
        const half = value < 0n ? -step / 2n : step / 2n;
        const rounded = roundedText(text, decimals);
        expect(unscaled(rounded)).toBe(/e/i.test(rounded) ? value : ((value + half) / step) * step);
        expect(unscaled(withoutPadding(rounded))).toBe(unscaled(rounded));
      }),
      { numRuns: RUNS },
    );
  });

  it("has digits before and after the point", () => {
    expect(["120.50", "1e3", "5e-4", "-0.0"].map(placesOf)).toEqual([
      { whole: 3, fraction: 1, isNegativeZero: false },
      { whole: 4, fraction: 0, isNegativeZero: false },
      { whole: 0, fraction: 4, isNegativeZero: false },
      { whole: 0, fraction: 0, isNegativeZero: true },
    ]);
  });

  it("of a million digits is read and rounded quickly", () => {
    const [zeros, nines] = [`1${"0".repeat(1_000_000)}1`, `0.${"9".repeat(1_000_000)}`];
    expect([isDouble(zeros), roundedText(zeros, 2) === zeros, roundedText(nines, 2)]).toEqual([false, true, "1.00"]);
  });
});
