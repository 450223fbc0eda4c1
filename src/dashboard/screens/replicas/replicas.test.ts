import { describe, expect, it } from "vitest";
import type { Theme } from "../../../testing/dashboard.ts";
import { dashboardOf, expectAccessible, picture } from "../../../testing/dashboard.ts";
import { call, jobWhen, submit } from "../../../testing/replica.ts";

const dashboard = dashboardOf();
const replica = () => dashboard.replica();

describe("the replicas", () => {
  it.each(["light", "dark"] as Theme[])("are accessible in the %s theme", async (theme) => {
    const page = await dashboard.open("/replicas", { theme });
    await page.locator(`[data-row="${replica().id}"]`).waitFor();
    await expectAccessible(page);
    await picture(page, `replicas-${theme}`);
    await page.setViewportSize({ width: 360, height: 740 });
    expect(await page.evaluate(() => document.documentElement.scrollWidth)).toBe(360);
    await picture(page, `replicas-${theme}-360`);
    await page.close();
  });

  it("show the slots in use, and lead to the jobs that run there", async () => {
    const id = await submit(replica(), "test_io", { do: "sleep", ms: 60_000 });
    await jobWhen(replica(), id, "running");
    const page = await dashboard.open("/replicas");
    await page.getByLabel("I/O slots: 1 of").waitFor();
    await page.getByLabel(`test_io on ${replica().id}: 1 of`).waitFor();
    await page.getByRole("link", { name: "Running jobs" }).click();
    await page.waitForURL(`**/ui/jobs?q=*worker*${replica().id}`);
    await page.getByText("test_io").first().waitFor();
    await call(replica(), "DELETE", `/api/v1/jobs/${id}`);
    await page.close();
  });
});
