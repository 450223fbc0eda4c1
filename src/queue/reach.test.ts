import { expect, it } from "vitest";
import { openQueue } from "../testing/queue.ts";
import { ownRedis } from "../testing/services.ts";
import { until } from "../testing/until.ts";

it("reports an outage of Redis and its end once for all connections", async () => {
  const redis = await ownRedis();
  const reports: string[] = [];
  const queue = await openQueue(redis.address, {
    reach: { onLost: (error) => reports.push(error.message), onBack: () => reports.push("back") },
  });
  for (let outage = 1; outage <= 2; outage += 1) {
    await redis.stop();
    await until(() => reports.length === 2 * outage - 1, { what: "the loss is reported" });
    await redis.restart();
    await until(() => reports.length === 2 * outage, { what: "the return is reported" });
  }
  queue.close();
  expect(reports).toEqual([expect.stringMatching("ECONN"), "back", expect.stringMatching("ECONN"), "back"]);
});
