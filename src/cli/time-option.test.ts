import { describe, expect, it } from "vitest";
import { durationOption, durationText, pastOption } from "./time-option.ts";

describe("durations", () => {
  it.each([
    ["250ms", 250],
    ["90s", 90_000],
    ["15m", 900_000],
    ["1h30m", 5_400_000],
    ["7d", 604_800_000],
    ["1d2h3m4s5ms", 93_784_005],
    ["0s", 0],
  ])("reads %s", (text, ms) => {
    expect(durationOption(text)).toBe(ms);
  });

  it.each(["", "5", "m", "1m1h", "-1s", "1.5h", "1 h", "soon"])("rejects %j", (text) => {
    expect(() => durationOption(text)).toThrow("Expected a duration");
  });

  it.each([
    [0, "0 ms"],
    [85.4, "85 ms"],
    [1_240, "1.2 s"],
    [59_990, "1 m"],
    [200_000, "3 m 20 s"],
    [93_784_005, "1 d 2 h"],
    [3_600_400, "1 h"],
  ])("writes %d ms as %s", (ms, text) => {
    expect(durationText(ms)).toBe(text);
  });
});

describe("a time in the past", () => {
  const now = Date.parse("2026-01-31T08:00:00Z");
  it.each([
    ["2h", "2026-01-31T06:00:00.000Z"],
    ["2026-01-01T00:00:00+01:00", "2025-12-31T23:00:00.000Z"],
    ["99999d", "1970-01-01T00:00:00.000Z"],
  ])("reads %s", (text, time) => {
    expect(pastOption(text, now)).toBe(time);
  });

  it.each(["yesterday", "", "2026-02-30T00:00:00Z", "2026-01-01"])("rejects %j", (text) => {
    expect(() => pastOption(text, now)).toThrow("Expected how long ago");
  });
});
