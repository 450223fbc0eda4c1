import { randomUUID } from "node:crypto";
import pg from "pg";
import type { Page } from "playwright-core";
import { beforeAll, describe, expect, it } from "vitest";
import type { ErrorGroups } from "../../../client/taskflow.ts";
import { TaskFlow } from "../../../client/taskflow.ts";
import { dashboardOf, expectAccessible, picture } from "../../../testing/dashboard.ts";
import { freshDatabase } from "../../../testing/services.ts";
import { until } from "../../../testing/until.ts";
import { filterOfGroup } from "./group-filter.ts";

const database = await freshDatabase();
const dashboard = dashboardOf({ database: database.url });
const client = (): TaskFlow => new TaskFlow({ url: dashboard.replica().url });

/** Waits until so many failures are counted. */
function failures(count: number): Promise<ErrorGroups> {
  return until(
    async () => {
      const groups = await client().errors();
      return groups.errors.reduce((sum, group) => sum + group.count, 0) >= count ? groups : undefined;
    },
    { what: `${count} failures are counted` },
  );
}

function failing(payload: object, fields: object = {}) {
  return { type: "test_io", payload: payload as Record<string, unknown>, maxAttempts: 1, ...fields };
}

const rowOf = (page: Page, text: string) => page.locator("tr[data-row]", { hasText: text });
const codesOf = (page: Page): Promise<string[]> => page.locator("tr[data-row] .cause-of code").allTextContents();

describe("without failures", () => {
  it("the screen shows a sentence instead of the list", async () => {
    const page = await dashboard.open("/errors");
    await page.getByText("No failures in the last 24 hours.").waitFor();
    await expectAccessible(page);
    await picture(page, "errors-empty");
    await page.goto(`${dashboard.replica().url}/ui/errors?range=7d&type=email`);
    await page.getByText("No failures of email in the last 7 days.").waitFor();
    await page.close();
  });
});

describe("with failures", () => {
  beforeAll(async () => {
    await client().submitMany([
      ...Array.from({ length: 5 }, (_, n) => failing({ do: "task", name: "fail", value: n, limit_ms: 10_000 })),
      ...Array.from({ length: 4 }, () => failing({ do: "fail", times: 9 })),
      ...Array.from({ length: 3 }, () => failing({ do: "permanent" })),
      ...Array.from({ length: 2 }, () => failing({ do: "permanent" }, { type: "test_cpu" })),
      { type: "noop", payload: {} },
    ]);
    await failures(14);
    const connection = new pg.Client({ connectionString: database.url });
    await connection.connect();
    await connection.query(
      `insert into error_groups (hour, type, code, signature, writer, count, first_seen, last_seen, examples)
       select date_trunc('hour', now() - interval '3 days'), 'test_io', 'test_permanent', 'no use', '', 1,
         now() - interval '3 days', now() - interval '3 days', array[$1::uuid]`,
      [randomUUID()],
    );
    await connection.query(
      "insert into replica_versions (id, at, version) values (0, now() - interval '4 days', '0.0.0-old')",
    );
    await connection.end();
  });

  it.each(["light", "dark"] as const)("shows each cause, the most frequent first (%s)", async (theme) => {
    const page = await dashboard.open("/errors", { theme });
    await rowOf(page, "failed with <n>").waitFor();
    expect(await codesOf(page)).toEqual(["test_failure", "test_failure", "test_permanent", "test_permanent"]);
    expect(await page.locator("tr[data-row] td:nth-child(4)").allTextContents()).toEqual(["5", "4", "3", "2"]);
    await page.getByText("4 errors, 14 failures").waitFor();
    await rowOf(page, "failed with <n>").click();
    await page.locator(".examples a").nth(2).waitFor();
    await page.locator(".example-message time").nth(2).waitFor();
    await expectAccessible(page);
    await picture(page, `errors-${theme}`);
    await page.close();
  });

  it("marks the errors that were first seen in this version", async () => {
    const page = await dashboard.open("/errors?type=test_io");
    await rowOf(page, "failed with <n>").getByText("New in this version").waitFor();
    expect(await rowOf(page, "no use").getByText("New in this version").count()).toBe(0);
    expect(await rowOf(page, "no use").locator("time").first().textContent()).toBe("3 d ago");
    await page.close();
  });

  it("keeps type, order, range and the open row in the URL", async () => {
    const page = await dashboard.open("/errors");
    await rowOf(page, "failure <n>").getByRole("button", { name: "Details of" }).click();
    await page.locator(".group-details").waitFor();
    await page.getByLabel("Type").selectOption("test_io");
    await page.getByLabel("Sort by").selectOption("last");
    await page.getByRole("button", { name: "7 d" }).click();
    await page.getByText("3 errors, 13 failures").waitFor();
    await page.reload();
    await page.getByText("3 errors, 13 failures").waitFor();
    expect(await page.locator(".group-details dd code").textContent()).toBe("test_failure");
    expect(await page.getByLabel("Sort by").inputValue()).toBe("last");
    await page.goBack();
    await page.getByText("3 errors, 12 failures").waitFor();
    await page.goBack();
    await page.goBack();
    await page.getByText("4 errors, 14 failures").waitFor();
    await rowOf(page, "failure <n>").getByText("failure <n>").click();
    await page.locator(".group-details").waitFor({ state: "detached" });
    await page.close();
  });

  it("opens the jobs of an error", async () => {
    const page = await dashboard.open("/errors");
    await rowOf(page, "failure <n>").getByRole("link", { name: "4" }).click();
    await page.getByRole("heading", { name: "Jobs" }).waitFor();
    await page.locator("tr[data-row]").nth(3).waitFor();
    expect(await page.locator("tr[data-row]").count()).toBe(4);
    expect(new URL(page.url()).searchParams.get("q")).toContain("type:test_io code:test_failure status:failed");
    await page.goBack();
    await rowOf(page, "failure <n>").waitFor();
    await page.close();
  });

  it("finds the jobs of each error, and no others", async () => {
    const { errors } = await client().errors();
    const times = { from: new Date(Date.now() - 7_200_000).toISOString(), to: undefined };
    for (const group of errors) {
      const { filters } = filterOfGroup(group, errors, { times, isTruncated: false });
      expect(await client().replay(filters, { dryRun: true })).toEqual({ matched: group.count });
    }
  });

  it("is used on a phone", async () => {
    const page = await dashboard.open("/errors", { width: 360, height: 740 });
    await rowOf(page, "failed with <n>").click();
    await page.locator(".example-message time").nth(2).waitFor();
    expect(await page.evaluate(() => document.documentElement.scrollWidth)).toBeLessThanOrEqual(360);
    await picture(page, "errors-360");
    await page.close();
  });

  it("re-runs the jobs of one error by the keyboard alone", async () => {
    const page = await dashboard.open("/");
    await page.keyboard.press("g");
    await page.keyboard.press("e");
    await rowOf(page, "failure <n>").waitFor();
    for (const key of ["j", "j", "j", "k"]) await page.keyboard.press(key);
    await page.keyboard.press("Enter");
    await page.locator(".group-details", { hasText: "failure <n>" }).waitFor();
    await page.keyboard.press("r");
    await page.getByRole("dialog", { name: "Retry 4 jobs?" }).waitFor();
    await picture(page, "errors-rerun", { isWhole: false });
    await page.keyboard.press("Tab");
    await page.keyboard.press("Tab");
    await page.keyboard.press("Enter");
    await page.getByText("4 of 4 jobs retried, 0 skipped.").waitFor();
    await page.keyboard.press("Escape");
    await page.getByRole("dialog").waitFor({ state: "detached" });
    const { value: entry } = await client().audit({ action: "jobs.replay" }).next();
    expect(entry).toMatchObject({ action: "jobs.replay", count: 4 });
    expect(JSON.parse(entry?.target ?? "")).toMatchObject({ error_code: ["test_failure"], q: "failure" });
    await page.close();
  });

  it("adds no row under the pointer: a new error waits behind a button", async () => {
    await failures(18);
    const page = await dashboard.open("/errors");
    await rowOf(page, "failed with <n>").waitFor();
    await page.keyboard.press("j");
    await client().submit("test_io", { do: "nothing_of_this_name" }, { maxAttempts: 1 });
    await page.getByRole("button", { name: "1 new" }).click();
    await rowOf(page, "not a function").waitFor();
    await page.close();
  });

  it("ignores a shortcut of the row as the second key of another one", async () => {
    const page = await dashboard.open("/errors");
    await rowOf(page, "failed with <n>").waitFor();
    await page.keyboard.press("j");
    const url = page.url();
    await page.keyboard.press("g");
    await page.keyboard.press("j");
    await page.getByRole("heading", { name: "Jobs" }).waitFor();
    await page.goBack();
    await rowOf(page, "failed with <n>").waitFor();
    expect(page.url()).toBe(url);
    await page.close();
  });
});
