/**
 * Reads the text of a filter box: `type:webhook status:failed,retrying since:2h payload.order:42 some words`.
 *
 * A word `KEY:VALUE` is a filter; several values are separated by commas, or given by repeating the key. All other words
 * are searched for as one text. Double quotes enclose spaces, commas and colons; inside them, `\"` and `\\` mean
 * the characters themselves.
 */
import type { ListFilters, Status } from "./contract.ts";

const STATUSES: Readonly<Record<Status, true>> = {
  waiting: true,
  scheduled: true,
  queued: true,
  running: true,
  retrying: true,
  completed: true,
  failed: true,
  cancelled: true,
};

/** The keys whose filters may have several values. */
const LISTS = {
  status: "status",
  type: "type",
  tag: "tag",
  group: "groupKey",
  code: "errorCode",
  "retry-of": "retryOf",
  worker: "worker",
} as const;
const TIMES = {
  since: "createdAfter",
  until: "createdBefore",
  "finished-since": "finishedAfter",
  "finished-until": "finishedBefore",
} as const;
const PAYLOAD = "payload.";

/** The keys of a filter text, for messages and completion. */
export const FILTER_KEYS: readonly string[] = [...Object.keys(LISTS), ...Object.keys(TIMES), `${PAYLOAD}PATH`];

export interface FilterTextIssue {
  /** The word with the issue, as it was given. */
  readonly word: string;
  /** A sentence for the user, which names the word. */
  readonly message: string;
}

/** A word of a filter text. */
export interface FilterWord {
  /** As it was given. */
  readonly source: string;
  /** The index of its first character in the text. */
  readonly start: number;
  /** What is before the first colon outside quotes; undefined without one. */
  readonly key: string | undefined;
  /** What follows, without its quotes, by the commas outside them. A word without a key is in one piece. */
  readonly values: readonly string[];
  /** False if a closing double quote is missing. */
  readonly isClosed: boolean;
}

const UNITS: readonly (readonly [unit: string, ms: number])[] = [
  ["d", 86_400_000],
  ["h", 3_600_000],
  ["m", 60_000],
  ["s", 1_000],
];
const DURATION = /^(?:(\d{1,9})d)?(?:(\d{1,9})h)?(?:(\d{1,9})m)?(?:(\d{1,9})s)?$/;
const TIME = /^\d{4}-\d\d-\d\d(?:T\d\d:\d\d(?::\d\d(?:\.\d+)?)?(?:Z|[+-]\d\d:\d\d))?$/i;

/**
 * @param now epoch ms, from which `since:2h` counts back
 * @returns the filters; or all issues, in the order of the words
 */
export function readFilterText(
  text: string,
  now: number,
): { readonly filters: ListFilters } | { readonly issues: readonly FilterTextIssue[] } {
  const read: Reading = { lists: {}, times: {}, payload: {}, words: [], issues: [] };
  for (const word of filterWords(text)) {
    if (word.isClosed) readWord(word, now, read);
    else read.issues.push({ word: word.source, message: `${word.source}: the closing double quote is missing.` });
  }
  const { lists, times, payload, words, issues } = read;
  if (issues.length > 0) return { issues };
  const q = words.join(" ");
  return {
    filters: {
      ...lists,
      ...times,
      ...(Object.keys(payload).length > 0 && { payload }),
      ...(q !== "" && { q }),
    },
  };
}

interface Reading {
  readonly lists: { status?: Status[] } & Partial<Record<(typeof LISTS)[keyof typeof LISTS], string[]>>;
  readonly times: Partial<Record<(typeof TIMES)[keyof typeof TIMES], string>>;
  readonly payload: Record<string, string>;
  readonly words: string[];
  readonly issues: FilterTextIssue[];
}

function readWord({ source, key, values }: FilterWord, now: number, read: Reading): void {
  const report = (message: string): unknown => read.issues.push({ word: source, message: `${source}: ${message}` });
  if (key === undefined) read.words.push(...values.filter((value) => value !== ""));
  else if (values.includes("")) report(`expected ${key}:VALUE.`);
  else if (isKeyOf(LISTS, key)) {
    const unknown = key === "status" ? values.find((value) => !Object.hasOwn(STATUSES, value)) : undefined;
    if (unknown === undefined) (read.lists[LISTS[key]] ??= []).push(...values);
    else report(`"${unknown}" is not a status. Use ${Object.keys(STATUSES).join(", ")}.`);
  } else if (isKeyOf(TIMES, key)) {
    const time = values.length === 1 ? timeOf(values[0] ?? "", now) : undefined;
    if (time === undefined) report("expected how long ago, such as 2h or 7d, or a time, such as 2026-01-31T08:00:00Z.");
    else if (read.times[TIMES[key]] === undefined) read.times[TIMES[key]] = time;
    else report(`${key} is given twice.`);
  } else if (key.startsWith(PAYLOAD) && key.length > PAYLOAD.length) {
    const path = key.slice(PAYLOAD.length);
    if (Object.hasOwn(read.payload, path)) report(`${key} is given twice.`);
    else Object.defineProperty(read.payload, path, { value: values.join(","), enumerable: true });
  } else
    report(`"${key}" is not a key. Use ${FILTER_KEYS.join(", ")}, or put the word in double quotes to search for it.`);
}

function isKeyOf<Table extends object>(table: Table, key: string): key is keyof Table & string {
  return Object.hasOwn(table, key);
}

/** @returns an RFC 3339 time; undefined for text that is neither a time nor a duration */
function timeOf(text: string, now: number): string | undefined {
  if (TIME.test(text)) {
    const time = Date.parse(text);
    return Number.isNaN(time) ? undefined : new Date(time).toISOString();
  }
  const amounts = text === "" ? undefined : DURATION.exec(text)?.slice(1);
  if (!amounts) return undefined;
  const ago = UNITS.reduce((total, [, ms], i) => total + Number(amounts[i] ?? 0) * ms, 0);
  return new Date(Math.max(0, now - ago)).toISOString();
}

/** The words of the text, which white space outside quotes separates. */
export function filterWords(text: string): FilterWord[] {
  const words: FilterWord[] = [];
  for (let at = 0; at < text.length; ) {
    if (/\s/.test(text.charAt(at))) {
      at += 1;
      continue;
    }
    const word = wordAt(text, at);
    words.push(word);
    at += word.source.length;
  }
  return words;
}

function wordAt(text: string, start: number): FilterWord {
  let [at, isQuoted, piece]: [number, boolean, string] = [start, false, ""];
  let key: string | undefined;
  const values: string[] = [];
  for (; at < text.length; at += 1) {
    const char = text.charAt(at);
    if (isQuoted && char === "\\" && /["\\]/.test(text.charAt(at + 1))) piece += text.charAt((at += 1));
    else if (char === '"') isQuoted = !isQuoted;
    else if (isQuoted) piece += char;
    else if (/\s/.test(char)) break;
    else if (char === ":" && key === undefined && at > start && !text.slice(start, at).includes('"'))
      [key, piece] = [piece, ""];
    else if (char === "," && key !== undefined) {
      values.push(piece);
      piece = "";
    } else piece += char;
  }
  values.push(piece);
  return { source: text.slice(start, at), start, key, values, isClosed: !isQuoted };
}
