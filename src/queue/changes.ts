/** The entries of job changes that announce.lua writes, and the position of each change in the order of all. */
import { PROGRESS_DIGITS } from "../core/header.ts";
import { ID_LENGTH } from "../core/id.ts";
import type { Status } from "../core/job.ts";
import { statusOfCode } from "../core/state-code.ts";
import { PROGRESS_CHANGE } from "./codes.ts";

export interface Change {
  /** Names the change among all, in their order: `MS-SEQ.INDEX`. */
  readonly eventId: string;
  /** Epoch ms, Redis's. */
  readonly at: number;
  readonly id: string;
  readonly type: string;
  readonly status: Status;
  /** 0 to 100 if the change is one of progress. */
  readonly progress: number | null;
}

/** Up to 100 changes of one script call. The history in Redis stores entries, and messages carry them. */
export interface HistoryEntry {
  /** The id in the stream, as Redis assigned it: `MS-SEQ`. */
  readonly name: string;
  /** One change a line. */
  readonly lines: string;
}

const EVENT_ID = /^(\d{1,16}-\d{1,16})\.(\d{1,5})$/;

/** The entry that contains an event, and the event's index in it; undefined for any other text. */
export function parseEventId(text: string): { readonly name: string; readonly index: number } | undefined {
  const [, name, index] = EVENT_ID.exec(text) ?? [];
  return name === undefined ? undefined : { name, index: Number(index) };
}

/** When an entry was written, epoch ms. */
export function msOf(name: string): number {
  return Number(name.slice(0, name.indexOf("-")));
}

/** Negative if entry `a` was written before entry `b`, 0 if they are the same. */
export function compareNames(a: string, b: string): number {
  const [dashA, dashB] = [a.indexOf("-"), b.indexOf("-")];
  return (
    Number(a.slice(0, dashA)) - Number(b.slice(0, dashB)) || Number(a.slice(dashA + 1)) - Number(b.slice(dashB + 1))
  );
}

/** The entries of one message. */
export function readMessage(message: string): HistoryEntry[] {
  return message.split("\n\n").map((entry) => {
    const end = entry.indexOf("\n");
    return { name: entry.slice(0, end), lines: entry.slice(end + 1) };
  });
}

/**
 * Reads the changes of an entry.
 * @param isWanted by id of a job: its changes are decoded, those of other jobs skipped
 */
export function readEntry({ name, lines }: HistoryEntry, isWanted: (id: string) => boolean = () => true): Change[] {
  const at = msOf(name);
  const changes: Change[] = [];
  for (let start = 0, index = 0; start < lines.length; index += 1) {
    const newline = lines.indexOf("\n", start);
    const end = newline === -1 ? lines.length : newline;
    const isProgress = lines.startsWith(PROGRESS_CHANGE, start);
    const idAt = start + 1 + (isProgress ? PROGRESS_DIGITS : 0);
    const id = lines.slice(idAt, idAt + ID_LENGTH);
    if (isWanted(id)) {
      changes.push({
        eventId: `${name}.${index}`,
        at,
        id,
        type: lines.slice(idAt + ID_LENGTH, end),
        status: isProgress ? "running" : (statusOfCode(lines.charAt(start)) ?? "running"),
        progress: isProgress ? Number(lines.slice(start + 1, idAt)) : null,
      });
    }
    start = end + 1;
  }
  return changes;
}
