/** Replicas whose clocks differ, and simultaneous requests. */
import { fileURLToPath } from "node:url";
import { call } from "./client.ts";
import type { Scenario } from "./scenario.ts";

const skew = fileURLToPath(new URL("./skew.mjs", import.meta.url));
/** The allowed delay of a scheduled job: a replica claims at least once a second, and the machine is busy. */
const LATE_MS = 2_500;

export const clockSkew: Scenario = {
  name: "clock-skew",
  fault: "two replicas an hour apart",
  seconds: { full: 30, fast: 4 },
  slots: [{ nodeArgs: ["--import", skew], env: { CHAOS_SKEW_MS: "3600000" } }, {}],
  run: async (stage) => {
    const startedAt = Date.now();
    await stage.load(100, { noop: 30, delayed: 30, webhook: 20, flaky: 10, sleep: 10 });
    await stage.wait(stage.seconds * 1_000);
    await stage.measureRecovery();
    return (rows) => {
      const elapsed = Date.now() - startedAt;
      const wrongDay = rows.filter(
        ({ created_at }) => created_at < startedAt - 2_000 || created_at > startedAt + elapsed + 2_000,
      );
      stage.expect({
        isSo: wrongDay.length === 0,
        otherwise: `${wrongDay.length} jobs have the time of a replica instead of Redis's`,
      });
      const scheduled = rows.filter(({ run_at }) => run_at !== null);
      const late = scheduled.map(({ run_at, started_at }) => (started_at ?? 0) - (run_at ?? 0));
      const isRight = late.every((ms) => ms >= -5 && ms < LATE_MS);
      stage.expect({
        isSo: scheduled.length > 0 && isRight,
        otherwise: `scheduled jobs started from ${Math.min(...late)} to ${Math.max(...late)} ms after they were due`,
      });
      const lost = rows.filter(({ earlier }) => earlier.some(({ outcome }) => outcome === "lost"));
      stage.expect({ isSo: lost.length === 0, otherwise: `${lost.length} leases were considered lost` });
    };
  },
};

const REQUESTS = 200;

export const sameKey: Scenario = {
  name: "same-key",
  fault: `${REQUESTS} requests at once with one Idempotency-Key`,
  seconds: { full: 10, fast: 3 },
  run: async (stage) => {
    await stage.load(60);
    for (let round = 0; round < stage.seconds; round += 1) {
      const entry = stage.ledger.open("noop");
      const body = JSON.stringify({ type: "noop", payload: { round }, tags: [entry.key] });
      const headers = { "idempotency-key": `same-${round}` };
      const answers = await Promise.all(
        Array.from({ length: REQUESTS }, () => call(`${stage.cluster.urlOf()}/api/v1/jobs`, "POST", body, headers)),
      );
      const ids = new Set(answers.map(({ body: job }) => job["id"]));
      stage.expect({
        isSo: answers.every(({ status }) => status === 202),
        otherwise: `an answer was ${answers.find(({ status }) => status !== 202)?.status ?? ""}, not 202`,
      });
      stage.expect({ isSo: ids.size === 1, otherwise: `${ids.size} jobs were created for one key` });
      stage.expect({
        isSo: answers.filter(({ isReplayed }) => !isReplayed).length === 1,
        otherwise: "not exactly one answer was the first",
      });
      entry.state = "accepted";
      entry.id = String([...ids][0]);
    }
    return undefined;
  },
};
