import { beforeAll, describe, expect, it } from "vitest";
import { clockChanges } from "../../testing/schedules/brute-force-cron.ts";
import { checkClockChange } from "../../testing/schedules/clock-change-checks.ts";
import { loadCron } from "./cron.ts";
import { newestTicks, oldestTicks, ticksOf } from "./timing.ts";

beforeAll(loadCron);

/** The first ticks after an instant, in UTC. */
function ticksAfter(cron: string, timeZone: string, after: string, count: number): string[] {
  const ticks = ticksOf({ kind: "cron", cron, timeZone }, "a");
  return oldestTicks(ticks, Date.parse(after), Infinity, count).map((tick) =>
    new Date(tick).toISOString().slice(0, 16),
  );
}

describe("a fixed time", () => {
  it.each([
    // Berlin: 2026-03-29 from 02:00 to 03:00, 2026-10-25 from 03:00 to 02:00
    ["30 2 * * *", "Europe/Berlin", "2026-03-28T12:00Z", ["2026-03-29T01:00", "2026-03-30T00:30"]],
    ["0,30 2 * * *", "Europe/Berlin", "2026-03-28T12:00Z", ["2026-03-29T01:00", "2026-03-30T00:00"]],
    ["0 2,3 * * *", "Europe/Berlin", "2026-03-28T12:00Z", ["2026-03-29T01:00", "2026-03-30T00:00"]],
    ["30 2 * * *", "Europe/Berlin", "2026-10-24T12:00Z", ["2026-10-25T00:30", "2026-10-26T01:30"]],
    ["0 3 * * 0", "Europe/Berlin", "2026-10-24T12:00Z", ["2026-10-25T02:00", "2026-11-01T02:00"]],
    ["30 2 * * 0", "Europe/Berlin", "2026-10-24T12:00Z", ["2026-10-25T00:30", "2026-11-01T01:30"]],
    // New York: 2026-03-08 from 02:00 to 03:00, 2026-11-01 from 02:00 to 01:00
    ["30 2 * * *", "America/New_York", "2026-03-07T12:00Z", ["2026-03-08T07:00", "2026-03-09T06:30"]],
    ["30 1 * * *", "America/New_York", "2026-10-31T12:00Z", ["2026-11-01T05:30", "2026-11-02T06:30"]],
    // Lord Howe: 2026-10-04 from 02:00 to 02:30, 2026-04-05 from 02:00 to 01:30
    ["15 2 * * *", "Australia/Lord_Howe", "2026-10-03T12:00Z", ["2026-10-03T15:30", "2026-10-04T15:15"]],
    ["45 1 * * *", "Australia/Lord_Howe", "2026-04-04T12:00Z", ["2026-04-04T14:45", "2026-04-05T15:15"]],
    ["30 6 * * *", "Asia/Kathmandu", "2026-01-01T00:00Z", ["2026-01-01T00:45", "2026-01-02T00:45"]],
    // Apia has no 2011-12-30
    [
      "0 12 * * *",
      "Pacific/Apia",
      "2011-12-28T23:00Z",
      ["2011-12-29T22:00", "2011-12-30T10:00", "2011-12-30T22:00", "2011-12-31T22:00"],
    ],
  ])("%s in %s after %s", (cron, timeZone, after, expected) => {
    expect(ticksAfter(cron, timeZone, after, expected.length)).toEqual(expected);
  });
});

describe("an interval", () => {
  it.each([
    ["*/15 * * * *", "Europe/Berlin", "2026-03-29T00:40Z", ["2026-03-29T00:45", "2026-03-29T01:00"]],
    [
      "*/30 * * * *",
      "Europe/Berlin",
      "2026-10-25T00:15Z",
      ["2026-10-25T00:30", "2026-10-25T01:00", "2026-10-25T01:30"],
    ],
    ["0 * * * *", "America/New_York", "2026-11-01T04:30Z", ["2026-11-01T05:00", "2026-11-01T06:00"]],
    ["*/15 2 * * *", "Europe/Berlin", "2026-03-29T00:00Z", ["2026-03-30T00:00", "2026-03-30T00:15"]],
    [
      "0 * * * *",
      "Australia/Lord_Howe",
      "2026-10-03T14:00Z",
      ["2026-10-03T14:30", "2026-10-03T15:30", "2026-10-03T16:00"],
    ],
    [
      "0 * * * *",
      "Australia/Lord_Howe",
      "2026-04-04T14:30Z",
      ["2026-04-04T15:00", "2026-04-04T15:30", "2026-04-04T16:30"],
    ],
    ["0 * * * *", "Asia/Kathmandu", "2026-01-01T00:00Z", ["2026-01-01T00:15", "2026-01-01T01:15"]],
  ])("%s in %s after %s", (cron, timeZone, after, expected) => {
    expect(ticksAfter(cron, timeZone, after, expected.length)).toEqual(expected);
  });
});

describe("the ticks around a change of the clock", () => {
  it.each([
    "Europe/Berlin",
    "America/New_York",
    "Australia/Lord_Howe",
    "Africa/Casablanca",
    "Africa/Cairo",
    "America/Nuuk",
    "Antarctica/Troll",
    "Asia/Beirut",
  ])("are those of the second implementation in %s, 2026", (timeZone) => {
    const changes = clockChanges(timeZone, Date.UTC(2026, 0, 1), Date.UTC(2027, 0, 1));
    expect(changes.length).toBeGreaterThanOrEqual(2);
    for (const change of changes) checkClockChange(timeZone, change);
  });

  it("are those of the second implementation where a zone loses a day", () => {
    const [change] = clockChanges("Pacific/Apia", Date.UTC(2011, 11, 20), Date.UTC(2012, 0, 5));
    expect(new Date(change ?? 0).toISOString()).toBe("2011-12-30T10:00:00.000Z");
    const ticks = ticksOf({ kind: "cron", cron: "*/15 * * * *", timeZone: "Pacific/Apia" }, "a");
    const day = 24 * 3_600_000;
    expect(ticks.count((change ?? 0) - day, (change ?? 0) + day)).toBe(192);
  });
});

describe("a rare time", () => {
  it("is found years ahead and years ago", () => {
    const ticks = ticksOf({ kind: "cron", cron: "0 12 29 2 *", timeZone: "Europe/Berlin" }, "a");
    const found = newestTicks(ticks, Date.UTC(1990, 0, 1), Date.UTC(2030, 0, 1), 100);
    expect(found.map((tick) => new Date(tick).getUTCFullYear())).toEqual([
      2028, 2024, 2020, 2016, 2012, 2008, 2004, 2000, 1996, 1992,
    ]);
    expect(ticks.next(Date.UTC(2097, 0, 1))).toBe(Date.UTC(2104, 1, 29, 11)); // 2100 is no leap year
  });

  it("ends with the year 9999", () => {
    const ticks = ticksOf({ kind: "cron", cron: "0 0 1 1 *", timeZone: "UTC" }, "a");
    expect(ticks.next(Date.UTC(9998, 5, 1))).toBe(Date.UTC(9999, 0, 1));
    expect(ticks.next(Date.UTC(9999, 5, 1))).toBeUndefined();
  });

  it("counts a century of seconds without looking at each", () => {
    const ticks = ticksOf({ kind: "cron", cron: "* * * * * *", timeZone: "Europe/Berlin" }, "a");
    const [from, to] = [Date.UTC(2000, 0, 1), Date.UTC(2100, 0, 1)];
    expect(ticks.count(from, to)).toBe((to - from) / 1_000);
  });
});
