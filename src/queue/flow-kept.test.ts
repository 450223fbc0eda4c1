import { expect, it } from "vitest";
import { enqueueFlow, flowOf, stateAtStart } from "../testing/flows.ts";
import { setUpQueues } from "../testing/queue-setup.ts";

const test = setUpQueues();

it("a flow that runs again keeps results, and marks of those that were too large", async () => {
  const queue = await test().replica();
  const flow = flowOf(queue, [{ name: "large" }, { name: "small" }, { name: "last" }]);
  const kept = [
    { node: 0, result: "" },
    { node: 1, result: "[1]", error: "" },
    { node: 2, error: `{"code":"x"}` },
  ];
  const { id, graph } = flow;
  await enqueueFlow(queue, flow, { flow: { kind: "new", id, graph, preset: { state: stateAtStart(flow), kept } } });
  expect(await queue.flows.results(id, [0, 1, 2])).toEqual(
    new Map([
      [0, { result: "too_large" }],
      [1, { result: "[1]", error: "too_large" }],
      [2, { error: `{"code":"x"}` }],
    ]),
  );
});
