import pg from "pg";
import { afterEach, describe, expect, it } from "vitest";
import { lowestIdAt } from "../core/id.ts";
import { DAY_MS } from "../core/time.ts";
import { idAt, outcomeWith } from "../testing/outcomes.ts";
import { freshDatabase } from "../testing/services.ts";
import { until } from "../testing/until.ts";
import { migrate } from "./migrate.ts";
import { addPartitions, partitionName, startOfDay } from "./partitions.ts";
import { RecorderConnection } from "./recorder/connection.ts";
import { Store } from "./store.ts";

const TODAY = startOfDay(Date.now());
const OLD = TODAY - 3 * DAY_MS;

const open: { close: () => unknown }[] = [];
afterEach(async () => {
  for (const part of open.splice(0).reverse()) await part.close();
});

/** A store with jobs of two days, the older of which can be locked to make reads wait. */
async function setup() {
  const { url } = await freshDatabase();
  await migrate(url);
  const [client, observer] = [new pg.Client({ connectionString: url }), new pg.Client({ connectionString: url })];
  for (const each of [client, observer]) {
    await each.connect();
    open.push({ close: () => each.end() });
  }
  await addPartitions(client, [TODAY, OLD]);
  const [recent, old] = [idAt(TODAY + 1), idAt(OLD + 1)];
  const connection = new RecorderConnection(url, 5_000);
  await connection.copy([recent, old].map((id) => outcomeWith({ job: { id } })));
  connection.cut();
  const store = new Store(url);
  open.push(store);
  const scan = async (caller: string, signal?: AbortSignal): Promise<string[]> => {
    const found: string[] = [];
    for await (const { ids } of store.matching(
      { status: ["completed"] },
      {
        below: lowestIdAt(OLD + DAY_MS),
        from: lowestIdAt(OLD),
        finishedBy: Date.now() + DAY_MS,
        includesReruns: false,
        includesLost: false,
        caller,
        signal,
      },
    ))
      found.push(...ids);
    return found;
  };
  const waiting = async (name: string): Promise<number> =>
    (
      await observer.query<{ n: number }>(
        "select count(*)::int as n from pg_stat_activity where application_name = $1 and wait_event_type = 'Lock' and datname = current_database()",
        [name],
      )
    ).rows[0]?.n ?? 0;
  const lockOld = (): Promise<unknown> =>
    client.query(`begin; lock table ${partitionName(OLD)} in access exclusive mode`);
  return { client, store, recent, old, scan, waiting, lockOld };
}

describe("scans of the history", () => {
  it("delay no read of one job and no list, and run one at a time", async () => {
    const { client, store, recent, old, scan, waiting, lockOld } = await setup();
    await lockOld();
    const scans = Array.from({ length: 8 }, (_, i) => scan(`caller-${i}`));
    await until(async () => (await waiting("taskflow-scans")) === 1, { what: "a scan looks at the locked day" });
    expect(await store.get(recent)).toMatchObject({ id: recent });
    expect(
      (await store.range({ from: lowestIdAt(TODAY), limit: 10, filters: { status: ["completed"] } })).jobs,
    ).toHaveLength(1);
    expect(await waiting("taskflow-scans")).toBe(1);
    await client.query("commit");
    expect(await Promise.all(scans)).toEqual(Array.from({ length: 8 }, () => [old]));
  });

  it("end with their callers: a waiting one at once, a running one with its slice", async () => {
    const { client, old, scan, waiting, lockOld } = await setup();
    await lockOld();
    const [first, second] = [new AbortController(), new AbortController()];
    const scans = [scan("a", first.signal), scan("b", second.signal), scan("c")] as const;
    await until(async () => (await waiting("taskflow-scans")) === 1, { what: "the first looks at the locked day" });
    second.abort();
    await expect(scans[1]).rejects.toThrow(/aborted/);
    await client.query("commit");
    expect([await scans[0], await scans[2]]).toEqual([[old], [old]]);
    first.abort();
    await expect(scan("a", first.signal)).rejects.toThrow(/aborted/);
  });
});

it("lists keep no read of one job waiting", async () => {
  const { client, store, recent, waiting, lockOld } = await setup();
  await lockOld();
  const lists = Array.from({ length: 8 }, () =>
    store.range({ below: lowestIdAt(OLD + DAY_MS), from: lowestIdAt(OLD), limit: 10 }),
  );
  await until(async () => (await waiting("taskflow-lists")) > 0, { what: "lists look at the locked day" });
  expect(await store.get(recent)).toMatchObject({ id: recent });
  await client.query("commit");
  for (const { jobs } of await Promise.all(lists)) expect(jobs).toHaveLength(1);
});
