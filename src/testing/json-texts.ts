/** JSON that JSON.parse and JSON.stringify would change: digits, keys and escapes of all kinds. */
import fc from "fast-check";

/** Numbers with more digits than a double has, with zeros at their end, with signs and exponents. */
export const numberTexts = fc.stringMatching(/^-?(0|[1-9]\d{0,29})(\.\d{1,24})?([eE][+-]?\d{1,3})?$/);

/** More decimal places than any of them has. */
export const PLACES = 1_100;

/** A number in units of 10^-PLACES, as an integer. */
export function unscaled(text: string): bigint {
  const [, health = "", whole = "", fraction = "", power = "0"] =
    /^(-?)(\d+)(?:\.(\d+))?(?:e([+-]?\d+))?$/i.exec(text) ?? [];
  return BigInt(`${health}${whole}${fraction}`) * 10n ** BigInt(PLACES + Number(power) - fraction.length);
}

/** Strings with unnecessary escapes, except `\u005f`, which could form a rejected name. */
const stringTexts = fc.stringMatching(/^"([ !#-[\]-~é€]|\\["\\/bfnrt]|\\u00[0-4][0-9a-f]|\\ud83d\\ude00){0,12}"$/);

/** Keys, some of them duplicate, and some that look like numbers, which an object would put first. */
const keyTexts = fc.oneof(fc.constantFrom('"10"', '"2"', '"a"', '"\\u0061"', '"B"'), stringTexts);

/** No line breaks, because they are stored as spaces. */
const spaces = fc.constantFrom("", "", "", " ", "  ");

function listed(items: fc.Arbitrary<string>, brackets: "[]" | "{}"): fc.Arbitrary<string> {
  return fc
    .tuple(spaces, fc.array(items, { maxLength: 5 }))
    .map(
      ([space, texts]) =>
        `${brackets.charAt(0)}${space}${texts.join(`${space},${space}`)}${space}${brackets.charAt(1)}`,
    );
}

const membersOf = (values: fc.Arbitrary<string>): fc.Arbitrary<string> =>
  fc.tuple(keyTexts, spaces, values).map(([key, space, value]) => `${key}${space}:${space}${value}`);

export const { value: jsonTexts } = fc.letrec<{ value: string; leaf: string }>((tie) => ({
  value: fc.oneof(
    { depthSize: "small", withCrossShrink: true },
    tie("leaf"),
    listed(tie("value"), "[]"),
    listed(membersOf(tie("value")), "{}"),
  ),
  leaf: fc.oneof(numberTexts, numberTexts, stringTexts, fc.constantFrom("true", "false", "null")),
}));

/** Of objects. */
export const objectTexts: fc.Arbitrary<string> = listed(membersOf(jsonTexts), "{}");

/** Cases that a generator is unlikely to make. */
export const KNOWN_TEXTS: readonly string[] = [
  '{"id":9223372036854775807,"price":0.1234567890123456789,"10":1,"2":2}',
  "-0",
  "-0.0",
  "0e5",
  "1.0",
  "1e400",
  "-1E-400",
  "123456789012345678901234567890",
  "4.35",
  "1E+2",
  `${'{"a":['.repeat(40)}1.10${"]}".repeat(40)}`,
  '{"a":1,"a":2.50,"\\u0061":[1.0,{"a":0.10}]}',
  '"\\u0000\\ud800\\/"',
  '[ 1.0 , { "a" : 1 } ]',
  "null",
  "false",
  '""',
  "{}",
  "[]",
];
