/** Wake-ups of idle replicas. */
import { describe, expect, it } from "vitest";
import { enqueue, ioSlots, submission } from "../testing/queue.ts";
import { setUpQueues } from "../testing/queue-setup.ts";
import { until } from "../testing/until.ts";
import type { Queue } from "./queue.ts";

const setup = setUpQueues();

describe("wake-ups", () => {
  it("wake one idle replica that runs the type", async () => {
    const { replica, claim } = setup();
    const woken: string[] = [];
    const one = await replica({ onWake: () => woken.push("one") });
    const two = await replica({ onWake: () => woken.push("two") });
    const front = await replica();
    await claim(one);
    await claim(two, { other: 1 });
    woken.length = 0;
    await enqueue(front, submission());
    await until(() => woken.length > 0, { what: "a replica is woken" });
    expect(woken).toEqual(["one"]);
  });

  it("skip any number of replicas that are no longer subscribed", async () => {
    const { redis, replica, claim } = setup();
    const woken: string[] = [];
    const one = await replica({ onWake: () => woken.push("one") });
    await claim(one);
    await redis.sadd("{taskflow:0}:idle:noop", ...Array.from({ length: 500 }, (_, i) => `gone${i}`));
    woken.length = 0;
    await enqueue(await replica(), submission());
    await until(() => woken.length > 0, { what: "the live replica is woken" });
  });

  it("go to live replicas only after a replica starts", async () => {
    const { redis, replica, claim } = setup();
    const [old, started] = [await replica(), await replica({ replica: "started1" })];
    await claim(old);
    await started.claim(0, 1, ioSlots({ noop: 1 }));
    expect(await redis.smembers("{taskflow:0}:idle:noop")).toEqual(["started1"]);
    await claim(old); // an idle replica claims at least once a second
    expect(await redis.scard("{taskflow:0}:idle:noop")).toBe(2);
  });

  it("go on to the next replica while a claim leaves work", async () => {
    const { redis, replica, claim } = setup();
    const woken: string[] = [];
    const one = await replica();
    const two = await replica({ onWake: () => woken.push("two") });
    await enqueue(one, submission(), submission());
    await claim(two, { noop: 0 });
    await redis.sadd("{taskflow:0}:idle:noop", (await nameOf(two)) ?? "");
    woken.length = 0;
    await claim(one, { noop: 1 });
    await until(() => woken.length > 0, { what: "the next is woken" });
  });
});

async function nameOf(queue: Queue): Promise<string | undefined> {
  const { redis } = setup();
  await queue.renew([], `{"id":"named"}`);
  const names = await redis.zrange("{taskflow:0}:replicas", "0", "-1");
  return names.at(-1);
}
