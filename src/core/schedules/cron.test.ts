import { beforeAll, describe, expect, it } from "vitest";
import { loadCron, parseCron } from "./cron.ts";
import { oldestTicks, ticksOf } from "./timing.ts";

beforeAll(loadCron);

/** The first days, or times, of an expression in UTC after the begin of 2026. */
function first(cron: string, count: number, name = "a"): string[] {
  const ticks = ticksOf({ kind: "cron", cron, timeZone: "UTC" }, name);
  const found = oldestTicks(ticks, Date.UTC(2026, 0, 1) - 1, Infinity, count);
  return found.map((tick) => new Date(tick).toISOString().slice(5, 19));
}

function problemOf(cron: string): string | undefined {
  const parsed = parseCron(cron, "a");
  return "problem" in parsed ? parsed.problem : undefined;
}

describe("a cron expression", () => {
  it.each([
    ["5 4 * * *", ["01-01T04:05:00", "01-02T04:05:00"]],
    ["10 5 4 * * *", ["01-01T04:05:10", "01-02T04:05:10"]],
    ["*/25 0 * * *", ["01-01T00:00:00", "01-01T00:25:00", "01-01T00:50:00", "01-02T00:00:00"]],
    ["10-30/10,31 6 1 * *", ["01-01T06:10:00", "01-01T06:20:00", "01-01T06:30:00", "01-01T06:31:00"]],
    ["50/5 0 1 1 *", ["01-01T00:50:00", "01-01T00:55:00"]],
    ["0 0 1 Feb,apr *", ["02-01T00:00:00", "04-01T00:00:00"]],
    ["0 0 * * mon-wed", ["01-05T00:00:00", "01-06T00:00:00", "01-07T00:00:00", "01-12T00:00:00"]],
    ["0 0 * * 6-7", ["01-03T00:00:00", "01-04T00:00:00", "01-10T00:00:00"]],
    ["0 0 * * 0", ["01-04T00:00:00", "01-11T00:00:00"]],
    ["0 0 ? * 7", ["01-04T00:00:00", "01-11T00:00:00"]],
    // both fields of days: one is enough, unless one of them has a `*` (crontab(5) of Debian)
    ["0 0 13 * fri", ["01-02T00:00:00", "01-09T00:00:00", "01-13T00:00:00", "01-16T00:00:00"]],
    ["0 0 */2 * fri", ["01-09T00:00:00", "01-23T00:00:00"]],
    ["0 0 L * *", ["01-31T00:00:00", "02-28T00:00:00", "03-31T00:00:00"]],
    ["0 0 L-2 * *", ["01-29T00:00:00", "02-26T00:00:00"]],
    ["0 0 LW * *", ["01-30T00:00:00", "02-27T00:00:00", "03-31T00:00:00"]],
    ["0 0 15W * *", ["01-15T00:00:00", "02-16T00:00:00", "03-16T00:00:00", "04-15T00:00:00"]],
    ["0 0 1W * *", ["01-01T00:00:00", "02-02T00:00:00", "03-02T00:00:00"]],
    ["0 0 31W * *", ["01-30T00:00:00", "03-31T00:00:00", "05-29T00:00:00"]],
    ["0 0 * * 5L", ["01-30T00:00:00", "02-27T00:00:00"]],
    ["0 0 * * mon#1,fri#5", ["01-05T00:00:00", "01-30T00:00:00", "02-02T00:00:00"]],
    ["@daily", ["01-01T00:00:00", "01-02T00:00:00"]],
    ["@MONTHLY", ["01-01T00:00:00", "02-01T00:00:00"]],
    ["@hourly", ["01-01T00:00:00", "01-01T01:00:00"]],
    ["  0   0 1 1 * ", ["01-01T00:00:00"]],
  ])("%s", (cron, expected) => {
    expect(first(cron, expected.length)).toEqual(expected);
  });

  it("has no fifth weekday in a month of four", () => {
    const day = 86_400_000;
    for (let weekday = 0; weekday <= 6; weekday++) {
      for (let nth = 1; nth <= 5; nth++) {
        const expected = Array.from({ length: 3_000 }, (_, n) => new Date(Date.UTC(2026, 0, 1) + n * day)).filter(
          (date) => date.getUTCDay() === weekday && Math.ceil(date.getUTCDate() / 7) === nth,
        );
        const found = first(`0 0 * * ${weekday}#${nth}`, expected.length);
        expect(found).toEqual(expected.map((date) => date.toISOString().slice(5, 19)));
      }
    }
  });

  it("has `H` for a value that follows from the name, and is spread", () => {
    expect(first("H H * * *", 3)).toEqual(first("H H * * *", 3));
    const names = Array.from({ length: 200 }, (_, n) => `tenant-${n}`);
    expect(new Set(names.map((name) => first("H * * * *", 1, name)[0])).size).toBeGreaterThan(45);
    for (const name of names) {
      const minutes = first("H(10-20)/5 * * * *", 2, name).map((time) => Number(time.slice(9, 11)));
      expect(minutes.every((minute) => minute >= 10 && minute <= 20)).toBe(true);
      expect((minutes[1] ?? 0) - (minutes[0] ?? 0)).toBe(5);
      expect(Number(first("0 0 H * *", 1, name)[0]?.slice(3, 5))).toBeLessThanOrEqual(28);
    }
  });

  it.each([
    ["", "expected 5 fields (minute, hour, day of month, month, day of week), or 6 with seconds first"],
    ["* * *", "expected 5 fields (minute, hour, day of month, month, day of week), or 6 with seconds first"],
    ["0 0 30 2 *", "never fires: no month has such a day"],
    ["0 0 31 2,4,6,9,11 *", "never fires: no month has such a day"],
    ["60 * * * *", '"60": expected 0 to 59, ascending, in the field of minutes'],
    ["0 24 * * *", '"24": expected 0 to 23, ascending, in the field of hours'],
    ["30-10 * * * *", '"30-10": expected 0 to 59, ascending, in the field of minutes'],
    ["5-10-20 * * * *", '"5-10-20" does not fit the field of minutes'],
    ["0 0 * wed *", '"wed" does not fit the field of months'],
    ["*/0 * * * *", '"*/0": expected a step from 1 to 60 in the field of minutes'],
    ["*/90 * * * *", '"*/90": expected a step from 1 to 60 in the field of minutes'],
    ["1,,2 * * * *", '"" does not fit the field of minutes'],
    ["0 0 L-31 * *", '"l-31": expected 0 to 30 in the field of days of the month'],
    ["0 0 32W * *", '"32w": expected 1 to 31 in the field of days of the month'],
    ["0 0 * * L", '"l" does not fit the field of days of the week'],
    ["0 0 * * 5#6", '"5#6" does not fit the field of days of the week'],
    ["H(50-70) * * * *", '"h(50-70)": expected 50 to 59 in the field of minutes'],
    ["@often", '"@often" is none of @yearly, @annually, @monthly, @weekly, @daily, @midnight, @hourly'],
    ["1,".repeat(200), "expected at most 256 characters"],
  ])("%s is rejected", (cron, problem) => {
    expect(problemOf(cron)).toBe(problem);
  });
});
