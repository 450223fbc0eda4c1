/**
 * Flows: a batch of 10,000 with a callback against a plain batch submission, 1,000 nodes in a line and in a fan against
 * 1,000 plain jobs, and the memory of a job of a batch.
 *
 * fan: one node, 998 nodes after it, and one after all of these, against one POST /jobs/batch of 1,000 jobs that depend on
 * nothing. line: each node after the one before, against 1,000 jobs of which each is submitted when the one before has
 * ended (`?wait`), so its time includes 1,000 requests. Compared are the time that Redis spends in scripts (`INFO
 * commandstats`: enqueue, claim, settle, forget, and those of flows), and of the line also the time until all rows are
 * committed. A flow's time includes its own row. The fan's time until then is shown without a goal: its last job cannot
 * start before 999 others have ended, and plain jobs do not wait for each other.
 */
import { setTimeout as delay } from "node:timers/promises";
import { lastCommitted } from "../committed.ts";
import type { Running } from "../competitors/competitor.ts";
import { taskflow } from "../competitors/competitor.ts";
import { SMALL_BODY } from "../end-to-end.ts";
import type { Bench, Figure } from "../figure.ts";
import { inRounds } from "../figure.ts";
import { medianOf, ratiosOf } from "../median.ts";

const BATCH_JOBS = 10_000;
/** Batches in one measure, and as many plain submissions. */
const BATCHES = 5;
const NODES = 1_000;
/** Far in the future, so that the jobs stay where they are. */
const LATER = new Date(Date.now() + 7 * 86_400_000).toISOString();
const LOOK_EVERY_MS = 5;
/** Rounds of the fan in one measure: a single one takes too little time to be compared. */
const FANS = 5;
/** For so long after the last row replicas clear up: they forget the jobs. */
const FORGOTTEN_AFTER_MS = 500;

interface Measured {
  /** Jobs per second, from the submission to the last committed row. */
  readonly plain: number;
  readonly batch: number;
  readonly line: Compared;
  readonly fan: Compared;
  /** Bytes of Redis of a waiting job. */
  readonly plainBytes: number;
  readonly childBytes: number;
}

/** Milliseconds of 1,000 jobs. */
interface Times {
  /** From the submission to the last row. */
  readonly wall: number;
  /** Of Redis, in scripts. */
  readonly scripts: number;
}

interface Compared {
  readonly flow: Times;
  readonly plain: Times;
}

export const flows: Figure = {
  name: "flows",
  title: "batches and flows",
  run: async (bench) => {
    const own = taskflow(bench.program);
    const measured = (await inRounds(bench, [own], (running) => measure(bench, running))).get(own) ?? [];
    const values = (of: (one: Measured) => number): number[] => measured.map(of);
    const ratios = ratiosOf(
      values(({ batch }) => batch),
      values(({ plain }) => plain),
    );
    const bytes = values(({ childBytes, plainBytes }) => childBytes - plainBytes);
    return {
      readings: [
        { name: "10,000 jobs by POST /jobs/batch", unit: "jobs/s", values: values(({ plain }) => plain) },
        { name: "10,000 jobs of a batch with a callback", unit: "jobs/s", values: values(({ batch }) => batch) },
        ...timesOf("1,000 nodes in a line", values, ({ line }) => line.flow),
        ...timesOf("1,000 jobs, one after the other", values, ({ line }) => line.plain),
        ...timesOf("1 node, and 998 after it, and 1 after these", values, ({ fan }) => fan.flow),
        ...timesOf("1,000 jobs in one request", values, ({ fan }) => fan.plain),
        { name: "Redis bytes of a job of a batch over a plain job", unit: "B", values: bytes },
      ],
      goals: [
        {
          text: "a batch of 10,000, against a plain batch submission",
          value: medianOf(ratios),
          limit: { least: 0.8 },
          unit: "",
        },
        { text: "bytes of a job of a batch over a plain job", value: medianOf(bytes), limit: { most: 90 }, unit: "B" },
        goalOf(
          "1,000 nodes in a fan, scripts",
          values(({ fan }) => fan.flow.scripts / fan.plain.scripts),
        ),
        goalOf(
          "1,000 nodes in a line, scripts",
          values(({ line }) => line.flow.scripts / line.plain.scripts),
        ),
        goalOf(
          "1,000 nodes in a line, until all rows",
          values(({ line }) => line.flow.wall / line.plain.wall),
        ),
      ],
      notes: ["one replica; a flow has ended when its row is committed"],
    };
  },
};

function timesOf(
  name: string,
  values: (of: (one: Measured) => number) => number[],
  of: (one: Measured) => Times,
): { readonly name: string; readonly unit: string; readonly values: number[] }[] {
  return [
    { name, unit: "ms", values: values((one) => of(one).wall) },
    { name: `${name}, scripts`, unit: "ms", values: values((one) => of(one).scripts) },
  ];
}

function goalOf(
  text: string,
  ratios: readonly number[],
): { readonly text: string; readonly value: number; readonly limit: { readonly most: number }; readonly unit: string } {
  return { text: `${text}, against plain jobs`, value: medianOf(ratios), limit: { most: 2 }, unit: "" };
}

async function measure(bench: Bench, { url }: Running): Promise<Measured> {
  const job = JSON.parse(SMALL_BODY) as object;
  const jobs = Array.from({ length: BATCH_JOBS }, () => job);
  const plains: number[] = [];
  const batches: number[] = [];
  for (let submitted = 0, rows = 0; submitted <= BATCHES; submitted += 1) {
    const plain = await speed(bench, () => post(url, "jobs/batch", { jobs }), (rows += BATCH_JOBS));
    const batch = await speed(bench, () => post(url, "batches", { jobs, on_complete: job }), (rows += BATCH_JOBS + 1));
    if (submitted === 0) continue; // warms up
    plains.push(plain);
    batches.push(batch);
  }
  const { line, fan } = await compared(bench, url, job);
  const later = Array.from({ length: BATCH_JOBS }, () => ({ ...job, run_at: LATER }));
  const plainBytes = await bytesOf(bench, () => post(url, "jobs/batch", { jobs: later }));
  const childBytes = await bytesOf(bench, () => post(url, "batches", { jobs: later }));
  return { plain: medianOf(plains), batch: medianOf(batches), line, fan, plainBytes, childBytes };
}

/** Jobs per second, until there are so many rows. */
async function speed({ services }: Bench, submit: () => Promise<unknown>, rows: number): Promise<number> {
  const startedAt = performance.now();
  await submit();
  const { at } = await lastCommitted(services, "jobs", rows);
  return (BATCH_JOBS * 1_000) / (at - startedAt);
}

/** Flows and plain jobs, in turn. */
async function compared(bench: Bench, url: string, job: object): Promise<{ line: Compared; fan: Compared }> {
  const names = Array.from({ length: NODES }, (_, i) => `n${i}`);
  const middle = names.slice(1, -1);
  const flowOf = (after: (i: number) => readonly string[]): object => ({
    jobs: Object.fromEntries(names.map((name, i) => [name, { ...job, ...(i > 0 && { after: after(i) }) }])),
  });
  const lineFlow = flowOf((i) => [`n${i - 1}`]);
  const fanFlow = flowOf((i) => (i === NODES - 1 ? middle : ["n0"]));
  const jobs = Array.from({ length: NODES }, () => job);
  const submitFlow = async (body: object): Promise<void> => {
    const { id } = (await post(url, "flows", body)) as { id: string };
    await untilRecorded(bench, id);
  };
  const fans: Compared[] = [];
  for (let round = 0; round < FANS; round += 1) {
    const plain = await timed(bench, () => post(url, "jobs/batch", { jobs }));
    fans.push({ plain, flow: await timed(bench, () => submitFlow(fanFlow)) });
  }
  const plain = await timed(bench, async () => {
    for (let n = 0; n < NODES; n += 1) await post(url, "jobs?wait=30", job, 200);
  });
  const line = { plain, flow: await timed(bench, () => submitFlow(lineFlow)) };
  const median = (of: (one: Compared) => number): number => medianOf(fans.map(of));
  const fan = {
    plain: { wall: median((one) => one.plain.wall), scripts: median((one) => one.plain.scripts) },
    flow: { wall: median((one) => one.flow.wall), scripts: median((one) => one.flow.scripts) },
  };
  return { line, fan };
}

/** The times of a submission of 1,000 jobs, until all have rows; and until the replica has cleared up, for the scripts. */
async function timed({ services }: Bench, submit: () => Promise<unknown>): Promise<Times> {
  const before = await services.countRows("jobs");
  await services.redis.config("RESETSTAT");
  const startedAt = performance.now();
  await submit();
  while ((await services.countRows("jobs")) < before + NODES) await delay(LOOK_EVERY_MS);
  const wall = performance.now() - startedAt;
  await delay(FORGOTTEN_AFTER_MS);
  const stats = await services.redis.info("commandstats");
  const usec = [...stats.matchAll(/^cmdstat_(?:eval|evalsha):calls=\d+,usec=(\d+)/gm)].map(([, us]) => Number(us));
  return { wall, scripts: usec.reduce((sum, us) => sum + us, 0) / 1_000 };
}

async function untilRecorded({ services }: Bench, flow: string): Promise<void> {
  while ((await services.query(`select 1 from flows where id = '${flow}'`)).length === 0) await delay(LOOK_EVERY_MS);
}

/** Bytes of Redis that a job of a submission takes. */
async function bytesOf({ services }: Bench, submit: () => Promise<unknown>): Promise<number> {
  const before = await usedMemory(services);
  await submit();
  return ((await usedMemory(services)) - before) / BATCH_JOBS;
}

async function usedMemory(services: Bench["services"]): Promise<number> {
  const info = await services.redis.info("memory");
  return Number(/^used_memory:(\d+)/m.exec(info)?.[1] ?? 0);
}

async function post(url: string, path: string, body: object, status = 202): Promise<unknown> {
  const response = await fetch(`${url}/api/v1/${path}`, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify(body),
  });
  const text = await response.text();
  if (response.status !== status)
    throw new Error(`${path} was answered with ${response.status}: ${text.slice(0, 300)}`);
  return JSON.parse(text) as unknown;
}
