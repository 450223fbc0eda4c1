/**
 * Flows: a batch of 10,000 with a callback against a plain batch submission, 1,000 nodes in a line and in a fan against
 * the same number of plain jobs one after the other and together, and the memory of a job of a batch.
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
const NODES = 1_000;
/** Far in the future, so that the jobs stay where they are. */
const LATER = new Date(Date.now() + 7 * 86_400_000).toISOString();
const LOOK_EVERY_MS = 5;

interface Measured {
  /** Jobs per second, from the submission to the last committed row. */
  readonly plain: number;
  readonly batch: number;
  /** Milliseconds, from the submission to the row of the flow. */
  readonly lineMs: number;
  readonly fanMs: number;
  /** Bytes of Redis of a waiting job. */
  readonly plainBytes: number;
  readonly childBytes: number;
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
        { name: "1,000 nodes in a line", unit: "ms", values: values(({ lineMs }) => lineMs) },
        { name: "1 node, and 998 after it, and 1 after these", unit: "ms", values: values(({ fanMs }) => fanMs) },
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
      ],
      notes: ["one replica; a flow has ended when its row is committed"],
    };
  },
};

async function measure(bench: Bench, { url }: Running): Promise<Measured> {
  const { services } = bench;
  const job = JSON.parse(SMALL_BODY) as object;
  const jobs = Array.from({ length: BATCH_JOBS }, () => job);
  await post(url, "jobs/batch", { jobs }); // warms up
  await lastCommitted(services, "jobs", BATCH_JOBS);
  const plain = await speed(bench, () => post(url, "jobs/batch", { jobs }), 2 * BATCH_JOBS);
  const withCallback = { jobs, on_complete: job };
  const batch = await speed(bench, () => post(url, "batches", withCallback), 3 * BATCH_JOBS + 1);
  const names = Array.from({ length: NODES }, (_, i) => `n${i}`);
  const line = names.map((name, i) => [name, { ...job, ...(i > 0 && { after: [`n${i - 1}`] }) }]);
  const middle = names.slice(1, -1);
  const fan = names.map((name, i) => [name, { ...job, ...(i > 0 && { after: i === NODES - 1 ? middle : ["n0"] }) }]);
  const lineMs = await untilRecorded(bench, url, { jobs: Object.fromEntries(line) as object });
  const fanMs = await untilRecorded(bench, url, { jobs: Object.fromEntries(fan) as object });
  const later = Array.from({ length: BATCH_JOBS }, () => ({ ...job, run_at: LATER }));
  const plainBytes = await bytesOf(bench, () => post(url, "jobs/batch", { jobs: later }));
  const childBytes = await bytesOf(bench, () => post(url, "batches", { jobs: later }));
  return { plain, batch, lineMs, fanMs, plainBytes, childBytes };
}

/** Jobs per second, until there are so many rows. */
async function speed({ services }: Bench, submit: () => Promise<unknown>, rows: number): Promise<number> {
  const startedAt = performance.now();
  await submit();
  const { at } = await lastCommitted(services, "jobs", rows);
  return (BATCH_JOBS * 1_000) / (at - startedAt);
}

async function untilRecorded({ services }: Bench, url: string, body: object): Promise<number> {
  const startedAt = performance.now();
  const { id } = (await post(url, "flows", body)) as { id: string };
  for (;;) {
    const rows = await services.query(`select 1 from flows where id = '${id}'`);
    if (rows.length > 0) return performance.now() - startedAt;
    await delay(LOOK_EVERY_MS);
  }
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

async function post(url: string, path: string, body: object): Promise<unknown> {
  const response = await fetch(`${url}/api/v1/${path}`, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify(body),
  });
  const text = await response.text();
  if (response.status !== 202) throw new Error(`${path} was answered with ${response.status}: ${text.slice(0, 300)}`);
  return JSON.parse(text) as unknown;
}
