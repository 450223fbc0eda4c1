import { expect, it } from "vitest";
import { openQueue } from "../testing/queue.ts";
import { ownRedis } from "../testing/services.ts";
import { until } from "../testing/until.ts";

it("an outage of Redis is told once for all connections, and so is its end", async () => {
  const redis = await ownRedis();
  const told: string[] = [];
  const queue = await openQueue(redis.address, {
    reach: { onLost: (error) => told.push(error.message), onBack: () => told.push("back") },
  });
  for (let outage = 1; outage <= 2; outage += 1) {
    await redis.stop();
    await until(() => told.length === 2 * outage - 1, { what: "the loss is told" });
    await redis.restart();
    await until(() => told.length === 2 * outage, { what: "the return is told" });
  }
  queue.close();
  expect(told).toEqual([expect.stringMatching("ECONN"), "back", expect.stringMatching("ECONN"), "back"]);
});
