/**
 * The filters that find the jobs of an error. A filter cannot name a signature, which the server computes from the
 * message: the jobs are found by type, code and time, and by a text of the message where other errors have the same code.
 */
import type { ErrorGroups, ListFilters } from "../../../client/taskflow.ts";
import { filterWord, searchWords } from "../../parts/filter-words.ts";
import type { ErrorTimes } from "./error-times.ts";

export type ErrorGroup = ErrorGroups["errors"][number];

export interface GroupFilter {
  readonly filters: ListFilters;
  /** The same filters for the filter box. */
  readonly text: string;
  /** Which other errors the filters find, too. */
  readonly also: readonly ErrorGroup[];
  /** Whether the filters may find errors that the list does not have. */
  readonly isOpen: boolean;
}

/** The server's code for the errors of a type that are too many to be counted apart. */
const OTHER = "(other)";
/** What stands for the parts that differ between jobs, with the slash that the server puts before a path; or its start. */
const PLACEHOLDERS = /\/?<path>|<(?:text|email|id|n)>|\/?(?:<[a-z]{0,5})?$/;
/** Of these, the message may have others in its place: white space, credentials of a URL, characters cut in half. */
const UNCERTAIN = /\s+|:\/\/|\ufffd/;
const SHORTEST_WORD = 2;

/** Whether the group is no single error, so that no filter finds its jobs. */
export function isOther({ code }: ErrorGroup): boolean {
  return code === OTHER;
}

/**
 * @param all the groups of the range, with those of other types or without
 * @param isTruncated whether there are further groups
 */
export function filterOfGroup(
  group: ErrorGroup,
  all: readonly ErrorGroup[],
  { times, isTruncated }: { readonly times: ErrorTimes; readonly isTruncated: boolean },
): GroupFilter {
  // the server would take a code with a comma for two codes
  const hasCode = !isOther(group) && !group.code.includes(",");
  const alike = all.filter(
    (each) => !isSame(each, group) && each.type === group.type && (!hasCode || each.code === group.code),
  );
  const isAlone = alike.length === 0 && !isTruncated;
  const phrase =
    isAlone || isOther(group)
      ? undefined
      : phraseOf(
          group.signature,
          alike.map(({ signature }) => signature),
        );
  const { from, to } = times;
  return {
    filters: {
      status: ["failed"],
      type: [group.type],
      ...(hasCode && { errorCode: [group.code] }),
      finishedAfter: from,
      ...(to !== undefined && { finishedBefore: to }),
      ...(phrase !== undefined && { q: phrase }),
    },
    text: [
      filterWord("type", [group.type]),
      ...(hasCode ? [filterWord("code", [group.code])] : []),
      "status:failed",
      filterWord("finished-since", [from]),
      ...(to === undefined ? [] : [filterWord("finished-until", [to])]),
      ...(phrase === undefined ? [] : [searchWords(phrase)]),
    ].join(" "),
    also: alike.filter(({ signature }) => phrase === undefined || contains(signature, phrase)),
    isOpen: isTruncated || all.some((each) => isOther(each) && each.type === group.type),
  };
}

/**
 * A word that every message of the signature has: the longest of those that the fewest other signatures have.
 * @returns undefined if there is none
 */
export function phraseOf(signature: string, others: readonly string[]): string | undefined {
  const words = signature
    .split(PLACEHOLDERS)
    .flatMap((part) => part.split(UNCERTAIN))
    .filter((word) => word.length >= SHORTEST_WORD);
  const shared = (word: string): number => others.filter((other) => contains(other, word)).length;
  const [best] = [...new Set(words)]
    .map((word) => ({ word, shared: shared(word) }))
    .sort((a, b) => a.shared - b.shared || b.word.length - a.word.length);
  return best?.word;
}

/** As the server's search: A to Z match in upper and lower case. */
function contains(text: string, part: string): boolean {
  return folded(text).includes(folded(part));
}

function folded(text: string): string {
  return text.replace(/[A-Z]+/g, (letters) => letters.toLowerCase());
}

/** What the filters find beside the jobs of the group, in a sentence; undefined for nothing. */
export function noteOf({ also, isOpen }: GroupFilter): string | undefined {
  const [first, ...others] = also;
  if (first) {
    const errors = others.length === 0 ? `the error “${first.signature}”` : `${also.length} other errors`;
    return `The jobs of ${errors} have the same type and code, and no text sets them apart: they are found, too.`;
  }
  if (isOpen) return "Jobs of errors that are not listed may be found, too, if they have the same type and code.";
  return undefined;
}

/** How the jobs of the group are found, in a sentence. */
export function foundByText({ filters: { errorCode, q } }: GroupFilter): string {
  const by = ["type", ...(errorCode === undefined ? [] : ["code"]), ...(q === undefined ? [] : [`the text “${q}”`])];
  const last = by.pop() ?? "";
  return `Its jobs are found by ${by.length === 0 ? last : `${by.join(", ")} and ${last}`}.`;
}

function isSame(a: ErrorGroup, b: ErrorGroup): boolean {
  return a.type === b.type && a.code === b.code && a.signature === b.signature;
}
