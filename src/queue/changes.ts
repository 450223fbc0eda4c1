/** What the scripts tell of jobs' changes (announce.lua), and its place in the order of all changes. */
import { ID_LENGTH } from "../core/id.ts";
import type { Status } from "../core/job.ts";
import { STATUS_OF } from "../core/wire.ts";

export interface Change {
  /** Names the change among all, in their order: `MS-SEQ.INDEX`. */
  readonly eventId: string;
  /** Epoch ms, Redis's. */
  readonly at: number;
  readonly id: string;
  readonly type: string;
  readonly status: Status;
  /** 0 to 100 where the change is one of progress. */
  readonly progress: number | null;
}

const EVENT_ID = /^(\d{1,16})-(\d{1,16})\.(\d{1,5})$/;

export function isEventId(text: string): boolean {
  return EVENT_ID.test(text);
}

/** Where in the history a change stands. */
export function entryOf(eventId: string): string {
  return eventId.slice(0, eventId.indexOf("."));
}

/** Whether one change came after another. */
export function isLater(eventId: string, than: string): boolean {
  const [a, b] = [EVENT_ID.exec(eventId) ?? [], EVENT_ID.exec(than) ?? []];
  for (let i = 1; i <= 3; i += 1) {
    const difference = Number(a[i]) - Number(b[i]);
    if (difference !== 0) return difference > 0;
  }
  return false;
}

/** Reads what was published. */
export function readChanges(message: string): Change[] {
  return message.split("\n\n").flatMap((entry) => {
    const end = entry.indexOf("\n");
    return readEntry(entry.slice(0, end), entry.slice(end + 1));
  });
}

/** Reads an entry of the history. @param name as Redis gave it: `MS-SEQ` */
export function readEntry(name: string, lines: string): Change[] {
  const at = Number(name.slice(0, name.indexOf("-")));
  return lines.split("\n").map((line, index) => {
    const isProgress = line.startsWith("p");
    const idAt = isProgress ? 4 : 1;
    return {
      eventId: `${name}.${index}`,
      at,
      id: line.slice(idAt, idAt + ID_LENGTH),
      type: line.slice(idAt + ID_LENGTH),
      status: isProgress ? "running" : (STATUS_OF[line.charAt(0)] ?? "running"),
      progress: isProgress ? Number(line.slice(1, 4)) : null,
    };
  });
}
