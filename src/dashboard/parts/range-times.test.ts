import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { movingTimes, queryOfRange, rangeOf, STEP_MS } from "./range-times.ts";

const NOW = Date.parse("2026-03-10T12:34:56.789Z");
const of = (query: string) => rangeOf(new URLSearchParams(query), NOW);

describe("the range of the URL", () => {
  it("is the last hour by default, with the current minute", () => {
    expect(of("")).toEqual({
      key: "1h",
      preset: "1h",
      finished: "finished-since:1h",
      from: "2026-03-10T11:35:00Z",
      to: "2026-03-10T12:35:00Z",
      step: "minute",
    });
    expect(rangeOf(new URLSearchParams(), NOW, "24h").key).toBe("24h");
  });

  it.each([
    ["range=6h", "2026-03-10T06:35:00Z", "2026-03-10T12:35:00Z", "minute"],
    ["range=24h", "2026-03-09T13:00:00Z", "2026-03-10T13:00:00Z", "hour"],
    ["range=7d", "2026-03-03T13:00:00Z", "2026-03-10T13:00:00Z", "hour"],
  ])("%s ends with the current step", (query, from, to, step) => {
    expect(of(query)).toMatchObject({ from, to, step });
  });

  it("is fixed with from and to, which come before a preset", () => {
    expect(of("range=6h&from=2026-03-10T08:00:30Z&to=2026-03-10T09:15:00Z")).toEqual({
      key: "2026-03-10T08:00:00Z/2026-03-10T09:15:00Z",
      preset: undefined,
      finished: "finished-since:2026-03-10T08:00:00Z finished-until:2026-03-10T09:15:00Z",
      from: "2026-03-10T08:00:00Z",
      to: "2026-03-10T09:15:00Z",
      step: "minute",
    });
  });

  it.each([
    ["a day", "2026-03-09T00:00:00Z", "2026-03-10T00:00:00Z", "hour"],
    ["a quarter", "2025-12-01T00:00:00Z", "2026-03-01T00:00:00Z", "day"],
    ["minutes that are no longer kept", "2026-01-01T08:10:00Z", "2026-01-01T08:20:00Z", "hour"],
  ])("has longer steps for %s", (_, from, to, step) => {
    expect(of(`from=${from}&to=${to}`).step).toBe(step);
  });

  it.each([
    "range=2h",
    "from=2026-03-10T08:00:00Z",
    "from=x&to=y",
    "from=5&to=6",
    "from=2026-03-10T08:00:00Z&to=2026-03-10T08:00:00Z",
    "from=2026-03-10T09:00:00Z&to=2026-03-10T08:00:00Z",
    "from=1971-01-01T00:00:00Z&to=2026-03-10T08:00:00Z",
    "from=2026-03-10T08:00:00Z&to=9999-12-31T23:59:00Z",
  ])("is the default for %s", (query) => {
    expect(of(query).key).toBe("1h");
  });
});

it("any brushed range can be read from the URL, with at most 2,000 steps", () => {
  const bound = fc.oneof(fc.integer({ min: -1e13, max: 1e15 }), fc.integer({ min: NOW - 1e9, max: NOW }));
  fc.assert(
    fc.property(bound, bound, (a, b) => {
      const [from, to] = [Math.min(a, b), Math.max(a, b)];
      const range = rangeOf(new URLSearchParams(queryOfRange(from, to)), NOW);
      const steps = (Date.parse(range.to) - Date.parse(range.from)) / STEP_MS[range.step];
      expect(range.preset).toBeUndefined();
      expect(Number.isInteger(steps)).toBe(true);
      expect(steps).toBeGreaterThan(0);
      expect(steps).toBeLessThanOrEqual(2_000);
    }),
  );
});

it("a preset moves with the time", () => {
  expect(movingTimes("1h", NOW + 60_000)).toEqual({
    from: "2026-03-10T11:36:00Z",
    to: "2026-03-10T12:36:00Z",
    step: "minute",
  });
});
