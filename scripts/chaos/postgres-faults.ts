/** Postgres is down, is slow, or rejects rows. */
import { setTimeout as delay } from "node:timers/promises";
import { call, submitOnce } from "./client.ts";
import type { Scenario } from "./scenario.ts";
import type { Stage } from "./stage.ts";

const MIB = 1024 * 1024;
/** Jobs per second while Postgres is down. */
const RATE = 200;

export const postgresStop: Scenario = {
  name: "postgres-stop",
  fault: "Postgres away for 60 s",
  seconds: { full: 60, fast: 4 },
  run: async (stage) => {
    const { cluster, ledger } = stage;
    await stage.load(RATE, undefined, stage.isFast ? 1_500 : 3_000);
    const idleRss = stage.takePeakRss();
    await cluster.services.postgres.stop();
    const stoppedAt = performance.now();
    await stage.wait(stage.seconds * 1_000);
    const health = await call(`${cluster.replica(0).url}/api/v1/health`, "GET");
    stage.expect({
      isSo: health.status === 200 && health.body["status"] === "degraded",
      otherwise: `the health check answered ${health.status} ${String(health.body["status"])} without Postgres`,
    });
    const acceptedMeanwhile = ledger.in("accepted").filter(({ at }) => at > stoppedAt).length;
    const { outbox } = await cluster.redis.setSizes();
    stage.expect({
      isSo: acceptedMeanwhile > (stage.seconds * stage.rateOf(RATE)) / 2,
      otherwise: `only ${acceptedMeanwhile} jobs were accepted without Postgres`,
    });
    stage.expect({
      isSo: outbox > acceptedMeanwhile / 2,
      otherwise: `only ${outbox} jobs are in the outbox: jobs do not continue without Postgres`,
    });
    const peakRss = stage.takePeakRss();
    stage.expect({
      isSo: peakRss < 2 * idleRss,
      otherwise: `a replica grew from ${Math.round(idleRss / MIB)} to ${Math.round(peakRss / MIB)} MiB`,
    });
    stage.notes.push(`outbox ${outbox}; memory ${Math.round(idleRss / MIB)} to ${Math.round(peakRss / MIB)} MiB`);
    await cluster.services.postgres.restart();
    const backAt = performance.now();
    await stage.stopLoad();
    await stage.setSizesWhen("the outbox has drained", (setSizes) => setSizes.outbox === 0);
    stage.recovered(performance.now() - backAt);
    return (rows) => {
      const again = rows.filter(({ earlier }) => earlier.some(({ outcome }) => outcome === "lost"));
      stage.expect({
        isSo: again.length === 0,
        otherwise: `${again.length} leases were lost because Postgres was down`,
      });
    };
  },
};

export const postgresSlow: Scenario = {
  name: "postgres-slow",
  fault: "COPY delayed by a lock for 20 s",
  seconds: { full: 20, fast: 5 },
  run: async (stage) => {
    const { cluster, ledger } = stage;
    await stage.load(150);
    const beforeAt = performance.now();
    await stage.wait(3_000);
    const { ready: readyBefore } = await cluster.redis.setSizes();
    const idleRss = stage.takePeakRss();
    const session = await cluster.postgres.connect();
    await session.query("begin");
    await session.query("lock table jobs in share mode");
    const lockedAt = performance.now();
    await stage.wait(stage.seconds * 1_000);
    const freeAt = performance.now();
    const { ready } = await cluster.redis.setSizes();
    await session.query("rollback");
    await session.end();
    const [before, during] = [ledger.p95Ms(beforeAt, lockedAt), ledger.p95Ms(lockedAt, freeAt)];
    stage.expect({
      isSo: during < Math.max(100, 3 * before),
      otherwise: `submissions took ${Math.round(during)} ms (p95) behind a lock, ${Math.round(before)} before it`,
    });
    stage.expect({
      isSo: ready < Math.max(100, 2 * readyBefore),
      otherwise: `${ready} jobs waited, ${readyBefore} before: claims slowed down`,
    });
    const peakRss = stage.takePeakRss();
    stage.expect({
      isSo: peakRss < 2 * idleRss,
      otherwise: `a replica grew from ${Math.round(idleRss / MIB)} to ${Math.round(peakRss / MIB)} MiB`,
    });
    stage.notes.push(`submit p95 ${Math.round(before)} ms before, ${Math.round(during)} ms behind the lock`);
    await stage.stopLoad();
    await stage.setSizesWhen("the outbox has drained", (setSizes) => setSizes.outbox === 0);
    stage.recovered(performance.now() - freeAt);
    return undefined;
  },
};

/** JSON values that Redis or Postgres cannot store. */
const BAD_VALUES = [
  String.raw`"\u0000"`,
  String.raw`"\ud800"`,
  String.raw`"\udc00x"`,
  "1e400000",
  "-1e400000",
  "123456789012345678901234567890",
  String.raw`"\\u0000"`,
  `"${"é".repeat(500)}"`,
];
/** A trigger that rejects a row with a distinct error class, as some Postgres versions may. */
const REJECT_ROWS = `create function reject_row() returns trigger language plpgsql as $$ begin
  if new.payload::text like '%reject-me%' then raise exception 'rejected by the harness' using errcode = '22P05'; end if;
  return new; end $$;
create trigger reject_row before insert on jobs for each row execute function reject_row()`;

export const badRow: Scenario = {
  name: "bad-row",
  fault: String.raw`results with \u0000, lone surrogates, 1e400000; rows that Postgres rejects`,
  seconds: { full: 10, fast: 2 },
  run: async (stage) => {
    const { cluster } = stage;
    await cluster.postgres.query(REJECT_ROWS);
    await stage.load(100);
    const rejectedKeys = new Set<string>();
    for (let round = 0; round < stage.seconds; round += 1) {
      for (const value of BAD_VALUES) await submitRaw(stage, `{"do":"return","value":${value}}`);
      const entry = await stage.submitSurely({ type: "test_io", payload: { do: "return", value: "reject-me" } });
      rejectedKeys.add(entry.key);
      await delay(500);
    }
    await stage.measureRecovery();
    return (rows) => {
      const bad = rows.filter(({ key }) => rejectedKeys.has(key ?? ""));
      stage.expect({
        isSo: bad.length === rejectedKeys.size && bad.length > 0,
        otherwise: `${bad.length} of ${rejectedKeys.size} rejected rows are there`,
      });
      stage.expect({
        isSo: bad.every(({ code }) => code === "unrecordable"),
        otherwise: "a row that Postgres rejects is not marked unrecordable",
      });
    };
  },
};

/** A payload in a form that JSON.stringify does not produce. */
async function submitRaw(stage: Stage, payload: string): Promise<void> {
  const entry = stage.ledger.open("test_io");
  await submitOnce(stage.cluster.urlOf(), entry, `{"type":"test_io","payload":${payload},"tags":["${entry.key}"]}`);
}
