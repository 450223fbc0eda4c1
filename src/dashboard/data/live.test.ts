/** Tabs of a browser share one event stream. */

import { once } from "node:events";
import { createServer, request as forward } from "node:http";
import type { AddressInfo } from "node:net";
import type { Page } from "playwright-core";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { dashboardOf } from "../../testing/dashboard.ts";
import { call, submit } from "../../testing/replica.ts";
import { until } from "../../testing/until.ts";

const dashboard = dashboardOf();

/** A proxy that knows the open event streams. */
async function startCountingProxy(target: string) {
  const streams = new Set<string>();
  const server = createServer((incoming, outgoing) => {
    const { url = "" } = incoming;
    const passed = forward(
      new URL(url, target),
      { method: incoming.method, headers: incoming.headers, agent: false },
      (answer) => {
        outgoing.writeHead(answer.statusCode ?? 0, answer.headers);
        answer.pipe(outgoing);
      },
    );
    passed.on("error", () => outgoing.destroy());
    if (url.startsWith("/api/v1/events")) streams.add(url);
    outgoing.on("close", () => {
      streams.delete(url);
      passed.destroy();
    });
    incoming.pipe(passed);
  }).listen(0, "127.0.0.1");
  await once(server, "listening");
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    /** The ids that each open stream follows. */
    followed: () => [...streams].map((url) => new URL(url, target).searchParams.get("ids")?.split(",").sort()),
    cut: () => server.closeAllConnections(),
    close: () => {
      server.close();
      server.closeAllConnections();
    },
  };
}

const LATER = { delay_ms: 3_600_000 };
const run = (id: string) => call(dashboard.replica(), "POST", `/api/v1/jobs/${id}/run`);
const showsStatus = (page: Page, id: string, status: string): Promise<void> =>
  page.locator(`tr[data-row="${id}"]`).getByText(status, { exact: true }).waitFor();

describe("two tabs with the list of jobs", () => {
  let proxy: Awaited<ReturnType<typeof startCountingProxy>>;
  beforeAll(async () => {
    proxy = await startCountingProxy(dashboard.replica().url);
  });
  afterAll(() => proxy.close());

  it("share one event stream, which survives a closed tab and a lost connection", async () => {
    const replica = dashboard.replica();
    const ids = [];
    for (const tag of ["one", "one", "two", "two"])
      ids.push(await submit(replica, "noop", {}, { ...LATER, tags: [tag] }));
    const [first = "", second = "", third = "", fourth = ""] = ids;
    const one = await dashboard.open("/jobs?q=tag:one", { url: proxy.url });
    const two = await dashboard.open("/jobs?q=tag:two", { url: proxy.url, beside: one });
    await until(() => proxy.followed().join() === [...ids].sort().join(), { what: "one stream follows all jobs" });
    expect(proxy.followed()).toHaveLength(1);
    for (const [page, id] of [
      [one, first],
      [two, third],
    ] as const) {
      await showsStatus(page, id, "scheduled");
      await run(id);
      await showsStatus(page, id, "completed");
    }

    await one.close();
    await run(fourth);
    await showsStatus(two, fourth, "completed");
    expect(proxy.followed()).toHaveLength(1);

    const fifth = await submit(replica, "noop", {}, { ...LATER, tags: ["two"] });
    await two.reload();
    await showsStatus(two, fifth, "scheduled");
    await until(() => proxy.followed().some((all) => all?.includes(fifth)), { what: "the stream follows it" });
    proxy.cut();
    await run(fifth); // while there is no stream
    await showsStatus(two, fifth, "completed");
    expect(second).not.toBe("");
    await two.close();
    await until(() => proxy.followed().length === 0, { what: "no stream is open" });
  });
});
