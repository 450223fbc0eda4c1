import { beforeAll, describe, expect, it } from "vitest";
import { clockChanges, offsetText } from "../../testing/schedules/brute-force-cron.ts";
import { checkClockChange, ticksByExpression } from "../../testing/schedules/clock-change-checks.ts";
import { loadCron } from "./cron.ts";

beforeAll(loadCron);

/** The ticks around a change that many zones make at one instant: the second implementation takes a second for it. */
const checked = new Map<string, readonly (readonly number[])[]>();

describe("the ticks around every change of the clock from 2020 to 2035", () => {
  it.each(Intl.supportedValuesOf("timeZone"))("are those of the second implementation in %s", (timeZone) => {
    const offsetAt = offsetText(timeZone);
    for (const change of clockChanges(timeZone, Date.UTC(2020, 0, 1), Date.UTC(2036, 0, 1))) {
      const key = `${change} ${offsetAt(change - 1)} ${offsetAt(change)}`;
      const known = checked.get(key);
      if (!known) checkClockChange(timeZone, change);
      const ticks = ticksByExpression(timeZone, change);
      if (known) expect(ticks).toEqual(known);
      checked.set(key, ticks);
    }
  });
});
