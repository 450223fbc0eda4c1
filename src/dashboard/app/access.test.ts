/** Who may do what: API keys, their scopes, the settings of the dashboard, and protected mode. */
import { randomUUID } from "node:crypto";
import type { Page } from "playwright-core";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { ApiKeyStore } from "../../results/api-keys.ts";
import { dashboardOf, expectAccessible, picture } from "../../testing/dashboard.ts";
import { apiKeysOf, hashOfKey, signIn } from "../../testing/dashboard-keys.ts";
import type { TestReplica } from "../../testing/replica.ts";
import { startReplica } from "../../testing/replica.ts";
import { freshDatabase, freshRedis, tempDir } from "../../testing/services.ts";
import { until } from "../../testing/until.ts";

const dashboard = dashboardOf();
const KEYS = { "submitting-key": "submit", "reading-key": "read", "ruling-key": "submit+read+admin" };
const replicas: TestReplica[] = [];
afterAll(() => Promise.all(replicas.map((replica) => replica.close())));

async function replicaWith(env: Readonly<Record<string, string>>) {
  const [redis, database] = await Promise.all([freshRedis(), freshDatabase()]);
  const replica = await startReplica({ redis: redis.address, database: database.url, artifacts: tempDir(), env });
  replicas.push(replica);
  return { url: replica.url, database: database.url };
}

const heading = (page: Page, name: string): Promise<void> => page.getByRole("heading", { level: 1, name }).waitFor();

describe("a server with API keys", () => {
  let [url, database] = ["", ""];
  beforeAll(async () => {
    ({ url, database } = await replicaWith({ TASKFLOW_API_KEYS: apiKeysOf(KEYS) }));
  });

  it("asks for a key, names the reason if it is wrong, and then shows the screen of the URL", async () => {
    const page = await dashboard.open("/queues", { url });
    expect(await page.evaluate(() => document.activeElement?.getAttribute("name"))).toBe("key");
    await expectAccessible(page);
    await picture(page, "frame-sign-in");
    await signIn(page, "no-such-key");
    await page.getByText("The API key is not valid.").waitFor();
    await signIn(page, "reading-key");
    await heading(page, "Queues");
    await page.getByText("reading-key").waitFor();
    await page.close();
  });

  it("forgets the key with the page, or keeps it for the tab, until the user signs out", async () => {
    const page = await dashboard.open("/queues", { url });
    await signIn(page, "ruling-key");
    await heading(page, "Queues");
    await page.reload();
    await signIn(page, "ruling-key", { isKept: true });
    await heading(page, "Queues");
    await page.reload();
    await heading(page, "Queues");
    const tab = await dashboard.open("/queues", { url, beside: page });
    await tab.getByLabel("API key").waitFor();
    await page.getByRole("button", { name: "Sign out" }).click();
    await page.getByLabel("API key").waitFor();
    await page.reload();
    await page.getByLabel("API key").waitFor();
    await tab.close();
    await page.close();
  });

  it("shows what a reading key may not do as unavailable, with the reason", async () => {
    const page = await dashboard.open("/queues", { url });
    await signIn(page, "reading-key");
    const pause = page.getByRole("button", { name: "Pause noop" });
    await pause.waitFor();
    expect(await pause.getAttribute("aria-disabled")).toBe("true");
    expect(await pause.getAttribute("title")).toContain("needs the scope admin");
    await pause.focus();
    await page.keyboard.press("Enter");
    await page.getByRole("status").getByText("needs the scope admin").waitFor();
    expect(await page.getByRole("dialog").count()).toBe(0);
    await page.close();
  });

  it("leads a key that may only submit to the form", async () => {
    const page = await dashboard.open("/jobs", { url });
    await signIn(page, "submitting-key");
    await page.getByText("This API key may only submit jobs").waitFor();
    await page.getByRole("link", { name: "Submit a job" }).click();
    await heading(page, "New job");
    expect(new URL(page.url()).pathname).toBe("/ui/new");
    await page.close();
  });

  it("returns to the form with the reason when the key is revoked", async () => {
    const store = new ApiKeyStore(database);
    const key = "revoked-key";
    const made = { id: randomUUID().slice(0, 8), name: "operator", hash: hashOfKey(key), rate: null, quota: null };
    await store.add({ ...made, scopes: "read" });
    const isValid = async () =>
      (await fetch(`${url}/api/v1/whoami`, { headers: { authorization: `Bearer ${key}` } })).ok;
    await until(isValid, { what: "the replica knows the key" });
    const page = await dashboard.open("/queues", { url });
    await signIn(page, key, { isKept: true });
    await heading(page, "Queues");
    await store.revoke("operator");
    await page.getByText("The API key is not valid.").waitFor();
    await page.reload(); // the tab has forgotten it
    await page.getByLabel("API key").waitFor();
    expect(await page.getByText("The API key is not valid.").count()).toBe(0);
    store.close();
    await page.close();
  });
});

describe("DASHBOARD=read with DASHBOARD_LABEL", () => {
  it("offers no actions, and names the environment", async () => {
    const { url } = await replicaWith({ DASHBOARD: "read", DASHBOARD_LABEL: "staging <eu>" });
    const page = await dashboard.open("/queues", { url });
    await page.getByRole("banner").getByText("staging <eu>").waitFor();
    await page.getByRole("banner").getByText("read only").waitFor();
    const pause = page.getByRole("button", { name: "Pause noop" });
    expect(await pause.getAttribute("title")).toBe("Not available: this dashboard is read only.");
    expect(await pause.getAttribute("aria-disabled")).toBe("true");
    await picture(page, "frame-read-only");
    await page.close();
  });
});

describe("protected mode", () => {
  it("is explained to a browser that a proxy passes on", async () => {
    const page = await dashboard.open("", { context: { extraHTTPHeaders: { "x-forwarded-for": "192.0.2.7" } } });
    await heading(page, "Not available");
    const text = await page.locator("main").textContent();
    expect(text).toContain("This server has no API keys, so it serves only its own machine");
    expect(text).toContain("TASKFLOW_API_KEYS");
    await picture(page, "frame-protected");
    await page.close();
  });
});
