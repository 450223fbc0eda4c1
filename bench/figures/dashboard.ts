/** Measures what open dashboards cost a replica that runs jobs, and whether the memory of a page grows. */
import { setTimeout as delay } from "node:timers/promises";
import type { Browser, Page } from "playwright-core";
import { startBrowser } from "../../src/testing/browser.ts";
import type { Running } from "../competitors/competitor.ts";
import { taskflow } from "../competitors/competitor.ts";
import type { Bench, Figure } from "../figure.ts";
import { withCompetitor } from "../figure.ts";
import { medianOf } from "../median.ts";

const JOBS_PER_S = 300;
const SUBMIT_EVERY_MS = 100;
const MANY = 10;
/** A page has loaded its screen and compiled its code after this time. */
const SETTLE_MS = 10_000;

interface Round {
  /** The CPU of the replica that further dashboards add, in % of a core. */
  readonly one: number;
  readonly many: number;
  readonly heapBytes: number;
}

export const dashboard: Figure = {
  name: "dashboard",
  title: `open dashboards of a replica that runs ${JOBS_PER_S} jobs/s`,
  run: async (bench) => {
    const rounds = await withCompetitor(bench, taskflow(bench.program), (running) => measure(bench, running));
    const [one, many] = [rounds.map((round) => round.one), rounds.map((round) => round.many)];
    const heaps = rounds.map(({ heapBytes }) => heapBytes / 2 ** 20);
    const growth = (heaps.at(-1) ?? 0) / (heaps[0] ?? 1);
    return {
      readings: [
        { name: "TaskFlow, CPU for 1 dashboard", unit: "% of a core", values: one },
        { name: `TaskFlow, CPU for ${MANY} dashboards`, unit: "% of a core", values: many },
        { name: "a page, JavaScript heap after garbage collection", unit: "MiB", values: heaps },
      ],
      goals: [
        { text: "1 open dashboard, CPU", value: medianOf(one), limit: { most: 1 }, unit: "% of a core" },
        { text: `${MANY} open dashboards, CPU`, value: medianOf(many), limit: { most: 3 }, unit: "% of a core" },
        { text: "heap of a page, last round against first", value: growth, limit: { most: 1.25 }, unit: "" },
      ],
      notes: [
        "browser pages without a shared cache, in turn on the overview and the list of jobs; beside one that stays open; with --rounds=30 it does so for an hour",
      ],
    };
  },
};

async function measure(bench: Bench, { url, program }: Running): Promise<Round[]> {
  const windowMs = bench.isQuick ? 10_000 : 30_000;
  const load = startLoad(url);
  const browser = await startBrowser();
  const cpuPercent = async (): Promise<number> => {
    await delay(SETTLE_MS);
    const before = program.cpuMs();
    await delay(windowMs);
    return ((program.cpuMs() - before) / windowMs) * 100;
  };
  /** The CPU of the replica while more dashboards are open. */
  const costOf = async (count: number): Promise<number> => {
    const pages = await Promise.all(Array.from({ length: count }, (_, index) => openDashboard(browser, url, index)));
    const percent = await cpuPercent();
    await Promise.all(pages.map((page) => page.context().close()));
    return percent;
  };
  try {
    const oldest = await openDashboard(browser, url, 0);
    const rounds: Round[] = [];
    for (let round = 0; round < bench.rounds; round += 1) {
      bench.log(`round ${round + 1} of ${bench.rounds}`);
      const none = await costOf(0);
      const one = await costOf(1);
      const many = await costOf(MANY);
      rounds.push({ one: one - none, many: many - none, heapBytes: await heapBytesOf(oldest) });
    }
    return rounds;
  } finally {
    await browser.close();
    await load.stop();
  }
}

/** Opens the overview and the list of jobs in turn, each page in a new context: nothing is shared. */
async function openDashboard(browser: Browser, url: string, index: number): Promise<Page> {
  const context = await browser.newContext({ locale: "en-US", viewport: { width: 1280, height: 800 } });
  const page = await context.newPage();
  await page.goto(`${url}/ui${index % 2 === 0 ? "" : "/jobs"}`);
  await page.waitForSelector("h1");
  return page;
}

async function heapBytesOf(page: Page): Promise<number> {
  const devTools = await page.context().newCDPSession(page);
  await devTools.send("HeapProfiler.collectGarbage");
  const { usedSize } = await devTools.send("Runtime.getHeapUsage");
  await devTools.detach();
  return usedSize;
}

/** Submits jobs at {@link JOBS_PER_S}. Jobs that wait for minutes give the list of jobs something to follow. */
function startLoad(url: string): { stop(): Promise<void> } {
  let isStopped = false;
  const count = (JOBS_PER_S * SUBMIT_EVERY_MS) / 1_000;
  const jobs = Array.from({ length: count }, (_, n) => ({
    type: "noop",
    payload: {},
    ...(n === 0 && { delay_ms: 60_000 }),
  }));
  const init = { method: "POST", headers: { "content-type": "application/json" }, body: JSON.stringify({ jobs }) };
  const submit = async (): Promise<void> => {
    while (!isStopped) {
      const response = await fetch(`${url}/api/v1/jobs/batch`, init);
      if (response.status !== 202) throw new Error(`a batch was answered with ${response.status}`);
      await response.arrayBuffer();
      await delay(SUBMIT_EVERY_MS);
    }
  };
  const submitting = submit();
  submitting.catch(() => undefined); // stop() reports it
  return {
    stop: () => {
      isStopped = true;
      return submitting;
    },
  };
}
