/** Writes the text of a filter box, whose grammar is in client/filter-text.ts. */
import { filterWords } from "../../client/filter-text.ts";

/** A word of a filter text: `status:failed,cancelled`, `tag:"two words"`. */
export function filterWord(key: string, values: readonly string[]): string {
  return `${key}:${values.map(quoted).join(",")}`;
}

function quoted(value: string): string {
  return value === "" || /[\s,"]/.test(value) ? `"${value.replace(/["\\]/g, "\\$&")}"` : value;
}

/** Words of a filter text that are searched for as they are: `"a: b"`. */
export function searchWords(text: string): string {
  return `"${text.replace(/["\\]/g, "\\$&")}"`;
}

/** The values that a text gives for a key, of all its words with this key. */
export function valuesIn(text: string, key: string): string[] {
  return filterWords(text).flatMap((word) => (word.key === key ? word.values : []));
}

/** The text without its words of a key, and with one word of these values at its end, if there are any. */
export function withFilter(text: string, key: string, values: readonly string[]): string {
  const others = filterWords(text)
    .filter((word) => word.key !== key)
    .map(({ source }) => source);
  return [...others, ...(values.length > 0 ? [filterWord(key, values)] : [])].join(" ");
}

/** Whether the words of a text have no other keys than these, and no word is searched for. */
export function hasOnly(text: string, keys: readonly string[]): boolean {
  return filterWords(text).every(({ key }) => key !== undefined && keys.includes(key));
}
