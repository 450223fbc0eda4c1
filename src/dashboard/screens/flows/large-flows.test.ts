/** Flows of sizes, and in states, that a test cannot wait for: the page gets them in place of the server's answers. */
import type { Page } from "playwright-core";
import { describe, expect, it } from "vitest";
import type { Flow, FlowNode } from "../../../client/taskflow.ts";
import type { Theme } from "../../../testing/dashboard.ts";
import { dashboardOf, expectAccessible, picture } from "../../../testing/dashboard.ts";

const dashboard = dashboardOf();
const ID = "01890a5d-ac96-7000-8abc-b302099a8000";
const NONE = { waiting: 0, unfinished: 0, completed: 0, failed: 0, cancelled: 0 };
const idOf = (index: number): string => `01890a5d-ac96-7000-8abc-${String(index).padStart(12, "0")}`;

function nodeOf(fields: Partial<FlowNode>, index = 1): FlowNode {
  return {
    ...{ type: "noop", when: "succeeded", after: [], status: "completed", cause: null, counts: null },
    ...{ job_id: fields.counts ? null : idOf(index), ...fields },
  };
}

function flowOf(jobs: Record<string, FlowNode>, fields: Partial<Flow> = {}): Flow {
  const totals = { total: 0, ...NONE };
  for (const { counts, status } of Object.values(jobs)) {
    const key = status === "running" ? "unfinished" : status === "skipped" ? "cancelled" : status;
    const own = counts ?? { ...NONE, [key]: 1 };
    for (const name of Object.keys(NONE) as (keyof typeof NONE)[]) {
      totals[name] += own[name];
      totals.total += own[name];
    }
  }
  return {
    ...{ id: ID, kind: "flow", name: "order-4711", status: "running", on_failure: "finish", cancel_requested: false },
    ...{ nodes: Object.keys(jobs).length, totals, created_at: new Date(Date.now() - 95_000).toISOString() },
    ...{ finished_at: null, jobs, ...fields },
  };
}

/** Opens the page of a flow. */
async function open(flow: Flow, path = "", options = {}): Promise<Page> {
  const page = await dashboard.open("/mail", options);
  await page.route(`**/api/v1/flows/${ID}`, (route) => route.fulfill({ json: flow }));
  await page.route(`**/api/v1/flows/${ID}/events`, (route) => route.abort());
  await page.route(`**/api/v1/flows/${ID}/jobs?*`, (route) => route.fulfill({ json: { jobs: [], next_cursor: null } }));
  await page.route(`**/api/v1/batches/${ID}`, (route) =>
    route.fulfill({
      json: {
        ...{ id: ID, open: true, closes_at: new Date(Date.now() + 9e6).toISOString(), closed_by: null },
        ...{ max_failures: 10, cause: idOf(9) },
      },
    }),
  );
  await page.goto(`${dashboard.replica().url}/ui/flows/${ID}${path}`);
  await page.waitForSelector(".flow-state");
  return page;
}

const range = (length: number): number[] => Array.from({ length }, (_, at) => at);
const noShift = async (page: Page): Promise<void> =>
  expect(await page.evaluate(() => document.documentElement.scrollWidth)).toBeLessThanOrEqual(
    page.viewportSize()?.width ?? 0,
  );

describe("a flow of 1,000 nodes", () => {
  /** Ten lines of a hundred nodes, of which one is behind the others. */
  const jobs = Object.fromEntries(
    range(1_000).map((at) => {
      const [line, step] = [at % 10, Math.floor(at / 10)];
      const done = line === 3 ? 40 : 70;
      const status = step < done ? "completed" : step === done ? "running" : "waiting";
      return [`line-${line}.${step}`, nodeOf({ status, after: step === 0 ? [] : [`line-${line}.${step - 1}`] }, at)];
    }),
  );

  it("shows the node that holds up most others, and is walked by the keyboard", async () => {
    const page = await open(flowOf(jobs));
    const obstacle = page.locator(".graph-node.obstacle");
    await obstacle.waitFor();
    expect(await obstacle.locator(".graph-name").textContent()).toBe("line-3.40");
    expect(await page.locator(".graph-node").count()).toBe(1_000);
    const isInView = await obstacle.evaluate((element) => {
      const [own, outer] = [element.getBoundingClientRect(), element.closest(".graph")?.getBoundingClientRect()];
      return outer !== undefined && own.left >= outer.left && own.right <= outer.right;
    });
    expect(isInView).toBe(true);
    await obstacle.focus();
    await page.keyboard.press("ArrowRight");
    const focused = () => page.evaluate(() => document.activeElement?.querySelector(".graph-name")?.textContent);
    expect(await focused()).toBe("line-3.41");
    await page.keyboard.press("End");
    expect(await focused()).toBe("line-9.99");
    await picture(page, "flow-1000", { isWhole: false });
    await page.getByRole("button", { name: "Fit" }).click();
    await page.waitForFunction(() => location.search.includes("zoom=fit"));
    await picture(page, "flow-1000-fit", { isWhole: false });
    await noShift(page);
    await page.close();
  });

  it("has them as a list", async () => {
    const page = await open(flowOf(jobs), "?view=list");
    await page.locator("tr[data-row]").nth(999).waitFor();
    await page.close();
  });
});

describe("a batch of 1,000,000 jobs", () => {
  const counts = { ...NONE, unfinished: 250_000, completed: 749_990, failed: 10 };
  const jobs = {
    jobs: nodeOf({ type: null, status: "running", counts, cause: idOf(9) }),
    on_success: nodeOf({ after: ["jobs"], status: "waiting" }),
    on_complete: nodeOf({ after: ["jobs"], when: "ended", status: "waiting" }),
    on_first_failure: nodeOf({ after: ["jobs"], when: "first_failure" }),
  };

  it.each([
    ["light", 1280],
    ["dark", 1280],
    ["light", 360],
  ] as [Theme, number][])("is one node with its counts, in the %s theme at %i pixels", async (theme, width) => {
    const page = await open(flowOf(jobs, { kind: "batch", name: null }), "", { theme, width });
    await page.getByText("batch of 1,000,000 jobs").waitFor();
    await page.locator(".graph-node .counts-bar[title='749,990 completed, 10 failed, 250,000 unfinished']").waitFor();
    await page.getByText("open: more may be added").waitFor();
    await expectAccessible(page);
    await noShift(page);
    await picture(page, `batch-${theme}-${width}`);
    await page.getByRole("button", { name: "Cancel…" }).click();
    await page.getByRole("dialog", { name: "Cancel 250,002 jobs?" }).waitFor();
    await page.close();
  });
});

describe("a flow", () => {
  const order: Record<string, FlowNode> = {
    export: nodeOf({ type: "data_export" }),
    thumbs: nodeOf({
      ...{ type: null, status: "running", cause: idOf(7) },
      counts: { ...NONE, unfinished: 480, completed: 510, failed: 8, cancelled: 2 },
    }),
    mail: nodeOf({ type: "email", after: ["export", "thumbs"], status: "waiting" }, 2),
    [`tell-${"x".repeat(59)}`]: nodeOf({ type: "webhook", after: ["mail"], when: "failed", status: "waiting" }, 3),
    tidy: nodeOf({ type: "webhook", after: ["mail"], when: "ended", status: "waiting" }, 4),
  };

  it.each([
    ["light", 1280],
    ["dark", 1280],
    ["light", 360],
  ] as [Theme, number][])("is accessible in the %s theme at %i pixels", async (theme, width) => {
    const page = await open(flowOf(order), "", { theme, width });
    await page.locator(".graph-node").nth(4).waitFor();
    await expectAccessible(page);
    await noShift(page);
    await picture(page, `flow-${theme}-${width}`);
    await page.getByRole("link", { name: "List", exact: true }).click();
    await page.locator("tr[data-row]").nth(4).waitFor();
    await expectAccessible(page);
    await noShift(page);
    await picture(page, `flow-list-${theme}-${width}`);
    await page.close();
  });

  it("of one node has a small graph", async () => {
    const page = await open(flowOf({ only: nodeOf({ status: "running" }) }));
    await page.locator(".graph-node").waitFor();
    await expectAccessible(page);
    await picture(page, "flow-one-node");
    await page.close();
  });
});
