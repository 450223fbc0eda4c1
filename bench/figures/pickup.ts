/** Measures how soon a job runs on an idle system: from before its POST is sent until its handler is called. */
import { lastCommitted } from "../committed.ts";
import type { Running } from "../competitors/competitor.ts";
import { taskflow } from "../competitors/competitor.ts";
import type { Bench, Figure } from "../figure.ts";
import { inRounds } from "../figure.ts";
import { medianOf, quantileOf } from "../median.ts";
import { PICKUP_ROWS, pickupLatencies, submitPickups } from "../pickups.ts";

const WARM_JOBS = 100;

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
  await submitPickups(url, (submitted) => submitted === WARM_JOBS + jobs);
  await lastCommitted(services, PICKUP_ROWS, WARM_JOBS + jobs);
  return (await pickupLatencies(services)).slice(WARM_JOBS);
}
