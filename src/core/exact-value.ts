/** Restores the submitted digits of numbers in a parsed JSON value. */
import { type ExactNumber, numberOf } from "./exact-number.ts";
import { elementsOf, memberTexts } from "./json-span.ts";

/** Matches every text that contains a number which a double may change. A string in the text may match, too. */
const MAY_DIFFER = /\d{16}|\d[.eE]|-0/;

/**
 * @param value the result of JSON.parse for `json`
 * @param numberFrom converts the text of a number to its value in the result
 * @returns the value, or a copy if a number may differ
 */
export function exactValue(
  value: unknown,
  json: string,
  numberFrom: (text: string) => number | ExactNumber = numberOf,
): unknown {
  return MAY_DIFFER.test(json) ? exact(value, json, numberFrom) : value;
}

function exact(value: unknown, json: string, numberFrom: (text: string) => number | ExactNumber): unknown {
  if (typeof value === "number") return numberFrom(json);
  if (typeof value !== "object" || value === null) return value;
  if (Array.isArray(value)) {
    const texts = elementsOf(json);
    return value.map((element, at) => exact(element, texts[at] ?? "null", numberFrom));
  }
  const texts = memberTexts(json);
  return Object.fromEntries(
    Object.entries(value).map(([name, member]: [string, unknown]) => [
      name,
      exact(member, texts.get(name) ?? "null", numberFrom),
    ]),
  );
}
