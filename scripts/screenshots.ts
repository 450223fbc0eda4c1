/**
 * `npx tsx scripts/screenshots.ts [SECONDS]`, after `npm run build`: runs a demonstration for some minutes, and takes
 * the pictures of docs/dashboard.md from it.
 */

import { once } from "node:events";
import { mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import type { Page } from "playwright-core";
import { TaskFlow } from "../src/client/taskflow.ts";
import { startMailCatcher } from "../src/embedded/mail-catcher.ts";
import { startBrowser } from "../src/testing/browser.ts";
import type { Closer } from "./loadtest/server.ts";
import { startServer } from "./loadtest/server.ts";

const [SECONDS = 900] = process.argv.slice(2).map(Number);
const IMAGES = fileURLToPath(new URL("../docs/images/", import.meta.url));
const ROUND_MS = 500;
const CITIES = ["Tokyo", "Delhi", "Shanghai", "Cairo", "Lagos"].map((city) => ({ city }));

/** A host whose paths answer with their first segment: `/404/orders`. Every third answer of `/busy` is 503. */
async function startHost(closers: Closer[]): Promise<string> {
  let requests = 0;
  const server = createServer((request, response) => {
    requests += 1;
    const [, name = ""] = request.url?.split("/") ?? [];
    const status = name === "busy" ? (requests % 3 === 0 ? 503 : 200) : Number(name);
    request
      .resume()
      .on("end", () => setTimeout(() => response.writeHead(status).end(`${status}`), 20 + (requests % 90)));
  }).listen(0, "127.0.0.1");
  await once(server, "listening");
  closers.push(
    () => server.close(),
    () => server.closeAllConnections(),
  );
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

/** Submits jobs of several types; some fail, for three reasons, and some succeed at their second attempt. */
async function submitRound(api: TaskFlow, host: string, round: number): Promise<void> {
  const webhook = (path: string, order: number, options = {}) => ({
    type: "webhook",
    payload: { url: `${host}/${path}/orders`, body: { order, currency: "EUR", total: 10 + (order % 90) } },
    tags: ["orders", order % 2 === 0 ? "eu" : "us"],
    groupKey: `customer-${order % 7}`,
    ...options,
  });
  const count = 6 + Math.round(5 * Math.sin(round / 20));
  const jobs = Array.from({ length: count }, (_, n) => webhook(n % 4 === 3 ? "busy" : "200", round * 20 + n));
  await api.submitMany([
    ...jobs,
    ...(round % 6 === 0 ? [webhook("404", round)] : []),
    ...(round % 11 === 0 ? [webhook("410", round), webhook("400", round)] : []),
    ...(round % 4 === 0 ? [webhook("200", round, { delayMs: 600_000 })] : []),
    { type: "email", payload: { to: `reader-${round}@example.com`, subject: "Your order", body: "It is on its way." } },
    ...(round % 9 === 0
      ? [{ type: "data_export", payload: { format: "csv", filename: "cities.csv", source: { rows: CITIES } } }]
      : []),
  ]);
}

async function take(page: Page, url: string, name: string): Promise<void> {
  await page.goto(url);
  await page.waitForSelector(".page-head h1");
  await page.locator("main .waiting").first().waitFor({ state: "detached" });
  await delay(1_500); // charts and sparklines
  await page.screenshot({ path: join(IMAGES, `dashboard-${name}.png`) });
}

async function main(closers: Closer[]): Promise<void> {
  const dataDir = mkdtempSync(join(tmpdir(), "taskflow-pictures-"));
  closers.push(() => rmSync(dataDir, { recursive: true, force: true }));
  const mail = await startMailCatcher({ dataDir });
  closers.push(() => mail.close());
  const host = await startHost(closers);
  const { url } = await startServer(mail.url, closers);
  const browser = await startBrowser();
  closers.push(() => browser.close());
  const api = new TaskFlow({ url });
  for (let round = 0; round * ROUND_MS < SECONDS * 1_000; round += 1) {
    await submitRound(api, host, round);
    await delay(ROUND_MS);
  }
  mkdirSync(IMAGES, { recursive: true });
  const page = await browser.newPage({ locale: "en-US", viewport: { width: 1280, height: 800 } });
  await take(page, `${url}/ui`, "overview");
  await take(page, `${url}/ui/jobs?q=type:webhook`, "jobs");
  await take(page, `${url}/ui/errors`, "errors");
  const { value: failed } = await api.pages({ status: "failed", pageSize: 1 }).next();
  await take(page, `${url}/ui/jobs/${failed?.jobs[0]?.id ?? ""}`, "job");
}

const closers: Closer[] = [];
try {
  await main(closers);
} finally {
  for (const close of closers.reverse()) await close();
}
