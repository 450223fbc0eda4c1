import { setTimeout as sleep } from "node:timers/promises";
import pg from "pg";
import { afterEach, describe, expect, it } from "vitest";
import { HIGHEST_ID, LOWEST_ID } from "../../core/id.ts";
import { DAY_MS } from "../../core/time.ts";
import { idAt, outcomeWith } from "../../testing/outcomes.ts";
import { submission } from "../../testing/queue.ts";
import { freshDatabase } from "../../testing/services.ts";
import { until } from "../../testing/until.ts";
import { migrate } from "../migrate.ts";
import { addPartitions, dayOf, partitionName, startOfDay } from "../partitions.ts";
import { RecorderConnection } from "../recorder/connection.ts";
import { dropExpired } from "../retention.ts";
import { trimAccepted } from "./partitions.ts";
import { AcceptanceLogReader } from "./reader.ts";
import { AcceptanceLogWriter } from "./writer.ts";

const NOW = Date.now();

const open: { close: () => unknown }[] = [];
afterEach(async () => {
  for (const part of open.splice(0).reverse()) await part.close();
});

async function setup() {
  const { url } = await freshDatabase();
  await migrate(url);
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  open.push({ close: () => client.end() });
  const log = { info: () => undefined, warn: () => undefined, error: () => undefined };
  const accept = async (namespace: string, ...ids: readonly string[]): Promise<void> => {
    const acceptanceLogWriter = new AcceptanceLogWriter({ databaseUrl: url, namespace, log });
    await new Promise((resolve) =>
      acceptanceLogWriter.accept(
        { jobs: ids.map((id) => ({ id, submission: submission({ payload: "x".repeat(100) }) })) },
        resolve,
      ),
    );
    await acceptanceLogWriter.close();
  };
  const record = async (finishedAt: number, ...ids: readonly string[]): Promise<void> => {
    await addPartitions(client, new Set(ids.map(dayOf)));
    const connection = new RecorderConnection(url, 5_000);
    await connection.copy(ids.map((id) => outcomeWith({ job: { id }, finishedAt })));
    connection.cut();
  };
  const store = (namespace = "taskflow:0", silentMs?: number): AcceptanceLogReader => {
    const accepted = new AcceptanceLogReader(url, namespace, silentMs);
    open.push(accepted);
    return accepted;
  };
  const stored = async (): Promise<string[]> =>
    (await client.query<{ id: string }>("select id from accepted order by id")).rows.map(({ id }) => id);
  const partitions = async (): Promise<string[]> =>
    (
      await client.query<{ name: string }>(
        "select inhrelid::regclass::text as name from pg_inherits where inhparent = 'accepted'::regclass order by name",
      )
    ).rows.map(({ name }) => name);
  return { url, client, accept, record, store, stored, partitions };
}

describe("the lead", () => {
  it("has one replica of a namespace at a time, until its connection ends", async () => {
    const { store, client } = await setup();
    const [one, two, elsewhere] = [store(), store(), store("other:0")];
    expect(await one.lead()).toBe("new");
    expect(await two.lead()).toBe("no");
    expect(await elsewhere.lead()).toBe("new");
    expect(await one.lead()).toBe("leads");
    await client.query(
      "select pg_terminate_backend(pid) from pg_locks where locktype = 'advisory' and granted and pid <> pg_backend_pid() and database = (select oid from pg_database where datname = current_database())",
    );
    await until(async () => (await two.lead()) === "new", { what: "the other replica leads" });
    expect(await one.lead()).toBe("no");
    two.close();
    await expect(two.lead()).rejects.toThrow(/shutting down/);
    await until(async () => (await one.lead()) === "new", { what: "the first leads again" });
  });

  it("is done by another replica once the leader is silent, although its connection lives", async () => {
    const { store } = await setup();
    const [frozen, other] = [store("taskflow:0", 300), store()];
    expect(await frozen.lead()).toBe("new");
    await until(async () => (await other.lead()) === "new", { what: "the other replica leads" });
    expect(await frozen.lead()).toBe("no");
  });

  it("keeps its session alive while it continues", async () => {
    const { client, store } = await setup();
    const leader = store("taskflow:0", 3_000);
    expect(await leader.lead()).toBe("new");
    await sleep(1_100);
    expect(await leader.lead()).toBe("leads");
    const { rows } = await client.query<{ query: string }>(
      "select query from pg_stat_activity where application_name = 'taskflow-restore' and datname = current_database()",
    );
    expect(rows).toMatchObject([{ query: "select 1" }]);
  });

  it("rejects while Postgres is away, and tries again", async () => {
    const accepted = new AcceptanceLogReader("postgres://x@127.0.0.1:1/x", "taskflow:0");
    await expect(accepted.lead()).rejects.toThrow();
    await expect(accepted.lead()).rejects.toThrow();
    accepted.close();
    const { client, store } = await setup();
    const other = store();
    await client.query("alter table accepted_epochs rename to away");
    await expect(other.generation()).rejects.toThrow();
    await client.query("alter table away rename to accepted_epochs");
    expect(await other.generation()).toBeUndefined();
  });
});

describe("an unrecorded job", () => {
  it("is found in slices, of one namespace", async () => {
    const { accept, record, store } = await setup();
    const ids = Array.from({ length: 10 }, () => idAt(NOW)) as [string, ...string[]];
    await accept("taskflow:0", ...ids.slice(0, 8));
    await accept("other:0", ...ids.slice(8));
    await record(NOW, ...ids.slice(1, 5));
    const accepted = store();
    expect(await accepted.unrecorded(LOWEST_ID, HIGHEST_ID, 3)).toEqual({
      last: ids[2],
      jobs: [{ id: ids[0], bytes: 111 }],
    });
    expect(await accepted.unrecorded(ids[2] ?? "", ids[6] ?? "", 5)).toMatchObject({
      last: ids[5],
      jobs: [{ id: ids[5] }],
    });
    expect((await accepted.unrecorded(LOWEST_ID, HIGHEST_ID, 100)).jobs.map(({ id }) => id)).toEqual([
      ids[0],
      ...ids.slice(5, 8),
    ]);
    expect(await accepted.unrecorded(HIGHEST_ID, HIGHEST_ID, 100)).toEqual({ last: null, jobs: [] });
    expect((await accepted.read(ids.slice(4, 7))).map(({ id }) => id)).toEqual(ids.slice(5, 7));
  });

  it("has one generation for each namespace", async () => {
    const { store } = await setup();
    const [one, other] = [store(), store("other:0")];
    expect(await one.generation()).toBeUndefined();
    await one.setGeneration("a");
    await one.setGeneration("b");
    expect(await one.generation()).toBe("b");
    expect(await other.generation()).toBeUndefined();
  });
});

describe("an old partition", () => {
  const daysAgo = (days: number): number => startOfDay(NOW) - days * DAY_MS;
  const acceptedName = (day: number): string => partitionName(day).replace("jobs", "accepted");

  it("is dropped once all its jobs are recorded, and until then keeps only the others", async () => {
    const { url, accept, record, stored, partitions, client } = await setup();
    const [done, waiting, late, fresh] = [daysAgo(3) + 1, daysAgo(4), daysAgo(4) + 9, daysAgo(1)].map(idAt) as [
      string,
      string,
      string,
      string,
    ];
    const busy = Array.from({ length: 3 }, () => idAt(daysAgo(6)));
    await accept("taskflow:0", done, waiting, late, fresh, ...busy);
    await record(NOW, done, late, busy[0] ?? "");
    await client.query(
      "insert into accepted_keys values ('n', 'old', 'f', $1, now() - interval '1 s'), ('n', 'new', 'f', $1, now() + interval '1 h')",
      [done],
    );
    await client.query("begin");
    // in use: it stays for the next time
    await client.query(`lock table ${acceptedName(daysAgo(3))} in access share mode`);
    expect(await trimAccepted(url, NOW)).toEqual([]);
    await client.query("rollback");
    expect(await trimAccepted(url, NOW)).toEqual([acceptedName(daysAgo(3))]);
    // of `busy` too few were recorded to write the partition anew
    expect(await stored()).toEqual([...busy, waiting, fresh]);
    expect(await partitions()).toEqual([6, 4, 1].map((days) => acceptedName(daysAgo(days))));
    expect((await client.query("select key from accepted_keys")).rows).toEqual([{ key: "new" }]);
    await record(NOW, waiting);
    await client.query("select pg_advisory_lock(hashtextextended('taskflow.accepted', 0))");
    expect(await trimAccepted(url, NOW)).toEqual([]); // another replica does it
    await client.query("select pg_advisory_unlock_all()");
    expect(await trimAccepted(url, NOW)).toEqual([acceptedName(daysAgo(4))]);
  });

  it("is locked only if at least half of it is deleted", async () => {
    const { url, accept, record, stored, client } = await setup();
    const busy = Array.from({ length: 3 }, () => idAt(daysAgo(6)));
    const done = idAt(daysAgo(3));
    await accept("taskflow:0", done, ...busy);
    await record(NOW, done, busy[0] ?? "");
    await client.query("begin");
    await client.query(`select from ${acceptedName(daysAgo(6))}`); // an exclusive lock would have to wait
    expect(await trimAccepted(url, NOW)).toEqual([acceptedName(daysAgo(3))]);
    await client.query("rollback");
    await record(NOW, busy[1] ?? "");
    expect(await trimAccepted(url, NOW)).toEqual([]);
    expect(await stored()).toEqual([busy[2]]);
  });

  it("that is in use stays for the next time, and so do those after it", async () => {
    const { url, accept, record, client } = await setup();
    const ids = [idAt(daysAgo(4)), idAt(daysAgo(3))];
    await accept("taskflow:0", ...ids);
    await record(NOW, ...ids);
    await client.query("begin");
    await client.query(`select from ${acceptedName(daysAgo(4))}`);
    expect(await trimAccepted(url, NOW)).toEqual([]);
    await client.query("rollback");
    expect(await trimAccepted(url, NOW)).toEqual([4, 3].map((days) => acceptedName(daysAgo(days))));
  });

  it("does not take jobs past their retention for jobs that never ended", async () => {
    const { url, accept, record, store } = await setup();
    const [done, planned] = [idAt(daysAgo(40)), idAt(daysAgo(40))];
    await accept("taskflow:0", done, planned);
    await record(daysAgo(39), done);
    expect(await dropExpired(url, 30, NOW)).toEqual([partitionName(daysAgo(40))]);
    expect((await store().unrecorded(LOWEST_ID, HIGHEST_ID, 10)).jobs).toMatchObject([{ id: planned }]);
  });
});
