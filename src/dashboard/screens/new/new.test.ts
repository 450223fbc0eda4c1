import { describe, expect, it } from "vitest";
import type { Theme } from "../../../testing/dashboard.ts";
import { dashboardOf, expectAccessible, picture } from "../../../testing/dashboard.ts";
import { getJob } from "../../../testing/replica.ts";

const dashboard = dashboardOf();

const shownJob = (url: string): string => new URL(url).searchParams.get("job") ?? "";

describe("the list of types", () => {
  it.each(["light", "dark"] as Theme[])("is accessible in the %s theme", async (theme) => {
    const page = await dashboard.open("/new", { theme });
    await page.waitForSelector(".types");
    await expectAccessible(page);
    await picture(page, `new-types-${theme}`);
    await page.close();
  });

  it("offers built-in types first, and none that changes other jobs", async () => {
    const page = await dashboard.open("/new");
    await page.waitForSelector(".types");
    expect(await page.locator(".types-name").allTextContents()).toEqual([
      "email",
      "webhook",
      "image_resize",
      "data_export",
      "noop",
      "test_cpu",
      "test_io",
    ]);
    await page.getByRole("link", { name: /^data_export/ }).press("Enter");
    await page.getByRole("heading", { name: "New data_export" }).waitFor();
    expect(new URL(page.url()).pathname).toBe("/ui/new/data_export");
    await page.goto(`${dashboard.replica().url}/ui/new/replay`);
    await page.getByText("are not submitted here").waitFor();
    await page.goto(`${dashboard.replica().url}/ui/new/no%20such`);
    await page.getByText("There is no job type").waitFor();
    await page.close();
  });
});

describe("the form", () => {
  it.each(["light", "dark"] as Theme[])("is accessible in the %s theme, with all parts open", async (theme) => {
    const page = await dashboard.open("/new/webhook", { theme });
    await page.getByText("Options", { exact: true }).click();
    await page.getByLabel("Start", { exact: true }).selectOption("delay");
    await page.getByLabel("Attempts", { exact: true }).fill("99");
    await page.getByRole("button", { name: "Submit", exact: true }).click();
    await page.locator("[aria-invalid]").first().waitFor();
    await expectAccessible(page);
    await picture(page, `new-webhook-${theme}`);
    await page.close();
  });

  it.each(["email", "image_resize", "data_export", "test_io"])("is complete for %s", async (type) => {
    const page = await dashboard.open(`/new/${type}`);
    await page.getByRole("button", { name: "Submit", exact: true }).waitFor();
    await picture(page, `new-${type}`);
    await page.setViewportSize({ width: 360, height: 740 });
    await picture(page, `new-${type}-360`);
    await page.close();
  });
});
