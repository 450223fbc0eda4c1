import { createHash } from "node:crypto";
import { describe, expect, it } from "vitest";
import { TaskFlow } from "../../../client/taskflow.ts";
import { dashboardOf } from "../../../testing/dashboard.ts";

const hash = (key: string): string => createHash("sha256").update(key).digest("hex");
const KEYS = { reader: "a-key-that-reads", writer: "a-key-that-submits" };
const dashboard = dashboardOf({
  env: { TASKFLOW_API_KEYS: `reader:read:${hash(KEYS.reader)},writer:submit+read:${hash(KEYS.writer)}` },
});
/** A PNG of 1 × 1 pixel. */
const PIXEL = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNkYPhfDwAChwGA60e6kgAAAABJRU5ErkJggg==";

describe("the screen of a job, with an API key", () => {
  it("previews and downloads files with the key, and offers no action beyond its scopes", async () => {
    const api = new TaskFlow({ url: dashboard.replica().url, apiKey: KEYS.writer });
    const payload = { source: { base64: PIXEL }, width: 64 };
    const { id } = await api.submit("image_resize", payload);
    await api.waitFor(id);
    const page = await dashboard.open(`/jobs/${id}`);
    await page.getByLabel("API key").fill(KEYS.reader);
    await page.getByRole("button", { name: "Sign in" }).click();
    const preview = page.getByRole("img", { name: /^Preview of/ });
    await preview.waitFor();
    expect(await preview.evaluate((element) => (element as HTMLImageElement).naturalWidth)).toBe(64);
    const [download] = await Promise.all([
      page.waitForEvent("download"),
      page.getByRole("button", { name: "Download image-1.png" }).click(),
    ]);
    expect(download.suggestedFilename()).toBe("image-1.png");
    const edit = page.getByRole("button", { name: "Edit and retry" });
    expect(await edit.getAttribute("title")).toBe("Not available: this needs the scope submit.");
    await page.keyboard.press("e");
    await page.getByText("Not available: This needs the scope submit.").waitFor();
    await page.close();
  });
});
