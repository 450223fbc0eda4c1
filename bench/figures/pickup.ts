/** Measures how soon a job runs on an idle system: from before its POST is sent until its handler is called. */
import { Agent, request } from "node:http";
import { setTimeout as delay } from "node:timers/promises";
import { lastCommitted } from "../committed.ts";
import type { Running } from "../competitors/competitor.ts";
import { taskflow } from "../competitors/competitor.ts";
import type { Bench, Figure } from "../figure.ts";
import { inRounds } from "../figure.ts";
import { medianOf, quantileOf } from "../median.ts";

const WARM_JOBS = 100;
/** Longer than a pickup takes, and uneven, because it must not synchronize with a timer of the replica. */
const GAP_MS = { least: 15, spread: 20 };

export const pickup: Figure = {
  name: "pickup",
  title: "from a POST to its handler, on an idle system",
  run: async (bench) => {
    const own = taskflow(bench.program);
    const runs =
      (await inRounds(bench, [own], (running) => measurePickup(bench, running, bench.isQuick ? 150 : 600))).get(own) ??
      [];
    const p50s = runs.map((latencies) => quantileOf(latencies, 0.5));
    const p99s = runs.map((latencies) => quantileOf(latencies, 0.99));
    return {
      readings: [
        { name: "TaskFlow, pickup p50", unit: "ms", values: p50s },
        { name: "TaskFlow, pickup p99", unit: "ms", values: p99s },
      ],
      goals: [
        { text: "pickup latency idle, p50", value: medianOf(p50s), limit: { most: 3 }, unit: "ms" },
        { text: "pickup latency idle, p99", value: medianOf(p99s), limit: { most: 10 }, unit: "ms" },
      ],
      notes: ["from before the POST is written until the handler is called, including HTTP"],
    };
  },
};

async function measurePickup({ services }: Bench, { url }: Running, jobs: number): Promise<number[]> {
  const agent = new Agent({ keepAlive: true });
  for (let n = 0; n < WARM_JOBS + jobs; n += 1) {
    await post(
      `${url}/api/v1/jobs`,
      agent,
      `{"type":"bench_pickup","payload":{"sent_at_ms":${Number(process.hrtime.bigint()) / 1e6}}}`,
    );
    await delay(GAP_MS.least + ((n * 7) % GAP_MS.spread));
  }
  agent.destroy();
  await lastCommitted(services, "jobs", WARM_JOBS + jobs);
  const rows = await services.query<{ ms: number }>(
    "select (result->>'pickup_ms')::float8 as ms from jobs order by id",
  );
  return rows.slice(WARM_JOBS).map(({ ms }) => ms);
}

/** Uses node:http, which writes immediately; fetch adds half a millisecond. */
function post(url: string, agent: Agent, body: string): Promise<void> {
  return new Promise((resolve, reject) => {
    const sent = request(
      url,
      { agent, method: "POST", headers: { "content-type": "application/json", "content-length": body.length } },
      (response) => {
        response
          .resume()
          .on("end", () =>
            response.statusCode === 202
              ? resolve()
              : reject(new Error(`a job was answered with ${response.statusCode ?? 0}`)),
          );
      },
    );
    sent.on("error", reject).end(body);
  });
}
