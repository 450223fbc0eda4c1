import { expect, it } from "vitest";
import type { JobEvent } from "./taskflow.ts";
import { TaskFlow } from "./taskflow.ts";

it("delivers each log line once, though every connection begins with the lines so far", async () => {
  const id = "01a20b8f-dc59-7000-a0b8-709b0c88f80f";
  const event = (kind: string, data: object) => `event: ${kind}\ndata: ${JSON.stringify({ id, ...data })}\n\n`;
  const line = (started_at: string, number: number) =>
    event("log", { attempt: 1, started_at, number, at: started_at, line: `line ${number}` });
  const status = (name: string) => event("status", { type: "noop", status: name, progress: null });
  const connections = [
    status("running") + line("2026-01-01T00:00:00.000Z", 1) + event("later_version", {}),
    line("2026-01-01T00:00:00.000Z", 1) +
      line("2026-01-01T00:00:00.000Z", 2) +
      line("2026-01-02T00:00:00.000Z", 1) +
      status("completed"),
  ];
  const fetched = () => Promise.resolve(new Response(connections.shift() ?? ""));
  const events: JobEvent[] = [];
  for await (const one of new TaskFlow({ url: "http://a.test", fetch: fetched }).events({ id })) events.push(one);
  expect(events.map((one) => (one.kind === "log" ? `${one.started_at.slice(8, 10)} ${one.line}` : one.kind))).toEqual([
    "status",
    "01 line 1",
    "01 line 2",
    "02 line 1",
    "status",
  ]);
  expect(events[1]).toEqual({
    ...{ kind: "log", eventId: undefined, id, attempt: 1, number: 1, line: "line 1" },
    ...{ started_at: "2026-01-01T00:00:00.000Z", at: "2026-01-01T00:00:00.000Z" },
  });
});

it("reports a gap after a connection without an event, and each connection", async () => {
  const id = "01a20b8f-dc59-7000-a0b8-709b0c88f80f";
  const event = `id: 7\nevent: status\ndata: ${JSON.stringify({ id, type: "noop", status: "running", progress: null })}\n\n`;
  const connections = ["", event, event];
  const fetched = () => Promise.resolve(new Response(connections.shift() ?? ""));
  let opened = 0;
  const kinds: string[] = [];
  const api = new TaskFlow({ url: "http://a.test", fetch: fetched });
  for await (const { kind } of api.events({ ids: [id], onOpen: () => (opened += 1) })) {
    kinds.push(kind);
    if (kinds.length === 3) break;
  }
  expect(kinds).toEqual(["gap", "status", "status"]); // the server knows what followed the event 7
  expect(opened).toBe(3);
});
