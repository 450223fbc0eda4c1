import { beforeAll, describe, expect, it } from "vitest";
import type { Destination } from "../../../client/taskflow.ts";
import type { Theme } from "../../../testing/dashboard.ts";
import { dashboardOf, expectAccessible, picture } from "../../../testing/dashboard.ts";
import { HttpPeer } from "../../../testing/http-peer.ts";
import { call, closedPort, jobWhen, submit } from "../../../testing/replica.ts";
import { until } from "../../../testing/until.ts";

const dashboard = dashboardOf({ env: { OUTBOUND_ALLOW_PRIVATE: "true" } });
const replica = () => dashboard.replica();

let dead = "";

/** A host that answers, and one that is suspended because nothing listens there. */
async function callHosts(): Promise<void> {
  const peer = await HttpPeer.start();
  await jobWhen(replica(), await submit(replica(), "webhook", { url: `http://127.0.0.1:${peer.port}/orders` }));
  dead = `127.0.0.1:${await closedPort()}`;
  for (let job = 0; job < 12; job += 1) await submit(replica(), "webhook", { url: `http://${dead}/orders/${job}` });
  await until(
    async () => {
      const { destinations } = (await call(replica(), "GET", "/api/v1/destinations")).body as {
        readonly destinations: readonly Destination[];
      };
      return destinations.some(({ host, state }) => host === dead && state === "open");
    },
    { what: "the host is suspended", timeoutMs: 60_000 },
  );
  await peer.close();
}

describe("the destinations", () => {
  it("are explained where there are none", async () => {
    const page = await dashboard.open("/destinations");
    await page.getByText("No job has called a host in the last 15 minutes.").waitFor();
    await picture(page, "destinations-empty", { isWhole: false });
    await page.close();
  });

  describe("with a suspended host", () => {
    beforeAll(callHosts);

    it.each(["light", "dark"] as Theme[])("are accessible in the %s theme", async (theme) => {
      const page = await dashboard.open("/destinations", { theme });
      await page.getByText("suspended", { exact: true }).waitFor();
      await expectAccessible(page);
      await picture(page, `destinations-${theme}`);
      await page.setViewportSize({ width: 360, height: 740 });
      expect(await page.evaluate(() => document.documentElement.scrollWidth)).toBe(360);
      await picture(page, `destinations-${theme}-360`);
      await page.close();
    });

    it("have the suspended host first, which can be tried at once", async () => {
      const page = await dashboard.open("/destinations");
      await page.getByText("suspended", { exact: true }).waitFor();
      expect(await page.locator("tbody .host").first().textContent()).toBe(dead);
      const other = page.getByRole("row", { name: /answers/ }).getByRole("button");
      expect(await other.getAttribute("aria-disabled")).toBe("true");
      await page.getByRole("button", { name: `Try now: ${dead}` }).click();
      await page.getByText(`Jobs try ${dead} again.`).waitFor();
      await page.close();
    });
  });
});
