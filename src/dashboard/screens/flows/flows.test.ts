import type { Page } from "playwright-core";
import { beforeAll, describe, expect, it } from "vitest";
import type { Batch, Flow } from "../../../client/taskflow.ts";
import type { Theme } from "../../../testing/dashboard.ts";
import { dashboardOf, expectAccessible, picture } from "../../../testing/dashboard.ts";
import { call } from "../../../testing/replica.ts";
import { until } from "../../../testing/until.ts";

const dashboard = dashboardOf();
const replica = () => dashboard.replica();

const NOOP = { type: "noop", payload: {} };
const HELD = { ...NOOP, delay_ms: 3_600_000 };
const FAILING = { type: "test_io", payload: { do: "permanent" } };
/** A flow in which one job holds up all others. */
const HELD_FLOW = {
  first: NOOP,
  hold: HELD,
  next: { ...NOOP, after: ["first", "hold"] },
  last: { ...NOOP, after: ["next"] },
  tidy: { ...NOOP, after: ["last"], when: "ended" },
};

async function post(path: string, body: object): Promise<{ readonly id: string }> {
  const answer = await call(replica(), "POST", path, body);
  if (answer.status !== 202) throw new Error(`not accepted: ${answer.status} ${JSON.stringify(answer.body)}`);
  return answer.body as { readonly id: string };
}
const submitFlow = async (name: string, jobs: object, fields: object = {}): Promise<string> =>
  (await post("/api/v1/flows", { name, jobs, ...fields })).id;
const submitBatch = async (fields: object): Promise<string> => (await post("/api/v1/batches", fields)).id;
const flowNow = async (id: string): Promise<Flow> => (await call(replica(), "GET", `/api/v1/flows/${id}`)).body as Flow;
const flowWhen = (id: string, status: Flow["status"]): Promise<Flow> =>
  until(
    async () => {
      const flow = await flowNow(id);
      return flow.status === status ? flow : undefined;
    },
    { what: `the flow is ${status}`, timeoutMs: 60_000 },
  );

const button = (page: Page, name: string | RegExp) => page.getByRole("button", { name });
const stateOf = (page: Page, status: string): Promise<void> =>
  page.locator(".flow-state .status", { hasText: status }).waitFor();
const node = (page: Page, name: string) =>
  page.locator(".graph-node", { has: page.locator(".graph-name").getByText(name, { exact: true }) });
const rows = (page: Page): Promise<string[]> =>
  page.locator("tr[data-row]").evaluateAll((all) => all.map((row) => row.getAttribute("data-row") ?? ""));
const rowsAre = (page: Page, ids: readonly string[]): Promise<unknown> =>
  page.waitForFunction(
    (expected) =>
      [...document.querySelectorAll("tr[data-row]")].map((each) => each.getAttribute("data-row")).join() === expected,
    ids.join(),
  );
const row = (page: Page, id: string) => page.locator(`tr[data-row="${id}"]`);

async function openFlow(id: string, query = "", options = {}): Promise<Page> {
  const page = await dashboard.open(`/flows/${id}${query}`, options);
  await page.waitForSelector(".flow-state");
  return page;
}

describe("a server without flows", () => {
  it.each(["light", "dark"] as Theme[])("explains them accessibly in the %s theme", async (theme) => {
    const page = await dashboard.open("/flows", { theme });
    await page.getByText("There are no flows yet.").waitFor();
    await expectAccessible(page);
    await picture(page, `flows-empty-${theme}`);
    await page.setViewportSize({ width: 360, height: 740 });
    expect(await page.evaluate(() => document.documentElement.scrollWidth)).toBe(360);
    await page.close();
  });

  it("runs the example at once, and shows it to its end", async () => {
    const page = await dashboard.open();
    await page.keyboard.press("g");
    await page.keyboard.press("f");
    await button(page, "Submit this flow").press("Enter");
    await page.waitForURL("**/ui/flows/*-*");
    await stateOf(page, "completed");
    for (const name of ["orders", "regions", "report", "tidy-up"]) await node(page, name).waitFor();
    await page.getByText("batch of 4 jobs").waitFor();
    await picture(page, "flow-example");
    await page.close();
  });
});

describe("the list of flows", () => {
  let [held, failed, batch] = ["", "", ""];
  beforeAll(async () => {
    held = await submitFlow("nightly", HELD_FLOW);
    failed = await submitFlow("broken", { bad: FAILING, after: { ...NOOP, after: ["bad"] } });
    batch = await submitBatch({ name: `a-long-name-${"x".repeat(100)}`, jobs: [NOOP, NOOP, HELD] });
    await flowWhen(failed, "failed");
  });

  it("filters by status, kind and name, in the URL", async () => {
    const page = await dashboard.open("/flows");
    await row(page, batch).waitFor();
    expect((await rows(page)).slice(0, 3)).toEqual([batch, failed, held]);
    await page.getByRole("link", { name: "Failed" }).click();
    await rowsAre(page, [failed]);
    await page.getByRole("link", { name: "All", exact: true }).click();
    await page.getByLabel("Kind").selectOption("batch");
    await rowsAre(page, [batch]);
    await page.reload();
    await rowsAre(page, [batch]);
    await page.getByLabel("Kind").selectOption("");
    await row(page, held).waitFor();
    await page.keyboard.press("/");
    await page.keyboard.type("nightly");
    await page.keyboard.press("Enter");
    await rowsAre(page, [held]);
    expect(new URL(page.url()).searchParams.get("name")).toBe("nightly");
    await page.close();
  });

  it("keeps newer flows behind a button, and a flow that leaves the filter in its place", async () => {
    const other = await submitFlow("leaving", { hold: HELD });
    const page = await dashboard.open("/flows?status=running");
    await row(page, other).waitFor();
    const before = await rows(page);
    const newer = await submitFlow("newer", { hold: HELD });
    await button(page, "1 new").waitFor();
    await call(replica(), "DELETE", `/api/v1/flows/${other}`);
    await row(page, other).locator(".status-cancelled").waitFor();
    expect(await rows(page)).toEqual(before);
    await button(page, "1 new").click();
    await row(page, newer).waitFor();
    await page.keyboard.press("j");
    await page.keyboard.press("Enter");
    await page.waitForURL(`**/ui/flows/${newer}`);
    await page.close();
  });

  it.each([
    ["light", 1280],
    ["dark", 1280],
    ["light", 360],
  ] as [Theme, number][])("is accessible in the %s theme at %i pixels", async (theme, width) => {
    const page = await dashboard.open("/flows", { theme, width });
    await row(page, held).waitFor();
    await expectAccessible(page);
    expect(await page.evaluate(() => document.documentElement.scrollWidth)).toBe(width);
    await picture(page, `flows-${theme}-${width}`);
    await page.close();
  });
});

describe("one flow", () => {
  it("shows what holds up the rest, opens its job by the keyboard, and is cancelled and retried", async () => {
    const id = await submitFlow("order", HELD_FLOW);
    const page = await openFlow(id);
    await page.locator(".flow-obstacle").getByText("holds up 3 nodes").waitFor();
    await page.locator(".graph-node.obstacle", { hasText: "hold" }).waitFor();
    await node(page, "hold").focus();
    await page.keyboard.press("ArrowRight");
    expect(await page.evaluate(() => document.activeElement?.querySelector(".graph-name")?.textContent)).toBe("next");
    await page.keyboard.press("Enter");
    await page.waitForURL("**/ui/jobs/*");
    await page.getByText("It waits for").waitFor();
    await page.locator(".job-why").getByRole("link", { name: "hold" }).waitFor();
    const related = page.locator(".side-facts");
    await related.locator("div", { hasText: "Node" }).getByText("next").waitFor();
    await expectAccessible(page);
    await picture(page, "job-waiting-for");
    await related.getByRole("link", { name: id }).click();
    await page.waitForURL(`**/ui/flows/${id}`);
    await page.getByRole("link", { name: "Events" }).click();
    await page.keyboard.press("c");
    await page.getByRole("dialog", { name: "Cancel 4 jobs?" }).waitFor();
    await expectAccessible(page);
    await button(page, "Cancel 4 jobs").click();
    await stateOf(page, "cancelled");
    await page.locator(".flow-changes").getByText("cancelled, was running").first().waitFor();
    await picture(page, "flow-events");
    const { first, hold } = (await flowNow(id)).jobs;
    await page.keyboard.press("r");
    await page.locator(".flow-changes").getByText("running, was cancelled").first().waitFor();
    await stateOf(page, "completed"); // the new jobs wait for no time
    const { jobs } = await flowNow(id);
    expect(jobs["first"]?.job_id).toBe(first?.job_id);
    expect(jobs["hold"]?.job_id).not.toBe(hold?.job_id);
    await page.close();
  });

  it("shows why nodes did not run, as a list, and retries from a node", async () => {
    const id = await submitFlow("broken", {
      ok: NOOP,
      bad: FAILING,
      mail: { ...NOOP, after: ["ok", "bad"] },
      tidy: { ...NOOP, after: ["mail"], when: "ended" },
    });
    await flowWhen(id, "failed");
    const page = await openFlow(id);
    await page.locator(".graph-badge").getByText("is why 1 node did not run").waitFor();
    await page.getByRole("link", { name: "List", exact: true }).click();
    await row(page, "mail").getByText("because of").waitFor();
    await page.reload();
    await row(page, "mail").locator(".status-cancelled").waitFor();
    await row(page, "tidy").locator(".status-completed").waitFor();
    await expectAccessible(page);
    await picture(page, "flow-list");
    const before = (await flowNow(id)).jobs;
    await button(page, "Retry from here: bad").click();
    const dialog = page.getByRole("dialog", { name: "Retry from nodes" });
    await dialog.getByRole("checkbox", { name: "ok" }).check();
    await expectAccessible(page);
    await picture(page, "flow-retry", { isWhole: false });
    await button(page, "Retry 4 nodes").click();
    await until(async () => (await flowNow(id)).jobs["ok"]?.job_id !== before["ok"]?.job_id, { what: "a retry" });
    await flowWhen(id, "failed");
    await stateOf(page, "failed");
    await row(page, "bad").click();
    await page.waitForSelector(".job-state");
    await page.keyboard.press("r");
    await page.getByRole("dialog", { name: "Retry only this job?" }).waitFor();
    await expectAccessible(page);
    await button(page, "Retry only this job").click();
    await page.getByText("Runs again", { exact: true }).waitFor();
    await page.close();
  });

  it("shows the jobs of a batch by status and page by page, in the URL", async () => {
    const jobs = [...Array.from({ length: 51 }, () => HELD), FAILING];
    const id = await submitFlow("many", { many: { batch: jobs }, done: { ...NOOP, after: ["many"] } });
    const page = await openFlow(id);
    await node(page, "many").click();
    const list = page.getByRole("region", { name: "Jobs of many" });
    await list.locator("tr[data-row]").nth(49).waitFor();
    expect(await page.evaluate(() => document.activeElement?.getAttribute("aria-label"))).toBe("Jobs of many");
    await list.getByRole("button", { name: "Next" }).click();
    await list.locator("tr[data-row]").nth(50).waitFor({ state: "detached" });
    await list.locator("tr[data-row]").nth(1).waitFor();
    expect(await list.locator("tr[data-row]").count()).toBe(2);
    await page.reload();
    await list.locator("tr[data-row]").nth(1).waitFor();
    await list.getByRole("link", { name: "Failed" }).click();
    await list.locator(".status-failed").first().waitFor();
    expect(await list.locator("tr[data-row]").count()).toBe(1);
    await picture(page, "flow-batch-node");
    await expectAccessible(page);
    await page.goBack();
    await list.locator("tr[data-row]").nth(1).waitFor();
    await page.close();
  });

  it("says that it does not exist", async () => {
    const page = await dashboard.open("/flows/01890a5d-ac96-7000-babc-b302099a8057");
    await page.getByRole("heading", { name: "Flow not found" }).waitFor();
    await page.goto(`${replica().url}/ui/flows/nonsense`);
    await page.getByRole("heading", { name: "Flow not found" }).waitFor();
    await page.close();
  });
});

describe("a batch", () => {
  it("is closed, ends, and shows its callbacks", async () => {
    const id = await submitBatch({ open: true, jobs: [NOOP, NOOP], on_complete: NOOP, on_success: NOOP });
    const page = await openFlow(id);
    await page.getByText("open: more may be added").waitFor();
    await page.getByRole("region", { name: "Jobs of jobs" }).locator(".status-completed").nth(1).waitFor();
    await picture(page, "batch-open");
    await expectAccessible(page);
    await button(page, "Close the batch").click();
    await page.getByText("closed by the caller").waitFor();
    await stateOf(page, "completed");
    const callbacks = page.locator(".flow-callbacks");
    for (const name of ["on_complete", "on_success"])
      await callbacks.locator("li", { hasText: name }).locator(".status-completed").waitFor();
    expect((await call(replica(), "GET", `/api/v1/batches/${id}`)).body).toMatchObject({ open: false } as Batch);
    await callbacks.getByRole("link", { name: "on_complete" }).click();
    await page.locator(".side-facts div", { hasText: "Callback" }).getByText("on_complete").waitFor();
    await page.close();
  });

  it("retries its failed jobs", async () => {
    const id = await submitBatch({ jobs: [NOOP, FAILING] });
    await flowWhen(id, "failed");
    const page = await openFlow(id, "?status=failed");
    await page.locator("tr[data-row] .status-failed").waitFor();
    const [before] = await rows(page);
    await page.keyboard.press("r");
    await page.getByText("It runs again, as new jobs.").waitFor();
    await until(
      async () => {
        await button(page, "Refresh").click();
        const now = await rows(page);
        return now.length === 1 && now[0] !== before;
      },
      { what: "the retried job has failed, too" },
    );
    await page.close();
  });
});
