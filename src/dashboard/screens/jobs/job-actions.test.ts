import { describe, expect, it } from "vitest";
import { dashboardOf, expectAccessible, picture } from "../../../testing/dashboard.ts";
import { failedJob, LATER, listOf, press, rowOf, submitMany } from "../../../testing/job-list.ts";
import { getJob, jobWhen, submit } from "../../../testing/replica.ts";

const dashboard = dashboardOf();

describe("actions on jobs", () => {
  it("cancel the selected jobs after the number was confirmed, by keyboard", async () => {
    const ids = (await submitMany(dashboard.replica(), 3, { ...LATER, tags: ["some"] })).reverse();
    const page = await dashboard.open(listOf("tag:some"));
    await page.waitForSelector(rowOf(ids[2]));
    for (const key of ["j", "x", "j", "x"]) await page.keyboard.press(key);
    await page.getByText("2 jobs selected").waitFor();
    await expectAccessible(page);
    await picture(page, "jobs-selected-light", { isWhole: false });
    await press(page, "Cancel");
    await page.getByRole("dialog", { name: "Cancel 2 jobs?" }).waitFor();
    await press(page, "Cancel 2 jobs");
    await page.getByText("2 jobs cancelled.").waitFor();
    await page.waitForFunction(() => document.querySelectorAll(".status-cancelled").length === 2);
    expect((await getJob(dashboard.replica(), ids[0] ?? "")).status).toBe("cancelled");
    expect((await getJob(dashboard.replica(), ids[2] ?? "")).status).toBe("scheduled");
    await page.close();
  });

  it("cancel everything that matches: counted first, run on the server, followed to its result", async () => {
    const ids = await submitMany(dashboard.replica(), 7, { ...LATER, tags: ["all"] });
    const page = await dashboard.open(`${listOf("tag:all")}&limit=2`);
    await page.getByRole("checkbox", { name: "Select all rows of this page" }).check();
    await press(page, "Everything that matches");
    await press(page, "Cancel");
    await page.getByRole("dialog", { name: "Cancel 7 jobs?" }).waitFor();
    await expectAccessible(page);
    await picture(page, "jobs-bulk-light", { isWhole: false });
    await press(page, "Cancel 7 jobs");
    await page.getByText("7 of 7 jobs cancelled, 0 skipped.").waitFor();
    await picture(page, "jobs-bulk-done-light", { isWhole: false });
    for (const id of ids) expect((await getJob(dashboard.replica(), id)).status).toBe("cancelled");
    await page.getByRole("link", { name: "Open the job" }).click();
    await page.waitForFunction(() => /^\/ui\/jobs\/[\da-f-]{36}$/.test(location.pathname));
    await page.close();
  });

  it("offer nothing where the filter has only jobs on which the action is not possible", async () => {
    await failedJob(dashboard.replica(), "over");
    const page = await dashboard.open(listOf("tag:over status:failed"));
    await page.getByRole("checkbox", { name: "Select all rows of this page" }).check();
    await press(page, "Everything that matches");
    await press(page, "Cancel");
    await page.getByText("This is possible only for jobs that are scheduled, queued, running, retrying.").waitFor();
    await press(page, "Close");
    await page.getByRole("combobox").fill("tag:other");
    await page.keyboard.press("Enter");
    await page.getByText("No job matches this filter.").waitFor();
    expect(await page.getByText("Everything that matches").count()).toBe(0);
    await page.close();
  });

  it("retry, change the priority, run and erase", async () => {
    const replica = dashboard.replica();
    const bad = await failedJob(dashboard.replica(), "deeds");
    const late = await submit(replica, "noop", {}, { ...LATER, tags: ["deeds"] });
    const page = await dashboard.open(listOf("tag:deeds"));
    await page.waitForSelector(rowOf(bad));
    const select = page.getByRole("checkbox", { name: "Select all rows of this page" });
    await select.check();
    await press(page, "Priority");
    await page.getByRole("spinbutton", { name: "Priority, 0 to 9" }).fill("8");
    await press(page, "Change the priority of 2 jobs");
    await page.getByText("1 job changed, 1 skipped").waitFor();
    expect(await getJob(replica, late)).toMatchObject({ priority: 8 });
    await press(page, "Run now");
    await press(page, "Run 2 jobs");
    await page.getByText("1 job made due, 1 skipped").waitFor();
    await jobWhen(replica, late, "completed");
    await press(page, "Retry");
    await press(page, "Retry 2 jobs");
    await page.getByText("1 job retried, 1 skipped").waitFor();
    await press(page, "Erase");
    await press(page, "Erase the contents of 2 jobs");
    await page.getByText("2 jobs erased.").waitFor();
    expect(await getJob(replica, bad)).toMatchObject({ payload: null });
    await page.close();
  });

  it("export the selected jobs, and everything that matches, as CSV", async () => {
    const id = await failedJob(dashboard.replica(), "a, b");
    const page = await dashboard.open(listOf('tag:"a, b"'));
    await page.waitForSelector(rowOf(id));
    await page.getByRole("checkbox", { name: `Select ${id}` }).check();
    const exported = async (): Promise<string> => {
      await press(page, "Export as CSV");
      const href = await page.getByRole("link", { name: "Open its job" }).last().getAttribute("href");
      const job = href?.split("/").at(-1) ?? "";
      expect(await jobWhen(dashboard.replica(), job)).toMatchObject({ status: "completed", result: { rows: 1 } });
      const file = await fetch(`${dashboard.replica().url}/api/v1/jobs/${job}/artifacts/jobs.csv`);
      return file.text();
    };
    expect(await exported()).toContain(id);
    await page.getByRole("button", { name: "Close this message" }).first().click();
    await press(page, "Everything that matches");
    expect(await exported()).toContain(id);
    await page.close();
  });
});
