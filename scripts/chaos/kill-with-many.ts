/** A replica dies with many running jobs: the free replica must run them again, and concurrently. */
import { until } from "../../src/testing/until.ts";
import { besideOthers } from "./neighbours.ts";
import type { SetSizes } from "./redis-view.ts";
import type { Scenario, Verify } from "./scenario.ts";
import type { Stage } from "./stage.ts";

/** A few more than must run on the victim: the survivor may claim some of them. */
const SUBMITTED = 80;
const LEAST_LOST = 60;
const HANDLER_MS = { full: 4_000, fast: 1_500 };
/** The lost jobs may be run again in this many groups. One by one they would take sixty times as long as a handler. */
const GROUPS = 4;
/** Allowed after the lease has expired: the sweep that notices it, and the delays of two shared cores. */
const SLACK_MS = 5_000;
const MIB = 1024 * 1024;

export const killWithMany: Scenario = {
  name: "kill-with-many",
  fault: `kill -9 a replica with ${LEAST_LOST} running jobs, next to one with 200 free slots`,
  seconds: { full: 0, fast: 0 },
  slots: [{}, { env: { IO_SLOTS: "200" } }],
  // No mixed load: half of it would be sent to the dead replica.
  run: (stage) => {
    const probeUrls = [stage.cluster.replica(1).url];
    return besideOthers(stage, { dataBytes: MIB, loadPerSecond: 0, probeUrls, during: () => killOne(stage) });
  },
};

async function killOne(stage: Stage): Promise<Verify> {
  const { cluster, pace, leaseMs } = stage;
  const victim = cluster.replica(0);
  const handlerMs = HANDLER_MS[pace];
  // The replica that accepts a job runs it if it has a free slot.
  const sleep = { type: "test_io", payload: { do: "sleep", ms: handlerMs } };
  const entries = await Promise.all(Array.from({ length: SUBMITTED }, () => stage.submit(sleep, victim.url)));
  const ids = new Set(entries.map(({ id }) => id));
  const runningOnVictim = async (): Promise<number> =>
    (await cluster.redis.leasedBy(victim.id)).filter((id) => ids.has(id)).length;
  await until(async () => (await runningOnVictim()) >= LEAST_LOST, {
    what: `${LEAST_LOST} jobs run on the victim`,
    timeoutMs: handlerMs,
  });
  const killedAt = Date.now(); // Redis uses the clock of this machine
  await victim.kill();
  const withinMs = leaseMs + 1_000 + GROUPS * handlerMs + SLACK_MS;
  const isOver = ({ ready, leased }: SetSizes): boolean => ready + leased < LEAST_LOST / 10;
  // the records contain the delays
  await stage.setSizesWhen("the lost jobs have ended", isOver, withinMs + handlerMs).catch(() => undefined);
  return (rows) => {
    const lost = rows.filter(({ earlier }) =>
      earlier.some(({ outcome, worker }) => outcome === "lost" && worker === victim.id),
    );
    const againMs = lost.map(({ started_at }) => (started_at ?? Infinity) - killedAt).sort((a, b) => a - b);
    const [firstMs = 0, lastMs = 0] = [againMs[0], againMs.at(-1)];
    stage.recovered(lastMs);
    stage.notes.push(
      `${lost.length} lost jobs of ${handlerMs} ms began again ${Math.round(firstMs)} to ${Math.round(lastMs)} ms after the kill`,
    );
    stage.expect({ isSo: lost.length >= LEAST_LOST, otherwise: `only ${lost.length} jobs were lost with the victim` });
    stage.expect({
      isSo: lastMs <= withinMs,
      otherwise: `the last lost job began again after ${Math.round(lastMs)} ms, not within ${withinMs}`,
    });
    stage.expect({ isSo: rows.every(({ status }) => status === "completed"), otherwise: "a job did not complete" });
  };
}
