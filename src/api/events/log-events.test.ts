import { describe, expect, it } from "vitest";
import type { LogLines } from "../../queue/log-channel.ts";
import { LineEvents, LinePosition } from "./log-events.ts";

const ID = "01a20b8f-dc59-7000-a0b8-709b0c88f80f";
const AT = Date.UTC(2026, 0, 1);

function lines(first: number, count: number, more: Partial<LogLines> = {}): LineEvents {
  const texts = Array.from({ length: count }, (_, i) => `2026-01-01T00:00:01.000Z line ${first + i}`);
  return new LineEvents({ id: ID, attempt: 1, worker: "aaaa0001", startedAt: AT, first, lines: texts, ...more });
}

/** The numbers and texts of the events. */
const seen = (text: string): string[] =>
  text.split("\n\n").flatMap((event) => {
    const data = /^event: log\ndata: (.*)$/.exec(event)?.[1];
    if (data === undefined) return [];
    const { number, line } = JSON.parse(data) as { number: number; line: string };
    return [`${number} ${line}`];
  });

describe("the lines of a stream", () => {
  it("are events with the time of each", () => {
    const odd = { lines: ["2026-01-01T00:00:01.000Z a\nb\u2028 : data: x"] };
    expect(new LinePosition().textOf(lines(1, 0, odd))).toBe(
      `event: log\ndata: ${JSON.stringify({
        ...{ id: ID, attempt: 1, started_at: "2026-01-01T00:00:00.000Z", number: 1 },
        ...{ at: "2026-01-01T00:00:01.000Z", line: "a\nb\u2028 : data: x" },
      })}\n\n`,
    );
  });

  it("are written once, though they arrive again", () => {
    const position = new LinePosition();
    expect(seen(position.textOf(lines(1, 2)))).toEqual(["1 line 1", "2 line 2"]);
    expect(seen(position.textOf(lines(1, 3)))).toEqual(["3 line 3"]);
    expect(position.textOf(lines(1, 3))).toBe("");
    expect(position.textOf(lines(2, 1))).toBe("");
    expect(seen(position.textOf(lines(4, 1)))).toEqual(["4 line 4"]);
    expect([position.nextOf(lines(9, 1).run), position.nextOf("another")]).toEqual([5, 1]);
  });

  it("count those that were left out, in one line", () => {
    const position = new LinePosition();
    expect(seen(position.textOf(lines(3, 1)))).toEqual(["2 … 2 lines were left out", "3 line 3"]);
    expect(seen(position.textOf(lines(5, 1)))).toEqual(["4 … 1 line was left out", "5 line 5"]);
    expect(position.textOf(lines(4, 2))).toBe("");
  });

  it("begin again with another run of the attempt", () => {
    const position = new LinePosition();
    position.textOf(lines(1, 3));
    expect(seen(position.textOf(lines(1, 1, { startedAt: AT + 1 })))).toEqual(["1 line 1"]);
    expect(seen(position.textOf(lines(1, 1, { startedAt: AT + 1, worker: "bbbb0002" })))).toEqual(["1 line 1"]);
  });
});
