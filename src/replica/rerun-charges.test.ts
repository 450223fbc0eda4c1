import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { tokenBucketName } from "../api/access/rate-limits.ts";
import { DAY_MS } from "../core/time.ts";
import type { Queue } from "../queue/queue.ts";
import { openQueue } from "../testing/queue.ts";
import { freshRedis } from "../testing/services.ts";
import { until } from "../testing/until.ts";
import { RerunCharges } from "./rerun-charges.ts";

let queue: Queue;
beforeAll(async () => {
  queue = await openQueue((await freshRedis()).address);
});
afterAll(() => queue.close());

const leftOf = async (key: string, quota: number): Promise<number | undefined> =>
  (
    await queue.take([
      [{ name: tokenBucketName(key, "jobs"), policy: { quota, windowMs: DAY_MS }, cost: 0, needed: 0 }],
    ])
  )[0]?.[0]?.left;

describe("the charge for reruns", () => {
  it("comes from the key's quota, as far as it goes, and is refunded once for reruns that were not enqueued", async () => {
    const charges = new RerunCharges(queue, { jobs: { quota: 1, windowMs: DAY_MS }, bytes: null });
    const rerun = { id: "one", rate: 10_000, payer: { key: "own", quota: { quota: 5, windowMs: DAY_MS } } };
    expect(await charges.take(rerun, [10, 10, 10])).toEqual({ granted: 3 });
    const more = await charges.take(rerun, [10, 10, 10]);
    expect(more).toMatchObject({ granted: 2, wait: { for: "quota" } });
    expect(more.wait?.ms).toBeGreaterThan(DAY_MS / 5 - 60_000);
    await charges.giveBack(rerun, [10, 10]);
    expect(await leftOf("own", 5)).toBe(2);
    await charges.giveBack(
      rerun,
      Array.from({ length: 9 }, () => 10),
    );
    expect(await leftOf("own", 5)).toBe(5); // never more than the whole
  });

  it("comes from the installation's quotas if the key has none, and from none without a key", async () => {
    const charges = new RerunCharges(queue, {
      jobs: { quota: 2, windowMs: DAY_MS },
      bytes: { quota: 100, windowMs: DAY_MS },
    });
    expect(await charges.take({ id: "two", rate: 10_000, payer: { key: "plain" } }, [1, 1, 1])).toMatchObject({
      granted: 2,
      wait: { for: "quota" },
    });
    expect(await charges.take({ id: "three", rate: 10_000, payer: { key: "heavy" } }, [150, 1])).toMatchObject({
      granted: 1,
      wait: { for: "quota" },
    });
    expect(await charges.take({ id: "four", rate: 10_000, payer: undefined }, [150, 1, 1])).toEqual({ granted: 3 });
  });

  it.each([1, 15, 1_000])("is at most %i reruns a second, with and without a key", async (rate) => {
    const [one, other] = [
      new RerunCharges(queue, { jobs: null, bytes: null }),
      new RerunCharges(queue, { jobs: null, bytes: null }),
    ];
    const rerun = { id: `rate-${rate}`, rate, payer: undefined };
    const sizes = Array.from({ length: rate }, () => 1);
    const startedAt = performance.now();
    const { granted, wait } = await one.take(rerun, sizes);
    expect(granted).toBeLessThanOrEqual(Math.max(1, rate / 10) + 1 + ((performance.now() - startedAt) * rate) / 1_000);
    expect(wait === undefined ? "pace" : wait.for).toBe("pace");
    let made = granted;
    const wanted = granted + 3;
    await until(
      async () => {
        made += (await other.take(rerun, [1])).granted;
        return made >= wanted;
      },
      { what: "three more may be made", timeoutMs: 20_000 },
    );
    expect(performance.now() - startedAt).toBeGreaterThan(
      ((wanted - Math.max(1, Math.floor(rate / 10))) * 1_000) / rate - 5,
    );
  });
});
