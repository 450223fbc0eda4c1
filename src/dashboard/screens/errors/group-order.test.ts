import { describe, expect, it } from "vitest";
import { errorTimes } from "./error-times.ts";
import type { ErrorGroup } from "./group-filter.ts";
import { arranged, idOfGroup } from "./group-order.ts";

const at = (minute: number): string => new Date(minute * 60_000).toISOString();
const group = (code: string, count: number, lastMinute: number): ErrorGroup => ({
  type: "email",
  code,
  signature: "s",
  count,
  first_seen: at(0),
  last_seen: at(lastMinute),
  hourly: [],
  examples: [],
});
const codes = (groups: readonly ErrorGroup[]): string[] => groups.map(({ code }) => code);

describe("the order of the errors", () => {
  const [a, b, c] = [group("a", 5, 1), group("b", 9, 2), group("c", 5, 3)];

  it("is that of the counts, or of the times at which they were last seen", () => {
    expect(codes(arranged([], [a, b, c], "count").rows)).toEqual(["b", "c", "a"]);
    expect(codes(arranged([], [a, b, c], "last").rows)).toEqual(["c", "b", "a"]);
  });

  it("stays, with the latest counts, while others overtake them, end, or are new", () => {
    const more = group("a", 50, 4);
    expect(arranged([b, a], [more, b], "count")).toEqual({ rows: [b, more], newCount: 0, isStale: true });
    expect(arranged([b, a], [a, b, c], "count")).toEqual({ rows: [b, a], newCount: 1, isStale: true });
    expect(arranged([b, a], [b], "count")).toEqual({ rows: [b, a], newCount: 0, isStale: true });
    expect(arranged([b, a], [a, b], "count")).toEqual({ rows: [b, a], newCount: 0, isStale: false });
  });

  it("identifies a group by its type, code and signature", () => {
    const ids = [a, b, { ...a, type: "a" }, { ...a, signature: "ü" }, { ...a, type: "emaila", code: "" }].map(
      idOfGroup,
    );
    expect(new Set(ids).size).toBe(5);
    expect(idOfGroup({ ...a, count: 7 })).toBe(ids[0]);
    expect(ids[0]).toMatch(/^[0-9a-z]{1,13}$/);
  });
});

it("the range has all hours that are partly in it, and no end while it moves", () => {
  const range = { from: "2026-03-10T11:35:00Z", to: "2026-03-10T12:35:00Z", step: "minute" } as const;
  expect(errorTimes({ ...range, preset: "1h" })).toEqual({ from: "2026-03-10T11:00:00Z", to: undefined });
  expect(errorTimes({ ...range, preset: undefined })).toEqual({
    from: "2026-03-10T11:00:00Z",
    to: "2026-03-10T13:00:00Z",
  });
});
