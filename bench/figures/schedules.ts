/** Measures what schedules cost while none is due, and how soon many that are due at once submit their jobs. */
import { setTimeout as delay } from "node:timers/promises";
import { submitBatches } from "../batches.ts";
import { lastCommitted } from "../committed.ts";
import type { Running } from "../competitors/competitor.ts";
import { taskflow } from "../competitors/competitor.ts";
import type { Bench, Figure } from "../figure.ts";
import { inRounds } from "../figure.ts";
import { medianOf, quantileOf, ratiosOf } from "../median.ts";
import { PICKUP_ROWS, pickupLatencies, submitPickups } from "../pickups.ts";
import type { IdleCost } from "./idle.ts";
import { idleCost, SETTLE_MS } from "./idle.ts";

/** Before the costs of an idle replica are measured, it has run some jobs. */
const FIRST_PICKUPS = 500;
/**
 * The due schedules have an earlier tick, which is not measured: V8 then has compiled their code, as it has that of the
 * other jobs.
 */
const WARM_UP_MS = 20_000;
/** How long the other jobs are measured without load: about as long as with it, so that their samples are as large. */
const UNLOADED_MS = 2_000;
/** From the definitions in Postgres to their instant: their working copies are in Redis before. */
const AHEAD_MS = 45_000;
const LOOK_EVERY_MS = 10;
const YEAR_MS = 365 * 86_400_000;
const NOOP = { type: "noop", payload: {} };
const COUNTS = "{taskflow:0}:counts";
const NOOP_ROWS = "jobs where type = 'noop'";

export const schedules: Figure = {
  name: "schedules",
  title: "many schedules",
  run: async (bench) => {
    const [waiting, due] = bench.isQuick ? [10_000, 1_000] : [100_000, 10_000];
    const own = taskflow(bench.program);
    const measured = (await inRounds(bench, [own], (running) => measure(bench, running, waiting, due))).get(own) ?? [];
    const all = measured.map(({ enqueuedMs }) => (enqueuedMs.at(-1) ?? 0) / 1_000);
    const lateness = measured.map(({ enqueuedMs }) => quantileOf(enqueuedMs, 0.99) / 1_000);
    const idle = measured.map((run) => quantileOf(run.idlePickups, 0.99));
    const during = measured.map((run) => quantileOf(run.pickups, 0.99));
    const withBatch = measured.map((run) => quantileOf(run.batchPickups, 0.99));
    const many = waiting.toLocaleString("en-US");
    const some = due.toLocaleString("en-US");
    const cost = (name: string, unit: string, of: (cost: IdleCost) => number) => [
      { name: `TaskFlow, ${name} without schedules`, unit, values: measured.map(({ without }) => of(without)) },
      { name: `TaskFlow, ${name} with ${many} schedules`, unit, values: measured.map((run) => of(run.withSchedules)) },
    ];
    return {
      readings: [
        ...cost("CPU of an idle replica", "% of a core", ({ cpuPercent }) => cpuPercent),
        ...cost("Redis commands sent", "/s", ({ commands }) => commands),
        { name: `TaskFlow, ${some} schedules due at once, until all jobs are enqueued`, unit: "s", values: all },
        { name: "TaskFlow, lateness p99", unit: "s", values: lateness },
        { name: "TaskFlow, pickup p99 of another type before", unit: "ms", values: idle },
        { name: "TaskFlow, pickup p99 of another type meanwhile", unit: "ms", values: during },
        { name: `TaskFlow, the same while ${some} jobs of batches run`, unit: "ms", values: withBatch },
      ],
      goals: [
        { text: `${some} schedules due at once, all enqueued`, value: medianOf(all), limit: { most: 2 }, unit: "s" },
        { text: "lateness p99 meanwhile", value: medianOf(lateness), limit: { most: 1 }, unit: "s" },
        {
          text: "pickup p99 of another type meanwhile, against an idle system",
          value: medianOf(ratiosOf(during, idle)),
          limit: { most: 2 },
          unit: "",
        },
      ],
      notes: [
        "one replica; lateness is from the tick until the job is counted in Redis, read every 10 ms",
        "the schedules had a first tick 20 s before, after which the pickups without load are measured, with the same queries",
        "the batches have as many jobs as the due schedules, of the same type: their pickup p99 is the part of the jobs",
      ],
    };
  },
};

interface Costs {
  readonly without: IdleCost;
  readonly withSchedules: IdleCost;
}

interface Measured extends Costs {
  /** Milliseconds from the tick until each job was enqueued, ascending. */
  readonly enqueuedMs: readonly number[];
  readonly idlePickups: readonly number[];
  readonly pickups: readonly number[];
  readonly batchPickups: readonly number[];
}

async function measure(bench: Bench, running: Running, waiting: number, due: number): Promise<Measured> {
  const { services, isQuick } = bench;
  const { url } = running;
  const seconds = isQuick ? 6 : 20;
  await submitPickups(url, (submitted) => submitted === FIRST_PICKUPS);
  await delay(SETTLE_MS);
  const without = await idleCost(services, running, seconds);
  bench.log(`${waiting} schedules wait`);
  await addSchedules(bench, url, "waiting", { every_ms: YEAR_MS }, waiting);
  await delay(SETTLE_MS);
  const withSchedules = await idleCost(services, running, seconds);
  return { without, withSchedules, ...(await measureDue(bench, url, due)) };
}

/** Schedules that are due at once, after an earlier tick that is not measured, and as many jobs of batches. */
async function measureDue(bench: Bench, url: string, due: number): Promise<Omit<Measured, keyof Costs>> {
  const { services, isQuick } = bench;
  const first = Math.ceil(Date.now() / 1_000) * 1_000 + (isQuick ? AHEAD_MS / 3 : AHEAD_MS);
  const tick = first + WARM_UP_MS;
  // most schedules do not end with the tick: that would be further work
  const times = [first, tick, tick + YEAR_MS].map((time) => new Date(time).toISOString());
  await addSchedules(bench, url, "due", { times }, due - 1);
  if (Date.now() > first - 2_000) throw new Error("the schedules came too late to Redis");
  bench.log(`${due} schedules are due in ${Math.round((first - Date.now()) / 1_000)} s`);
  await delay(first - Date.now());
  await lastCommitted(services, NOOP_ROWS, due);
  const unloaded = await pickupsDuring(bench, url, due, async () => {
    const startedAt = Date.now();
    await enqueueTimes(bench, startedAt, () => Date.now() - startedAt > UNLOADED_MS);
  });
  await delay(tick - Date.now() - 500);
  let enqueuedMs: readonly number[] = [];
  const ticked = await pickupsDuring(bench, url, 2 * due, async () => {
    enqueuedMs = (await enqueueTimes(bench, tick, (accepted) => accepted >= 2 * due)).slice(due);
  });
  const batched = await pickupsDuring(bench, url, 3 * due, async () => {
    await delay(500);
    await submitBatches(url, due, JSON.stringify(NOOP));
  });
  await lastCommitted(services, PICKUP_ROWS, FIRST_PICKUPS + unloaded + ticked + batched);
  const latencies = (await pickupLatencies(services)).slice(FIRST_PICKUPS);
  return {
    enqueuedMs,
    idlePickups: latencies.slice(0, unloaded),
    pickups: latencies.slice(unloaded, unloaded + ticked),
    batchPickups: latencies.slice(unloaded + ticked),
  };
}

/**
 * Submits jobs of another type until `rows` jobs in all have run.
 * @param submit submits those
 * @returns how many jobs of the other type it has submitted
 */
async function pickupsDuring(
  { services }: Bench,
  url: string,
  rows: number,
  submit: () => Promise<void>,
): Promise<number> {
  let isDone = false;
  const others = submitPickups(url, () => isDone);
  const committed = await submit()
    .then(() => lastCommitted(services, NOOP_ROWS, rows))
    .finally(() => {
      isDone = true;
    });
  if (committed.rows !== rows) throw new Error(`${committed.rows} of ${rows} jobs ran`);
  return others;
}

/**
 * Puts one schedule over the API, and copies its row: a hundred thousand calls would take minutes. Resolves when Redis
 * has all of them.
 */
async function addSchedules(
  { services }: Bench,
  url: string,
  name: string,
  timing: object,
  copies: number,
): Promise<void> {
  const response = await fetch(`${url}/api/v1/schedules/${name}`, {
    method: "PUT",
    headers: { "content-type": "application/json" },
    body: JSON.stringify({ ...timing, job: NOOP }),
  });
  if (!response.ok) throw new Error(`the schedule was answered with ${response.status}: ${await response.text()}`);
  await services.query(`create temporary table copied as select * from schedules where name = '${name}'`);
  await services.query(`update copied set applied = 0`);
  for (let first = 0; first < copies; first += 10_000) {
    await services.query(`insert into schedules select (json_populate_record(copied, json_build_object(
      'id', gen_random_uuid(), 'name', '${name}-' || n))).* from copied, generate_series(${first + 1}, ${Math.min(copies, first + 10_000)}) as n`);
  }
  await services.query("drop table copied");
  const unapplied = "select count(*)::int as count from schedules where applied <> revision";
  while (((await services.query<{ count: number }>(unapplied))[0]?.count ?? 0) > 0) await delay(200);
}

/** How long after the tick each job was enqueued, as the job counts show it; of jobs that were enqueued before, too. */
async function enqueueTimes(
  { services }: Bench,
  tick: number,
  isLast: (accepted: number) => boolean,
): Promise<number[]> {
  const times: number[] = [];
  for (;;) {
    const accepted = Number((await services.redis.hget(COUNTS, "accepted:noop")) ?? 0);
    const ms = Date.now() - tick;
    while (times.length < accepted) times.push(ms);
    if (isLast(accepted)) return times;
    if (ms > 60_000) throw new Error(`only ${accepted} jobs are enqueued after a minute`);
    await delay(LOOK_EVERY_MS);
  }
}
