import { beforeAll, describe, it } from "vitest";
import { clockChanges } from "../../testing/schedules/brute-force-cron.ts";
import { checkClockChange } from "../../testing/schedules/clock-change-checks.ts";
import { loadCron } from "./cron.ts";

beforeAll(loadCron);

describe("the ticks around every change of the clock from 2020 to 2035", () => {
  it.each(Intl.supportedValuesOf("timeZone"))("are those of the second implementation in %s", (timeZone) => {
    for (const change of clockChanges(timeZone, Date.UTC(2020, 0, 1), Date.UTC(2036, 0, 1)))
      checkClockChange(timeZone, change);
  });
});
