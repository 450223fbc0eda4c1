// Job types of lane `io` for tests and benchmarks: the payload selects the behaviour of the handler.
import { setTimeout as sleep } from "node:timers/promises";

const failures = new Map();

function compute(ms) {
  const end = performance.now() + ms;
  let turns = 0;
  while (performance.now() < end) turns += 1;
  return { computed: ms, turns };
}

const behaviours = {
  return: ({ value }) => value,
  context: (_, { timeoutMs, groupKey, schedule }) => ({ timeoutMs, groupKey, schedule }),
  later: ({ value }) => Promise.resolve(value),
  sleep: async ({ ms }, { signal }) => {
    await sleep(ms, undefined, { signal });
    return { slept: ms };
  },
  // Pauses, then computes for `ms` without a pause.
  compute: async ({ ms }) => {
    await sleep(10);
    return compute(ms);
  },
  compute_at_once: ({ ms }) => compute(ms),
  // Ignores its signal.
  hang: () => new Promise(() => {}),
  // Fails the first `times` attempts of a job.
  fail: ({ times }, { jobId }) => {
    const failed = failures.get(jobId) ?? 0;
    if (failed >= times) return { failed };
    failures.set(jobId, failed + 1);
    throw Object.assign(new Error(`failure ${failed + 1}`), { code: "test_failure" });
  },
  circular: () => {
    const value = {};
    value.self = value;
    return value;
  },
  huge: () => "x".repeat(2_000_000),
  task: ({ name, argument, limit_ms }, { onThread }) => onThread(name, argument, limit_ms),
  progress: async (_, { progress, log, signal, attempt }) => {
    progress(40);
    log("forty", { attempt });
    await sleep(60_000, undefined, { signal });
  },
  // Logs one line after the other, and waits `ms` after each.
  talk: async ({ lines, ms }, { log, signal }) => {
    for (const line of lines) {
      log(line);
      await sleep(ms, undefined, { signal });
    }
  },
  // Logs values that can neither be cloned nor written as JSON.
  log_odd: (_, { log }) => {
    log("odd", { kept: 1, callback: () => 1 });
    log("odder", { big: 1n, callback: () => 1 });
  },
  // Reports one percentage after the other, each `ms` before the next.
  steps: async ({ percents, ms }, { progress, signal }) => {
    for (const percent of percents) {
      progress(percent);
      await sleep(ms, undefined, { signal });
    }
    return { steps: percents.length };
  },
  // Asks once to be called again `ms` later.
  come_back: ({ ms }, { jobId }, RetryAfterError) => {
    if (failures.has(jobId)) return "back";
    failures.set(jobId, 1);
    throw new RetryAfterError("come back", ms);
  },
  // Leaves a rejected promise that nothing awaits.
  stray: () => {
    void Promise.reject(new Error("left behind"));
    return "done";
  },
  // Ends the whole process, as a crash in native code does.
  kill: () => process.kill(process.pid, "SIGKILL"),
};

// Functions that this type runs on pool threads.
const tasks = {
  double: ({ value }, factor) => ({ doubled: value * 2, times: value * factor }),
  spin: () => {
    for (;;);
  },
  // Computes for the given time.
  busy: (_, ms) => {
    for (const end = performance.now() + ms; performance.now() < end; );
    return "done";
  },
  exit: () => process.exit(7),
  hoard: () => {
    for (const all = []; ; ) all.push(new Array(10_000).fill(all.length));
  },
  fail: ({ value }) => {
    throw Object.assign(new Error(`failed with ${value}`), { code: "test_failure" });
  },
};

export default ({ defineJob, Type, PermanentError, RetryAfterError, exponential }) =>
  defineJob({
    type: "test_io",
    lane: "io",
    payload: Type.Object({ do: Type.String() }, { additionalProperties: true }),
    attempts: 3,
    timeoutMs: 30_000,
    backoff: exponential(20, 200),
    tasks: {
      ...tasks,
      fail_permanently: () => {
        throw new PermanentError("no use", { code: "test_permanent" });
      },
    },
    run: (payload, context) => {
      if (payload.do === "permanent") throw new PermanentError("no use", { code: "test_permanent" });
      if (payload.do === "retry_after") throw new RetryAfterError("come back", payload.ms);
      return behaviours[payload.do](payload, context, RetryAfterError);
    },
  });
