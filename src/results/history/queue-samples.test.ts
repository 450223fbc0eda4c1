import { describe, expect, it } from "vitest";
import { DAY_MS, HOUR_MS, MINUTE_MS } from "../../core/time.ts";
import { historySetup, NOW, open } from "../../testing/history.ts";
import { until } from "../../testing/until.ts";
import { MINUTES_KEPT_MS } from "./compaction.ts";
import { HistoryReader } from "./history-reader.ts";
import { QueueSamples } from "./queue-samples.ts";

async function setup() {
  const bundle = await historySetup();
  const replica = () => {
    const samples = new QueueSamples(bundle.url);
    open.push(samples);
    return (now: number, depths: Readonly<Record<string, number>>): Promise<boolean> =>
      samples.write(() =>
        Promise.resolve({
          now,
          queues: Object.entries(depths).map(([type, depth]) => ({
            type,
            depth,
            oldestWaitMs: depth === 0 ? null : depth * 10.6,
            running: 3,
          })),
        }),
      );
  };
  const samplesOf = (type: string, stepMs = MINUTE_MS, from = NOW, to = NOW + HOUR_MS) =>
    bundle.reader.queue(type, { from, to }, stepMs);
  return { ...bundle, replica, samplesOf };
}
const FULL = { depth: 2, oldest_wait_ms: 21, running: 3 };
const EMPTY = { depth: 0, oldest_wait_ms: null, running: 3 };

describe("the samples of queues", () => {
  it("are those of queues with waiting jobs, and one of a queue that became empty", async () => {
    const { replica, samplesOf, client } = await setup();
    const write = replica();
    const depths = [2, 2, 0, 0, 2];
    for (const [minute, depth] of depths.entries())
      expect(await write(NOW + minute * MINUTE_MS + 7, { a: depth, never: 0 })).toBe(true);
    expect(await samplesOf("a")).toEqual([
      { at: NOW, ...FULL },
      { at: NOW + MINUTE_MS, ...FULL },
      { at: NOW + 2 * MINUTE_MS, ...EMPTY },
      { at: NOW + 4 * MINUTE_MS, ...FULL },
    ]);
    expect((await client.query("select from queue_samples where type = 'never'")).rowCount).toBe(0);
    expect(await samplesOf("a", MINUTE_MS, NOW + MINUTE_MS, NOW + 2 * MINUTE_MS)).toEqual([
      { at: NOW + MINUTE_MS, ...FULL },
    ]);
  });

  it("are written by one replica, once in a minute, and by another one when its connection is lost", async () => {
    const { replica, samplesOf, client } = await setup();
    const [leader, follower] = [replica(), replica()];
    expect(await leader(NOW, { a: 2 })).toBe(true);
    expect(await follower(NOW, { a: 5 })).toBe(false);
    expect(await leader(NOW + MINUTE_MS - 1, { a: 5, b: 2 })).toBe(true);
    expect(await samplesOf("a")).toEqual([{ at: NOW, ...FULL }]);
    await client.query(
      "select pg_terminate_backend(pid, 10000) from pg_stat_activity where datname = current_database() and application_name = 'taskflow-samples'",
    );
    expect(await follower(NOW + 1, { a: 5 })).toBe(true);
    expect(await follower(NOW + MINUTE_MS, { a: 2 })).toBe(true);
    expect((await samplesOf("a")).map(({ depth }) => depth)).toEqual([2, 2]);
  });

  it("leave the lead to another replica if the queues cannot be read", async () => {
    const { url, replica } = await setup();
    const samples = new QueueSamples(url);
    open.push(samples);
    await expect(samples.write(() => Promise.reject(new Error("Redis is away")))).rejects.toThrow("Redis is away");
    expect(await replica()(NOW, { a: 1 })).toBe(true);
  });

  it("are the maximum of each step of a long period, which ends with the queue", async () => {
    const { replica, samplesOf } = await setup();
    const write = replica();
    for (const [minute, depth] of [1, 7, 0, 0, 2, 2, 2, 0].entries())
      await write(NOW + minute * MINUTE_MS, { a: depth });
    const step = 4 * MINUTE_MS;
    // the second step ends with a zero, so the third is the zero after it
    expect(
      (await samplesOf("a", step)).map(({ at, depth, oldest_wait_ms }) => [at - NOW, depth, oldest_wait_ms]),
    ).toEqual([
      [0, 7, 74],
      [step, 2, 21],
      [2 * step, 0, null],
    ]);
    expect(await samplesOf("a", step, NOW, NOW + 2 * step)).toHaveLength(2);
  });

  it("are kept for 30 days", async () => {
    const { replica, samplesOf, compact } = await setup();
    const write = replica();
    await write(NOW, { a: 2 });
    await write(NOW + MINUTE_MS, { a: 2 });
    await compact(NOW + MINUTES_KEPT_MS);
    expect(await samplesOf("a")).toHaveLength(2);
    await compact(NOW + MINUTES_KEPT_MS + 1);
    expect(await samplesOf("a")).toEqual([{ at: NOW + MINUTE_MS, ...FULL }]);
  });
});

describe("the versions of replicas", () => {
  it("are recorded when they change, once by replicas that start at once", async () => {
    const { reader, url } = await setup();
    const readers = Array.from({ length: 5 }, () => new HistoryReader(url));
    open.push(...readers);
    const always = { from: 0, to: 4e12 };
    expect([await reader.versions(always), await reader.versionSince()]).toEqual([[], null]);
    await reader.recordVersion("1.0.0");
    expect(await reader.versionSince()).toBeNull(); // or all errors of a first version would be new in it
    for (const version of ["1.0.0", "1.0.0", "1.1.0", "1.0.0", "1.1.0"])
      await Promise.all(readers.map((replica) => replica.recordVersion(version)));
    const versions = await reader.versions(always);
    expect(versions.map(({ version }) => version)).toEqual(["1.0.0", "1.1.0", "1.0.0", "1.1.0"]);
    expect(await reader.versionSince()).toBe(versions[1]?.at);
  });

  it("wait for a replica that records another one", async () => {
    const { reader, client } = await setup();
    await client.query("begin");
    await client.query("select taskflow_record_version('1.1.0')");
    const recorded = reader.recordVersion("1.1.0");
    const waiting = "select from pg_locks where not granted and locktype = 'advisory'";
    await until(async () => (await client.query(waiting)).rowCount, { what: "the other replica waits" });
    await client.query("commit");
    await recorded;
    expect(await reader.versions({ from: 0, to: 4e12 })).toHaveLength(1);
  });

  it("of a period follow the one in force at its start, and are kept as long as hours", async () => {
    const { reader, client, compact } = await setup();
    await client.query(
      `insert into replica_versions (id, at, version)
       select n, to_timestamp($1::float8 / 1000) + n * interval '1 day', 'v' || n from generate_series(1, 4) as n`,
      [NOW],
    );
    const day = (n: number): number => NOW + n * DAY_MS;
    const versionsIn = async (from: number, to: number) =>
      (await reader.versions({ from, to })).map(({ version }) => version);
    expect(await versionsIn(day(0), day(1))).toEqual([]);
    expect(await versionsIn(day(2.5), day(4))).toEqual(["v2", "v3"]);
    expect(await versionsIn(day(3), day(5))).toEqual(["v3", "v4"]);
    await compact(day(2.5) + 2 * 365 * DAY_MS);
    expect(await versionsIn(day(0), day(5))).toEqual(["v2", "v3", "v4"]);
  });
});
