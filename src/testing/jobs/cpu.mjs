// A job type of lane `cpu` for tests: how a handler behaves on its thread is in its payload.
const behaviours = {
  return: ({ value }) => value,
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
  progress: async ({ ms }, { progress, log }) => {
    progress(70);
    log("on a thread", { seventy: true });
    await new Promise((resolve) => setTimeout(resolve, ms));
    return "done";
  },
};

export default ({ defineJob, Type, PermanentError, exponential }) =>
  defineJob({
    type: "test_cpu",
    lane: "cpu",
    payload: Type.Object({ do: Type.String() }, { additionalProperties: true }),
    settings: Type.Object({ TEST_SETTING: Type.String({ default: "set", description: "Of the tests" }) }),
    attempts: 2,
    timeoutMs: 30_000,
    backoff: exponential(20, 200),
    open: (settings) => settings,
    run: (payload, context) => (payload.do === "setting" ? context.tool.TEST_SETTING : behaviours[payload.do](payload, { ...context, PermanentError })),
  });
