import pg from "pg";
import { beforeAll, describe, expect, it } from "vitest";
import type { Theme } from "../../../testing/dashboard.ts";
import { dashboardOf, expectAccessible, picture } from "../../../testing/dashboard.ts";
import { call, jobWhen, submit } from "../../../testing/replica.ts";
import { freshDatabase } from "../../../testing/services.ts";

let database = "";
const dashboard = dashboardOf(async () => {
  database = (await freshDatabase()).url;
  return { database };
});
const replica = () => dashboard.replica();
const MINUTE_MS = 60_000;

/** As a replica writes them, one each minute of the last hour. */
async function writeSamples(type: string): Promise<void> {
  const client = new pg.Client({ connectionString: database });
  await client.connect();
  const now = Math.floor(Date.now() / MINUTE_MS) * MINUTE_MS;
  for (let minute = 50; minute >= 1; minute -= 1) {
    const depth = Math.max(0, Math.round(400 * Math.sin(minute / 8)));
    await client.query(
      `insert into queue_samples (at, type, depth, oldest_wait_ms, running) values ($1, $2, $3, $4, 1)
       on conflict (type, at) do nothing`, // the replica may have written the latest itself
      [new Date(now - minute * MINUTE_MS), type, depth, depth === 0 ? null : depth * 300],
    );
  }
  await client.end();
}

beforeAll(async () => {
  await call(replica(), "POST", "/api/v1/queues/test_io/pause", { reason: "The partner's API is down until noon." });
  const groups = ["customer 1", "customer 2", "customer 2", `a group with a very long name ${"x".repeat(120)}`];
  for (const [at, group] of groups.entries())
    await submit(replica(), "test_io", { do: "return" }, { group_key: group, priority: at % 2 === 0 ? 9 : 2 });
  await submit(replica(), "test_io", { do: "return" });
  await submit(replica(), "test_io", { do: "return" }, { delay_ms: 3_600_000 });
  await jobWhen(replica(), await submit(replica(), "noop", {}));
  await jobWhen(replica(), await submit(replica(), "test_cpu", { do: "permanent" }));
  await writeSamples("test_io");
});

describe("the queues", () => {
  it.each(["light", "dark"] as Theme[])("are accessible in the %s theme", async (theme) => {
    const page = await dashboard.open("/queues", { theme });
    await page.getByRole("row", { name: /test_io/ }).waitFor();
    await expectAccessible(page);
    await picture(page, `queues-${theme}`);
    await page.setViewportSize({ width: 360, height: 740 });
    expect(await page.evaluate(() => document.documentElement.scrollWidth)).toBe(360);
    await picture(page, `queues-${theme}-360`);
    await page.close();
  });

  it("are paused with a reason, and resumed", async () => {
    const page = await dashboard.open("/queues");
    await page.getByRole("button", { name: "Pause noop" }).press("Enter");
    await page.getByLabel("Reason, for others").fill("A test");
    await picture(page, "queues-pause", { isWhole: false });
    await page.getByRole("button", { name: "Pause queue" }).click();
    const row = page.getByRole("row", { name: /noop/ });
    await row.getByText("A test").waitFor();
    await page.getByRole("button", { name: "Resume noop" }).click();
    await row.getByText("active").waitFor();
    await page.close();
  });

  it("are opened by keyboard", async () => {
    const page = await dashboard.open("/queues");
    await page.getByRole("row", { name: /email/ }).waitFor();
    await page.keyboard.press("j");
    await page.keyboard.press("Enter");
    await page.waitForURL("**/ui/queues/email");
    await page.close();
  });
});

describe("one queue", () => {
  it.each(["light", "dark"] as Theme[])("is accessible in the %s theme", async (theme) => {
    const page = await dashboard.open("/queues/test_io", { theme, height: 1700 });
    await page.getByText("customer 2").waitFor();
    await page.locator(".queue-charts canvas").nth(3).waitFor();
    await expectAccessible(page);
    await picture(page, `queue-${theme}`, { isWhole: false });
    await page.setViewportSize({ width: 360, height: 3_000 });
    expect(await page.evaluate(() => document.documentElement.scrollWidth)).toBe(360);
    await picture(page, `queue-${theme}-360`, { isWhole: false });
    await page.close();
  });

  it("shows an empty queue, with a way to submit a job", async () => {
    const page = await dashboard.open("/queues/webhook", { height: 1700 });
    await page.getByText("No job waits.").first().waitFor();
    await picture(page, "queue-empty", { isWhole: false });
    await page.getByRole("link", { name: "New job" }).last().click();
    await page.waitForURL("**/ui/new/webhook");
    await page.close();
  });

  it("shows its waiting jobs by group and priority, and the next due one", async () => {
    const page = await dashboard.open("/queues/test_io");
    const groups = page.getByRole("region", { name: "Waiting jobs by group" });
    await groups.getByText("customer 2").waitFor();
    expect((await groups.locator("tbody tr").first().textContent())?.replace(/\s+/g, " ")).toBe("customer 22");
    expect(await groups.getByRole("link", { name: "customer 1" }).getAttribute("href")).toBe(
      `/ui/jobs?${new URLSearchParams({ q: 'type:test_io group:"customer 1" status:queued' }).toString()}`,
    );
    const priorities = page.getByRole("region", { name: "Waiting jobs by priority" });
    expect(await priorities.locator("tbody td:first-child").allTextContents()).toEqual(["9", "5", "2"]);
    await page.getByRole("region", { name: "The next due jobs" }).getByText("in 59 min").waitFor();
    await page.getByText("Reason: The partner's API is down until noon.").waitFor();
    await page.close();
  });

  it("shows its depth over the range of the URL, also as a table", async () => {
    const page = await dashboard.open("/queues/test_io?range=6h");
    const panel = page.locator(".panel", { has: page.getByRole("heading", { name: "Waiting jobs", exact: true }) });
    await panel.getByText("Show as a table").click();
    await panel.locator("tbody tr").nth(50).waitFor();
    expect(await panel.locator("tbody td").allTextContents()).toContain("399");
    await page.reload();
    expect(await page.getByRole("button", { name: "6 h" }).getAttribute("aria-pressed")).toBe("true");
    await page.close();
  });

  it("says that a type does not exist", async () => {
    const page = await dashboard.open("/queues/no%20such%2Ftype");
    await page.getByText("There is no job type no such/type").waitFor();
    await expectAccessible(page);
    await page.close();
  });
});
