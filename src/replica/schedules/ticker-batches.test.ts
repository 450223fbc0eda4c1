/** What a ticker does with more schedules than one batch has, on a real Redis. */
import { expect, it } from "vitest";
import { setUpQueues } from "../../testing/queue-setup.ts";
import { PERIOD_MS, scheduleOf, tickerOptions } from "../../testing/ticking.ts";
import { until } from "../../testing/until.ts";
import { Ticker } from "./ticker.ts";

const setup = setUpQueues();

it("decides all that it has taken, also if one batch fails, or it is closed meanwhile", async () => {
  const queue = await setup().replica();
  await queue.schedules.put(Array.from({ length: 340 }, (_, i) => scheduleOf(`s${i}`, Date.now() - PERIOD_MS)));
  const errors: unknown[] = [];
  let closing: Promise<void> | undefined;
  const countTicks = (): void => {
    if (closing) return;
    closing = ticker.close();
    throw new Error("the first batch fails");
  };
  const metrics = { countTicks, observeLateness: () => undefined };
  const ticker = new Ticker(tickerOptions(queue, { metrics, onError: (error) => void errors.push(error) }));
  ticker.start();
  await until(() => closing && true, { what: "the first batch is decided" });
  await closing;
  expect((await queue.schedules.pendingRuns(1_000)).runs).toHaveLength(300);
  expect((await queue.schedules.take()).schedules).toHaveLength(40);
  expect(errors).toHaveLength(1);
});
