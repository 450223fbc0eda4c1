import { afterEach, describe, expect, it } from "vitest";
import type { NewFlow } from "../../core/flows/flow.ts";
import { redisCommand } from "../../embedded/redis-command.ts";
import { enqueueFlow, flowOf, outcomesOf } from "../../testing/flows.ts";
import { DURABLE, NAMESPACE, setUpLostFlows } from "../../testing/lost-flows.ts";
import { idAt } from "../../testing/outcomes.ts";
import { submission } from "../../testing/queue.ts";
import { until } from "../../testing/until.ts";

const open: { close: () => unknown }[] = [];
afterEach(async () => {
  for (const part of open.splice(0).reverse()) await part.close();
});
const setup = () => setUpLostFlows((part) => (open.push(part), part));

const idsOf = ({ jobs }: NewFlow): string[] => jobs.map(({ id }) => id);

describe("a durable flow that Redis has lost alone", () => {
  const nodes = [{ name: "a" }, { name: "b", batch: 2, after: ["a"] }, { name: "c", after: ["b"] }];
  /** Old enough for the restore. */
  const oldFlow = (): NewFlow =>
    flowOf(
      { ids: { next: () => idAt(Date.now() - 120_000) } },
      nodes.map((node) => ({ ...node, job: DURABLE })),
      { isDurable: true },
    );

  it("is put back, and its waiting jobs start although what they wait for has ended meanwhile", async () => {
    const { redis, queue, accept, record, restore, statuses, runAll } = await setup();
    const flow = oldFlow();
    const [a = "", ...others] = idsOf(flow);
    await accept(flow);
    await enqueueFlow(queue, flow);
    await redisCommand(redis.port, "DEL", `{${NAMESPACE}}:f:${flow.id}`);
    expect(await runAll()).toEqual([a]);
    await record(flow, [a, "completed"]);
    await queue.forget([{ id: a, type: "noop", isAttempted: true }]);
    expect(await statuses(flow)).toEqual(Object.fromEntries(others.map((id) => [id, "waiting"])));
    restore();
    await until(async () => (await queue.flows.missing([flow.id])).length === 0, { what: "the flow is put back" });
    expect(await runAll()).toEqual(others);
    expect(await outcomesOf(queue, flow)).toEqual({ a: "completed", b: "completed", c: "completed" });
    expect((await queue.jobCounts()).unaccounted).toBe(0);
  });

  it("is put back also long after its ids were examined", async () => {
    const { redis, queue, commit, accept, restore, events, runAll } = await setup();
    const flow = oldFlow();
    await accept(flow);
    await enqueueFlow(queue, flow);
    const newer = idAt(Date.now() - 90_000);
    await commit({ jobs: [{ id: newer, submission: submission({ ...DURABLE, type: "other" }) }] });
    restore({ latePeriodMs: 50 });
    await until(() => events.includes("restored 1"), { what: "a newer id is examined" });
    await redisCommand(redis.port, "DEL", `{${NAMESPACE}}:f:${flow.id}`);
    await until(async () => (await queue.flows.missing([flow.id])).length === 0, { what: "the flow is put back" });
    expect(await runAll()).toEqual(idsOf(flow));
  });
});
