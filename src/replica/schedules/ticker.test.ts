/** Tickers on a real Redis, with a clock that the tests set. */
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { at } from "../../core/at.ts";
import type { ScheduleDefinition, ScheduleRun } from "../../core/schedules/schedule.ts";
import type { Queue } from "../../queue/queue.ts";
import { settlement } from "../../testing/queue.ts";
import { setUpQueues } from "../../testing/queue-setup.ts";
import { settableClock } from "../../testing/script-clock.ts";
import { PERIOD_MS, scheduleOf, tickerOptions, tickOnce } from "../../testing/ticking.ts";
import { until } from "../../testing/until.ts";
import { Ticker } from "./ticker.ts";

const setClock = settableClock();
const setup = setUpQueues();

const tickers: Ticker[] = [];
afterEach(async () => {
  for (const ticker of tickers.splice(0)) await ticker.close();
});

let queue: Queue;
/** The last tick of a period of one minute before the test. */
let start: number;
beforeEach(async () => {
  queue = await setup().replica();
  start = Math.floor((await queue.time()) / PERIOD_MS) * PERIOD_MS;
});

/** The n-th tick of the test. */
const tickAt = (n: number): number => start + n * PERIOD_MS;

/** Sets the clock this long after the n-th tick. */
async function goTo(n: number, afterMs = 100): Promise<void> {
  await setClock(setup().redis, tickAt(n) + afterMs - (await queue.time()));
}

async function put(name: string, changes: Partial<ScheduleDefinition> = {}, id?: string): Promise<void> {
  const made = await queue.schedules.put([scheduleOf(name, start, changes, id === undefined ? {} : { id })]);
  expect(made).toEqual([true]);
}

/** What was decided since the last call, as `outcome reason`. */
async function decided(): Promise<string[]> {
  const { runs, texts } = await queue.schedules.pendingRuns(1_000);
  await queue.schedules.acknowledge(texts);
  return runs.map(
    ({ tick, outcome, reason }) => `${(tick - start) / PERIOD_MS} ${outcome}${reason ? ` ${reason}` : ""}`,
  );
}

async function endAll(): Promise<void> {
  const { claimed } = await setup().claim(queue);
  await queue.settle(
    claimed.map((job) => settlement(job)),
    30_000,
  );
}

describe("a tick", () => {
  it("enqueues one job with its templates resolved, and its schedule in its options", async () => {
    await put("nightly");
    await goTo(1);
    await tickOnce(queue);
    await tickOnce(queue);
    const { claimed } = await setup().claim(queue);
    expect(claimed).toMatchObject([
      {
        payload: JSON.stringify({ tick: new Date(tickAt(1)).toISOString() }),
        options: { schedule: { name: "nightly", tick: tickAt(1) } },
      },
    ]);
    expect(await decided()).toEqual(["1 fired"]);
  });

  it("is fired in time by a started ticker, whichever replica put the schedule", async () => {
    const seen: ScheduleRun["outcome"][] = [];
    const replicas = [queue, await setup().replica(), await setup().replica()];
    for (const replica of replicas) {
      const metrics = {
        countTicks: (_: string, outcome: ScheduleRun["outcome"]) => void seen.push(outcome),
        observeLateness: () => undefined,
      };
      const ticker = new Ticker(tickerOptions(replica, { metrics }));
      tickers.push(ticker);
      ticker.start();
    }
    const now = await queue.time();
    await at(replicas, 0).schedules.put([
      scheduleOf("quick", now, { timing: { kind: "every", everyMs: 1_000, offsetMs: 0 } }),
    ]);
    await Promise.all(replicas.map((replica) => replica.sweep(30_000, 1)));
    await until(() => seen.length >= 3, { what: "three ticks are fired" });
    await Promise.all(tickers.map((ticker) => ticker.close()));
    const { runs } = await queue.schedules.pendingRuns(100);
    expect(new Set(runs.map(({ tick }) => tick)).size).toBe(runs.length);
    expect(await queue.missing(runs.map(({ jobId }) => jobId ?? ""))).toEqual([]);
    expect((await queue.jobCounts()).types).toMatchObject([{ accepted: runs.length }]);
  });

  it("is fired again for a schedule that was deleted and created again under the same name", async () => {
    await put("again", {}, "first");
    await goTo(1);
    await tickOnce(queue);
    await queue.schedules.remove([{ name: "again", id: "first" }]);
    await put("again", {}, "second");
    await tickOnce(queue);
    expect(await decided()).toEqual(["1 fired", "1 fired"]);
    expect((await queue.jobCounts()).types).toMatchObject([{ accepted: 2 }]);
  });

  it("waits for its jitter", async () => {
    await Promise.all(Array.from({ length: 20 }, (_, i) => put(`spread${i}`, { jitterMs: 30_000 })));
    const { next } = await queue.schedules.take();
    expect(next).toBeGreaterThanOrEqual(tickAt(1));
    await goTo(1, 15_000);
    await tickOnce(queue);
    const early = await decided();
    expect(early.length).toBeGreaterThan(0);
    expect(early.length).toBeLessThan(20);
    await goTo(1, 30_000);
    await tickOnce(queue);
    expect((await decided()).length).toBe(20 - early.length);
  });

  it("is the last one at end_at, and after max_runs", async () => {
    await put("ends", { endAt: tickAt(2) });
    await put("counted", { maxRuns: 1 });
    for (const n of [1, 2, 3]) {
      await goTo(n);
      await tickOnce(queue);
    }
    expect((await decided()).sort()).toEqual(["1 fired", "1 fired", "2 fired"]);
    expect((await queue.schedules.take()).next).toBeNull();
  });

  it("that was missed is judged by catch_up", async () => {
    await put("none", { catchUp: { policy: "none", withinMs: null, max: 100 } });
    await put("all", { catchUp: { policy: "all", withinMs: null, max: 2 } });
    await goTo(3, 30_000);
    await tickOnce(queue);
    expect((await decided()).sort()).toEqual([
      "1 missed catch_up_none",
      "1 missed more_than_max",
      "2 late",
      "2 missed catch_up_none",
      "3 late",
      "3 missed catch_up_none",
    ]);
    expect((await queue.jobCounts()).types).toMatchObject([{ accepted: 2, queued: 2 }]);
  });
});

describe("a tick whose previous job has not ended", () => {
  async function overlap(kind: ScheduleDefinition["overlap"]): Promise<void> {
    await put("busy", { overlap: kind });
    await goTo(1);
    await tickOnce(queue);
    await goTo(2);
  }

  it("is skipped", async () => {
    await overlap("skip");
    await tickOnce(queue);
    await endAll();
    await goTo(3);
    await tickOnce(queue);
    expect(await decided()).toEqual(["1 fired", "2 skipped overlap", "3 fired"]);
  });

  it("is fired nevertheless", async () => {
    await overlap("allow");
    await tickOnce(queue);
    expect(await decided()).toEqual(["1 fired", "2 fired"]);
  });

  it("waits for the end of that job, and later ticks are skipped meanwhile", async () => {
    await overlap("queue_one");
    await tickOnce(queue);
    expect(await decided()).toEqual(["1 fired"]);
    await goTo(3);
    await tickOnce(queue);
    expect(await decided()).toEqual(["3 skipped overlap"]);
    await endAll();
    await goTo(3, 2_500);
    await tickOnce(queue);
    expect(await decided()).toEqual(["2 late overlap"]);
    expect((await queue.jobCounts()).types).toMatchObject([{ accepted: 2 }]);
  });

  it("is fired after that job's cancellation was requested", async () => {
    await overlap("cancel_previous");
    const [first] = (await queue.schedules.pendingRuns(1)).runs;
    const errors: unknown[] = [];
    const failing = {
      cancel: () => Promise.reject(new Error("Redis is away")),
      onError: (error: unknown) => void errors.push(error),
    };
    await tickOnce(queue, failing);
    expect([errors.length, await decided()]).toEqual([1, ["1 fired"]]);
    await goTo(2, 2_500); // until the schedule can be taken again
    const cancelled: string[] = [];
    await tickOnce(queue, {
      cancel: async (ids) => {
        cancelled.push(...ids);
        expect(await decided()).toEqual([]);
        await queue.cancel(at(ids, 0), 30_000, () => undefined);
      },
    });
    expect(cancelled).toEqual([first?.jobId]);
    expect(await decided()).toEqual(["2 fired"]);
    expect((await queue.jobCounts()).types).toMatchObject([{ accepted: 2, cancelled: 1, queued: 1 }]);
  });
});

describe("a schedule that fails", () => {
  it("has a missed tick with a reason, is logged once, and does not stop the others", async () => {
    await put("good");
    await put("unknown", { job: `{"type":"gone","payload":{}}` });
    await put("broken", { job: "{" });
    await queue.schedules.put([scheduleOf("unreadable", start, {}, { definition: "{" })]);
    const logged: string[] = [];
    const ticker = { onInvalid: ({ name }: { name: string }) => void logged.push(name) };
    await goTo(1);
    await tickOnce(queue, ticker);
    expect((await decided()).sort()).toEqual([
      "1 fired",
      "1 missed invalid_job",
      "1 missed invalid_job",
      "1 missed invalid_job",
    ]);
    expect(logged.sort()).toEqual(["broken", "unknown", "unreadable"]);
    const second = new Ticker(tickerOptions(queue, ticker));
    tickers.push(second);
    logged.length = 0;
    await goTo(2);
    second.start();
    await until(async () => (await queue.schedules.pendingRuns(10)).runs.length === 3, { what: "three are decided" });
    await goTo(3);
    await queue.sweep(30_000, 1);
    await until(async () => (await queue.schedules.pendingRuns(10)).runs.length >= 6, {
      what: "three more are decided",
    });
    expect(logged.sort()).toEqual(["broken", "unknown", "unreadable"]);
  });

  it("is left to the next look if Redis or a damaged state prevents it", async () => {
    await put("good");
    await put("damaged");
    await setup().redis.hset("{taskflow:0}:schedule_states", "damaged", "{");
    await goTo(1);
    await tickOnce(queue);
    expect(await decided()).toEqual(["1 fired"]);
  });
});

describe("pause_after_failures", () => {
  it("pauses before it fires, once the last jobs all failed; a failure to pause fires the tick", async () => {
    await put("fails", { pauseAfterFailures: 1 });
    const asked: unknown[] = [];
    const failing = (those: readonly unknown[]): Promise<Set<string>> => {
      asked.push(...those);
      return Promise.resolve(new Set(["id-of-fails"]));
    };
    await goTo(1);
    await tickOnce(queue, { failing });
    expect([asked, await decided()]).toEqual([[], ["1 fired"]]); // nothing can have failed yet
    await goTo(2);
    await tickOnce(queue, { failing });
    expect([asked, await decided()]).toEqual([[], ["2 fired"]]); // the last job has not ended
    await endAll();
    await goTo(3);
    const errors: unknown[] = [];
    await tickOnce(queue, {
      failing,
      pauseFailing: () => Promise.reject(new Error("Postgres is away")),
      onError: (error) => void errors.push(error),
    });
    expect([asked, errors.length, await decided()]).toEqual([[{ id: "id-of-fails", failures: 1 }], 1, ["3 fired"]]);
    await endAll();
    await goTo(4);
    const paused: string[] = [];
    await tickOnce(queue, { failing, pauseFailing: ({ name }) => Promise.resolve(void paused.push(name)) });
    expect([paused, await decided()]).toEqual([["fails"], []]);
  });
});

describe("metrics", () => {
  it("name each schedule up to 200, and none beyond", async () => {
    const named: string[] = [];
    const lateness: number[] = [];
    const metrics = {
      countTicks: (name: string, outcome: string, ticks: number) => void named.push(`${name} ${outcome} ${ticks}`),
      observeLateness: (_: string, seconds: number) => void lateness.push(seconds),
    };
    await put("one");
    await goTo(1, 1_500);
    await tickOnce(queue, { metrics });
    expect(named).toEqual(["one fired 1"]);
    expect(lateness[0]).toBeGreaterThanOrEqual(1.5);
    await queue.schedules.put(Array.from({ length: 200 }, (_, i) => scheduleOf(`many${i}`, start + 3_600_000)));
    await goTo(2);
    await tickOnce(queue, { metrics });
    expect(named.slice(1)).toEqual([" fired 1"]);
  });
});

it("sends nothing while there is no schedule, and stops when it is closed", async () => {
  const scripts: string[] = [];
  const idle = await setup().replica({ onRoundTrip: (script) => void scripts.push(script) });
  const ticker = new Ticker(tickerOptions(idle));
  ticker.start();
  await until(() => scripts.length > 0, { what: "the ticker has looked once" });
  await idle.sweep(30_000, 1);
  await idle.sweep(30_000, 1);
  expect(scripts).toEqual(["schedule-take", "sweep", "sweep"]);
  await put("due");
  await goTo(1);
  await ticker.close();
  await ticker.close();
  await idle.sweep(30_000, 1); // announces the time to a closed ticker
  expect(scripts.slice(3)).toEqual(["sweep"]);
  expect(await decided()).toEqual([]);
});
