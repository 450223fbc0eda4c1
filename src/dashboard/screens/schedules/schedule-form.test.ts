import type { Page } from "playwright-core";
import { beforeAll, describe, expect, it } from "vitest";
import type { Theme } from "../../../testing/dashboard.ts";
import { dashboardOf, expectAccessible, picture } from "../../../testing/dashboard.ts";
import { call } from "../../../testing/replica.ts";

const dashboard = dashboardOf();
const replica = () => dashboard.replica();

const HOURLY = { cron: "0 * * * *", time_zone: "UTC", job: { type: "noop", payload: { id: 1 } } };

async function put(name: string, definition: object): Promise<void> {
  const { status, body } = await call(replica(), "PUT", `/api/v1/schedules/${name}`, definition);
  if (status > 201) throw new Error(`not accepted: ${status} ${JSON.stringify(body)}`);
}

async function scheduleNow(name: string): Promise<Record<string, unknown>> {
  return (await call(replica(), "GET", `/api/v1/schedules/${name}`)).body as Record<string, unknown>;
}

const button = (page: Page, name: string) => page.getByRole("button", { name, exact: true });
const ticks = (page: Page) => page.getByRole("region", { name: "The next ticks" }).getByRole("listitem");
const json = (page: Page) => page.getByLabel("Definition");

describe("the form of a new schedule", () => {
  it.each([
    ["light", 1280],
    ["dark", 1280],
    ["light", 360],
  ] as [Theme, number][])("is accessible in the %s theme at %i pixels", async (theme, width) => {
    const page = await dashboard.open("/schedules?view=new", { theme, width });
    await ticks(page).nth(19).waitFor();
    await expectAccessible(page);
    expect(await page.evaluate(() => document.documentElement.scrollWidth)).toBe(width);
    await picture(page, `schedule-new-${theme}-${width}`);
    await page.close();
  });

  it("shows the next ticks while its fields are edited, and the issues at their fields", async () => {
    const page = await dashboard.open("/schedules?view=new", { context: { timezoneId: "UTC" } });
    await ticks(page).nth(19).waitFor();
    await page.getByLabel("Cron expression").fill("30 2 29 2 *");
    await page.getByText("At 02:30, on day 29 of the month, only in February.").waitFor();
    await page.getByLabel("Time zone").fill("America/New_York");
    await ticks(page).filter({ hasText: "2028-02-29 02:30:00 -05:00" }).waitFor();
    await page.getByLabel("Cron expression").fill("0 3 30 2 *");
    await page.locator(".form-field .error-text").first().waitFor();
    expect(await page.getByLabel("Cron expression").getAttribute("aria-invalid")).toBe("true");
    await expectAccessible(page);
    await picture(page, "schedule-new-issue", { isWhole: false });
    await page.getByRole("combobox", { name: "Ticks" }).selectOption("At an interval");
    await page.getByRole("textbox", { name: "Every" }).fill("90");
    await page.getByLabel("Unit of the interval").selectOption("seconds");
    await page.waitForFunction(() => document.querySelector(".error-text") === null);
    expect(JSON.parse(await json(page).inputValue())).toMatchObject({ every_ms: 90_000 });
    expect(JSON.parse(await json(page).inputValue())).not.toHaveProperty("cron");
    await page.getByRole("combobox", { name: "Ticks" }).selectOption("At fixed times");
    await page.getByRole("textbox", { name: "Times" }).fill("2090-01-01T00:00:00Z\n2091-01-01T00:00:00Z");
    await ticks(page).filter({ hasText: "2090-12-31 19:00:00 -05:00" }).waitFor();
    expect(await ticks(page).count()).toBe(2);
    await page.close();
  });

  it("creates a schedule by keyboard alone, under a name that no other has", async () => {
    await put("taken", HOURLY);
    const page = await dashboard.open("/schedules");
    await page.getByRole("link", { name: "New schedule" }).press("Enter");
    await ticks(page).nth(19).waitFor();
    await page
      .getByLabel("Name", { exact: true })
      .or(page.getByLabel(/^Name required/))
      .first()
      .focus();
    await page.keyboard.type("taken");
    await page.keyboard.press("Control+Enter");
    await page.getByText("There is a schedule taken already: choose another name.").waitFor();
    await page.keyboard.type("-not");
    await page.getByLabel("Type", { exact: true }).selectOption("noop");
    await page.getByLabel("overlap").selectOption("allow");
    await page.keyboard.press("Control+Enter");
    await page.waitForURL("**/ui/schedules/taken-not");
    expect(await scheduleNow("taken-not")).toMatchObject({ cron: "0 3 * * *", overlap: "allow", version: 1 });
    await page.close();
  });
});

describe("the form of a schedule", () => {
  beforeAll(() => put("edited", HOURLY));

  it("saves a change, after showing its ticks", async () => {
    const page = await dashboard.open("/schedules/edited");
    await page.getByText("Every hour").first().waitFor();
    await page.keyboard.press("e");
    await page.getByLabel("Cron expression").fill("15 4 * * *");
    await ticks(page).filter({ hasText: "04:15:00 UTC" }).first().waitFor();
    await page.reload(); // the URL has the view, not the text
    await page.getByLabel("Cron expression").fill("15 5 * * *");
    await ticks(page).filter({ hasText: "05:15:00 UTC" }).first().waitFor();
    await picture(page, "schedule-edit");
    await button(page, "Save").click();
    await page.getByText("Saved.").waitFor();
    await page.getByText("At 05:15").waitFor();
    expect(await scheduleNow("edited")).toMatchObject({ cron: "15 5 * * *", version: 2 });
    await page.close();
  });

  it("keeps every digit of the payload", async () => {
    const response = await fetch(`${replica().url}/api/v1/schedules/digits`, {
      method: "PUT",
      headers: { "content-type": "application/json" },
      body: '{"cron":"0 * * * *","job":{"type":"noop","payload":{"id":12345678901234567890}}}',
    });
    expect(response.status).toBe(201);
    const page = await dashboard.open("/schedules/digits?view=edit");
    await page.getByLabel("Cron expression").fill("5 * * * *");
    await ticks(page).filter({ hasText: ":05:00" }).first().waitFor();
    await button(page, "Save").click();
    await page.getByText("Saved.").waitFor();
    const text = await (await fetch(`${replica().url}/api/v1/schedules/digits`)).text();
    expect(text).toContain("12345678901234567890");
    expect(JSON.parse(text)).toMatchObject({ cron: "5 * * * *" });
    await page.close();
  });

  it("does not save over a change of somebody else", async () => {
    await put("shared", HOURLY);
    const page = await dashboard.open("/schedules/shared?view=edit");
    await page.getByLabel("Cron expression").fill("1 * * * *");
    await put("shared", { ...HOURLY, cron: "2 * * * *" });
    await page.getByText("Somebody else has changed the schedule").waitFor();
    await button(page, "Save").press("Enter");
    await page.getByText("load the present version first").waitFor();
    await expectAccessible(page);
    await picture(page, "schedule-conflict", { isWhole: false });
    await button(page, "Discard my changes and load version 2").click();
    await page.waitForFunction(() => (document.querySelector("input.mono") as HTMLInputElement).value === "2 * * * *");
    await page.getByLabel("Cron expression").fill("3 * * * *");
    await ticks(page).filter({ hasText: ":03:00" }).first().waitFor();
    await button(page, "Save").click();
    await page.getByText("Saved.").waitFor();
    expect(await scheduleNow("shared")).toMatchObject({ cron: "3 * * * *", version: 3 });
    await page.close();
  });
});
