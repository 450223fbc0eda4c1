/** Calls while Redis is away. */
import { setTimeout as sleep } from "node:timers/promises";
import { describe, expect, it } from "vitest";
import { timeOfId } from "../core/id.ts";
import { OutcomeUnknown, QueueUnavailable } from "../errors.ts";
import { enqueueRaw, submission } from "../testing/queue.ts";
import { setUpQueues } from "../testing/queue-setup.ts";
import { ownRedis } from "../testing/services.ts";

const setup = setUpQueues();

describe("when Redis is away", () => {
  it("rejects a submission at once, and reports an unknown outcome", async () => {
    const own = await ownRedis();
    const queue = await setup().replica({ url: own.address, submitTimeoutMs: 300 });
    own.pause();
    const id = queue.ids.next();
    const answer = await enqueueRaw(queue, { ids: [id], submissions: [submission()] });
    expect(answer).toMatchObject({ kind: "failed", error: expect.any(OutcomeUnknown) as OutcomeUnknown });
    await sleep(100); // a replica's estimate of Redis's time is off by up to half a round trip
    own.resume();
    expect(await queue.read([id])).toEqual([]); // Redis ran it later than not_after
    queue.close();
    const after = await enqueueRaw(queue, { ids: [queue.ids.next()], submissions: [submission()] });
    expect(after).toMatchObject({ kind: "failed", error: expect.any(QueueUnavailable) as QueueUnavailable });
  });

  it("reads the server's settings, and makes ids in Redis's time", async () => {
    const { redis, replica } = setup();
    const queue = await replica();
    expect(await queue.installation.setting("maxmemory-policy")).toBe("noeviction");
    const [seconds] = await redis.time();
    expect(Math.abs(timeOfId(queue.ids.next()) - Number(seconds) * 1_000)).toBeLessThan(5_000);
  });
});
