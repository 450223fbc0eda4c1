/** The dashboard below the path prefix of a proxy, with and without PUBLIC_URL. */
import { once } from "node:events";
import { createServer, request as forward } from "node:http";
import type { AddressInfo } from "node:net";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { dashboardOf } from "../../testing/dashboard.ts";
import { submit } from "../../testing/replica.ts";

/** Passes `/taskflow/…` on as `/…`, or unchanged. */
async function startProxy({ target, isStripping }: { readonly target: string; readonly isStripping: boolean }) {
  const proxy = createServer((incoming, outgoing) => {
    const path = incoming.url ?? "";
    if (!path.startsWith("/taskflow/")) {
      outgoing.writeHead(404).end();
      return;
    }
    const passed = forward(
      new URL(isStripping ? path.slice("/taskflow".length) : path, target),
      { method: incoming.method, headers: incoming.headers, agent: false },
      (answer) => {
        outgoing.writeHead(answer.statusCode ?? 0, answer.headers);
        answer.pipe(outgoing);
      },
    );
    outgoing.on("close", () => passed.destroy());
    passed.on("error", () => outgoing.destroy());
    incoming.pipe(passed);
  }).listen(0, "127.0.0.1");
  await once(proxy, "listening");
  return {
    url: `http://127.0.0.1:${(proxy.address() as AddressInfo).port}/taskflow`,
    close: () => {
      proxy.close();
      proxy.closeAllConnections();
    },
  };
}

describe.each([
  { publicUrl: "", isStripping: true },
  { publicUrl: "https://example.com/taskflow", isStripping: true },
  { publicUrl: "https://example.com/taskflow", isStripping: false },
])("with PUBLIC_URL=$publicUrl, taken off: $isStripping", ({ publicUrl, isStripping }) => {
  const dashboard = dashboardOf({ env: { PUBLIC_URL: publicUrl } });
  let proxy: Awaited<ReturnType<typeof startProxy>>;
  beforeAll(async () => {
    proxy = await startProxy({ target: dashboard.replica().url, isStripping });
  });
  afterAll(() => proxy.close());

  it("opens, navigates, reloads and follows jobs", async () => {
    const id = await submit(dashboard.replica(), "noop", {}, { delay_ms: 3_600_000 });
    const page = await dashboard.open("/queues", { url: proxy.url });
    const pathname = (): string => new URL(page.url()).pathname;
    await page.getByRole("link", { name: "Jobs" }).first().click();
    await page.locator(`tr[data-row="${id}"]`).getByText("scheduled").waitFor();
    expect(pathname()).toBe("/taskflow/ui/jobs");
    await page.goto(`${proxy.url}/ui/jobs/${id}`);
    await page.reload();
    await page.getByRole("button", { name: /^Run now/ }).click();
    await page.locator("main").getByText("completed").first().waitFor();
    await page.keyboard.press("g");
    await page.keyboard.press("o");
    await page.getByRole("heading", { level: 1, name: "Overview" }).waitFor();
    expect(pathname()).toBe("/taskflow/ui");
    await page.goBack();
    await page.waitForURL(`${proxy.url}/ui/jobs/${id}`);
    await page.close();
  });

  it("is where the root of the server leads", async () => {
    const page = await dashboard.open("", { url: proxy.url });
    await page.goto(`${proxy.url}/`);
    await page.getByRole("heading", { level: 1, name: "Overview" }).waitFor();
    expect(new URL(page.url()).pathname).toBe("/taskflow/ui");
    await page.close();
  });
});
