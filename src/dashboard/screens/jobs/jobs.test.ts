import { beforeAll, describe, expect, it } from "vitest";
import { dashboardOf, expectAccessible, picture } from "../../../testing/dashboard.ts";
import { failedJob, LATER, listOf, press, queryOf, rowOf, rowsOf, submitMany } from "../../../testing/job-list.ts";
import { call, jobWhen, submit } from "../../../testing/replica.ts";

const dashboard = dashboardOf();

describe("the empty list of jobs", () => {
  it("leads to the form for a job", async () => {
    const page = await dashboard.open("/jobs");
    await page.getByText("There are no jobs yet.").waitFor();
    await picture(page, "jobs-empty-light");
    await page.getByRole("link", { name: "Submit one" }).click();
    expect(new URL(page.url()).pathname).toBe("/ui/new");
    await page.close();
  });
});

describe("the list of jobs", () => {
  let [bad, good, waiting] = ["", "", ""];
  beforeAll(async () => {
    const replica = dashboard.replica();
    good = await submit(replica, "noop", { order: { id: 42 } }, { tags: ["news", "two words"], group_key: "acme" });
    await jobWhen(replica, good, "completed");
    bad = await failedJob(dashboard.replica(), "news");
    waiting = await submit(replica, "noop", { order: { id: 43 } }, LATER);
  });

  it("shows jobs by status, with the counts of all jobs in the tabs", async () => {
    const page = await dashboard.open("/jobs");
    await page.waitForSelector(rowOf(bad));
    expect(await page.locator(rowOf(good)).textContent()).toContain("completed");
    expect(await page.locator(rowOf(bad)).textContent()).toContain("test_permanent");
    const tab = page.getByRole("navigation", { name: "Status" }).getByRole("link", { name: /^Failed/ });
    await page.waitForFunction(() =>
      [...document.querySelectorAll(".tabs a")].some((a) => a.textContent === "Failed1"),
    );
    await tab.click();
    await page.waitForSelector(rowOf(good), { state: "detached" });
    await page.waitForSelector(rowOf(bad));
    expect(await rowsOf(page)).toEqual([bad]);
    expect(queryOf(page)).toEqual({ q: "status:failed" });
    await page.goBack();
    await page.waitForSelector(rowOf(good));
    await page.close();
  });

  it("filters by a text that the box completes by keyboard", async () => {
    const page = await dashboard.open("/jobs");
    await page.waitForSelector(rowOf(good));
    await page.keyboard.press("/");
    await page.keyboard.type("ta");
    await page.getByRole("option", { name: /^tag:/ }).waitFor();
    await page.keyboard.press("ArrowDown");
    await page.keyboard.press("Enter");
    await page.getByRole("option", { name: "two words" }).waitFor();
    await page.keyboard.type("tw");
    await page.keyboard.press("ArrowDown");
    await picture(page, "jobs-completion-light");
    await expectAccessible(page);
    await page.keyboard.press("Enter");
    const box = page.getByRole("combobox", { name: "Filter the jobs" });
    expect(await box.inputValue()).toBe('tag:"two words"');
    await page.keyboard.press("Enter");
    await page.waitForSelector(rowOf(bad), { state: "detached" });
    expect(await rowsOf(page)).toEqual([good]);
    await page.reload();
    await page.waitForSelector(rowOf(good));
    expect(await box.inputValue()).toBe('tag:"two words"');
    await page.close();
  });

  it("shows all issues of a text below the box, and keeps the list", async () => {
    const page = await dashboard.open(listOf("type:noop"));
    await page.waitForSelector(rowOf(good));
    await page.getByRole("combobox").fill("status:done since:soon");
    await page.keyboard.press("Enter");
    const issues = page.locator("#filter-issues");
    await issues.getByText('"done" is not a status.').waitFor();
    await issues.getByText("expected how long ago").waitFor();
    expect(queryOf(page)).toEqual({ q: "type:noop" });
    expect(await rowsOf(page)).toContain(good);
    await picture(page, "jobs-issues-light");
    await page.goto(`${dashboard.replica().url}/ui${listOf("status:done")}`);
    await page.getByText("The jobs are listed once the filter is correct.").waitFor();
    await page.close();
  });

  it("shows the payload fields that were chosen, with all digits, and remembers them for the type", async () => {
    const order = await fetch(`${dashboard.replica().url}/api/v1/jobs`, {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: '{"type":"noop","payload":{"order":{"id":12345678901234567890}}}',
    });
    const { id } = (await order.json()) as { id: string };
    const page = await dashboard.open(listOf("type:noop"));
    await page.waitForSelector(rowOf(id));
    await page.locator("summary", { hasText: "Columns" }).click();
    await page
      .getByRole("textbox", { name: "A field of the payload" })
      .or(page.getByRole("combobox", { name: "A field of the payload" }))
      .fill("order.id");
    await page.keyboard.press("Enter");
    await page.getByRole("checkbox", { name: "Tags" }).uncheck();
    await picture(page, "jobs-columns-light");
    await page.keyboard.press("Escape");
    await page.locator(rowOf(id)).getByText("12345678901234567890").waitFor();
    await page.locator(rowOf(good)).getByText("42", { exact: true }).waitFor();
    expect(queryOf(page)["columns"]).toContain("payload.order.id");
    await page.goto(`${dashboard.replica().url}/ui${listOf("type:noop status:scheduled")}`);
    await page.locator(rowOf(waiting)).getByText("43", { exact: true }).waitFor();
    expect(await page.locator("th[data-column=tags]").count()).toBe(0);
    await page.close();
  });

  it("patches rows in place, and keeps new jobs behind a badge", async () => {
    const replica = dashboard.replica();
    const live = await submit(replica, "noop", {}, { ...LATER, tags: ["live"] });
    const page = await dashboard.open(listOf("tag:live"));
    await page.waitForSelector(rowOf(live));
    await page.keyboard.press("j");
    await page.keyboard.press("x");
    const newer = await submit(replica, "noop", {}, { ...LATER, tags: ["live"] });
    await page.getByRole("button", { name: "1 new" }).waitFor();
    expect(await rowsOf(page)).toEqual([live]);
    await call(replica, "POST", `/api/v1/jobs/${live}/run`);
    await page.locator(`${rowOf(live)} .status-completed`).waitFor();
    await page.waitForFunction((row) => document.querySelector(row)?.textContent.includes("1/3") === true, rowOf(live));
    expect(await rowsOf(page)).toEqual([live]);
    await press(page, "1 new");
    await page.waitForSelector(rowOf(newer));
    expect(await rowsOf(page)).toEqual([newer, live]);
    expect(queryOf(page)["row"]).toBe(live);
    await page.getByText("1 job selected").waitFor();
    expect(await page.getByRole("checkbox", { name: `Select ${live}` }).isChecked()).toBe(true);
    await page.close();
  });

  it("leads through the pages by their cursors", async () => {
    const ids = (await submitMany(dashboard.replica(), 5, { ...LATER, tags: ["pages"] })).reverse();
    const page = await dashboard.open(`${listOf("tag:pages")}&limit=2`);
    await page.waitForSelector(rowOf(ids[0]));
    await press(page, "Next");
    await page.waitForSelector(rowOf(ids[2]));
    expect(await rowsOf(page)).toEqual(ids.slice(2, 4));
    await press(page, "Next");
    await page.waitForSelector(rowOf(ids[4]));
    await press(page, "Previous");
    await page.waitForSelector(rowOf(ids[2]));
    await page.reload();
    await page.waitForSelector(rowOf(ids[2]));
    await press(page, "First page");
    await page.waitForSelector(rowOf(ids[0]));
    await page.goBack();
    await page.waitForSelector(rowOf(ids[2]));
    await page.close();
  });
});

describe("saved views", () => {
  it("keep a filter and columns under a name until they are deleted", async () => {
    const page = await dashboard.open(`${listOf("status:failed")}&columns=id,status`);
    await page.locator("summary", { hasText: "Save view" }).click();
    await page.getByRole("textbox", { name: "Name of the view" }).fill("Failures");
    await page.keyboard.press("Enter");
    await page.goto(`${dashboard.replica().url}/ui/jobs`);
    await page.getByRole("link", { name: "Failures" }).click();
    expect(queryOf(page)).toEqual({ q: "status:failed", columns: "id,status" });
    await page.waitForSelector("tr[data-row]");
    await picture(page, "jobs-view-light");
    await press(page, "Delete the view Failures");
    expect(await page.getByRole("link", { name: "Failures" }).count()).toBe(0);
    await page.close();
  });
});

describe("pages of jobs", () => {
  it("are rendered in steps of 50 rows, so that 1,000 rows do not block the browser", async () => {
    await submitMany(dashboard.replica(), 1_000, { ...LATER, tags: ["large"] });
    const page = await dashboard.open("/jobs?limit=1");
    await page.waitForSelector("tr[data-row]");
    await page.evaluate(() => {
      const added: number[] = [];
      const long: number[] = [];
      Object.assign(globalThis, { added, long });
      new MutationObserver((changes) => {
        added.push(changes.flatMap(({ addedNodes }) => [...addedNodes]).filter(isRow).length);
      }).observe(document.body, { childList: true, subtree: true });
      new PerformanceObserver((list) => long.push(...list.getEntries().map(({ duration }) => duration))).observe({
        type: "longtask",
      });
      const isRow = (node: Node): boolean => node instanceof HTMLTableRowElement;
      history.pushState(null, "", "/ui/jobs?limit=1000&q=tag:large");
      dispatchEvent(new PopStateEvent("popstate"));
    });
    await page.waitForFunction(() => document.querySelectorAll("tr[data-row]").length === 1_000);
    const { added, long } = await page.evaluate(() => {
      const seen = globalThis as unknown as { readonly added: number[]; readonly long: number[] };
      return { added: seen.added, long: seen.long };
    });
    expect(Math.max(...added)).toBeLessThanOrEqual(50);
    // one task over 100 ms for each step if the browser laid out all rows; a busy machine may delay a few tasks
    expect(long.filter((ms) => ms > 100).length).toBeLessThanOrEqual(3);
    await page.keyboard.press("j");
    await page.waitForSelector("tr.current");
    await page.close();
  });

  it.each(["light", "dark"] as const)("look right in the %s theme", async (theme) => {
    await failedJob(dashboard.replica(), "news");
    await submit(dashboard.replica(), "test_io", { do: "progress" });
    const page = await dashboard.open("/jobs", { theme });
    await page.waitForSelector(".status-failed");
    await page.locator(".status-running").first().waitFor();
    await expectAccessible(page);
    await picture(page, `jobs-${theme}`, { isWhole: false });
    await page.setViewportSize({ width: 360, height: 740 });
    await picture(page, `jobs-360-${theme}`, { isWhole: false });
    await expectAccessible(page);
    await page.close();
  });
});

describe("a search in the payloads of many jobs", () => {
  it("says how many it has searched, and goes on when the user wishes", async () => {
    const replica = dashboard.replica();
    const needle = await submit(replica, "noop", { word: "needle" }, LATER);
    for (let batch = 0; batch < 5; batch += 1) await submitMany(dashboard.replica(), 9_000, LATER);
    const page = await dashboard.open(listOf("needle"));
    await page.getByText(/^0 found, 40,\d{3} searched$/).waitFor();
    await page.getByText("No job was found yet.").waitFor();
    await press(page, "Search on");
    await page.waitForSelector(rowOf(needle));
    await page.getByText(/^1 found, 4\d,\d{3} searched, to the end$/).waitFor();
    await page.close();
  });
});
