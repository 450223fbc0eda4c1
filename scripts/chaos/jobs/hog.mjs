// A job type of lane `cpu` that takes more memory than its thread has.
export default ({ defineJob, Type, fixed }) =>
  defineJob({
    type: "chaos_hog",
    lane: "cpu",
    payload: Type.Object({}),
    attempts: 1,
    timeoutMs: 60_000,
    backoff: fixed(100),
    run: () => {
      const held = [];
      for (;;) held.push({ number: held.length, text: String(held.length) });
    },
  });
