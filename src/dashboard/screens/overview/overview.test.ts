import type { Locator, Page } from "playwright-core";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { MailCatcher } from "../../../embedded/mail-catcher.ts";
import { startMailCatcher } from "../../../embedded/mail-catcher.ts";
import type { Theme } from "../../../testing/dashboard.ts";
import { dashboardOf, expectAccessible, picture } from "../../../testing/dashboard.ts";
import { call, jobWhen, submit } from "../../../testing/replica.ts";
import { tempDir } from "../../../testing/services.ts";
import { until } from "../../../testing/until.ts";

const THEMES: readonly Theme[] = ["light", "dark"];
const PATIENCE = { timeout: 30_000 };

const tile = (page: Page, title: string): Locator => page.locator(".tile", { hasText: title }).locator("dd").first();
const panel = (page: Page, title: string): Locator =>
  page.locator(".panel", { has: page.getByRole("heading", { name: title }) });
const query = (page: Page): Record<string, string> => Object.fromEntries(new URL(page.url()).searchParams);

/** Waits until a locator has this text. */
async function expectText(locator: Locator, text: string): Promise<void> {
  await locator.filter({ hasText: text }).first().waitFor(PATIENCE);
}

describe("the overview of an empty server", () => {
  let mail: MailCatcher | undefined;
  afterAll(() => mail?.close());
  const dashboard = dashboardOf(async () => {
    mail = await startMailCatcher({ dataDir: tempDir() });
    return { mail, env: { SMTP_URL: mail.url } };
  });

  it.each(THEMES)("offers a starting point in the %s theme", async (theme) => {
    const page = await dashboard.open("", { theme });
    await page.getByRole("button", { name: "Send an email" }).waitFor();
    expect(await page.locator(".chart").count()).toBe(0);
    await expectAccessible(page);
    await picture(page, `overview-empty-${theme}`);
    await page.close();
  });

  it("fits a narrow screen", async () => {
    const page = await dashboard.open("", { width: 360 });
    await page.getByRole("button", { name: "Export data" }).waitFor();
    await expectNoOverflow(page);
    await picture(page, "overview-empty-360");
    await page.close();
  });

  it("runs real jobs on the spot, by mouse and by keyboard, and shows what they made", async () => {
    const page = await dashboard.open();
    await page.getByRole("button", { name: "Send an email" }).click();
    await page.getByRole("button", { name: "Resize an image" }).focus();
    await page.keyboard.press("Enter");
    await page.getByRole("button", { name: "Export data" }).focus();
    await page.keyboard.press("Space");
    await expectResults(page);
    expect(Object.keys(query(page)).sort()).toEqual(["email", "export", "image"]);
    await expectText(panel(page, "Types by time spent"), "image_resize"); // the rest appears below
    await expectAccessible(page);
    await picture(page, "overview-tried");
    await page.reload();
    await expectResults(page);
    await page.getByRole("link", { name: "Open the job" }).nth(1).click();
    expect(new URL(page.url()).pathname).toMatch(/\/ui\/jobs\/[\da-f-]{36}$/);
    await page.close();
  });

  it("still offers them, collapsed, while there are few jobs", async () => {
    const page = await dashboard.open();
    await page.locator("summary", { hasText: "Try it" }).click();
    await page.getByRole("button", { name: "Export data" }).click();
    await expectText(page.locator(".sample-lines"), "… 10 rows in cities.csv");
    expect(await page.locator("details.try-it").count()).toBe(1);
    await page.close();
  });

  async function expectResults(page: Page): Promise<void> {
    await expectText(page.locator(".sample-lines"), "city,country,people");
    const link = page.getByRole("link", { name: "Read the caught message" });
    await link.waitFor(PATIENCE);
    expect(await link.getAttribute("href")).toMatch(/^\/ui\/mail\/.+/);
    const image = page.getByRole("img", { name: "The resized picture, 320 × 200 pixels" });
    await image.waitFor(PATIENCE);
    expect(
      await image.evaluate(async (element: HTMLImageElement) => {
        await element.decode();
        return [element.naturalWidth, element.naturalHeight];
      }),
    ).toEqual([320, 200]);
  }
});

async function expectNoOverflow(page: Page): Promise<void> {
  const [width, shown] = await page.evaluate(() => [document.documentElement.scrollWidth, innerWidth] as const);
  expect(width).toBeLessThanOrEqual(shown);
}

describe("the overview of a user without the scope submit", () => {
  const dashboard = dashboardOf({ env: { DASHBOARD: "read" } });

  it("shows the starting point as unavailable, with the reason", async () => {
    const page = await dashboard.open();
    const button = page.getByRole("button", { name: "Export data" });
    await button.waitFor();
    expect(await button.getAttribute("aria-disabled")).toBe("true");
    expect(await button.getAttribute("title")).toContain("read only");
    await button.click({ force: true });
    expect(query(page)).toEqual({});
    await page.close();
  });
});

describe("the overview", () => {
  const dashboard = dashboardOf();
  const FAILED = 12;
  const COMPLETED = 30;

  beforeAll(async () => {
    const replica = dashboard.replica();
    const ids = await Promise.all([
      ...Array.from({ length: FAILED }, () => submit(replica, "test_io", { do: "permanent" })),
      ...Array.from({ length: COMPLETED }, (_, value) => submit(replica, "noop", { value })),
      submit(replica, "test_io", { do: "sleep", ms: 300 }),
    ]);
    await Promise.all(ids.map((id) => jobWhen(replica, id)));
    await submit(replica, "noop", {}, { delay_ms: 3_600_000 });
    await call(replica, "POST", "/api/v1/queues/email/pause", { reason: "the provider is down" });
    await submit(replica, "email", { to: "you@example.com", subject: "Hello", body: "Good day." });
    // the history has them when Postgres has
    await until(
      async () => {
        const { body } = await call(replica, "GET", "/api/v1/stats/series?by=type");
        const { types } = body as {
          readonly types: readonly { readonly failed: number; readonly completed: number }[];
        };
        return types.reduce((sum, { failed, completed }) => sum + failed + completed, 0) === FAILED + COMPLETED + 1;
      },
      { what: "the history has all jobs" },
    );
  });

  it.each(THEMES)("has no serious accessibility violation in the %s theme", async (theme) => {
    const page = await dashboard.open("", { theme });
    await expectText(panel(page, "Types by failures"), "test_io");
    await page.locator(".u-over").nth(1).waitFor();
    await page.locator("summary", { hasText: "Show as a table" }).first().click();
    await page.getByRole("region", { name: "Jobs per minute as a table" }).waitFor();
    await expectAccessible(page);
    await page.locator("summary", { hasText: "Show as a table" }).first().click();
    await picture(page, `overview-${theme}`);
    await page.close();
  });

  it("fits a narrow screen", async () => {
    const page = await dashboard.open("", { width: 360 });
    await expectText(panel(page, "Types by failures"), "test_io");
    await page.locator(".u-over").nth(1).waitFor();
    await expectNoOverflow(page);
    await picture(page, "overview-360");
    await page.close();
  });

  it("shows figures that link to what is behind them, and follows changes", async () => {
    const page = await dashboard.open();
    await expectText(tile(page, "Queued"), "1");
    await expectText(tile(page, "Unaccounted"), "0");
    await expectText(tile(page, "Slots in use"), "0 / ");
    await submit(dashboard.replica(), "email", { to: "you@example.com", subject: "Hello", body: "Good day." });
    await expectText(tile(page, "Queued"), "2");
    await tile(page, "Queued").getByRole("link").click();
    expect([new URL(page.url()).pathname, query(page)]).toEqual(["/ui/jobs", { q: "status:queued" }]);
    await page.goBack();
    await tile(page, "Oldest wait").getByRole("link").waitFor();
    await expectText(page.locator(".tile", { hasText: "Oldest wait" }), "email");
    expect(await tile(page, "Oldest wait").getByRole("link").getAttribute("href")).toBe("/ui/queues/email");
    await page.close();
  });

  it("lists the problems, each with a link", async () => {
    const page = await dashboard.open();
    const list = page.getByRole("list", { name: "Problems, worst first" });
    await list.getByRole("link", { name: "The queue email is paused (the provider is down)" }).waitFor(PATIENCE);
    const failures = list.getByRole("link", { name: "12 jobs of test_io failed in the last hour, 0 in the same hour" });
    await failures.waitFor(PATIENCE);
    await failures.click();
    expect(query(page)).toEqual({ q: "type:test_io status:failed finished-since:1h" });
    await page.close();
  });

  it("shows the types by time spent and by failures of the range", async () => {
    const page = await dashboard.open("?range=6h");
    const [byTime, byFailures] = [panel(page, "Types by time spent"), panel(page, "Types by failures")];
    await expectText(byTime, "noop");
    const { body } = await call(dashboard.replica(), "GET", "/api/v1/stats/series?by=type");
    const { types } = body as { readonly types: readonly { readonly type: string }[] }; // the most run time first
    expect(await byTime.locator("tbody td:first-child").allInnerTexts()).toEqual(types.map(({ type }) => type));
    expect(await byFailures.locator("tbody tr").allInnerTexts()).toEqual([
      expect.stringMatching(/^test_io\s+12\s+92.3 %$/),
    ]);
    const link = byFailures.getByRole("link", { name: "test_io" });
    expect(new URL((await link.getAttribute("href")) ?? "", page.url()).searchParams.get("q")).toBe(
      "type:test_io status:failed finished-since:6h",
    );
    await page.close();
  });

  it("keeps the range in the URL, by buttons, by brushing and by the keyboard", async () => {
    const page = await dashboard.open("?range=6h");
    const pressed = page.locator(".range [aria-pressed=true]");
    await expectText(pressed, "6 h");
    await page.getByRole("button", { name: "24 h", exact: true }).click();
    expect(query(page)).toEqual({ range: "24h" });
    await page.reload();
    await expectText(pressed, "24 h");
    await page.getByRole("button", { name: "1 h", exact: true }).click();
    await brush(page);
    expect(Object.keys(query(page)).sort()).toEqual(["from", "to"]);
    const { from = "", to = "" } = query(page);
    expect(Date.parse(to) - Date.parse(from)).toBeLessThan(3_600_000);
    await page.goBack();
    await expectText(pressed, "1 h");

    await page.getByRole("button", { name: "Custom…" }).focus();
    await page.keyboard.press("Enter");
    await page.locator("input[name=from]").fill("2026-01-01T10:00");
    await page.locator("input[name=to]").fill("2026-01-01T09:00");
    await page.keyboard.press("Enter");
    await expectText(page.locator("dialog [role=alert]"), "The end must be after the start.");
    await page.locator("input[name=to]").fill("2026-01-01T12:00");
    await page.keyboard.press("Enter");
    await page.locator("dialog").waitFor({ state: "detached" });
    await expectText(pressed, "2026-01-01 10:00 – 12:00");
    await expectText(panel(page, "Types by failures"), "No job failed in this range.");
    await page.close();
  });

  it("has the numbers of a chart as a table", async () => {
    const page = await dashboard.open("?range=24h");
    await page.locator("summary", { hasText: "Show as a table" }).first().focus();
    await page.keyboard.press("Enter");
    const rows = page.getByRole("region", { name: "Jobs per minute as a table" }).locator("tbody tr");
    await rows.first().waitFor(PATIENCE);
    const cells = (await rows.allInnerTexts()).map((row) => row.split("\t").slice(1).map(Number));
    const sums = [0, 1, 2, 3].map((column) => cells.reduce((sum, row) => sum + (row[column] ?? 0), 0));
    expect(sums).toEqual([COMPLETED + 1, FAILED, 0, 0]);
    await picture(page, "overview-24h");
    await page.close();
  });

  it("marks where the version changed, for screen readers too", async () => {
    const page = await dashboard.open();
    await expectText(page.locator(".charts"), "Versions: 0.0.0-test since ");
    await page.close();
  });

  async function brush(page: Page): Promise<void> {
    const chart = page.locator(".u-over").first();
    const { width, height } = await chart.evaluate(({ clientWidth, clientHeight }) => ({
      width: clientWidth,
      height: clientHeight,
    }));
    const at = (share: number) => ({ x: Math.round(width * share), y: Math.round(height / 2) });
    await chart.dragTo(chart, { sourcePosition: at(0.4), targetPosition: at(0.6) });
    await page.waitForURL(/from=/);
  }
});
