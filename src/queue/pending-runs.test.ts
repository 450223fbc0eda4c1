/** The list of decided ticks that Postgres may not have: several replicas read and shorten it, and verify counts it. */
import { afterEach, describe, expect, it } from "vitest";
import { setUpQueues } from "../testing/queue-setup.ts";
import { copyOf, runOf } from "../testing/schedules.ts";
import { Audit } from "./audit.ts";

const LIST = "{taskflow:0}:pending_runs";
const setup = setUpQueues();

const audits: Audit[] = [];
afterEach(() => audits.splice(0).forEach((audit) => audit.close()));

async function openAudit(): Promise<Audit> {
  const audit = new Audit(setup().address, "taskflow:0");
  audits.push(audit);
  await audit.open(5_000);
  return audit;
}

/** Runs of one schedule, from its tick `first` on. */
const textsOf = (name: string, first: number, count: number): string[] =>
  Array.from({ length: count }, (_, i) => JSON.stringify(runOf(copyOf(name), first + i)));

describe("acknowledging runs", () => {
  it("changes nothing once somebody else has acknowledged some of them", async () => {
    const { redis, replica } = setup();
    const [one, other] = [await replica(), await replica()];
    await redis.rpush(LIST, ...textsOf("a", 1, 6));
    const [first, second] = [await one.schedules.pendingRuns(2), await other.schedules.pendingRuns(3)];
    await one.schedules.acknowledge(first.texts);
    await other.schedules.acknowledge(second.texts);
    await one.schedules.acknowledge(first.texts);
    expect(await redis.lrange(LIST, 0, -1)).toEqual(textsOf("a", 3, 4));
  });

  it("changes nothing if Redis has lost the last ones, and has others instead", async () => {
    const { redis, replica } = setup();
    const { schedules } = await replica();
    await redis.rpush(LIST, ...textsOf("a", 1, 4));
    const { texts } = await schedules.pendingRuns(4);
    await redis.ltrim(LIST, 0, 1);
    await redis.rpush(LIST, ...textsOf("b", 1, 3));
    await schedules.acknowledge(texts);
    expect(await redis.lrange(LIST, 0, -1)).toEqual([...textsOf("a", 1, 2), ...textsOf("b", 1, 3)]);
  });

  it("leaves the runs that were added meanwhile, also to a list that was emptied", async () => {
    const { redis, replica } = setup();
    const { schedules } = await replica();
    await redis.rpush(LIST, ...textsOf("a", 1, 2));
    const { texts } = await schedules.pendingRuns(10);
    await redis.rpush(LIST, ...textsOf("b", 1, 1));
    await schedules.acknowledge(texts);
    expect(await redis.lrange(LIST, 0, -1)).toEqual(textsOf("b", 1, 1));
    await redis.flushdb();
    await redis.rpush(LIST, ...textsOf("c", 1, 1));
    await schedules.acknowledge(texts);
    expect(await redis.lrange(LIST, 0, -1)).toEqual(textsOf("c", 1, 1));
  });
});

describe("counting runs", () => {
  it.each([0, 1, 1_000, 1_001, 2_500])("counts %i ticks of a schedule once, and no other runs", async (count) => {
    const { redis } = setup();
    await setup().replica();
    if (count > 0) await redis.rpush(LIST, ...textsOf("a", 1, count));
    await redis.rpush(LIST, JSON.stringify(runOf(copyOf("a"), 1, { kind: "manual" })));
    await redis.rpush(LIST, JSON.stringify(runOf(copyOf("b"), 1, { outcome: "missed", ticks: 7 })));
    const expected = new Map([["id-of-b", 7]]);
    if (count > 0) expected.set("id-of-a", count);
    expect(await (await openAudit()).pendingTicks()).toEqual(expected);
  });

  it("counts each once while others are added and acknowledged", async () => {
    const { redis, replica } = setup();
    await replica();
    await redis.rpush(LIST, ...textsOf("gone", 1, 3_000));
    await redis.rpush(LIST, ...textsOf("stays", 1, 3_500));
    const audit = await openAudit();
    let isCounted = false;
    const change = async (): Promise<void> => {
      for (let first = 1; !isCounted; first += 300) {
        await redis.rpush(LIST, ...textsOf("new", first, 300));
        if (first < 3_000) await redis.ltrim(LIST, 300, -1);
      }
    };
    const changing = change();
    const pending = await audit.pendingTicks();
    isCounted = true;
    await changing;
    expect(pending.get("id-of-stays")).toBe(3_500);
  });
});
