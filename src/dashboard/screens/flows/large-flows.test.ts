/** Flows of sizes that no test can run in time: the page gets them in place of the server's answers. */
import type { Page } from "playwright-core";
import { describe, expect, it } from "vitest";
import type { Flow, FlowNode } from "../../../client/taskflow.ts";
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
        ...{ max_failures: 10, first_failure: idOf(9) },
      },
    }),
  );
  await page.goto(`${dashboard.replica().url}/ui/flows/${ID}${path}`);
  await page.waitForSelector(".flow-state");
  return page;
}

const ORDER: Record<string, FlowNode> = {
  export: nodeOf({ type: "data_export" }),
  thumbs: nodeOf({
    type: null,
    status: "running",
    counts: { ...NONE, unfinished: 480, completed: 510, failed: 8, cancelled: 2 },
    cause: idOf(7),
  }),
  mail: nodeOf({ type: "email", after: ["export", "thumbs"], status: "waiting" }, 2),
  "tell-someone-with-a-very-long-name-of-a-node": nodeOf(
    { type: "webhook", after: ["mail"], when: "failed", status: "waiting" },
    3,
  ),
  tidy: nodeOf({ type: "webhook", after: ["mail"], when: "ended", status: "waiting" }, 4),
};

describe("scratch", () => {
  it.each([
    ["light", 1280],
    ["dark", 1280],
    ["light", 360],
  ] as const)("order %s %i", async (theme, width) => {
    const page = await open(flowOf(ORDER), "", { theme, width });
    await page.locator("[data-node]").nth(4).waitFor();
    await picture(page, `flow-order-${theme}-${width}`);
    await expectAccessible(page);
    await page.goto(`${dashboard.replica().url}/ui/flows/${ID}?view=list`);
    await page.locator("tr[data-row]").nth(4).waitFor();
    await picture(page, `flow-list-${theme}-${width}`);
    await expectAccessible(page);
    expect(await page.evaluate(() => document.documentElement.scrollWidth)).toBeLessThanOrEqual(width);
    await page.close();
  });

  it("batch", async () => {
    const jobs = {
      jobs: nodeOf({
        type: null,
        status: "running",
        counts: { ...NONE, unfinished: 250_000, completed: 749_990, failed: 10 },
      }),
      on_success: nodeOf({ after: ["jobs"], status: "waiting" }),
      on_complete: nodeOf({ after: ["jobs"], when: "ended", status: "waiting" }),
      on_first_failure: nodeOf({ after: ["jobs"], when: "first_failure" }),
    };
    const page = await open(flowOf(jobs, { kind: "batch", name: null }));
    await page.locator("[data-node]").nth(3).waitFor();
    await picture(page, "flow-batch");
    await expectAccessible(page);
    await page.close();
  });
});
