/** How soon a browser that has nothing of the dashboard yet shows its first content, on a machine without other work. */
import { expect, it } from "vitest";
import { medianOf } from "../../../bench/median.ts";
import { dashboardOf } from "../../testing/dashboard.ts";

const dashboard = dashboardOf();
const OPENED = 5;
const FIRST_CONTENT_MS = 1_000;

it("shows the first content within 1 s", async () => {
  const times: number[] = [];
  for (let opened = 0; opened < OPENED; opened += 1) {
    const page = await dashboard.open();
    await page.waitForSelector(".tile");
    const painted = await page.evaluate(() => performance.getEntriesByName("first-contentful-paint")[0]?.startTime);
    times.push(painted ?? Number.POSITIVE_INFINITY);
    await page.close();
  }
  expect(medianOf(times), JSON.stringify(times)).toBeLessThanOrEqual(FIRST_CONTENT_MS);
});
