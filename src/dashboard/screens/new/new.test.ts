import type { Page } from "playwright-core";
import { describe, expect, it } from "vitest";
import type { Theme } from "../../../testing/dashboard.ts";
import { dashboardOf, expectAccessible, picture } from "../../../testing/dashboard.ts";
import { getJob, jobWhen } from "../../../testing/replica.ts";

const dashboard = dashboardOf();
const replica = () => dashboard.replica();

const submitButton = (page: Page) => page.getByRole("button", { name: "Submit", exact: true });
const json = (page: Page) => page.getByLabel("JSON", { exact: true });

/** The id of the job that the form has submitted, once it shows its end. */
async function endOfSubmitted(page: Page, status: string): Promise<string> {
  await page.locator(".submitted").getByText(status, { exact: true }).waitFor();
  return new URL(page.url()).searchParams.get("job") ?? "";
}

async function openForm(type: string, options = {}): Promise<Page> {
  const page = await dashboard.open(`/new/${type}`, options);
  await submitButton(page).waitFor();
  return page;
}

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
    await page.goto(`${replica().url}/ui/new/replay`);
    await page.getByText("are not submitted here").waitFor();
    await page.goto(`${replica().url}/ui/new/no%20such`);
    await page.getByText("There is no job type").waitFor();
    await page.close();
  });
});

describe("the form of a new job", () => {
  it.each(["light", "dark"] as Theme[])("is accessible in the %s theme, with options and issues", async (theme) => {
    const page = await openForm("webhook", { theme, height: 1250 });
    await page.getByText("Options", { exact: true }).click();
    await page.getByLabel("Start", { exact: true }).selectOption("delay");
    await page.getByLabel("Attempts", { exact: true }).fill("99");
    await submitButton(page).click();
    await page.locator("[aria-invalid]").first().waitFor();
    await expectAccessible(page);
    await picture(page, `new-webhook-${theme}`);
    await page.close();
  });

  it.each(["email", "image_resize", "data_export", "test_io"])("fits 360 pixels for %s", async (type) => {
    const page = await openForm(type);
    await picture(page, `new-${type}`, { isWhole: false });
    await page.setViewportSize({ width: 360, height: 1600 });
    expect(await page.evaluate(() => document.documentElement.scrollWidth)).toBe(360);
    await picture(page, `new-${type}-360`, { isWhole: false });
    await page.close();
  });

  it("submits the example, shows the job live, and still does after a reload", async () => {
    const page = await openForm("data_export");
    await submitButton(page).click();
    const id = await endOfSubmitted(page, "completed");
    expect((await getJob(replica(), id)).type).toBe("data_export");
    await picture(page, "new-submitted", { isWhole: false });
    await page.reload();
    expect(await endOfSubmitted(page, "completed")).toBe(id);
    await page.getByRole("link", { name: "Open the job" }).click();
    await page.waitForURL(`**/ui/jobs/${id}`);
    await page.close();
  });

  it("keeps fields and JSON in step, and every digit until the job has run", async () => {
    const page = await openForm("test_io");
    await json(page).fill('{"do": "return", "value": 12345678901234567890.10}');
    await page.keyboard.press("Control+Enter");
    const id = await endOfSubmitted(page, "completed");
    const response = await fetch(`${replica().url}/api/v1/jobs/${id}`);
    expect(await response.text()).toContain("12345678901234567890.10");
    await page.goto(`${replica().url}/ui/new/email`);
    await page.getByLabel("subject").fill("Changed");
    expect(await json(page).inputValue()).toContain('"subject": "Changed"');
    await json(page).fill('{"to": "jane@example.com", "subject": "Typed", "body": "Text"}');
    expect(await page.getByLabel("subject").inputValue()).toBe("Typed");
    await page.getByRole("button", { name: "Example", exact: true }).click();
    expect(await page.getByLabel("subject").inputValue()).toBe("Your report");
    await page.getByRole("button", { name: "Undo" }).click();
    expect(await page.getByLabel("subject").inputValue()).toBe("Typed");
    await page.close();
  });

  it("shows the issues of the server at their fields, and moves the focus to the first one", async () => {
    const page = await openForm("webhook");
    await page.getByLabel("url required").fill("ftp://example.com");
    await page.getByText("Options", { exact: true }).click();
    await page.getByLabel("Tags").fill(`${"x".repeat(65)}, ok`);
    await page.getByLabel("Callback URL").fill("nowhere");
    await page.getByText("Options", { exact: true }).click();
    await page.keyboard.press("Control+Enter");
    const url = page.getByLabel("url required");
    await expect.poll(() => url.getAttribute("aria-invalid")).toBe("true");
    expect(await url.evaluate((element) => element === document.activeElement)).toBe(true);
    for (const label of ["Tags", "Callback URL"]) {
      const field = page.getByLabel(label);
      expect(await field.isVisible()).toBe(true);
      expect(await field.getAttribute("aria-invalid")).toBe("true");
    }
    expect(new URL(page.url()).searchParams.has("job")).toBe(false);
    await url.fill("https://example.com");
    expect(await url.getAttribute("aria-invalid")).toBeNull();
    await page.close();
  });

  it("submits with all options", async () => {
    const page = await openForm("noop");
    await page.getByText("Options", { exact: true }).click();
    await page.getByLabel("Start", { exact: true }).selectOption("delay");
    await page.getByLabel("Delay", { exact: true }).fill("2");
    await page.getByLabel("Unit of the delay").selectOption("hours");
    await page.getByLabel("Priority").selectOption("9");
    await page.getByLabel("Tags").fill('news, "a, b"');
    await page.getByLabel("Group").fill("customer 7");
    await page.getByLabel("Attempts").fill("7");
    await page.getByLabel("Durability").selectOption("postgres");
    await page.getByLabel("Idempotency key").fill("order-4711");
    await submitButton(page).click();
    const id = await endOfSubmitted(page, "scheduled");
    const job = await getJob(replica(), id);
    expect(job).toMatchObject({
      priority: 9,
      tags: ["news", "a, b"],
      group_key: "customer 7",
      max_attempts: 7,
      durability: "postgres",
    });
    await submitButton(page).click(); // the same key: the same job
    await page.locator(".submitted").getByText("scheduled").waitFor();
    expect(new URL(page.url()).searchParams.get("job")).toBe(id);
    await json(page).fill('{"other": 1}');
    await submitButton(page).click();
    await expect.poll(() => page.getByLabel("Idempotency key").getAttribute("aria-invalid")).toBe("true");
    await page.close();
  });

  it("keeps what was typed while another screen is open", async () => {
    const page = await openForm("test_io");
    await json(page).fill('{"do": "return", "value": "typed"}');
    await page.getByRole("button", { name: "Submit and open" }).click();
    await page.waitForURL("**/ui/jobs/*");
    const id = new URL(page.url()).pathname.split("/").at(-1) ?? "";
    expect(await jobWhen(replica(), id)).toMatchObject({ status: "completed", result: "typed" });
    await page.goBack();
    await expect.poll(() => json(page).inputValue()).toContain("typed");
    await page.close();
  });

  it("says why a payload cannot be submitted", async () => {
    const page = await openForm("noop");
    await json(page).fill('{"a": ');
    expect(await submitButton(page).getAttribute("title")).toBe("The JSON is not valid.");
    await page.keyboard.press("Control+Enter");
    await page.locator(".toast").getByText("The JSON is not valid.").waitFor();
    await page.close();
  });
});

describe("the command of a new job", () => {
  it("submits the same job", async () => {
    const page = await openForm("noop", { context: { permissions: ["clipboard-read", "clipboard-write"] } });
    await json(page).fill('{"text": "it\'s"}');
    await page.getByText("Options", { exact: true }).click();
    await page.getByLabel("Attempts").fill("2");
    await page.getByRole("button", { name: "Copy as curl" }).click();
    await page.getByText("Copied.").waitFor();
    const command = await page.evaluate(() => navigator.clipboard.readText());
    expect(command).toContain(`curl -X POST '${replica().url}/api/v1/jobs'`);
    expect(command).toContain('"text": "it\'\\\'\'s"');
    expect(command).toContain('"max_attempts": 2');
    await page.close();
  });
});
