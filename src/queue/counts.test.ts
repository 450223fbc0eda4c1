import { describe, expect, it } from "vitest";
import { timeOfId } from "../core/id.ts";
import type { JobOptions } from "../core/job.ts";
import { enqueue, enqueueRaw, submission } from "../testing/queue.ts";
import { setUpQueues } from "../testing/queue-setup.ts";
import type { Queue } from "./queue.ts";

const setup = setUpQueues();

async function nextSince(queue: Queue): Promise<number | null | undefined> {
  return (await queue.jobCounts()).types[0]?.nextSince;
}

describe("the next job of a queue can have been ready since", () => {
  it("its acceptance", async () => {
    const queue = await setup().replica();
    const [id = ""] = await enqueue(queue, submission());
    expect(await nextSince(queue)).toBe(timeOfId(id));
  });

  it.each<[string, (runAt: number) => JobOptions]>([
    ["first", (runAt) => ({ run_at: runAt, tags: ["a"] })],
    ["last", (runAt) => ({ tags: ["a"], run_at: runAt })],
    ["last, after long options", (runAt) => ({ tags: ["a".repeat(2_000)], run_at: runAt })],
  ])("its time to start, which is %s among its options", async (_, options) => {
    const { replica, redis } = setup();
    const queue = await replica();
    const runAt = queue.clock.now() + 3_600_000;
    await enqueue(queue, submission({ options: options(runAt) }));
    expect(await nextSince(queue)).toBeNull();
    const [id = ""] = await redis.zrange("{taskflow:0}:scheduled", "0", "-1");
    await redis.zadd("{taskflow:0}:scheduled", 1, id);
    await queue.claim(1, 1, { io: 0, cpu: 0, types: [] }); // promotes it
    expect(await nextSince(queue)).toBe(runAt);
  });

  it("no time, if its queue is empty", async () => {
    const { replica, claim } = setup();
    const queue = await replica();
    const ids = [queue.ids.next()];
    await enqueueRaw(queue, { ids, submissions: [submission()] });
    await claim(queue);
    expect(await nextSince(queue)).toBeNull();
  });
});
