/** What the filter box offers for the word at the caret. */
import type { FilterWord } from "../../../client/filter-text.ts";
import { FILTER_KEYS, filterWords } from "../../../client/filter-text.ts";
import { filterWord } from "../../parts/filter-words.ts";

/** Values that are known for a key: `status`, `type`, `tag`, `code`… */
export type KnownValues = Readonly<Record<string, readonly string[]>>;

export interface Suggestion {
  /** The whole text, with the suggestion in place of the word or of its last value. */
  readonly text: string;
  /** Where the caret is then. */
  readonly caret: number;
  /** What is shown. */
  readonly shown: string;
  readonly hint: string;
  /** False for a key, which needs a value. */
  readonly isComplete: boolean;
}

const MOST = 10;
const PAYLOAD = "payload.";
const AGES = ["15m", "1h", "24h", "7d"];
const HINTS: Readonly<Record<string, string>> = {
  status: "one of its statuses",
  type: "its job type",
  tag: "one of its tags",
  group: "its group",
  code: "its error code",
  worker: "the replica that runs or ran it",
  "retry-of": "the id of the job that it runs again",
  since: "accepted since, such as 2h",
  until: "accepted before, such as 7d",
  "finished-since": "finished since",
  "finished-until": "finished before",
};

/**
 * @param caret the index in the text, from which the word is found
 * @param paths dotted paths into payloads, such as `order.id`
 */
export function suggestionsAt(
  text: string,
  caret: number,
  known: KnownValues,
  paths: readonly string[] = [],
): readonly Suggestion[] {
  const word = filterWords(text.slice(0, caret)).at(-1);
  const typed = word !== undefined && word.start + word.source.length === caret ? word : undefined;
  return typed?.key === undefined
    ? keysFor(text, typed?.start ?? caret, caret, paths)
    : valuesFor(text, typed, caret, typed.key, known);
}

function keysFor(text: string, start: number, caret: number, paths: readonly string[]): Suggestion[] {
  const typed = text.slice(start, caret).toLowerCase();
  if (typed.startsWith('"')) return []; // words to search for
  const keys = FILTER_KEYS.filter((key) => !key.startsWith(PAYLOAD)).map((key) => [key, HINTS[key] ?? ""] as const);
  const payload = paths.map((path) => [PAYLOAD + path, "a value of the payload"] as const);
  return [...keys, ...(typed === "" ? [] : payload)]
    .filter(([key]) => key.toLowerCase().startsWith(typed))
    .slice(0, typed === "" ? undefined : MOST)
    .map(([key, hint]) => ({
      ...spliced(text, start, caret, `${key}:`),
      shown: `${key}:`,
      hint,
      isComplete: false,
    }));
}

function valuesFor(text: string, word: FilterWord, caret: number, key: string, known: KnownValues): Suggestion[] {
  const isTime = /^(finished-)?(since|until)$/.test(key);
  const values = isTime ? AGES : (known[key] ?? []);
  const typed = (word.values.at(-1) ?? "").toLowerCase();
  const given = word.values.slice(0, -1);
  const free = values.filter((value) => !given.includes(value));
  // first those that begin with what was typed
  const found = [
    ...free.filter((value) => value.toLowerCase().startsWith(typed)),
    ...free.filter((value) => value.toLowerCase().indexOf(typed) > 0),
  ];
  return found.slice(0, MOST).map((value) => ({
    ...spliced(text, word.start, caret, filterWord(key, [...given, value])),
    shown: value,
    hint: "",
    isComplete: true,
  }));
}

function spliced(text: string, from: number, to: number, part: string): Pick<Suggestion, "text" | "caret"> {
  return { text: text.slice(0, from) + part + text.slice(to), caret: from + part.length };
}

/** The dotted paths of the fields that a JSON Schema describes, the outer ones first. */
export function pathsOf(schema: unknown, depth = 3): string[] {
  if (depth === 0 || !isObject(schema) || !isObject(schema["properties"])) return [];
  const fields = Object.entries(schema["properties"]).filter(([name]) => name !== "" && !name.includes("."));
  return [
    ...fields.map(([name]) => name),
    ...fields.flatMap(([name, inner]) => pathsOf(inner, depth - 1).map((path) => `${name}.${path}`)),
  ];
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
