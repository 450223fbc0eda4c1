/** The frame of all screens: navigation by mouse and keyboard, the focus, the palette, and the URLs. */
import type { Page } from "playwright-core";
import { beforeAll, describe, expect, it } from "vitest";
import type { Theme } from "../../testing/dashboard.ts";
import { dashboardOf, expectAccessible, picture } from "../../testing/dashboard.ts";
import { jobWhen, submit } from "../../testing/replica.ts";

const dashboard = dashboardOf();
let job = "";
beforeAll(async () => {
  job = await submit(dashboard.replica(), "noop", {});
  await jobWhen(dashboard.replica(), job);
});

const heading = (page: Page, name: string): Promise<void> => page.getByRole("heading", { level: 1, name }).waitFor();
const focused = (page: Page): Promise<string | null> =>
  page.evaluate(() => `${document.activeElement?.tagName}: ${document.activeElement?.textContent}`);
async function openPalette(page: Page): Promise<void> {
  await page.keyboard.press("Control+k");
  await page.waitForFunction(() => document.activeElement?.closest("dialog") !== null);
}
const pathOf = (page: Page): string => page.url().slice(dashboard.replica().url.length);

/** The path below /ui of each screen, its heading and its letter after `g`. */
const SCREENS = [
  ["", "Overview", "o"],
  ["/jobs", "Jobs", "j"],
  ["/schedules", "Schedules", "s"],
  ["/errors", "Errors", "e"],
  ["/queues", "Queues", "q"],
  ["/replicas", "Replicas", "r"],
  ["/destinations", "Destinations", "d"],
  ["/new", "New job", "n"],
  ["/audit", "Audit", "a"],
  ["/mail", "Mail", "m"],
] as const;

describe("the frame of the dashboard", () => {
  it.each(["light", "dark"] as Theme[])("has no serious accessibility violation in the %s theme", async (theme) => {
    const page = await dashboard.open("", { theme });
    await expectAccessible(page);
    await picture(page, `frame-${theme}`);
    await page.close();
  });

  it("leads a browser from the server's address to the overview", async () => {
    const page = await dashboard.open();
    await page.goto(`${dashboard.replica().url}/`);
    await page.waitForSelector("h1");
    expect(new URL(page.url()).pathname).toBe("/ui");
    await page.close();
  });

  it("opens each screen by two keys, moves the focus to its heading, and goes back and forward", async () => {
    const page = await dashboard.open();
    for (const [path, title, key] of [...SCREENS.slice(1), SCREENS[0]]) {
      await page.keyboard.press("g");
      await page.keyboard.press(key);
      await heading(page, title);
      expect(pathOf(page)).toBe(`/ui${path}`);
      await page.waitForFunction(
        () => document.activeElement?.tagName === "H1" || document.activeElement?.closest("main"),
      );
      expect(await page.title()).toBe(`${title} – TaskFlow`);
    }
    expect(await focused(page)).toBe("H1: Overview");
    await page.goBack();
    await heading(page, "Mail");
    await page.goBack();
    await heading(page, "Audit");
    await page.goForward();
    await heading(page, "Mail");
    await page.waitForFunction(() => document.activeElement?.textContent === "Mail");
    expect(pathOf(page)).toBe("/ui/mail");
    await page.close();
  });

  it("marks the current screen in the navigation, which the mouse opens", async () => {
    const page = await dashboard.open();
    await page.getByRole("navigation", { name: "Screens" }).getByRole("link", { name: "Queues" }).click();
    await heading(page, "Queues");
    expect(await page.locator('.navigation [aria-current="page"]').allTextContents()).toEqual(["Queues"]);
    await page.waitForFunction(() => document.activeElement?.tagName === "H1");
    expect(await page.evaluate(() => getComputedStyle(document.activeElement as Element).outlineStyle)).toBe("none");
    await page.close();
  });

  it("shows the same screen for its link, also after a reload", async () => {
    const page = await dashboard.open();
    const paths = [
      ...SCREENS.slice(1).map(([path, title]) => [path, title] as const),
      ["/jobs?q=type%3Anoop", "Jobs"],
      [`/jobs/${job}`, ""],
      ["/queues/noop", "noop"],
      ["/new/noop", "noop"],
      ["/nothing", "Not found"],
      ["/audit/1", "Not found"],
    ] as const;
    for (const [path, title] of paths) {
      await page.goto(`${dashboard.replica().url}/ui${path}`);
      for (let time = 0; time < 2; time += 1) {
        await page.waitForSelector(".page-head h1");
        expect(pathOf(page)).toBe(`/ui${path}`);
        expect(await page.locator("h1").textContent()).toContain(title);
        await page.reload();
      }
    }
    await page.close();
  });

  it("skips the navigation by its first link", async () => {
    const page = await dashboard.open("/queues");
    await page.keyboard.press("Tab");
    expect(await focused(page)).toBe("A: Skip to the content");
    await picture(page, "frame-skip", { isWhole: false });
    await page.keyboard.press("Enter");
    expect(await page.evaluate(() => document.activeElement?.id)).toBe("main");
    expect(pathOf(page)).toBe("/ui/queues");
    await page.keyboard.press("Tab");
    expect(await page.evaluate(() => document.activeElement?.closest("main") !== null)).toBe(true);
    await page.close();
  });

  it("reaches navigation, header and content by Tab, in this order", async () => {
    const page = await dashboard.open("/queues");
    await page.getByRole("button", { name: "Pause noop" }).waitFor();
    const regions: string[] = [];
    for (let presses = 0; presses < 40 && regions.at(-1) !== "MAIN"; presses += 1) {
      await page.keyboard.press("Tab");
      const region = await page.evaluate(
        () => document.activeElement?.closest("nav, header, main")?.tagName ?? document.activeElement?.className,
      );
      if (region !== undefined && region !== regions.at(-1)) regions.push(region);
    }
    expect(regions).toEqual(["skip", "NAV", "HEADER", "MAIN"]);
    await page.close();
  });
});

describe("the palette", () => {
  it("finds screens, types and ids, and returns the focus when it is closed", async () => {
    const page = await dashboard.open("/queues");
    await page.keyboard.press("Tab");
    await page.keyboard.press("Control+k");
    await page.getByRole("dialog", { name: "Go to" }).waitFor();
    await expectAccessible(page);
    await page.keyboard.press("Escape");
    await page.getByRole("dialog").waitFor({ state: "detached" });
    expect(await focused(page)).toBe("A: Skip to the content");

    await openPalette(page);
    await page.keyboard.type("queue noop");
    await page.getByRole("option", { name: "Queue noop queue" }).waitFor();
    await picture(page, "frame-palette", { isWhole: false });
    await page.keyboard.press("Enter");
    await page.waitForURL("**/ui/queues/noop");

    await openPalette(page);
    await page.keyboard.type("new");
    await page.getByRole("option", { name: "New job" }).waitFor();
    await page.keyboard.press("ArrowDown");
    await page.keyboard.press("ArrowUp");
    expect(await page.locator('[role=option][aria-selected="true"]').textContent()).toBe("New job screen");
    await page.keyboard.press("Enter");
    await heading(page, "New job");

    await page.getByRole("button", { name: /Search or go to/ }).click();
    await page.getByRole("combobox").fill(job.toUpperCase());
    await page.getByRole("option", { name: /job$/ }).click();
    await page.waitForURL(`**/ui/jobs/${job}`);

    await openPalette(page);
    await page.keyboard.type("words to search");
    await page.keyboard.press("Enter");
    await page.waitForURL(({ searchParams }) => searchParams.get("q") === "words to search");
    await page.close();
  });
});

describe("the list of shortcuts", () => {
  it("lists those of the screen, and opens and closes by keyboard", async () => {
    const page = await dashboard.open("/jobs");
    await heading(page, "Jobs");
    await page.keyboard.press("Shift+?");
    const list = page.getByRole("dialog", { name: "Keyboard shortcuts" });
    await list.waitFor();
    const rows = await list.locator("dl > div").allTextContents();
    expect(rows).toEqual(expect.arrayContaining(["gjJobs", "gqQueues", "CtrlKSearch or go to", "?This list"]));
    expect(rows.some((row) => row.startsWith("/"))).toBe(true);
    await expectAccessible(page);
    await picture(page, "frame-shortcuts", { isWhole: false });
    await page.keyboard.press("g"); // a dialog keeps its keys
    await page.keyboard.press("q");
    expect(pathOf(page)).toBe("/ui/jobs");
    await page.keyboard.press("Enter"); // its button has the focus
    await list.waitFor({ state: "detached" });
    await page.close();
  });
});

describe("theme and zone", () => {
  it("stay as the user chose them", async () => {
    const page = await dashboard.open("/queues");
    await page.getByRole("button", { name: "Theme: system" }).click();
    await page.getByRole("button", { name: "Theme: light" }).click();
    await page.getByRole("button", { name: "Local time" }).click();
    await page.reload();
    await page.getByRole("button", { name: "Theme: dark" }).waitFor();
    await page.getByRole("button", { name: "UTC" }).waitFor();
    expect(await page.evaluate(() => getComputedStyle(document.documentElement).colorScheme)).toBe("dark");
    await page.close();
  });

  it("follow the system, until the user chooses a theme", async () => {
    const page = await dashboard.open("/queues");
    const shows = (theme: Theme): Promise<unknown> =>
      page.waitForFunction((name) => getComputedStyle(document.documentElement).colorScheme === name, theme);
    await shows("light");
    await page.emulateMedia({ colorScheme: "dark" });
    await shows("dark");
    await page.getByRole("button", { name: "Theme: system" }).click();
    await shows("light");
    await page.close();
  });
});

describe("a window of 360 pixels", () => {
  it("has everything, and no horizontal scrolling", async () => {
    const page = await dashboard.open("/queues", { width: 360 });
    await page.getByRole("button", { name: "Pause noop" }).waitFor();
    await picture(page, "frame-360");
    expect(await page.evaluate(() => document.documentElement.scrollWidth)).toBeLessThanOrEqual(360);
    await page.getByRole("link", { name: "Replicas" }).click();
    await heading(page, "Replicas");
    await page.close();
  });
});
