/** Server-sent events (WHATWG HTML, section 9.2) as text. */
import { formatTime } from "../../core/rfc3339.ts";
import type { Change } from "../../queue/changes.ts";
import type { StreamHead } from "../http/exchange.ts";

export const EVENT_STREAM: StreamHead = {
  contentType: "text/event-stream",
  headers: [
    ["Cache-Control", "no-store"],
    ["X-Accel-Buffering", "no"],
  ], // nginx holds answers back unless it is told not to
};
/** What a client is told to wait before it comes again; its own choice is some seconds. Also what sends the head. */
export const BEGIN = "retry: 2000\n\n";
export const BEAT = ":\n\n";
/** Changes may have been missed: whoever keeps a copy reads it anew. */
export const GAP = `event: gap\ndata: {}\n\n`;

/** Many may follow: a change is written once. */
const texts = new WeakMap<Change, string>();

export function eventOf(change: Change): string {
  let text = texts.get(change);
  if (text === undefined) {
    const { eventId, id, type, status, progress, at } = change;
    text = `id: ${eventId}\nevent: ${progress === null ? "status" : "progress"}\ndata: {"id":"${id}","type":"${type}","status":"${status}","progress":${progress ?? "null"},"at":"${formatTime(at)}"}\n\n`;
    texts.set(change, text);
  }
  return text;
}

/** @param job a job as JSON, in one line @param eventId what a client says when it comes again; undefined where that stays what it was */
export function stateEvent(job: string, eventId: string | undefined): string {
  return `${eventId === undefined ? "" : `id: ${eventId}\n`}event: status\ndata: ${job}\n\n`;
}
