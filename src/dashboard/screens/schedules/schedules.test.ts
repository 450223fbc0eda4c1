import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import type { Page } from "playwright-core";
import { beforeAll, describe, expect, it } from "vitest";
import type { Theme } from "../../../testing/dashboard.ts";
import { dashboardOf, expectAccessible, picture } from "../../../testing/dashboard.ts";
import { apiKeysOf, signIn } from "../../../testing/dashboard-keys.ts";
import { call, jobWhen, startReplica } from "../../../testing/replica.ts";
import { freshDatabase, freshRedis, tempDir } from "../../../testing/services.ts";
import { until } from "../../../testing/until.ts";

const dashboard = dashboardOf();
const replica = () => dashboard.replica();

const NIGHTLY = { cron: "0 3 * * 1-5", time_zone: "Europe/Berlin", job: { type: "noop", payload: { of: "${tick}" } } };

async function put(name: string, definition: object): Promise<void> {
  const { status, body } = await call(replica(), "PUT", `/api/v1/schedules/${name}`, definition);
  if (status > 201) throw new Error(`not accepted: ${status} ${JSON.stringify(body)}`);
}

async function scheduleNow(name: string): Promise<Record<string, unknown>> {
  return (await call(replica(), "GET", `/api/v1/schedules/${name}`)).body as Record<string, unknown>;
}

const button = (page: Page, name: string | RegExp) => page.getByRole("button", { name });
const heading = (page: Page, name: string): Promise<void> =>
  page.getByRole("heading", { level: 1 }).filter({ hasText: name }).waitFor();
const rows = (page: Page): Promise<string[]> =>
  page.locator("tr[data-row]").evaluateAll((all) => all.map((row) => row.getAttribute("data-row") ?? ""));
const queryOf = (page: Page): Record<string, string> => Object.fromEntries(new URL(page.url()).searchParams);

describe("a server without schedules", () => {
  it.each(["light", "dark"] as Theme[])("explains them accessibly in the %s theme", async (theme) => {
    const page = await dashboard.open("/schedules", { theme });
    await page.getByText("There are no schedules yet.").waitFor();
    await expectAccessible(page);
    await picture(page, `schedules-empty-${theme}`);
    await page.setViewportSize({ width: 360, height: 740 });
    expect(await page.evaluate(() => document.documentElement.scrollWidth)).toBe(360);
    await picture(page, `schedules-empty-${theme}-360`);
    await page.close();
  });

  it("creates the example at once, and deletes it again", async () => {
    const page = await dashboard.open("/schedules");
    await button(page, "Create this schedule").press("Enter");
    await page.waitForURL("**/ui/schedules/every-minute-export");
    await page.getByText("Every minute").waitFor();
    await page.getByRole("region", { name: "The next ticks" }).getByRole("listitem").nth(19).waitFor();
    await button(page, "Delete…").click();
    await page.getByRole("dialog", { name: "Delete every-minute-export?" }).waitFor();
    await expectAccessible(page);
    await picture(page, "schedule-delete", { isWhole: false });
    await page.getByLabel("Also cancel its jobs that wait").check();
    await button(page, "Delete schedule").click();
    await page.getByText("The schedule every-minute-export is deleted, and").waitFor();
    await page.getByText("There are no schedules yet.").waitFor();
    expect((await call(replica(), "GET", "/api/v1/schedules/every-minute-export")).status).toBe(404);
    await page.close();
  });
});

describe("the schedules", () => {
  beforeAll(async () => {
    await put("nightly", { ...NIGHTLY, job: { ...NIGHTLY.job, tags: ["night"] }, description: "Yesterday's orders" });
    await put("heartbeat", { every_ms: 900_000, job: { type: "webhook", payload: { url: "https://example.com/" } } });
    await put("launch", { times: [new Date(Date.now() + 86_400_000).toISOString()], job: NIGHTLY.job });
    await put("paused", { ...NIGHTLY, cron: "30 17 * * FRI#2" });
    await call(replica(), "POST", "/api/v1/schedules/paused/pause", { reason: "The partner's API is down." });
    await put(`a-very-long-name-${"x".repeat(100)}`, { ...NIGHTLY, cron: "H H * * *" });
  });

  it.each(["light", "dark"] as Theme[])("are accessible in the %s theme", async (theme) => {
    const page = await dashboard.open("/schedules", { theme });
    await page.getByText("At 03:00, Monday through Friday").waitFor();
    await page.getByText("Every 15 minutes").waitFor();
    await page.getByText("1 instant").waitFor();
    await page.locator(".strip").nth(4).waitFor();
    await expectAccessible(page);
    await picture(page, `schedules-${theme}`);
    await page.setViewportSize({ width: 360, height: 740 });
    expect(await page.evaluate(() => document.documentElement.scrollWidth)).toBe(360);
    await expectAccessible(page);
    await picture(page, `schedules-${theme}-360`);
    await page.close();
  });

  it("are filtered by state, type and tag, which the URL keeps", async () => {
    const page = await dashboard.open("/schedules");
    await page.getByRole("navigation", { name: "State" }).getByRole("link", { name: "Paused" }).click();
    await page.waitForFunction(() => document.querySelectorAll("tr[data-row]").length === 1);
    expect(await rows(page)).toEqual(["paused"]);
    await page.goBack();
    await page.getByLabel("Type").selectOption("webhook");
    await page.waitForFunction(() => document.querySelectorAll("tr[data-row]").length === 1);
    expect(await rows(page)).toEqual(["heartbeat"]);
    await page.reload();
    await page.getByText("Every 15 minutes").waitFor();
    expect(queryOf(page)).toEqual({ type: "webhook" });
    expect(await rows(page)).toEqual(["heartbeat"]);
    await page.getByLabel("Type").selectOption("");
    await page.locator('[data-row="nightly"]').waitFor();
    await page.keyboard.press("Tab"); // away from the select, which keeps its keys
    await page.locator("h1").click();
    await page.keyboard.press("/");
    await page.keyboard.type("night");
    await page.keyboard.press("Enter");
    await page.waitForFunction(() => document.querySelectorAll("tr[data-row]").length === 1);
    expect(await rows(page)).toEqual(["nightly"]);
    expect(queryOf(page)).toEqual({ tag: "night" });
    await page.getByLabel("Tag").fill("nothing");
    await page.keyboard.press("Enter");
    await page.getByText("No schedule matches these filters.").waitFor();
    await page.close();
  });

  it("are opened by keyboard, and by the palette", async () => {
    const page = await dashboard.open("/queues");
    await page.keyboard.press("g");
    await page.keyboard.press("s");
    await page.locator('[data-row="heartbeat"]').waitFor();
    await page.keyboard.press("j");
    await page.keyboard.press("j");
    await page.keyboard.press("Enter");
    await page.waitForURL("**/ui/schedules/heartbeat");
    await page.keyboard.press("Control+k");
    await page.getByRole("combobox").fill("nightly schedule");
    await page.getByRole("option", { name: /^nightly schedule$/ }).waitFor();
    await page.keyboard.press("Enter");
    await page.waitForURL("**/ui/schedules/nightly");
    await page.close();
  });

  it("run their job now, which leads back to its schedule", async () => {
    const page = await dashboard.open("/schedules");
    await button(page, "Run now: nightly").click();
    await page.getByRole("link", { name: "Open the job" }).click();
    await page.waitForURL("**/ui/jobs/*");
    const id = page.url().split("/").at(-1) ?? "";
    expect(await jobWhen(replica(), id)).toMatchObject({ type: "noop", schedule: { name: "nightly" } });
    await page.getByRole("link", { name: "nightly" }).click();
    await page.waitForURL("**/ui/schedules/nightly");
    await page.getByRole("row", { name: /fired\s*manual/ }).waitFor();
    await page.close();
  });

  it("are paused with a reason until a time, and resumed", async () => {
    const page = await dashboard.open("/schedules/nightly");
    await heading(page, "nightly");
    await page.keyboard.press("p");
    await page.getByLabel("Reason, for others").fill("A test");
    await page.getByLabel("Until (").fill("2001-01-01T00:00");
    await button(page, "Pause schedule").press("Enter");
    await page.getByText("The end of the pause must be in the future.").waitFor();
    await page.getByLabel("Until (").fill("2100-01-01T00:00");
    await picture(page, "schedule-pause", { isWhole: false });
    await button(page, "Pause schedule").click();
    await page.getByText("Reason: A test").waitFor();
    expect(await scheduleNow("nightly")).toMatchObject({ state: "paused", paused_reason: "A test" });
    await button(page, "Resume…").click();
    await page.getByLabel("The last one").check();
    await picture(page, "schedule-resume", { isWhole: false });
    await button(page, "Resume schedule").click();
    await page.getByText("The schedule nightly is active again.").waitFor();
    await button(page, "Pause…").waitFor();
    expect(await scheduleNow("nightly")).toMatchObject({ state: "active" });
    await page.close();
  });

  it("are backfilled, counted first", async () => {
    await put("hourly", { cron: "0 * * * *", job: NIGHTLY.job });
    const page = await dashboard.open("/schedules/hourly", { context: { timezoneId: "UTC" } });
    await heading(page, "hourly");
    await page.keyboard.press("b");
    await page.getByLabel("From (").fill("2026-01-01T00:00");
    await page.getByLabel("To, empty").fill("2026-01-01T05:30");
    await page.getByText("6 ticks in this range.").waitFor();
    await expectAccessible(page);
    await picture(page, "schedule-backfill", { isWhole: false });
    await button(page, "Submit 6 jobs").click();
    await page.getByText("The backfill runs on the server.").waitFor();
    await page.getByRole("link", { name: "Open its job" }).click();
    await page.waitForURL("**/ui/jobs/*");
    await heading(page, "schedule_backfill");
    await page.close();
  });

  it("have a run for each tick of a backfill", async () => {
    const page = await dashboard.open("/schedules/hourly");
    await page
      .getByRole("row", { name: /backfill/ })
      .nth(5)
      .waitFor();
    await page.close();
  });
});

describe("the last 24 hours", () => {
  it("have a mark for each half hour, by the worst outcome in it", async () => {
    await put("busy", { every_ms: 1_000, job: { type: "test_io", payload: { do: "sleep", ms: 60_000 } } });
    const counts = async () => (await scheduleNow("busy"))["counts"] as Record<string, number> | null;
    await until(async () => ((await counts())?.["skipped"] ?? 0) >= 2 || undefined, { what: "ticks are skipped" });
    const page = await dashboard.open("/schedules");
    const strip = page.locator('[data-row="busy"]').getByRole("img", { name: /^Last 24 hours: 1 fired, \d+ skipped$/ });
    await strip.locator("rect.skipped").first().waitFor({ state: "attached" });
    await page.locator('[data-row="busy"]').getByText("skipped").first().waitFor();
    await picture(page, "schedules-strip", { isWhole: false });
    await page.goto(`${replica().url}/ui/schedules/busy`);
    await page.getByText("The job of the tick before had not finished.").first().waitFor();
    await picture(page, "schedule-skipped");
    await page.close();
    await call(replica(), "DELETE", "/api/v1/schedules/busy?cancel_jobs=true");
  });
});

describe("an API key that may only read", () => {
  it("sees the schedules, and no action that it could take", async () => {
    const [redis, database] = await Promise.all([freshRedis(), freshDatabase()]);
    const locked = await startReplica({
      redis: redis.address,
      database: database.url,
      artifacts: tempDir(),
      env: { TASKFLOW_API_KEYS: apiKeysOf({ "reading-key": "read", "ruling-key": "submit+read+admin" }) },
    });
    const made = await fetch(`${locked.url}/api/v1/schedules/nightly`, {
      method: "PUT",
      headers: { authorization: "Bearer ruling-key", "content-type": "application/json" },
      body: JSON.stringify(NIGHTLY),
    });
    expect(made.status).toBe(201);
    const page = await dashboard.open("/schedules", { url: locked.url });
    await signIn(page, "reading-key");
    await page.locator('[data-row="nightly"]').waitFor();
    const available = page.locator("main .button:not([aria-disabled])");
    expect(await available.count()).toBe(0);
    await page.getByRole("link", { name: "nightly" }).click();
    await heading(page, "nightly");
    expect(await page.locator(".page-head .button:not([aria-disabled])").count()).toBe(0);
    await page.keyboard.press("p");
    await page.getByRole("status").getByText("needs the scope admin").waitFor();
    expect(await page.getByRole("dialog").count()).toBe(0);
    await expectAccessible(page);
    await picture(page, "schedule-read-only", { isWhole: false });
    await page.close();
    await locked.close();
  });
});

describe("one schedule", () => {
  it("shows its runs as they happen, and keeps newer ones behind a button", async () => {
    await put("often", { every_ms: 1_000, overlap: "allow", job: { type: "noop", payload: {} } });
    const page = await dashboard.open("/schedules/often");
    await page.locator(".schedule-runs tr[data-row]").first().waitFor();
    const [first] = await rows(page);
    await button(page, /^\d+ new$/).waitFor();
    expect((await rows(page))[0]).toBe(first);
    await button(page, /^\d+ new$/).click();
    await page.waitForFunction((id) => document.querySelector("tr[data-row]")?.getAttribute("data-row") !== id, first);
    await page.locator(".run-job .status-completed").first().waitFor();
    await page.close();
    await call(replica(), "POST", "/api/v1/schedules/often/pause", {});
  });

  it.each([
    ["light", 1280],
    ["dark", 1280],
    ["light", 360],
  ] as [Theme, number][])("is accessible in the %s theme at %i pixels", async (theme, width) => {
    const page = await dashboard.open("/schedules/often", { theme, width, height: 1_000 });
    await page.getByText("Paused until it is resumed.").waitFor();
    await page.locator(".schedule-runs tr[data-row]").first().waitFor();
    await page.getByText("None fires until it is resumed.").waitFor();
    await expectAccessible(page);
    expect(await page.evaluate(() => document.documentElement.scrollWidth)).toBe(width);
    await picture(page, `schedule-${theme}-${width}`);
    await page.close();
  });

  it("says that it does not exist", async () => {
    const page = await dashboard.open("/schedules/no-such-schedule");
    await heading(page, "Schedule not found");
    await expectAccessible(page);
    await page.close();
  });
});

describe("a schedule of a file", () => {
  it("says that it was changed over the API, and gets the definition of its file again", async () => {
    const folder = tempDir();
    await writeFile(join(folder, "nightly.json"), JSON.stringify(NIGHTLY));
    const [redis, database] = await Promise.all([freshRedis(), freshDatabase()]);
    const filed = await startReplica({
      redis: redis.address,
      database: database.url,
      artifacts: tempDir(),
      env: { SCHEDULES_DIR: folder },
    });
    const page = await dashboard.open("/schedules/nightly", { url: filed.url });
    await page.getByText("At 03:00, Monday through Friday").waitFor();
    expect(await button(page, "Revert…").count()).toBe(0);
    await call(filed, "PUT", "/api/v1/schedules/nightly", { ...NIGHTLY, cron: "0 4 * * *" });
    await page.getByText("It was changed over the API").waitFor();
    await expectAccessible(page);
    await picture(page, "schedule-overridden", { isWhole: false });
    await button(page, "Revert…").click();
    await button(page, "Revert schedule").click();
    await page.getByText("The schedule nightly has the definition of its file again.").waitFor();
    await page.getByText("It was changed over the API").waitFor({ state: "detached" });
    expect((await call(filed, "GET", "/api/v1/schedules/nightly")).body).toMatchObject({
      cron: "0 3 * * 1-5",
      overridden: false,
    });
    await page.close();
    await filed.close();
  });
});
