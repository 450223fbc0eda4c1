/** What a screen may cost: bytes, movement of its parts, and nothing from elsewhere. */
import { beforeAll, describe, expect, it } from "vitest";
import { dashboardOf } from "../../testing/dashboard.ts";
import { call, jobWhen, submit } from "../../testing/replica.ts";

const dashboard = dashboardOf();
const FIRST_SCREEN_BYTES = 80 * 1_024;
const MAX_SHIFT = 0.02;

let [job, flow] = ["", ""];
beforeAll(async () => {
  const replica = dashboard.replica();
  job = await submit(replica, "test_io", { do: "permanent" }, { tags: ["shown"] });
  await jobWhen(replica, job, "failed");
  const nightly = { cron: "0 3 * * *", job: { type: "noop", payload: {} } };
  expect((await call(replica, "PUT", "/api/v1/schedules/nightly", nightly)).status).toBe(201);
  const hold = { type: "noop", payload: {}, delay_ms: 3_600_000 };
  const jobs = { many: { batch: [hold, hold] }, last: { type: "noop", payload: {}, after: ["many"] } };
  const accepted = await call(replica, "POST", "/api/v1/flows", { jobs });
  expect(accepted.status).toBe(202);
  flow = (accepted.body as { readonly id: string }).id;
  for (let number = 0; number < 12; number += 1) await submit(replica, "noop", { number }, { delay_ms: 3_600_000 });
});

interface Observed {
  /** The sum of the shifts that no input caused. */
  shift: number;
  /** What moved, for the message of the test. */
  readonly moved: string[];
  readonly violations: string[];
}

/** Runs in the page, before its scripts. */
function observe(): void {
  const observed: Observed = { shift: 0, moved: [], violations: [] };
  Object.assign(globalThis, { observed });
  document.addEventListener("securitypolicyviolation", ({ violatedDirective, blockedURI }) =>
    observed.violations.push(`${violatedDirective}: ${blockedURI}`),
  );
  new PerformanceObserver((list) => {
    for (const entry of list.getEntries() as unknown as readonly LayoutShift[]) {
      if (entry.hadRecentInput) continue;
      observed.shift += entry.value;
      for (const { node, previousRect, currentRect } of entry.sources)
        observed.moved.push(`${node?.nodeName} ${JSON.stringify([previousRect, currentRect])} ${node?.textContent}`);
    }
  }).observe({ type: "layout-shift", buffered: true });
}

/** Whether the data of the screen has come, and was painted. Runs in the page. */
async function isFilled(): Promise<boolean> {
  const isLoading = document.querySelector("main .waiting") !== null;
  const isRead = performance.getEntriesByType("resource").some(({ name }) => name.includes("/api/v1/"));
  await new Promise((resolve) => requestAnimationFrame(() => requestAnimationFrame(resolve)));
  return isRead && !isLoading && document.querySelector("main .waiting") === null;
}

interface LayoutShift {
  readonly value: number;
  readonly hadRecentInput: boolean;
  readonly sources: readonly {
    readonly node: Node | null;
    readonly previousRect: DOMRectReadOnly;
    readonly currentRect: DOMRectReadOnly;
  }[];
}

it("loads at most 80 KB for the first screen, compressed", async () => {
  const page = await dashboard.open();
  await page.waitForFunction(() => document.querySelectorAll(".tile").length > 0);
  const files = await page.evaluate(() =>
    [...performance.getEntriesByType("navigation"), ...performance.getEntriesByType("resource")]
      .map((entry) => entry as PerformanceResourceTiming)
      .filter(({ name }) => !name.includes("/api/"))
      .map(({ name, transferSize }) => ({ name, transferSize })),
  );
  const bytes = files.reduce((sum, { transferSize }) => sum + transferSize, 0);
  expect(files.filter(({ name }) => name.endsWith(".js")).length).toBeGreaterThan(0);
  expect(bytes, JSON.stringify(files)).toBeLessThanOrEqual(FIRST_SCREEN_BYTES);
  await page.close();
});

describe.each([
  "",
  "/jobs",
  "/jobs/JOB",
  "/flows",
  "/flows/FLOW",
  "/flows/FLOW?node=many",
  "/schedules",
  "/schedules?view=new",
  "/schedules/SCHEDULE",
  "/errors",
  "/queues",
  "/queues/noop",
  "/replicas",
  "/destinations",
  "/new",
  "/new/noop",
  "/audit",
  "/mail",
])("the screen /ui%s", (path) => {
  it.each([1280, 360])("does not move while data arrives, and obeys its policy (%i px)", async (width) => {
    const page = await dashboard.open("/mail", { width });
    await page.addInitScript(observe);
    await page.goto(
      `${dashboard.replica().url}/ui${path.replace("JOB", job).replace("FLOW", flow).replace("SCHEDULE", "nightly")}`,
    );
    await page.waitForSelector(".page-head h1");
    await page.waitForFunction(isFilled);
    const observed = await page.evaluate(() => (globalThis as unknown as { readonly observed: Observed }).observed);
    expect(observed.violations).toEqual([]);
    expect(observed.shift, observed.moved.join("\n")).toBeLessThanOrEqual(MAX_SHIFT);
    await page.close();
  });
});
