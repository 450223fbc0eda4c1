// A job type of lane `cpu` that takes more memory than its thread has: in pieces small enough that the limit ends the
// thread, not the process.
export default ({ defineJob, Type, fixed }) =>
  defineJob({
    type: "chaos_hog",
    lane: "cpu",
    payload: Type.Object({}),
    attempts: 1,
    timeoutMs: 60_000,
    backoff: fixed(100),
    run: () => {
      const memory = [];
      for (;;) memory.push(new Array(1_000).fill(memory.length + 0.5));
    },
  });
