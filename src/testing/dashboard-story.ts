/**
 * The story that the dashboard is for: jobs of three types fail under load for three reasons. A person sees the
 * reasons, reads one, fixes its cause, runs its jobs again at a rate, and watches them complete.
 */
import type { Page } from "playwright-core";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { Submission } from "../client/taskflow.ts";
import { TaskFlow } from "../client/taskflow.ts";
import { dashboardOf, picture } from "./dashboard.ts";
import { isFull } from "./full.ts";
import { answer, HttpPeer } from "./http-peer.ts";
import { until } from "./until.ts";

interface StorySize {
  /** Of all types, the failing ones included. */
  readonly jobs: number;
  readonly failing: number;
  /** Re-runs per second. */
  readonly rate: number;
  /** For the pictures. */
  readonly name: string;
}

/** Half of the failures are of the first reason. */
const [ORDERS, INVOICES] = [0.5, 0.3];
/** For each of the waits; the full story takes minutes. */
const LIMIT_MS = isFull ? 600_000 : 60_000;

export function testStory({ jobs, failing, rate, name }: StorySize): void {
  const dashboard = dashboardOf({ env: { OUTBOUND_ALLOW_PRIVATE: "true" } });
  const client = (): TaskFlow => new TaskFlow({ url: dashboard.replica().url });
  const orders = Math.round(failing * ORDERS);
  const invoices = Math.round(failing * INVOICES);
  const reports = failing - orders - invoices;
  /** The paths that a fix has reached. */
  const fixed = new Set<string>();
  let peer: HttpPeer;

  const failures = async (): Promise<Record<string, number>> => {
    const { errors } = await client().errors();
    return Object.fromEntries(errors.map(({ code, count }) => [code, count]));
  };
  const watched = (page: Page, count: number): Promise<void> => {
    const shown = count.toLocaleString("en-US");
    return page.getByText(`${shown} of ${shown} jobs retried, 0 skipped.`).waitFor({ timeout: LIMIT_MS });
  };
  /** All re-runs of a code have arrived, and its count of failures has not grown. */
  const expectDrained = async (path: string, code: string, count: number): Promise<void> => {
    const arrived = (): number =>
      new Set(peer.requests.filter((request) => request.path === path).map(({ headers }) => headers["webhook-id"]))
        .size;
    await until(() => arrived() >= 2 * count, { what: `the re-runs have called ${path}`, timeoutMs: LIMIT_MS });
    await until(async () => (await client().stats()).totals.running === 0, {
      what: "no job runs",
      timeoutMs: LIMIT_MS,
    });
    expect([arrived(), (await failures())[code]]).toEqual([2 * count, count]);
  };

  beforeAll(async () => {
    peer = await HttpPeer.start();
    peer.respond(({ path }) => {
      if (path === "/orders" && !fixed.has(path)) return answer(422, {}, "the field price is missing");
      if (path === "/invoices" && !fixed.has(path)) return answer(409, {}, "the month is closed");
      return answer(200);
    });
    await client().submitMany(submissions({ jobs, orders, invoices, reports }, peer));
  }, LIMIT_MS);
  afterAll(() => peer.close());

  describe(`${jobs} jobs, of which ${failing} fail for three reasons`, () => {
    it(
      "with the mouse: sees the reasons, opens one, re-runs its jobs, and watches them complete",
      async () => {
        const page = await dashboard.open("/errors");
        await page.getByText(`3 errors, ${failing.toLocaleString("en-US")} failures`).waitFor({ timeout: LIMIT_MS });
        // an error that was new after the page was opened waits behind this button
        const update = page.locator(".new-jobs button");
        if (await update.isVisible()) await update.click();
        await page.locator("tr[data-row]").nth(2).waitFor();
        await picture(page, `${name}-1-errors`);
        await page.locator("tr[data-row]", { hasText: "http_422" }).getByText("the field price is missing").click();
        await page.locator(".example-message time").nth(2).waitFor();
        await picture(page, `${name}-2-reason`);

        fixed.add("/orders");
        await page.getByRole("button", { name: `Re-run ${orders.toLocaleString("en-US")} jobs…` }).click();
        const dialog = page.getByRole("dialog");
        await page.getByRole("dialog", { name: `Retry ${orders.toLocaleString("en-US")} jobs?` }).waitFor();
        await dialog.getByLabel("Jobs per second").fill(String(rate));
        await picture(page, `${name}-3-counted`, { isWhole: false });
        await dialog.getByRole("button", { name: /^Retry/ }).click();
        await page.getByRole("progressbar", { name: "Progress" }).waitFor();
        await picture(page, `${name}-4-progress`, { isWhole: false });
        await watched(page, orders);
        await picture(page, `${name}-5-done`, { isWhole: false });
        await dialog.getByRole("link", { name: "Open the job" }).click();
        await page.locator("h1", { hasText: "replay" }).waitFor();
        await picture(page, `${name}-6-job`);

        await expectDrained("/orders", "http_422", orders);
        await page.getByRole("link", { name: "Jobs", exact: true }).click();
        const filter = page.getByRole("combobox", { name: "Filter" });
        await filter.fill("type:webhook status:scheduled,queued,running,retrying");
        await filter.press("Enter");
        await page.getByText("No job matches this filter.").waitFor();
        await page.getByRole("link", { name: "Audit" }).click();
        const entry = page.locator("tbody tr", { hasText: "code:http_422" });
        await entry.getByText("Run jobs again").waitFor();
        await entry.getByText(orders.toLocaleString("en-US"), { exact: true }).waitFor();
        await picture(page, `${name}-7-audit`);
        await page.close();
      },
      LIMIT_MS,
    );

    it(
      "with the keyboard alone",
      async () => {
        const page = await dashboard.open();
        const press = async (...keys: readonly string[]): Promise<void> => {
          for (const key of keys) await page.keyboard.press(key);
        };
        await press("g", "e");
        await page.locator("tr[data-row]").nth(2).waitFor();
        await press("j", "j", "Enter");
        await page.locator(".group-details", { hasText: "the month is closed" }).waitFor();
        fixed.add("/invoices");
        await press("r");
        await page.getByRole("dialog", { name: `Retry ${invoices.toLocaleString("en-US")} jobs?` }).waitFor();
        await press("Control+a");
        await page.keyboard.type(String(rate));
        await press("Tab", "Tab", "Enter");
        await watched(page, invoices);
        await picture(page, `${name}-8-keyboard`, { isWhole: false });
        await press("Escape");
        await page.getByRole("dialog").waitFor({ state: "detached" });
        await expectDrained("/invoices", "http_409", invoices);
        await press("g", "a");
        await page.locator("tbody tr", { hasText: "code:http_409" }).getByText("Run jobs again").waitFor();
        await press("g", "e");
        await page.locator("tr[data-row]").nth(2).waitFor();
        await press("j", "j", "o");
        await page.locator("h1", { hasText: "Jobs" }).waitFor();
        expect(new URL(page.url()).searchParams.get("q")).toContain("code:http_409");
        await page.close();
        expect(await failures()).toEqual({ http_422: orders, http_409: invoices, test_permanent: reports });
      },
      LIMIT_MS,
    );
  });
}

/** The failing jobs are spread over all. */
function* submissions(
  { jobs, orders, invoices, reports }: Readonly<Record<"jobs" | "orders" | "invoices" | "reports", number>>,
  peer: HttpPeer,
): Generator<Submission> {
  const rare = [
    ...Array.from({ length: orders }, () => webhook(peer.url("/orders"))),
    ...Array.from({ length: invoices }, () => webhook(peer.url("/invoices"))),
    ...Array.from({ length: reports }, () => ({ type: "test_cpu", payload: { do: "permanent" } })),
  ];
  const usual = [
    webhook(peer.url("/news")),
    { type: "test_cpu", payload: { do: "return", value: 1 } },
    { type: "test_io", payload: { do: "return", value: 1 } },
  ];
  const distance = Math.floor(jobs / rare.length);
  for (let n = 0; n < jobs; n += 1) {
    const failing = n % distance === 0 ? rare[n / distance] : undefined;
    yield failing ?? usual[n % usual.length] ?? webhook(peer.url("/news"));
  }
}

function webhook(url: string): Submission {
  return { type: "webhook", payload: { url, body: { event: "changed" } }, maxAttempts: 1 };
}
