/** While Redis, Postgres or the server itself is away, a page keeps its data and recovers without a reload. */
import type { Page } from "playwright-core";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { freePort } from "../../embedded/free-port.ts";
import { dashboardOf, picture } from "../../testing/dashboard.ts";
import type { OwnServer } from "../../testing/own-servers.ts";
import type { TestReplica } from "../../testing/replica.ts";
import { call, startReplica, submit } from "../../testing/replica.ts";
import { ownPostgres, ownRedis, tempDir } from "../../testing/services.ts";
import { until } from "../../testing/until.ts";

const dashboard = dashboardOf();
let [redis, postgres, port]: [OwnServer?, OwnServer?, number?] = [];
let replica: TestReplica | undefined;
const running = (): TestReplica => {
  if (!replica) throw new Error("the replica does not run");
  return replica;
};

async function start(): Promise<void> {
  replica = await startReplica({
    redis: redis?.address ?? "",
    database: postgres?.address ?? "",
    artifacts: tempDir(),
    env: { SERVER_ADDR: `127.0.0.1:${port}` },
  });
}
beforeAll(async () => {
  [redis, postgres, port] = await Promise.all([ownRedis(), ownPostgres(), freePort()]);
  await start();
});
afterAll(() => replica?.close());

const banner = (page: Page, text: string | RegExp) => page.locator(".notice", { hasText: text }).first();
const waiting = (page: Page, count: number): Promise<void> =>
  page
    .locator("tr", { hasText: "noop" })
    .getByRole("cell", { name: String(count), exact: true })
    .first()
    .waitFor();

/** Opens the queues, with one more waiting job than before. */
let jobs = 0;
async function submitLater(): Promise<string> {
  jobs += 1;
  return submit(running(), "noop", {}, { delay_ms: 3_600_000 });
}

/** The time origin of the page, which a reload would change. */
const originOf = (page: Page): Promise<number> => page.evaluate(() => performance.timeOrigin);

describe("a page while a server is away", () => {
  it("says that Redis does not answer, keeps the data with its age, and recovers", async () => {
    await submitLater();
    const page = await dashboard.open("/queues", { url: running().url });
    const origin = await originOf(page);
    await waiting(page, jobs);
    await redis?.stop();
    await banner(page, "Redis does not answer").waitFor();
    await banner(page, /The data below is .+ old\./).waitFor();
    await waiting(page, jobs);
    await picture(page, "frame-redis-away");
    await redis?.restart();
    await banner(page, "Redis").waitFor({ state: "detached" });
    await until(() => submitLater().then(() => true), { what: "the replica accepts jobs again" });
    await waiting(page, jobs);
    await page.locator(".notice").waitFor({ state: "detached" });
    expect(await originOf(page)).toBe(origin);
    await page.close();
  });

  it("says that Postgres does not answer, and recovers", async () => {
    const page = await dashboard.open("/queues", { url: running().url });
    const origin = await originOf(page);
    await waiting(page, jobs);
    await postgres?.stop();
    await banner(page, "Postgres does not answer").waitFor();
    await submitLater();
    await waiting(page, jobs); // the queues are in Redis
    await picture(page, "frame-postgres-away");
    await postgres?.restart();
    await page.locator(".notice").waitFor({ state: "detached" });
    expect(await originOf(page)).toBe(origin);
    await page.close();
  });

  it("says that the server does not answer, recovers, and reads the jobs again that it missed", async () => {
    const id = await submitLater();
    const page = await dashboard.open("/jobs?q=status:scheduled", { url: running().url });
    const row = page.locator(`tr[data-row="${id}"]`);
    await row.getByText("scheduled").waitFor();
    const origin = await originOf(page);
    await replica?.close();
    await banner(page, "No answer from the server").waitFor();
    expect(await row.isVisible()).toBe(true);
    await picture(page, "frame-server-away");
    await start();
    await page.locator(".notice").waitFor({ state: "detached" });
    await call(running(), "POST", `/api/v1/jobs/${id}/run`);
    await row.getByText("completed").waitFor();
    jobs -= 1;
    expect(await originOf(page)).toBe(origin);
    await page.close();
  });

  it("starts once the server answers", async () => {
    const { url } = running();
    const page = await dashboard.open("/queues", { url });
    await page.route("**/api/v1/whoami", (route) => route.abort());
    await page.reload();
    await page.getByRole("heading", { name: "No answer from the server" }).waitFor();
    await page.unroute("**/api/v1/whoami");
    await waiting(page, jobs);
    await page.close();
  });
});
