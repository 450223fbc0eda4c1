import { beforeAll, describe, expect, it } from "vitest";
import type { Theme } from "../../../testing/dashboard.ts";
import { dashboardOf, expectAccessible, picture } from "../../../testing/dashboard.ts";
import { call, jobWhen, submit } from "../../../testing/replica.ts";

const dashboard = dashboardOf();
const replica = () => dashboard.replica();

describe("the audit log", () => {
  it("is explained where it is empty", async () => {
    const page = await dashboard.open("/audit");
    await page.getByText("Nothing was changed yet.").waitFor();
    await picture(page, "audit-empty", { isWhole: false });
    await page.close();
  });

  describe("with changes", () => {
    let erased = "";
    beforeAll(async () => {
      await call(replica(), "POST", "/api/v1/queues/noop/pause", { reason: "Maintenance of the partner's database" });
      await call(replica(), "POST", "/api/v1/queues/noop/resume");
      const filters = { type: "webhook", tag: ["a tag", "b"], created_before: "2026-01-31T12:00:00Z" };
      const bulk = await call(replica(), "POST", "/api/v1/jobs/cancel", filters);
      await jobWhen(replica(), (bulk.body as { readonly id: string }).id);
      erased = await submit(replica(), "noop", {});
      await jobWhen(replica(), erased);
      await call(replica(), "POST", `/api/v1/jobs/${erased}/erase`);
    });

    it.each(["light", "dark"] as Theme[])("is accessible in the %s theme", async (theme) => {
      const page = await dashboard.open("/audit", { theme });
      await page.getByRole("cell", { name: "Erase jobs" }).waitFor();
      await expectAccessible(page);
      await picture(page, `audit-${theme}`);
      await page.setViewportSize({ width: 360, height: 740 });
      expect(await page.evaluate(() => document.documentElement.scrollWidth)).toBe(360);
      await picture(page, `audit-${theme}-360`);
      await page.close();
    });

    it("links to what was changed", async () => {
      const page = await dashboard.open("/audit");
      const pathOf = async (row: RegExp): Promise<string | null> =>
        page.getByRole("row", { name: row }).locator(".audit-target a").getAttribute("href");
      await page.getByRole("cell", { name: "Erase jobs" }).waitFor();
      expect(await pathOf(/Erase jobs/)).toBe(`/ui/jobs/${erased}`);
      expect(await pathOf(/Pause queue/)).toBe("/ui/queues/noop");
      const { searchParams } = new URL((await pathOf(/Cancel jobs/)) ?? "", replica().url);
      expect(searchParams.get("q")).toBe('type:webhook tag:"a tag",b until:2026-01-31T12:00:00Z');
      await page.close();
    });

    it("keeps its filters in the URL", async () => {
      const page = await dashboard.open("/audit");
      await page.getByLabel("Action").selectOption("Pause queue");
      await page.getByRole("row", { name: /Maintenance/ }).waitFor();
      await expect.poll(() => page.locator("tbody tr").count()).toBe(1);
      await page.reload();
      await page.getByRole("row", { name: /Maintenance/ }).waitFor();
      expect(await page.locator("tbody tr").count()).toBe(1);
      await page.getByLabel("Who").fill("nobody");
      await page.getByLabel("Who").press("Enter");
      await page.getByText("No change matches these filters.").waitFor();
      await page.goBack();
      await page.getByRole("row", { name: /Maintenance/ }).waitFor();
      await page.close();
    });
  });
});
