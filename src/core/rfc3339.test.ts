import { describe, expect, it } from "vitest";
import { formatTime, parseTime } from "./rfc3339.ts";

describe("parseTime", () => {
  it.each([
    ["2026-01-31T12:00:00Z", Date.UTC(2026, 0, 31, 12)],
    ["2026-01-31t12:00:00.123456z", Date.UTC(2026, 0, 31, 12, 0, 0, 123)],
    ["2026-01-31T12:00:00+05:30", Date.UTC(2026, 0, 31, 6, 30)],
    ["2024-02-29T00:00:00Z", Date.UTC(2024, 1, 29)],
    ["2026-02-30T00:00:00Z", undefined],
    ["2026-13-01T00:00:00Z", undefined],
    ["2026-01-31", undefined],
    ["2026-01-31T12:00:00", undefined],
    ["2026-01-31 12:00:00Z", undefined],
    ["2026-01-31T12:00:00+99:00", undefined],
    ["2026-12-31T24:00:00Z", undefined],
    ["2026-12-31T23:60:00Z", undefined],
    ["1969-12-31T23:59:59.5Z", -500],
    ["0000-01-01T00:00:00Z", -62_167_219_200_000],
    ["0000-02-30T00:00:00Z", undefined],
    ["tomorrow", undefined],
  ])("of %s is %s", (text, epochMs) => {
    expect(parseTime(text)).toBe(epochMs);
  });
});

describe("formatTime", () => {
  it("writes UTC with milliseconds", () => {
    expect([0, 0, 1_767_225_600_001].map(formatTime)).toEqual([
      "1970-01-01T00:00:00.000Z",
      "1970-01-01T00:00:00.000Z",
      "2026-01-01T00:00:00.001Z",
    ]);
  });
});
