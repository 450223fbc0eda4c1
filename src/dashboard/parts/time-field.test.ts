import { describe, expect, it } from "vitest";
import { delayOfField, timeOfField } from "./time-field.ts";

describe("delayOfField", () => {
  it("reads whole numbers of a unit", () => {
    expect(delayOfField("10", "minutes")).toBe(600_000);
    expect(delayOfField("0", "days")).toBe(0);
    for (const text of ["", "1.5", "-1", "1e3", "9".repeat(10)]) expect(delayOfField(text, "hours")).toBeUndefined();
  });
});

describe("timeOfField", () => {
  it("reads the time in the zone of the screen", () => {
    expect(timeOfField("2026-03-01T14:05", "utc")).toBe("2026-03-01T14:05:00.000Z");
    expect(timeOfField("2026-03-01T14:05", "local")).toBe(new Date(2026, 2, 1, 14, 5).toISOString());
    expect(timeOfField("", "utc")).toBeUndefined();
  });
});
