// A job type that does nothing, to measure TaskFlow itself.
export default ({ defineJob, Type, exponential }) =>
  defineJob({
    type: "noop",
    lane: "io",
    payload: Type.Object({}, { additionalProperties: true }),
    attempts: 3,
    timeoutMs: 30_000,
    backoff: exponential(1_000, 60_000),
    run: () => ({ ok: true }),
  });
