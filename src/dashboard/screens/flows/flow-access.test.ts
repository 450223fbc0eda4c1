/** The screens of flows with API keys that may not do everything. */
import type { Page } from "playwright-core";
import { describe, expect, it } from "vitest";
import { dashboardOf, expectAccessible, picture } from "../../../testing/dashboard.ts";
import { apiKeysOf, signIn } from "../../../testing/dashboard-keys.ts";
import { until } from "../../../testing/until.ts";

const KEYS = { "submitting-key": "submit", "reading-key": "read", "ruling-key": "submit+read+admin" };
const dashboard = dashboardOf({ env: { TASKFLOW_API_KEYS: apiKeysOf(KEYS) } });

const NOOP = { type: "noop", payload: {} };
const FAILING = { type: "test_io", payload: { do: "permanent" } };

async function call(method: string, path: string, body?: object): Promise<Record<string, unknown>> {
  const answer = await fetch(`${dashboard.replica().url}/api/v1/${path}`, {
    method,
    headers: { authorization: "Bearer ruling-key", "content-type": "application/json" },
    ...(body && { body: JSON.stringify(body) }),
  });
  if (!answer.ok) throw new Error(`not accepted: ${answer.status} ${await answer.text()}`);
  return (await answer.json()) as Record<string, unknown>;
}

async function failedFlow(): Promise<string> {
  const { id } = await call("POST", "flows", { jobs: { bad: FAILING, next: { ...NOOP, after: ["bad"] } } });
  await until(async () => (await call("GET", `flows/${String(id)}`))["status"] === "failed", { what: "it fails" });
  return String(id);
}

async function signedIn(path: string, key: string): Promise<Page> {
  const page = await dashboard.open(path);
  await signIn(page, key);
  return page;
}

const isUnavailable = async (page: Page, name: string): Promise<void> => {
  const button = page.getByRole("button", { name, exact: true });
  await button.waitFor();
  expect(await button.getAttribute("aria-disabled")).toBe("true");
  expect(await button.getAttribute("title")).toBe("Not available: this needs the scope submit.");
};

describe("an API key that may only read", () => {
  it("offers no example to submit on a server without flows", async () => {
    const page = await signedIn("/flows", "reading-key");
    await isUnavailable(page, "Submit this flow");
    await page.close();
  });

  it("shows a flow and its nodes, and each action as unavailable, by mouse and by keyboard", async () => {
    const id = await failedFlow();
    const page = await signedIn("/flows", "reading-key");
    await page.locator(`tr[data-row="${id}"] .status-failed`).waitFor();
    await page.locator(`tr[data-row="${id}"]`).click();
    await page.waitForURL(`**/ui/flows/${id}`);
    await page.locator(".flow-state .status", { hasText: "failed" }).waitFor();
    await isUnavailable(page, "Retry");
    await isUnavailable(page, "Retry from…");
    await page.keyboard.press("r");
    await page.getByRole("status").getByText("Not available: This needs the scope submit.").waitFor();
    await page.getByRole("link", { name: "List", exact: true }).click();
    await isUnavailable(page, "Retry from here: bad");
    await page.getByRole("button", { name: "Retry from here: bad" }).focus();
    await page.keyboard.press("Enter");
    expect(await page.getByRole("dialog").count()).toBe(0);
    await expectAccessible(page);
    await picture(page, "flow-read-only", { isWhole: false });
    expect((await call("GET", `flows/${id}`))["status"]).toBe("failed");
    await page.close();
  });

  it("shows an open batch, and does not close or cancel it", async () => {
    const { id } = await call("POST", "batches", { open: true, jobs: [NOOP], on_complete: NOOP });
    const page = await signedIn(`/flows/${String(id)}`, "reading-key");
    await page.getByText("open: more may be added").waitFor();
    await isUnavailable(page, "Close the batch");
    await isUnavailable(page, "Cancel…");
    await page.keyboard.press("c");
    await page.getByRole("status").getByText("Not available: This needs the scope submit.").waitFor();
    await page.getByRole("button", { name: "Close the batch" }).press("Enter");
    await page.getByRole("status").getByText("Not available: this needs the scope submit.", { exact: true }).waitFor();
    expect(await page.getByRole("dialog").count()).toBe(0);
    expect(await call("GET", `batches/${String(id)}`)).toMatchObject({ open: true, status: "running" });
    await page.close();
  });
});

describe("an API key that may not read", () => {
  it("sees neither the list nor a flow, and why", async () => {
    const id = await failedFlow();
    for (const path of ["/flows", `/flows/${id}`]) {
      const page = await signedIn(path, "submitting-key");
      await page.getByText("This API key may only submit jobs").waitFor();
      expect(await page.locator("tr[data-row], .graph-node, .flow-state").count()).toBe(0);
      await expectAccessible(page);
      await page.close();
    }
  });
});
