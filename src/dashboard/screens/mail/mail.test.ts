import { readFile } from "node:fs/promises";
import { createTransport } from "nodemailer";
import type { Download } from "playwright-core";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { MailCatcher } from "../../../embedded/mail-catcher.ts";
import { startMailCatcher } from "../../../embedded/mail-catcher.ts";
import type { Theme } from "../../../testing/dashboard.ts";
import { dashboardOf, expectAccessible, picture } from "../../../testing/dashboard.ts";
import { apiKeysOf, signIn } from "../../../testing/dashboard-keys.ts";
import { startReplica } from "../../../testing/replica.ts";
import { freshDatabase, freshRedis, tempDir } from "../../../testing/services.ts";

const LONG = "A subject that is longer than any column of a table should have to show, and then some more words";

let catcher: MailCatcher | undefined;
const dashboard = dashboardOf(async () => {
  catcher = await startMailCatcher({ dataDir: tempDir() });
  return { mail: catcher };
});
afterAll(() => catcher?.close());

const contentOf = async (download: Download): Promise<string> => readFile(await download.path(), "utf8");

async function send(): Promise<void> {
  const transport = createTransport({ url: catcher?.url ?? "" });
  const message = { from: "Shop <shop@example.com>", to: ["jane@example.com", "joe@example.com"] };
  await transport.sendMail({ ...message, subject: LONG, text: "Only text, in one line." });
  await transport.sendMail({
    ...message,
    subject: "Your report",
    text: "The plain text.",
    html: "<h1>Your report</h1><p>It is <b>ready</b>.</p>",
    attachments: [{ filename: "rows.csv", content: "a,b\n1,2\n" }],
  });
  transport.close();
}

describe("the mail catcher", () => {
  it("leads to a first message where there is none", async () => {
    const page = await dashboard.open("/mail");
    await page.getByText("No message yet.").waitFor();
    await picture(page, "mail-empty", { isWhole: false });
    await page.getByRole("link", { name: "Send an email" }).click();
    await page.waitForURL("**/ui/new/email");
    await page.close();
  });

  describe("with messages", () => {
    beforeAll(send);

    it.each(["light", "dark"] as Theme[])("is accessible in the %s theme", async (theme) => {
      const page = await dashboard.open("/mail", { theme });
      await page.getByRole("link", { name: "Your report" }).waitFor();
      await expectAccessible(page);
      await picture(page, `mail-${theme}`);
      await page.setViewportSize({ width: 360, height: 740 });
      expect(await page.evaluate(() => document.documentElement.scrollWidth)).toBe(360);
      await picture(page, `mail-${theme}-360`);
      await page.close();
    });

    it.each(["light", "dark"] as Theme[])("shows a message accessibly in the %s theme", async (theme) => {
      const page = await dashboard.open("/mail", { theme });
      await page.getByRole("link", { name: "Your report" }).click();
      await page.frameLocator(".mail-frame").getByText("ready").waitFor();
      await expectAccessible(page);
      await picture(page, `message-${theme}`);
      await page.setViewportSize({ width: 360, height: 740 });
      expect(await page.evaluate(() => document.documentElement.scrollWidth)).toBe(360);
      await picture(page, `message-${theme}-360`);
      await page.close();
    });

    it("shows the text, which a reload keeps, and the attachments", async () => {
      const page = await dashboard.open("/mail");
      await page.getByRole("link", { name: "Your report" }).click();
      await page.getByRole("link", { name: "Text", exact: true }).click();
      await page.getByText("The plain text.").waitFor();
      await page.reload();
      await page.getByText("The plain text.").waitFor();
      const [download] = await Promise.all([
        page.waitForEvent("download"),
        page.getByRole("link", { name: "Download rows.csv" }).click(),
      ]);
      expect(await contentOf(download)).toBe("a,b\n1,2\n");
      expect(download.suggestedFilename()).toBe("rows.csv");
      await page.getByRole("link", { name: "All messages" }).click();
      await page.getByRole("link", { name: LONG }).click();
      await page.getByText("Only text, in one line.").waitFor();
      await page.close();
    });

    it("downloads attachments with the key of the user", async () => {
      const [redis, database] = await Promise.all([freshRedis(), freshDatabase()]);
      const replica = await startReplica({
        redis: redis.address,
        database: database.url,
        artifacts: tempDir(),
        env: { TASKFLOW_API_KEYS: apiKeysOf({ "reading-key": "read" }) },
        ...(catcher && { mail: catcher }),
      });
      const page = await dashboard.open("/mail", { url: replica.url });
      await signIn(page, "reading-key");
      await page.getByRole("link", { name: "Your report" }).click();
      await page.getByText("The plain text.").waitFor();
      const [download] = await Promise.all([
        page.waitForEvent("download"),
        page.getByRole("button", { name: "Download rows.csv" }).click(),
      ]);
      expect(download.suggestedFilename()).toBe("rows.csv");
      expect(await contentOf(download)).toBe("a,b\n1,2\n");
      await page.close();
      await replica.close();
    });
  });
});
