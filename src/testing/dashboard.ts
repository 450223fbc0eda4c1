/** A browser on the dashboard of a replica, for the tests of its screens. */
import { mkdirSync, readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname } from "node:path";
import { fileURLToPath } from "node:url";
import type { Browser, BrowserContextOptions, Page } from "playwright-core";
import { afterAll, beforeAll, expect, onTestFailed } from "vitest";
import { startBrowser } from "./browser.ts";
import type { TestReplica, TestReplicaOptions } from "./replica.ts";
import { startReplica } from "./replica.ts";
import { freshDatabase, freshRedis, tempDir } from "./services.ts";

/** The pictures of the screens, for people to look at after a test run. */
const PICTURES = fileURLToPath(new URL("../../.cache/screens", import.meta.url));
const AXE = createRequire(import.meta.url).resolve("axe-core/axe.min.js");

export type Theme = "light" | "dark";

export interface Dashboard {
  readonly replica: () => TestReplica;
  readonly browser: () => Browser;
  /**
   * Opens a new page at a path below /ui, such as `/jobs?q=type:noop`. Errors of its scripts, violations of its
   * Content-Security-Policy and requests to other hosts fail the test.
   */
  open(path?: string, options?: OpenOptions): Promise<Page>;
}

interface OpenOptions {
  /** The server, with the path prefix of a proxy; default: the replica. */
  readonly url?: string;
  /** Opens a tab in the browser of this page instead. */
  readonly beside?: Page;
  readonly theme?: Theme;
  readonly width?: number;
  readonly height?: number;
  readonly context?: BrowserContextOptions;
}

type ReplicaOptions = Partial<TestReplicaOptions>;

/**
 * One replica and one browser for the tests of a file, both closed after them.
 * @param options of the replica; a function may start what they name
 */
export function dashboardOf(options: ReplicaOptions | (() => Promise<ReplicaOptions>) = {}): Dashboard {
  let replica: TestReplica | undefined;
  let browser: Browser | undefined;
  const errors: string[] = [];
  const closings: Promise<void>[] = [];
  beforeAll(async () => {
    const [redis, database, more] = await Promise.all([
      freshRedis(),
      freshDatabase(),
      typeof options === "function" ? options() : options,
    ]);
    [replica, browser] = await Promise.all([
      startReplica({ redis: redis.address, database: database.url, artifacts: tempDir(), ...more }),
      startBrowser(),
    ]);
  });
  afterAll(async () => {
    await Promise.all(closings);
    await browser?.close();
    await replica?.close();
    expect(errors).toEqual([]);
  });
  const started = <Part>(part: Part | undefined): Part => {
    if (part === undefined) throw new Error("the test has not started yet");
    return part;
  };
  return {
    replica: () => started(replica),
    browser: () => started(browser),
    open: async (path = "", { url = started(replica).url, beside, ...view }: OpenOptions = {}) => {
      const { theme = "light", width = 1280, height = 800, context = {} } = view;
      const tabs =
        beside?.context() ??
        (await started(browser).newContext({
          locale: "en-US", // without it, the browser's is en-US@posix, which Intl rejects
          colorScheme: theme,
          viewport: { width, height },
          ...context,
        }));
      const page = await tabs.newPage();
      page.once("close", () => {
        // the browser, too, closes its tabs when it closes
        if (tabs.pages().length === 0) closings.push(tabs.close().catch(() => undefined));
      });
      watch(page, new URL(url).origin, errors);
      onTestFailed(() => report(page));
      await page.goto(`${url}/ui${path}`);
      await page.waitForSelector("h1");
      return page;
    },
  };
}

/** Shows what a failed test saw last: a machine that runs tests keeps no pictures. */
async function report(page: Page): Promise<void> {
  if (page.isClosed()) return;
  const focus = await page.evaluate<string>("document.activeElement?.outerHTML.slice(0, 200) ?? 'nowhere'");
  const text = (await page.locator("body").innerText()).slice(0, 2_000);
  process.stderr.write(`${page.url()}\nfocus: ${focus}\n${text}\n`);
}

/** Collects what a page must not do. A browser also logs a violation of the Content-Security-Policy as an error. */
function watch(page: Page, origin: string, errors: string[]): void {
  page.on("pageerror", (error) => errors.push(`${page.url()}: ${error.stack ?? error.message}`));
  page.on("console", (message) => {
    // the browser logs failed requests, which are part of some tests
    if (message.type() === "error" && !message.text().startsWith("Failed to load resource"))
      errors.push(`${page.url()}: ${message.text()}`);
  });
  page.on("request", (request) => {
    const { protocol, origin: to } = new URL(request.url());
    if (protocol.startsWith("http") && to !== origin) errors.push(`${page.url()} has called ${request.url()}`);
  });
}

/** Saves a picture of the page. */
export async function picture(page: Page, name: string, { isWhole = true } = {}): Promise<void> {
  const path = `${PICTURES}/${name}.png`;
  mkdirSync(dirname(path), { recursive: true });
  await page.screenshot({ path, fullPage: isWhole });
}

interface Violation {
  readonly id: string;
  readonly impact: string | null;
  readonly nodes: readonly { readonly html: string; readonly failureSummary?: string }[];
}

/** Fails if axe finds a serious or critical violation of WCAG 2.2 AA on the page. */
export async function expectAccessible(page: Page): Promise<void> {
  await page.evaluate(readFileSync(AXE, "utf8")); // a script element would violate the policy of the page
  const violations = await page.evaluate(async () => {
    const { axe } = globalThis as unknown as {
      readonly axe: { run(options: object): Promise<{ readonly violations: readonly Violation[] }> };
    };
    return (await axe.run({ runOnly: ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"] }))
      .violations;
  });
  const serious = violations.filter(({ impact }) => impact === "serious" || impact === "critical");
  expect(
    serious.map(({ id, nodes }) => ({ id, nodes: nodes.map(({ html, failureSummary }) => [html, failureSummary]) })),
  ).toEqual([]);
}
