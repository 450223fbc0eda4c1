/** A parsed JSON value with its numbers as they were submitted. */
import { type ExactNumber, numberOf } from "./exact-number.ts";
import { elementsOf, memberTexts } from "./json-span.ts";

/** What every text has in which a number may be another one as a double. Strings may have it, too. */
const MAY_DIFFER = /\d{16}|\d[.eE]|-0/;

/**
 * @param value what JSON.parse made of `json`
 * @param numberFrom makes of the text of a number what stands in the value
 * @returns the value, or a copy where a number may differ
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
