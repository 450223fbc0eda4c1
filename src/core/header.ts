/**
 * The headers of a packed job: columns of fixed width. TypeScript takes every position from the tables below, and the
 * Lua scripts get the same positions as named constants (queue/lua-constants.ts). Three texts begin with such columns:
 *
 *   j:<id>, what was submitted      state priority
 *   the hash states, from a claim   state          attempt crashes deferrals cancel progress startedAt replica seq
 *   a whole packed job              state priority attempt crashes deferrals cancel progress startedAt replica seq
 *
 * A new column goes into CLAIM_COLUMNS, and nowhere else. It makes jobs of other versions unreadable: raise LAYOUT
 * (queue/server-check.ts).
 */
import { STATE_CODE } from "./state-code.ts";

/** Where a column is: 0-based, the end exclusive, as `String.slice` takes them. */
export interface Column {
  readonly start: number;
  readonly end: number;
}

/** Digits of a time, epoch ms: enough until the year 2286. */
export const TIME_DIGITS = 13;
/** Characters of a replica's id. */
export const REPLICA_LENGTH = 8;
const SEQ_DIGITS = 10;
export const PROGRESS_DIGITS = 3;

/** The width of each column after the state, and the character that fills it before the first claim. */
const CLAIM_COLUMNS = {
  attempt: [2, "0"],
  crashes: [1, "0"],
  deferrals: [2, "0"],
  /** {@link NOT_CANCELLED} or {@link CANCEL_REQUESTED}. */
  cancel: [1, "0"],
  /** 000 to 100, or {@link NO_PROGRESS}. */
  progress: [PROGRESS_DIGITS, "-"],
  /** Epoch ms. */
  startedAt: [TIME_DIGITS, "0"],
  replica: [REPLICA_LENGTH, "-"],
  /** Claim number, base 36. */
  seq: [SEQ_DIGITS, "0"],
} as const;
type ClaimColumn = keyof typeof CLAIM_COLUMNS;

const CLAIM_WIDTHS = Object.fromEntries(
  Object.entries(CLAIM_COLUMNS).map(([name, [width]]) => [name, width]),
) as Readonly<Record<ClaimColumn, number>>;

/** @param widths of columns that follow each other */
export function columnsOf<Name extends string>(widths: Readonly<Record<Name, number>>): Readonly<Record<Name, Column>> {
  let start = 0;
  const columns: Partial<Record<Name, Column>> = {};
  for (const name in widths) {
    columns[name] = { start, end: start + widths[name] };
    start += widths[name];
  }
  return columns as Readonly<Record<Name, Column>>;
}

/** The columns of what was submitted. */
export const SUBMITTED_HEADER = columnsOf({ state: 1, priority: 1 });
/** The columns of an entry in the hash `states`. */
export const STATE_HEADER = columnsOf({ state: 1, ...CLAIM_WIDTHS });
/** The columns of a whole packed job. */
export const HEADER = columnsOf({ state: 1, priority: 1, ...CLAIM_WIDTHS });

export const SUBMITTED_HEADER_LENGTH = SUBMITTED_HEADER.priority.end;
export const STATE_HEADER_LENGTH = STATE_HEADER.seq.end;
export const HEADER_LENGTH = HEADER.seq.end;

/** What follows the state, or the priority, before the first claim. */
export const UNCLAIMED = Object.values(CLAIM_COLUMNS)
  .map(([width, filler]) => filler.repeat(width))
  .join("");

export const NO_PROGRESS = "-".repeat(PROGRESS_DIGITS);
export const NOT_CANCELLED = "0";
export const CANCEL_REQUESTED = "1";

export function columnOf(text: string, { start, end }: Column): string {
  return text.slice(start, end);
}

/** A number in a column. @throws RangeError for one that does not fit: it would shift every column after it */
export function digits(value: number, width: number): string {
  const text = String(value);
  if (!(value >= 0) || text.length > width) throw new RangeError(`${text} does not fit into ${width} digits`);
  return text.padStart(width, "0");
}

/** A time in its column, epoch ms. @throws RangeError as {@link digits} */
export function encodeTime(epochMs: number): string {
  return digits(epochMs, TIME_DIGITS);
}

/** @param progress 0 to 100, or null for none */
export function encodeProgress(progress: number | null): string {
  return progress === null ? NO_PROGRESS : digits(progress, PROGRESS_DIGITS);
}

/** Claim numbers below it fit: a process that claims a million times a second reaches it after a century. */
export const SEQ_LIMIT = 36 ** SEQ_DIGITS;

/** A claim number in its column. @throws RangeError for one that does not fit */
export function encodeSeq(seq: number): string {
  if (!(seq >= 0 && seq < SEQ_LIMIT)) throw new RangeError(`${seq} is not a claim number`);
  return seq.toString(36).padStart(SEQ_DIGITS, "0");
}

export function decodeSeq(text: string): number {
  return Number.parseInt(text, 36);
}

/** The columns attempt, crashes and deferrals, as settle rewrites them. */
export function encodeCounters(attempt: number, crashes: number, deferrals: number): string {
  return `${attempt < 10 ? "0" : ""}${attempt}${Math.min(crashes, 9)}${deferrals < 10 ? "0" : ""}${deferrals}`;
}

export const FIRST_COUNTERS = encodeCounters(1, 0, 0);

/** The columns from cancel on, of a job that runs: nobody has asked to cancel it, and it has reported no progress. */
export function encodeLease(startedAt: number, replica: string, seq: number): string {
  return `${NOT_CANCELLED}${NO_PROGRESS}${encodeTime(startedAt)}${replica}${encodeSeq(seq)}`;
}

/** What the header of a first claim begins with, up to its progress. */
export const FIRST_CLAIM = `${STATE_CODE.running}${FIRST_COUNTERS}${NOT_CANCELLED}`;
