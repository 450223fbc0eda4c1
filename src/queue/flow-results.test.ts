import { describe, expect, it } from "vitest";
import { at } from "../core/at.ts";
import { idAfter, idsFrom } from "../core/id.ts";
import { enqueueFlow, flowOf, settleMembers } from "../testing/flows.ts";
import { enqueueRaw, idsOf, submission } from "../testing/queue.ts";
import { setUpQueues } from "../testing/queue-setup.ts";

const test = setUpQueues();
const OWNED_MS = 30_000;
const ns = "{taskflow:0}:";

describe("results and errors that others refer to", () => {
  it("are kept with the verdict until the flow is forgotten", async () => {
    const queue = await test().replica();
    const flow = flowOf(queue, [
      { name: "a", keeps: true },
      { name: "b", keeps: true },
      { name: "c" },
      { name: "d", after: ["a"], keeps: true },
    ]);
    await enqueueFlow(queue, flow);
    const { claimed } = await test().claim(queue);
    await settleMembers(queue, claimed.slice(0, 1), { result: `{"big":1e400}` });
    await settleMembers(queue, claimed.slice(1), { verdict: "failed", error: `{"code":"broken"}` });
    await queue.cancelMany([{ id: at(flow.jobs, 3).id }], OWNED_MS, () => undefined);
    expect(Object.fromEntries(await queue.flows.results(flow.id, [0, 1, 2, 3]))).toEqual({
      0: { result: `{"big":1e400}` },
      1: { error: `{"code":"broken"}` },
      2: {},
      3: { error: JSON.stringify({ code: "cancelled", message: "The job was cancelled.", attempt: 0 }) },
    });
    await queue.flows.forget([flow.id]);
    expect(await test().redis.keys(`${ns}f*`)).toEqual([]);
  });

  it("are marked as too large above 256 KiB, and above 16 MiB of one flow", async () => {
    const queue = await test().replica();
    const flow = flowOf(
      queue,
      Array.from({ length: 68 }, (_, i) => ({ name: `n${i}`, keeps: true as const })),
    );
    await enqueueFlow(queue, flow);
    const { claimed } = await test().claim(queue, { noop: 100 });
    const text = (chars: number): string => JSON.stringify("é".repeat(chars));
    await settleMembers(queue, claimed.slice(0, 1), { result: text(262_144) });
    await settleMembers(queue, claimed.slice(1, 2), { result: text(131_072) }); // fewer characters than bytes
    for (const job of claimed.slice(2)) await settleMembers(queue, [job], { result: text(131_000) });
    const kept = [...(await queue.flows.results(flow.id, [...claimed.keys()])).values()];
    const tooLarge = kept.flatMap(({ result }, i) => (result === "too_large" ? [i] : []));
    expect(tooLarge).toEqual([0, 1, 66, 67]);
  });

  it("go when the job is erased", async () => {
    const queue = await test().replica();
    const flow = flowOf(queue, [{ name: "a", keeps: true }, { name: "b" }]);
    await enqueueFlow(queue, flow);
    const { claimed } = await test().claim(queue, { noop: 1 });
    await settleMembers(queue, claimed, { result: `"secret"` });
    await queue.erase(idsOf(claimed));
    expect((await queue.flows.results(flow.id, [0])).get(0)).toEqual({});
  });
});

it("costs at most 90 bytes of Redis for each child over a plain job", async () => {
  const { replica, redis } = test();
  const queue = await replica();
  const n = 1_000;
  const usage = async (key: string): Promise<number> =>
    Number(await redis.call("MEMORY", "USAGE", key, "SAMPLES", "0"));
  const plain = queue.ids.next(n);
  await enqueueRaw(queue, { ids: idsFrom(plain, n), submissions: Array.from({ length: n }, () => submission()) });
  const flow = flowOf(
    queue,
    [
      { name: "jobs", batch: n },
      { name: "done", after: ["jobs"] },
    ],
    { kind: "batch" },
  );
  await enqueueFlow(queue, flow);
  const bytesOf = async (first: string): Promise<number> => {
    let sum = 0;
    for (const id of idsFrom(first, n)) sum += await usage(`${ns}j:${id}`);
    return sum;
  };
  const ofFlow = (await bytesOf(idAfter(flow.id, 1))) + (await usage(`${ns}f:${flow.id}`));
  expect((ofFlow - (await bytesOf(plain))) / n).toBeLessThanOrEqual(90);
});
