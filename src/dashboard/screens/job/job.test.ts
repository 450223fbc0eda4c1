import type { Page } from "playwright-core";
import { describe, expect, it } from "vitest";
import type { Theme } from "../../../testing/dashboard.ts";
import { dashboardOf, expectAccessible, picture } from "../../../testing/dashboard.ts";
import { HttpPeer } from "../../../testing/http-peer.ts";
import { getJob, jobWhen, submit } from "../../../testing/replica.ts";

const dashboard = dashboardOf({ env: { OUTBOUND_ALLOW_PRIVATE: "true" } });
const replica = () => dashboard.replica();

const idOf = (page: Page): string => new URL(page.url()).pathname.split("/").at(-1) ?? "";
const button = (page: Page, name: string) => page.getByRole("button", { name, exact: true });
/** A job that failed at its last attempt, after a retry. */
const failedJob = (fields: object = {}) =>
  submit(replica(), "test_io", { do: "fail", times: 9 }, { max_attempts: 2, ...fields });
const later = { run_at: new Date(Date.now() + 3_600_000).toISOString() };
/** A PNG of 1 × 1 pixel. */
const PIXEL = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNkYPhfDwAChwGA60e6kgAAAABJRU5ErkJggg==";

async function openJob(id: string, query = "", options = {}): Promise<Page> {
  const page = await dashboard.open(`/jobs/${id}${query}`, options);
  await page.waitForSelector(".job-state");
  return page;
}

describe("the screen of a job", () => {
  it("shows why a job waits, its lines as they arrive, and its end, without a reload", async () => {
    const payload = { do: "talk", lines: ["first line", "second line"], ms: 700 };
    const expires_at = new Date(Date.now() + 86_400_000).toISOString();
    const id = await submit(replica(), "test_io", payload, { ...later, expires_at });
    const page = await openJob(id);
    await page.getByText("It does not start before its run_at.").waitFor();
    for (const title of ["Not before", "Expires"])
      await page.locator("dl > div", { hasText: title }).locator("time").waitFor();
    await button(page, "Run now").click();
    await page.locator(".log").getByText("first line").waitFor();
    expect((await getJob(replica(), id)).status).toBe("running");
    await page.locator(".log").getByText("second line").waitFor();
    await page.getByText(/It completed at the first attempt/).waitFor();
    await page.locator(".attempt").getByText("completed", { exact: true }).waitFor();
    expect(await page.locator(".log-text").allTextContents()).toEqual(["first line", "second line"]);
    await page.close();
  });

  it("shows the attempts of a failed job, the newest first, and its timeline in words", async () => {
    const id = await failedJob();
    await jobWhen(replica(), id);
    const page = await openJob(id);
    await page.locator(".attempt").nth(1).waitFor();
    expect(await page.locator(".attempt h3").allTextContents()).toEqual(["Attempt 2", "Attempt 1"]);
    expect(await page.locator(".attempt-error").allTextContents()).toEqual([
      "test_failure failure 2",
      "test_failure failure 1",
    ]);
    const steps = await page.locator(".timeline-steps li").allTextContents();
    expect(steps.filter((step) => step.startsWith("attempt"))).toEqual([
      expect.stringMatching(/^attempt 1 ran .*: failed, to be tried again$/),
      expect.stringMatching(/^attempt 2 ran .*: failed$/),
    ]);
    await page.getByText("It failed at attempt 2 of 2 with the error test_failure.").waitFor();
    await page.close();
  });

  it("shows and copies the JSON with every digit, and keeps the view in the URL", async () => {
    const payload = '{"do":"return","value":{"id":12345678901234567890,"price":1.50}}';
    const response = await fetch(`${replica().url}/api/v1/jobs`, {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: `{"type":"test_io","payload":${payload}}`,
    });
    const { id } = (await response.json()) as { readonly id: string };
    await jobWhen(replica(), id);
    const page = await openJob(id);
    const json = page.getByRole("region", { name: "the payload" });
    expect(await json.textContent()).toContain('"price": 1.50');
    expect(await json.textContent()).toContain('"id": 12345678901234567890');
    await page.getByRole("link", { name: "Raw JSON" }).click();
    await page.reload();
    expect(await page.getByRole("region", { name: "the job" }).textContent()).toContain("12345678901234567890");
    await page.close();
  });

  it("retries by the keyboard, and links the two jobs to each other", async () => {
    const id = await failedJob();
    await jobWhen(replica(), id);
    const page = await openJob(id);
    await page.keyboard.press("r");
    await page.getByText("Runs again").waitFor();
    expect(idOf(page)).not.toBe(id);
    const again = idOf(page);
    await page.getByRole("link", { name: id }).click();
    await page.getByRole("link", { name: again }).waitFor();
    await page.close();
  });

  it("does not act on a key that ends the shortcut of another screen", async () => {
    const id = await failedJob();
    await jobWhen(replica(), id);
    const page = await openJob(id);
    const posts: string[] = [];
    page.on("request", (request) => request.method() === "POST" && posts.push(request.url()));
    await page.keyboard.press("g");
    await page.keyboard.press("r");
    await page.getByRole("heading", { name: "Replicas", exact: true }).waitFor();
    expect(posts).toEqual([]);
    await page.close();
  });

  it("links a job and its callback to each other", async () => {
    const peer = await HttpPeer.start();
    const id = await submit(replica(), "noop", {}, { callback_url: peer.url("/done") });
    await jobWhen(replica(), id);
    const page = await openJob(id);
    const callback = page.locator(".side-facts div", { hasText: "Its callback" }).getByRole("link");
    await callback.click();
    await page.locator(".side-facts div", { hasText: "Callback of" }).getByRole("link", { name: id }).waitFor();
    await peer.close();
    await page.close();
  });

  it("edits and retries in the form, and keeps digits that nobody has edited", async () => {
    const peer = await HttpPeer.start();
    const id = await submit(
      replica(),
      "webhook",
      { url: peer.url("/a"), headers: { "X-Api-Key": "hidden" }, body: { n: 1 } },
      { priority: 7, tags: ["news"] },
    );
    await jobWhen(replica(), id);
    const page = await openJob(id, "?view=edit");
    const submitButton = button(page, "Submit");
    await page.getByText("Enter it again before you submit: headers/X-Api-Key.").waitFor();
    expect(await submitButton.getAttribute("aria-disabled")).toBe("true");
    const editor = page.getByLabel("Payload as JSON");
    await editor.fill((await editor.inputValue()).replace('"n": 1', '"n": 12345678901234567890'));
    await page.getByLabel("Value of X-Api-Key").fill("new");
    await page.getByLabel("url required").fill(peer.url("/b"));
    expect(await editor.inputValue()).toContain('"n": 12345678901234567890');
    await picture(page, "job-edit");
    await expectAccessible(page);
    await submitButton.click();
    await page.waitForURL((url) => !url.pathname.endsWith(id));
    const job = await jobWhen(replica(), idOf(page));
    expect(job).toMatchObject({ status: "completed", priority: 7, tags: ["news"], payload: { url: peer.url("/b") } });
    expect(await page.getByRole("region", { name: "the payload" }).textContent()).toContain("12345678901234567890");
    await page.getByText("The server answered with status 200").waitFor();
    await peer.close();
    await page.close();
  });

  it("shows the server's field errors at their fields", async () => {
    const id = await submit(replica(), "email", { to: "a@b.example", subject: "x", body: "y" });
    await jobWhen(replica(), id);
    const page = await openJob(id, "?view=edit");
    await page.getByLabel("to required").fill("nobody");
    await button(page, "Submit").click();
    await page
      .locator(".form-field", { has: page.getByLabel("to required") })
      .locator(".error-text")
      .waitFor();
    expect(await page.getByLabel("to required").getAttribute("aria-invalid")).toBe("true");
    await page.close();
  });

  it("changes time and priority, and cancels", async () => {
    const id = await submit(replica(), "noop", {}, later);
    const page = await openJob(id);
    await button(page, "Reschedule…").click();
    await page.getByLabel("Delay", { exact: true }).fill("3");
    await page.getByLabel("Unit of the delay").selectOption("days");
    await button(page, "Reschedule").click();
    await page.getByText("Due in 2 d").waitFor();
    await button(page, "Priority…").click();
    await page.getByLabel("Priority, higher first").selectOption("9");
    await button(page, "Change").click();
    await page.getByText("The priority is 9.").waitFor();
    await page.keyboard.press("c");
    await page.getByRole("heading", { name: "Cancel 1 job?" }).waitFor();
    await button(page, "Cancel the job").click();
    await page.getByText(/It was cancelled before it started/).waitFor();
    expect(await getJob(replica(), id)).toMatchObject({ status: "cancelled", priority: 9 });
    await page.close();
  });

  it("erases, and then says why the rest is not possible", async () => {
    const id = await failedJob();
    await jobWhen(replica(), id);
    const page = await openJob(id);
    await button(page, "Erase…").click();
    await button(page, "Erase for good").click();
    await page.getByText("The payload was erased.").waitFor();
    expect(await button(page, "Retry").getAttribute("title")).toBe("Its payload was erased.");
    await page.close();
  });

  it("previews an image and an export, and downloads them", async () => {
    const image = await submit(replica(), "image_resize", { source: { base64: PIXEL }, width: 64 });
    const rows = [{ name: "a, b", total: 5 }];
    const table = await submit(replica(), "data_export", { format: "csv", source: { rows } });
    await Promise.all([jobWhen(replica(), image), jobWhen(replica(), table)]);
    const page = await openJob(image);
    const preview = page.getByRole("img", { name: /^Preview of/ });
    await preview.waitFor();
    expect(await preview.evaluate((element) => (element as HTMLImageElement).naturalWidth)).toBe(64);
    await picture(page, "job-image");
    await page.close();
    const export_ = await openJob(table);
    await export_.getByRole("cell", { name: "a, b" }).waitFor();
    const [download] = await Promise.all([
      export_.waitForEvent("download"),
      export_.getByRole("link", { name: "Download export.csv" }).click(),
    ]);
    expect(download.suggestedFilename()).toBe("export.csv");
    await picture(export_, "job-export");
    await export_.close();
  });

  it("says that a payload is too large, and that a job does not exist", async () => {
    const large = await submit(replica(), "noop", { text: "x".repeat(40_000) });
    const page = await openJob(large);
    await page.getByText("The payload has more than 32,768 characters").waitFor();
    expect(await button(page, "Edit and retry").getAttribute("aria-disabled")).toBe("true");
    await page.goto(`${replica().url}/ui/jobs/01890a5d-ac96-7000-babc-b302099a8057`);
    await page.getByText("job_not_found").waitFor();
    await page.close();
  });

  it.each([
    ["light", 1280],
    ["dark", 1280],
    ["light", 360],
  ] as [Theme, number][])("is accessible in the %s theme at %i pixels", async (theme, width) => {
    const id = await failedJob({ tags: ["news", "a tag with words"], group_key: "customer 42" });
    const waiting = await submit(replica(), "noop", {}, later);
    await jobWhen(replica(), id);
    const page = await openJob(id, "", { theme, width });
    await page.locator(".attempt").nth(1).waitFor();
    await expectAccessible(page);
    expect(await page.evaluate(() => document.documentElement.scrollWidth)).toBeLessThanOrEqual(width);
    await picture(page, `job-failed-${theme}-${width}`);
    await page.goto(`${replica().url}/ui/jobs/${waiting}`);
    await page.getByText("It does not start before its run_at.").waitFor();
    await expectAccessible(page);
    await picture(page, `job-waiting-${theme}-${width}`);
    await page.close();
  });
});
