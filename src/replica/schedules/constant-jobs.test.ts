/** The jobs of several ticks of a schedule that one replica decides. */
import { beforeEach, describe, expect, it } from "vitest";
import type { Submission } from "../../core/job.ts";
import type { Queue } from "../../queue/queue.ts";
import { setUpQueues } from "../../testing/queue-setup.ts";
import { settableClock } from "../../testing/script-clock.ts";
import { PERIOD_MS, scheduleOf, tickerOptions } from "../../testing/ticking.ts";
import { TickDecisions } from "./tick-decisions.ts";

const CONSTANT = '{"type":"noop","payload":{"n":1.50},"tags":["x"]}';
const setClock = settableClock();
const setup = setUpQueues();

let queue: Queue;
let decisions: TickDecisions;
let start: number;
beforeEach(async () => {
  queue = await setup().replica();
  decisions = new TickDecisions(tickerOptions(queue), { has: () => false });
  start = Math.floor((await queue.time()) / PERIOD_MS) * PERIOD_MS;
});

const tickAt = (n: number): number => start + n * PERIOD_MS;

/** The jobs of the n-th tick. */
async function jobsOf(n: number): Promise<Submission[]> {
  await setClock(setup().redis, tickAt(n) + 100 - (await queue.time()));
  const taken = await queue.schedules.take();
  const decided = await decisions.decide(taken);
  await decisions.apply(decided, taken);
  return decided.flatMap(({ jobs }) => jobs.map(({ submission }) => submission));
}

describe("the jobs of one schedule", () => {
  it("differ by their ticks", async () => {
    await queue.schedules.put([scheduleOf("same", start, { job: CONSTANT }, { apiKey: "one" })]);
    for (const n of [1, 2, 3])
      expect(await jobsOf(n)).toMatchObject([
        {
          payload: '{"n":1.50}',
          options: { tags: ["x"], api_key: "one", schedule: { name: "same", tick: tickAt(n) } },
        },
      ]);
  });

  it("have each their own templates, however these are spelled", async () => {
    const job = '{"type":"noop","payload":{"a":"${tick}","b":"\\u0024{tick}","c":"$${tick}"}}';
    await queue.schedules.put([scheduleOf("other", start, { job })]);
    for (const n of [1, 2]) {
      const tick = new Date(tickAt(n)).toISOString();
      expect(await jobsOf(n)).toMatchObject([{ payload: JSON.stringify({ a: tick, b: tick, c: "${tick}" }) }]);
    }
  });

  it("start after their own ticks", async () => {
    await queue.schedules.put([scheduleOf("delayed", start, { job: '{"type":"noop","payload":{},"delay_ms":5000}' })]);
    for (const n of [1, 2]) expect(await jobsOf(n)).toMatchObject([{ options: { run_at: tickAt(n) + 5_000 } }]);
  });

  it("belong to the API key that created the schedule again", async () => {
    const again = (id: string, apiKey: string | null) =>
      queue.schedules.put([scheduleOf("again", tickAt(1) - 1, { job: CONSTANT }, { id, apiKey })]);
    await again("first", "one");
    expect(await jobsOf(1)).toMatchObject([{ options: { api_key: "one" } }]);
    await queue.schedules.remove([{ name: "again", id: "first" }]);
    await again("second", null);
    const [job] = await jobsOf(1);
    expect(job?.options).toEqual({ tags: ["x"], schedule: { name: "again", tick: tickAt(1) } });
  });
});
