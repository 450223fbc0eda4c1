// A job type whose handler fails on one replica and returns on the other.
import { setTimeout as sleep } from "node:timers/promises";

export default ({ defineJob, Type, fixed }) =>
  defineJob({
    type: "chaos_sided",
    lane: "io",
    payload: Type.Object({}),
    settings: Type.Object({
      CHAOS_FAILS: Type.Boolean({ default: false, description: "Of the chaos runs" }),
      CHAOS_SLEEP_MS: Type.Integer({ default: 1_000, description: "Of the chaos runs" }),
    }),
    attempts: 3,
    timeoutMs: 60_000,
    backoff: fixed(100),
    open: (settings) => settings,
    run: async (_payload, { resource }) => {
      await sleep(resource.CHAOS_SLEEP_MS);
      if (resource.CHAOS_FAILS) throw new Error("this side fails");
      return { ok: true };
    },
  });
