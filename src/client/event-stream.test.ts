import { expect, it } from "vitest";
import type { StreamEvent } from "./event-stream.ts";
import { readEventStream } from "./event-stream.ts";

async function eventsOf(...chunks: readonly (string | Uint8Array)[]): Promise<StreamEvent[]> {
  const bytes = chunks.map((chunk) => (typeof chunk === "string" ? new TextEncoder().encode(chunk) : chunk));
  const events: StreamEvent[] = [];
  for await (const event of readEventStream(ReadableStream.from(bytes))) events.push(event);
  return events;
}

it.each([
  ["\n", "id: 1\nevent: status\ndata: {}\n\n"],
  ["\r\n", "id: 1\r\nevent: status\r\ndata: {}\r\n\r\n"],
  ["\r", "id: 1\revent: status\rdata: {}\r\rdata"],
])("reads lines that end in %j, split anywhere", async (_, text) => {
  const wanted = [{ id: "1", event: "status", data: "{}" }];
  expect(await eventsOf(text)).toEqual(wanted);
  expect(await eventsOf(...text.split(""))).toEqual(wanted);
});

it.each<[string, string, StreamEvent[]]>([
  ["skips comments, retry lines and events without data", ":\n\nretry: 2000\n\nid: 7\n\n", []],
  ["an event without a name is a message", "data: x\n\n", [{ id: undefined, event: "message", data: "x" }]],
  [
    "joins the data of several lines",
    "data: a\ndata:b\ndata\n\n",
    [{ id: undefined, event: "message", data: "a\nb\n" }],
  ],
  [
    "skips an event without its final empty line",
    "data: a\n\ndata: b\n",
    [{ id: undefined, event: "message", data: "a" }],
  ],
])("%s", async (_, text, events) => {
  expect(await eventsOf(text)).toEqual(events);
});

it("reads characters that are split between chunks", async () => {
  const bytes = new TextEncoder().encode("data: ä€😀\n\n");
  expect(await eventsOf(...Array.from(bytes, (byte) => Uint8Array.of(byte)))).toEqual([
    { id: undefined, event: "message", data: "ä€😀" },
  ]);
});
