// Returns how long ago its submission was sent, by the monotonic clock that all processes of a machine share.
export default ({ defineJob, Type, exponential }) =>
  defineJob({
    type: "bench_pickup",
    lane: "io",
    payload: Type.Object({ sent_at_ms: Type.Number() }),
    attempts: 3,
    timeoutMs: 30_000,
    backoff: exponential(1_000, 60_000),
    run: ({ sent_at_ms }) => ({ pickup_ms: Number(process.hrtime.bigint()) / 1e6 - sent_at_ms }),
  });
