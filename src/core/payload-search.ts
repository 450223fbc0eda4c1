/** The search in payloads and error messages, which no index helps. */
import { readableJson, textAt } from "./json-path.ts";
import { redactWhole } from "./redaction.ts";

/** One condition on a payload: the value at the path, compared as text. */
export interface PayloadFilter {
  /** Names of fields and indexes of lists, from the outside in. */
  readonly path: readonly string[];
  readonly value: string;
}

/** The filters that look into payloads; all must match. */
export interface PayloadSearch {
  readonly payload?: readonly PayloadFilter[] | undefined;
  /** A text in the payload's JSON or in the error message; the letters A to Z match in upper and lower case. */
  readonly q?: string | undefined;
}

/** What replaces a secret (redaction.ts), also within a URL. */
const REDACTED = "[redacted]";

/** Whether the filters need the payload of a job. */
export function needsPayload({ payload, q }: PayloadSearch): boolean {
  return payload !== undefined || q !== undefined;
}

/** What the filters {@link needsPayload} look at. */
export interface SearchedJob {
  /** The whole payload, JSON. */
  readonly payload: string;
  /** The message of its error. */
  readonly message: string | null;
}

/**
 * Whether a job passes the filters by payload and by text. They see only what a reader of the job sees: nothing that is
 * redacted matches, or a search could guess a secret letter by letter. Members named like credentials do not match either
 * where a type delivers them, and so shows them.
 */
export function passesSearch({ payload, message }: SearchedJob, { payload: paths, q }: PayloadSearch): boolean {
  return (
    (paths === undefined || (passesPayload(payload, paths) && passesPayload(readable(payload), paths))) &&
    (q === undefined || (message !== null && contains(message, q)) || (contains(payload, q) && isShown(payload, q)))
  );
}

function passesPayload(payload: string, filters: readonly PayloadFilter[]): boolean {
  if (payload === "") return false;
  const json = readableJson(payload);
  return filters.every(({ path, value }) => textAt(json, path) === value);
}

function contains(text: string, q: string): boolean {
  return lowerAscii(text).includes(lowerAscii(q));
}

/** A match may not reach into a placeholder: it would depend on whether the secret has the same letters. */
function isShown(payload: string, q: string): boolean {
  const shown = readable(payload);
  return shown === payload || shown.split(REDACTED).some((part) => contains(part, q));
}

/** The payload of an erased job is `null`. */
function readable(payload: string): string {
  return payload.trimStart().startsWith("{") ? redactWhole(payload) : payload;
}

/** Folds A to Z alone, as the SQL does: other letters have different lower cases in the locales of databases. */
function lowerAscii(text: string): string {
  return text.replace(/[A-Z]+/g, (letters) => letters.toLowerCase());
}
