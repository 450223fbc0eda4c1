import { Redis } from "ioredis";
import { expect, it } from "vitest";
import { StartError } from "../errors.ts";
import { openQueue } from "../testing/queue.ts";
import { freshRedis } from "../testing/services.ts";
import { checkServer, LAYOUT } from "./server-check.ts";

it("declares the layout of the keys, and rejects an unknown one", async () => {
  const { address } = await freshRedis();
  const redis = new Redis(address);
  const queue = await openQueue(address);
  const declared = (): Promise<string | null> => redis.get("{taskflow:0}:layout");
  try {
    await checkServer(queue, "127.0.0.1:6379");
    expect(await declared()).toBe(String(LAYOUT));
    await redis.set("{taskflow:0}:layout", "1"); // the previous layout
    await checkServer(queue, "127.0.0.1:6379");
    expect(await declared()).toBe(String(LAYOUT));
    for (const foreign of [String(LAYOUT + 1), "two"]) {
      await redis.set("{taskflow:0}:layout", foreign);
      const check = checkServer(queue, "127.0.0.1:6379");
      await expect(check).rejects.toThrow(StartError);
      await expect(check).rejects.toThrow(
        /^The jobs in Redis have layout \w+, and this version of TaskFlow reads up to \d+: start a version[^.]*\.$/,
      );
      expect(await declared()).toBe(foreign);
    }
  } finally {
    queue.close();
    redis.disconnect();
  }
});
