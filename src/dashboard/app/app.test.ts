import { describe, expect, it } from "vitest";
import type { Theme } from "../../testing/dashboard.ts";
import { dashboardOf, expectAccessible, picture } from "../../testing/dashboard.ts";

const dashboard = dashboardOf();

describe("the frame of the dashboard", () => {
  it.each(["light", "dark"] as Theme[])("has no serious accessibility violation in the %s theme", async (theme) => {
    const page = await dashboard.open("", { theme });
    await expectAccessible(page);
    await picture(page, `frame-${theme}`);
    await page.close();
  });

  it("leads a browser from the server's address to the overview", async () => {
    const page = await dashboard.open();
    await page.goto(`${dashboard.replica().url}/`);
    await page.waitForSelector("h1");
    expect(new URL(page.url()).pathname).toBe("/ui");
    await page.close();
  });
});
