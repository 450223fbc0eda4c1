// Sleeps 50 ms, to measure slots. WORKER_TYPES=bench_sleep makes a replica that runs no no-ops.
import { setTimeout as sleep } from "node:timers/promises";

export default ({ defineJob, Type, exponential }) =>
  defineJob({
    type: "bench_sleep",
    lane: "io",
    payload: Type.Object({}),
    attempts: 3,
    timeoutMs: 30_000,
    backoff: exponential(1_000, 60_000),
    run: (_, { signal }) => sleep(50, null, { signal }),
  });
