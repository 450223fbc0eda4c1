// A job type of lane `cpu` for tests: the payload selects the behaviour of the handler on its thread.
import { parentPort } from "node:worker_threads";

const cameBack = new Set();

const behaviours = {
  return: ({ value }) => value,
  context: (_, { timeoutMs, groupKey, schedule }) => ({ timeoutMs, groupKey, schedule }),
  throw: () => {
    throw new Error("thrown on a thread");
  },
  permanent: (_, { PermanentError }) => {
    throw new PermanentError("no use", { code: "test_permanent" });
  },
  spin: () => {
    for (;;);
  },
  exit: ({ code }) => process.exit(code),
  // Returns, and throws later from a timer.
  stray: () => {
    setTimeout(() => {
      throw new Error("a stray error");
    }, 50);
  },
  // Posts an unknown message to the main thread.
  post: ({ values }) => {
    for (const value of values) parentPort.postMessage(value);
  },
  progress: async ({ ms }, { progress, log }) => {
    progress(70);
    log("on a thread", { seventy: true });
    await new Promise((resolve) => setTimeout(resolve, ms));
    return "done";
  },
  // Logs one line after the other, and waits `ms` after each; then logs two more as it ends.
  talk: async ({ lines, ms }, { log }) => {
    for (const line of lines) {
      log(line);
      await new Promise((resolve) => setTimeout(resolve, ms));
    }
    log("last but one");
    log("last");
  },
  task: ({ argument }, { onThread }) => onThread("double", argument, 1_000),
  // As in io.mjs; `spins` leaves the lines to the main thread, which then stops the attempt.
  log_odd: ({ spins }, { log }) => {
    log("odd", { kept: 1, callback: () => 1 });
    log("odder", { big: 1n, callback: () => 1 });
    while (spins);
  },
  // Reports each percentage without a pause, and never yields.
  busy: ({ percents }, { progress }) => {
    for (const percent of percents) progress(percent);
    for (;;);
  },
  // Reports one percentage after the other, each `ms` before the next.
  steps: async ({ percents, ms }, { progress }) => {
    for (const percent of percents) {
      progress(percent);
      await new Promise((resolve) => setTimeout(resolve, ms));
    }
    return { steps: percents.length };
  },
  // Asks once to be called again `ms` later. Tests have one thread, which remembers it.
  come_back: ({ ms }, { jobId, RetryAfterError }) => {
    if (cameBack.has(jobId)) return "back";
    cameBack.add(jobId);
    throw new RetryAfterError("come back", ms);
  },
};

export default ({ defineJob, Type, PermanentError, RetryAfterError, exponential }) =>
  defineJob({
    type: "test_cpu",
    lane: "cpu",
    payload: Type.Object({ do: Type.String() }, { additionalProperties: true }),
    settings: Type.Object({ TEST_SETTING: Type.String({ default: "set", description: "Of the tests" }) }),
    attempts: 2,
    timeoutMs: 30_000,
    backoff: exponential(20, 200),
    open: (settings) => settings,
    tasks: { double: ({ value }, factor) => ({ doubled: value * 2, times: value * factor }) },
    run: (payload, context) =>
      payload.do === "setting"
        ? context.resource.TEST_SETTING
        : behaviours[payload.do](payload, { ...context, PermanentError, RetryAfterError }),
  });
