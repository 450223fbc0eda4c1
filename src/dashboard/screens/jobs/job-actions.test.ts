import type { Page } from "playwright-core";
import { describe, expect, it } from "vitest";
import { dashboardOf, expectAccessible, picture } from "../../../testing/dashboard.ts";
import { failedJob, LATER, listOf, press, rowOf, submitMany } from "../../../testing/job-list.ts";
import { call, getJob, jobWhen, submit } from "../../../testing/replica.ts";

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

  describe("on everything that matches", () => {
    const replica = () => dashboard.replica();
    /** Opens the dialog of an action on all jobs with a tag. */
    async function ask(action: string, tag: string): Promise<Page> {
      const page = await dashboard.open(listOf(`tag:${tag}`));
      await page.getByRole("checkbox", { name: "Select all rows of this page" }).check();
      await press(page, "Everything that matches");
      await press(page, action);
      return page;
    }
    const failedJobs = (tag: string) => Promise.all([1, 2, 3].map(() => failedJob(replica(), tag)));

    it("run the waiting jobs now", async () => {
      const ids = await submitMany(replica(), 3, { ...LATER, tags: ["run-all"] });
      const page = await ask("Run now", "run-all");
      await press(page, "Run 3 jobs");
      await page.getByText("3 of 3 jobs made due, 0 skipped.").waitFor();
      for (const id of ids) await jobWhen(replica(), id, "completed");
      await page.close();
    });

    it("change the priority to a valid one", async () => {
      const ids = await submitMany(replica(), 3, { ...LATER, tags: ["priority-all"] });
      const page = await ask("Priority", "priority-all");
      const start = page.getByRole("button", { name: "Change the priority of 3 jobs" });
      await start.waitFor();
      await page.getByLabel("Priority, 0 to 9").fill("10");
      await start.press("Enter"); // a click would wait until it is available
      await page.getByText("The priority must be a whole number from 0 to 9.").waitFor();
      await page.getByLabel("Priority, 0 to 9").fill("9");
      await start.click();
      await page.getByText("3 of 3 jobs changed, 0 skipped.").waitFor();
      for (const id of ids) expect(await getJob(replica(), id)).toMatchObject({ priority: 9, status: "scheduled" });
      await page.close();
    });

    it("erase the contents of the finished jobs", async () => {
      const ids = await failedJobs("erase-all");
      const page = await ask("Erase", "erase-all");
      await press(page, "Erase the contents of 3 jobs");
      await page.getByText("3 of 3 jobs erased, 0 skipped.").waitFor();
      for (const id of ids) expect(await getJob(replica(), id)).toMatchObject({ payload: null, status: "failed" });
      await page.close();
    });

    it("retry the failed jobs, at a rate", async () => {
      const ids = await failedJobs("retry-all");
      const page = await ask("Retry", "retry-all");
      await page.getByRole("button", { name: "Retry 3 jobs" }).waitFor();
      await page.getByLabel("Jobs per second").fill("");
      await page.getByRole("button", { name: "Retry 3 jobs" }).press("Enter");
      await page.getByText("The rate must be a whole number from 1 to 10,000.").waitFor();
      await page.getByLabel("Jobs per second").fill("1000");
      await press(page, "Retry 3 jobs");
      await page.getByText("3 of 3 jobs retried, 0 skipped.").waitFor();
      for (const id of ids) {
        const { body } = await call(replica(), "GET", `/api/v1/jobs?retry_of=${id}`);
        expect(body).toMatchObject({ jobs: [{ retry_of: id }] });
      }
      await page.close();
    });
  });

  it("offer nothing where the filter has only jobs on which the action is not possible", async () => {
    await failedJob(dashboard.replica(), "over");
    const page = await dashboard.open(listOf("tag:over status:failed"));
    await page.getByRole("checkbox", { name: "Select all rows of this page" }).check();
    await press(page, "Everything that matches");
    await press(page, "Cancel");
    await page
      .getByText("This is possible only for jobs that are waiting, scheduled, queued, running, retrying.")
      .waitFor();
    await press(page, "Close");
    const filter = page.getByRole("combobox");
    await filter.fill("tag:other");
    await filter.press("Enter"); // with the focus in it, also if the closed dialog has returned the focus meanwhile
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
