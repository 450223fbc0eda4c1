import { expect, it } from "vitest";
import { parseDurationAs, shortDuration, unitOf } from "./duration.ts";

it.each([
  ["500ms", "milliseconds", 500],
  ["15s", "milliseconds", 15_000],
  ["1h30m", "milliseconds", 5_400_000],
  ["2h", "seconds", 7_200],
  ["30d", "days", 30],
  ["48h", "days", 2],
  ["500ms", "seconds", 0.5],
  ["36h", "days", 1.5],
  ["1.5h", "milliseconds", undefined],
  ["15", "milliseconds", undefined],
  ["-1s", "milliseconds", undefined],
  ["1w", "days", undefined],
  ["s", "seconds", undefined],
  ["", "seconds", undefined],
] as const)("%j in %s is %s", (text, unit, amount) => {
  expect(parseDurationAs(unit, text)).toBe(amount);
});

it.each([
  [0, "milliseconds", "0ms"],
  [250, "milliseconds", "250ms"],
  [90_000, "milliseconds", "90s"],
  [3_600_000, "milliseconds", "1h"],
  [31_536_000, "seconds", "365d"],
  [30, "days", "30d"],
] as const)("%s %s are %s", (amount, unit, text) => {
  expect(shortDuration(amount, unit)).toBe(text);
});

it.each([
  ["LEASE_MS", { type: "integer" }, "milliseconds"],
  ["SMS_TIMEOUT_SECONDS", { type: "number" }, "seconds"],
  ["RETENTION_DAYS", { type: "integer" }, "days"],
  ["LINK_TTL", { type: "integer", unit: "seconds" }, "seconds"],
  ["SMS_ALARMS", { type: "integer" }, undefined],
  ["NOTE_DAYS", { type: "string" }, undefined],
] as const)("takes the unit of %s from its schema, else from its name", (name, schema, unit) => {
  expect(unitOf(name, schema)).toBe(unit);
});
