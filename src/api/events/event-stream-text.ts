/** Server-sent events (WHATWG HTML, section 9.2) as text. */
import { formatTime } from "../../core/rfc3339.ts";
import type { Change } from "../../queue/changes.ts";
import type { StreamHead } from "../http/exchange.ts";

export const EVENT_STREAM: StreamHead = {
  contentType: "text/event-stream",
  headers: [
    ["Cache-Control", "no-store"],
    ["X-Accel-Buffering", "no"],
  ], // otherwise, nginx buffers the stream
};
/** The time after which clients reconnect; their default is some seconds. As the first text, it also sends the head. */
export const BEGIN = "retry: 2000\n\n";
export const BEAT = ":\n\n";
/** Changes may have been missed, so the client must read the jobs that it tracks again. */
export const GAP = `event: gap\ndata: {}\n\n`;

/** The text of a change is made once for all streams. */
const textByChange = new WeakMap<Change, string>();

export function eventOf(change: Change): string {
  let text = textByChange.get(change);
  if (text === undefined) {
    const { eventId, id, type, status, progress, at } = change;
    text = `id: ${eventId}\nevent: ${progress === null ? "status" : "progress"}\ndata: {"id":"${id}","type":"${type}","status":"${status}","progress":${progress ?? "null"},"at":"${formatTime(at)}"}\n\n`;
    textByChange.set(change, text);
  }
  return text;
}

/**
 * @param job a job as JSON, in one line
 * @param eventId the Last-Event-ID of a client that reconnects; undefined to leave it as it is
 */
export function stateEvent(job: string, eventId: string | undefined): string {
  return `${eventId === undefined ? "" : `id: ${eventId}\n`}event: status\ndata: ${job}\n\n`;
}
