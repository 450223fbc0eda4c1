import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { Audit } from "../queue/audit.ts";
import type { Queue } from "../queue/queue.ts";
import { ScheduleService } from "../replica/schedules/service.ts";
import { migrate } from "../results/migrate.ts";
import { ScheduleStore } from "../results/schedules/schedule-store.ts";
import { setUpQueues } from "../testing/queue-setup.ts";
import { freshDatabase } from "../testing/services.ts";
import { definitionOf, tickerOptions, tickOnce } from "../testing/ticking.ts";
import { until } from "../testing/until.ts";
import type { ScheduleCheckOptions } from "./schedule-check.ts";
import { scheduleInconsistencies } from "./schedule-check.ts";

const setup = setUpQueues();
const NS = "{taskflow:0}:";

let queue: Queue;
let service: ScheduleService;
let options: ScheduleCheckOptions;
let closers: (() => unknown)[];
beforeEach(async () => {
  const { url } = await freshDatabase();
  await migrate(url);
  queue = await setup().replica();
  const { tickingOf } = tickerOptions(queue);
  const onError = (error: unknown): never => {
    throw error;
  };
  const store = new ScheduleStore(url);
  service = new ScheduleService({
    store,
    copies: queue.schedules,
    tickingOf,
    now: () => queue.clock.now(),
    runId: () => Promise.resolve(""),
    onError,
    onDropped: (_, error) => onError(error),
  });
  const audit = new Audit(setup().address, "taskflow:0");
  await audit.open(5_000);
  options = { audit, schedules: store };
  closers = [() => service.close(), () => audit.close()];
});
afterEach(async () => {
  for (const close of closers) await close();
});

/** The definition is stored as the tests' reader expects it; the job's columns are read from it. */
async function put(name: string): Promise<void> {
  const definition = { ...definitionOf({ timing: { kind: "every", everyMs: 1_000, offsetMs: 0 } }) };
  await service.put(name, JSON.stringify({ ...definition, job: { type: "noop" } }), { apiKey: null });
}

const found = async (): Promise<string[]> =>
  [...(await scheduleInconsistencies(options)).values()].map(({ kind, text }) => `${kind}: ${text}`);

describe("schedules in order", () => {
  it("have no inconsistency: active, paused, removed, and with ticks that wait for Postgres", async () => {
    await Promise.all(["active", "paused", "removed"].map(put));
    await service.pause("paused", { reason: null, until: null, at: queue.clock.now(), by: null });
    await service.remove("removed");
    await setup().redis.zadd(`${NS}schedule_ticks`, 1, "active");
    await tickOnce(queue);
    expect(await found()).toEqual([]);
    await service.failing([]); // stores the runs
    expect(await found()).toEqual([]);
  });
});

describe("schedules out of order", () => {
  it("are found if no replica looks at them", async () => {
    await Promise.all(["overdue", "never", "lost"].map(put));
    await setup().redis.zadd(`${NS}schedule_ticks`, queue.clock.now() - 60_000, "overdue", "inf", "never");
    await setup().redis.zrem(`${NS}schedule_ticks`, "lost");
    expect((await found()).sort()).toEqual([
      "schedule_stuck: the schedule lost has no entry in schedule_ticks: no replica looks at it",
      "schedule_stuck: the schedule never has ticks left, and no replica will look at it",
      expect.stringMatching(/^schedule_stuck: the schedule overdue should have been looked at \d+ s ago/),
    ]);
  });

  it("are found if Redis or Postgres does not have them", async () => {
    await Promise.all(["gone", "stray"].map(put));
    await until(() => queue.schedules.isLoaded(), { what: "the service does not bring it back" });
    await setup().redis.hdel(`${NS}schedule_states`, "gone");
    const stray = (await queue.schedules.read(["stray"]))[0];
    await setup().redis.hset(`${NS}schedule_states`, "unknown", stray?.text ?? "");
    await setup().redis.zadd(`${NS}schedule_ticks`, "inf", "gone", queue.clock.now() + 60_000, "unknown");
    expect((await found()).sort()).toEqual([
      expect.stringMatching(/^schedule_differs: the schedule gone has revision \d+ in Postgres, and Redis does not/),
      "schedule_differs: the schedule unknown is in Redis, and Postgres does not have it",
    ]);
  });

  it("are found if the history lacks a tick", async () => {
    await put("holed");
    const state = (await queue.schedules.read(["holed"]))[0]?.state;
    const holed = JSON.stringify({ ...state, counts: { fired: 2, late: 0, skipped: 0, missed: 1 } });
    await setup().redis.hset(`${NS}schedule_states`, "holed", holed);
    expect(await found()).toEqual(["schedule_history: the schedule holed has decided 3 ticks that its history lacks"]);
  });
});
