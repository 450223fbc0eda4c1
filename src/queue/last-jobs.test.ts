/** What a take says about the last jobs of many schedules. */
import { expect, it } from "vitest";
import { at } from "../core/at.ts";
import { settlement, submission } from "../testing/queue.ts";
import { setUpQueues } from "../testing/queue-setup.ts";
import { firing, newSchedule } from "../testing/schedules.ts";
import type { Queue } from "./queue.ts";
import type { Advance, ScheduleJob } from "./schedules.ts";

const setup = setUpQueues();
const durable = { options: { durability: "postgres" } } as const;

const jobOf = (queue: Queue, changes: Parameters<typeof submission>[0] = {}): ScheduleJob => ({
  id: queue.ids.next(),
  submission: submission(changes),
});

it("knows of each taken schedule whether its last job has ended", async () => {
  const { claim } = setup();
  const queue = await setup().replica();
  const names = ["ended", "forgotten", "held", "never", "queued", "running"];
  await queue.schedules.put(names.map((name) => newSchedule(name, 1)));
  const { schedules } = await queue.schedules.take();
  const fire = async (name: string, jobs: readonly ScheduleJob[], changes: Partial<Advance> = {}): Promise<void> => {
    const taken = at(schedules, names.indexOf(name));
    expect(await queue.schedules.advance([{ ...firing(taken, 5, jobs, 1), ...changes }])).toEqual([true]);
  };
  await fire("ended", [jobOf(queue)]);
  await queue.settle([settlement(at((await claim(queue)).claimed, 0))], 30_000);
  await fire("running", [jobOf(queue)]);
  await claim(queue);
  await fire("queued", [jobOf(queue)]);
  await fire("forgotten", [jobOf(queue)], { jobs: [] });
  await fire("never", []);
  const unheld = (await queue.schedules.take()).schedules;
  expect(unheld.filter(({ lastJobLives }) => lastJobLives).map(({ copy }) => copy.name)).toEqual(["queued", "running"]);
  expect(unheld).toHaveLength(5);
  for (const taken of unheld) await queue.schedules.advance([{ ...firing(taken, 5, [], 1), runs: [] }]);
  await fire("held", [jobOf(queue, durable)]);
  const again = (await queue.schedules.take()).schedules;
  expect(again.map(({ copy, lastJobLives }) => [copy.name, lastJobLives])).toEqual(
    names.map((name) => [name, ["held", "queued", "running"].includes(name)]),
  );
});
