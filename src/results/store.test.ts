import pg from "pg";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { lowestIdAt } from "../core/id.ts";
import type { JobOptions, Outcome } from "../core/job.ts";
import { encodeSubmission } from "../core/packed-job.ts";
import { DAY_MS } from "../core/time.ts";
import { idAt, outcomeWith } from "../testing/outcomes.ts";
import { submission } from "../testing/queue.ts";
import { freshDatabase } from "../testing/services.ts";
import { AcceptedConnection } from "./acceptance-log/connection.ts";
import { addAcceptedPartitions } from "./acceptance-log/partitions.ts";
import { migrate } from "./migrate.ts";
import { addPartitions, startOfDay } from "./partitions.ts";
import { RecorderConnection } from "./recorder/connection.ts";
import { Store } from "./store.ts";

const TODAY = startOfDay(Date.now());
let url: string;
let store: Store;

beforeAll(async () => {
  ({ url } = await freshDatabase());
  await migrate(url);
  store = new Store(url);
});
afterAll(() => store.close());

async function save(...batch: Outcome[]): Promise<void> {
  const connection = new RecorderConnection(url, 5_000);
  await connection.copy(batch);
  connection.cut();
}

describe("a job in Postgres", () => {
  it("reads as it was accepted, until it has a row", async () => {
    const id = idAt(TODAY + 5);
    const submitted = submission({ type: "webhook", groupKey: "g", options: { durability: "postgres" } });
    const connection = new AcceptedConnection(url, "taskflow:0", 5_000);
    await connection.use((client) => addAcceptedPartitions(client, [id]));
    await connection.copy([{ rows: [{ id, submission: encodeSubmission(submitted) }] }]);
    connection.cut();
    expect(await store.accepted(id)).toEqual(submitted);
    await save(outcomeWith({ job: { id }, finishedAt: TODAY + 9 }));
    expect([await store.accepted(id), await store.accepted(idAt(TODAY))]).toEqual([undefined, undefined]);
  });

  it("reads back as it was recorded", async () => {
    const id = idAt(TODAY + 1);
    const retryOf = idAt(TODAY);
    const options: JobOptions = {
      run_at: TODAY + 999,
      expires_at: TODAY + 2_000,
      tags: ["plain", `quote " back \\ comma , brace { tab \t line \n NULL`, "NULL", ""],
      durability: "postgres",
      retry_of: retryOf,
      schedule: { name: "nightly", tick: TODAY },
    };
    const error = { code: "timeout", message: "took\ttoo\\long\n\0 \uD800 \u{1F600}", attempt: 2 };
    const job = {
      id,
      type: "webhook",
      payload: `{"a":1}`,
      priority: 9,
      maxAttempts: 25,
      groupKey: "tab \t back \\ line \n",
      options,
    };
    await save(
      outcomeWith({
        job,
        status: "failed",
        result: null,
        error,
        attempt: 2,
        worker: null,
        startedAt: null,
        finishedAt: TODAY + 86_399_999,
      }),
    );
    expect(await store.get(id)).toEqual({
      id,
      hasCallback: false,
      flow_id: null,
      batch_id: null,
      node: null,
      type: "webhook",
      status: "failed",
      priority: 9,
      durability: "postgres",
      group_key: job.groupKey,
      payload: `{"a":1}`,
      result: null,
      error: { ...error, message: "took\ttoo\\long\n\uFFFD \uFFFD \u{1F600}" },
      attempt: 2,
      max_attempts: 25,
      progress: null,
      tags: options.tags,
      retry_of: retryOf,
      schedule: { name: "nightly", tick: TODAY },
      worker: null,
      run_at: TODAY + 999,
      expires_at: TODAY + 2_000,
      created_at: TODAY + 1,
      started_at: null,
      finished_at: TODAY + 86_399_999,
      erased_at: null,
    });
    expect((await store.states([id], 0))[0]?.view.expires_at).toBe(TODAY + 2_000);
    for (const isSummary of [true, false]) {
      const { jobs } = await store.range({ from: id, limit: 1_000, isSummary });
      expect(jobs.find((job) => job.id === id)?.expires_at).toBe(TODAY + 2_000);
    }
    expect(await store.get(idAt(TODAY))).toBeUndefined();
  });

  it.each([
    `{"n":1e400,"big":12345678901234567890123,"precise":0.1000000000000000055511151231257827}`,
    String.raw`{"lone":"\ud800","nul":"\u0000","escapes":"\\ \" \/ \b\f\n\r\t é"}`,
    `{ "spaces" :  [ 1 ,2 ] , "twice":1,"twice":2, "text":"é€😀\u2028\u007f" }`,
    String.raw`{"end":"\\."}`,
  ])("keeps payload and result byte for byte: %s", async (json) => {
    const outcome = outcomeWith({ job: { payload: json }, result: json });
    await save(outcome);
    const read = await store.get(outcome.job.id);
    expect(read?.payload).toBe(json);
    expect(read?.result).toBe(json);
  });

  it("keeps times to the millisecond, for any year", async () => {
    const times = [0, 1, Date.UTC(1999, 11, 31, 23, 59, 59, 999), TODAY + 7, Date.UTC(2199, 0, 1)];
    const jobs = times.map((finishedAt) => outcomeWith({ finishedAt, startedAt: finishedAt + 86_400_001 }));
    await save(...jobs);
    for (const { job, finishedAt, startedAt } of jobs)
      expect(await store.get(job.id)).toMatchObject({ finished_at: finishedAt, started_at: startedAt });
    // more seconds than the memo holds
    await save(...Array.from({ length: 2_100 }, (_, i) => outcomeWith({ finishedAt: i * 1_000 + 250 })));
  });

  it("gives its earlier attempts and its options", async () => {
    const attempts = [String.raw`{"attempt":1,"error":{"message":"a \u0000 \\ b"}}`, `{"attempt":2}`];
    const options = {
      expires_at: TODAY,
      timeout_ms: 5,
      backoff: { kind: "fixed", base_ms: 1, max_ms: 1 },
      callback_url: "https://example.org/\\",
      api_key: "0123456789abcdef",
    } as const;
    const tried = outcomeWith({ records: attempts, job: { options } });
    const plain = outcomeWith();
    const [ofOne, ofOther] = ["1".repeat(16), "2".repeat(16)].map((api_key) =>
      outcomeWith({ job: { options: { api_key } } }),
    );
    await save(tried, plain, ...[ofOne, ofOther].filter((outcome) => outcome !== undefined));
    expect(await store.options(ofOne?.job.id ?? "")).toEqual({ api_key: "1".repeat(16) });
    expect(await store.options(ofOther?.job.id ?? "")).toEqual({ api_key: "2".repeat(16) });
    expect(await store.attempts(tried.job.id)).toEqual(attempts);
    expect(await store.attempts(plain.job.id)).toEqual([]);
    expect(await store.options(tried.job.id)).toEqual(options);
    expect(await store.options(plain.job.id)).toEqual({});
    expect(await store.options(idAt(TODAY))).toEqual({});
  });
});

describe("a range of jobs", () => {
  const day = TODAY - 30 * DAY_MS;
  const from = lowestIdAt(day);
  const below = lowestIdAt(day + 3 * DAY_MS);
  const ids: string[] = []; // newest first

  beforeAll(async () => {
    const client = new pg.Client({ connectionString: url });
    await client.connect();
    await addPartitions(client, [day, day + DAY_MS, day + 2 * DAY_MS]);
    await client.end();
    const jobs = Array.from({ length: 9 }, (_, i) =>
      outcomeWith({
        job: {
          id: idAt(day + Math.floor(i / 3) * DAY_MS + i),
          type: i % 2 ? "odd" : "even",
          groupKey: i === 4 ? "g" : null,
          options: i === 5 ? { tags: ["x", "y"] } : {},
        },
        status: i === 2 ? "failed" : "completed",
        error: i === 2 ? { code: "timeout", message: "m", attempt: 1 } : null,
      }),
    );
    await save(...jobs);
    ids.push(...jobs.map(({ job }) => job.id).reverse());
  });

  const idsOf = ({ jobs }: { jobs: readonly { id: string }[] }): string[] => jobs.map(({ id }) => id);

  it("comes newest first, over partitions, page by page to its end", async () => {
    const first = await store.range({ below, from, limit: 4 });
    expect(idsOf(first)).toEqual(ids.slice(0, 4));
    expect(first.lastExamined).toBe(ids[3]);
    const second = await store.range({ below: ids[3], from, limit: 4 });
    expect(idsOf(second)).toEqual(ids.slice(4, 8));
    const last = await store.range({ below: ids[7], from, limit: 4 });
    expect(idsOf(last)).toEqual(ids.slice(8));
    expect(last.lastExamined).toBeNull();
  });

  it("has bounds: below excludes, from includes; without them, all", async () => {
    expect(idsOf(await store.range({ below: ids[2], from: ids[5], limit: 10 }))).toEqual(ids.slice(3, 6));
    expect((await store.range({ limit: 10_000 })).jobs.length).toBeGreaterThanOrEqual(9);
    expect(await store.range({ below: from, from: lowestIdAt(0), limit: 5 })).toEqual({
      jobs: [],
      lastExamined: null,
      examined: 0,
      ranks: [],
    });
  });

  it.each([
    [{ status: ["failed" as const] }, [6]],
    [{ type: ["odd"] }, [1, 3, 5, 7]],
    [{ tag: ["y"] }, [3]],
    [{ group_key: ["g"] }, [4]],
    [{ error_code: ["timeout"] }, [6]],
    [{ type: ["even"], status: ["completed" as const] }, [0, 2, 4, 8]],
    [{ type: ["'; drop table jobs --"] }, []],
  ])("keeps to its filters: %j", async (filters, places) => {
    const page = await store.range({ below, from, limit: 100, filters });
    expect(idsOf(page)).toEqual(places.map((place) => ids[place]));
    expect(page.lastExamined).toBeNull();
  });

  it("examines at most the given number of ids, and returns the last one", async () => {
    const page = await store.range({ below, from, limit: 5, filters: { type: ["odd"] } });
    expect(idsOf(page)).toEqual([ids[1], ids[3]]);
    expect(page.lastExamined).toBe(ids[4]);
    expect(await store.range({ below, from, limit: 5, filters: { type: ["none"] } })).toEqual({
      jobs: [],
      lastExamined: ids[4],
      examined: 5,
      ranks: [],
    });
  });

  it("returns at most the given number of jobs, and continues after the last of them", async () => {
    const page = await store.range({ below, from, limit: 100, maxJobs: 2, filters: { type: ["odd"] } });
    expect(idsOf(page)).toEqual([ids[1], ids[3]]);
    expect(page.lastExamined).toBe(ids[3]);
    expect((await store.range({ below, from, limit: 100, maxJobs: 2 })).lastExamined).toBe(ids[1]);
  });
});

describe("a store", () => {
  it("measures a round trip", async () => {
    expect(await store.ping()).toBeGreaterThan(0);
  });

  it("is unavailable while Postgres is away", async () => {
    const away = new Store("postgres://user:hunter2@127.0.0.1:1/none", { poolSize: 1 });
    await expect(away.get(idAt(TODAY))).rejects.toMatchObject({
      code: "store_unavailable",
      status: 503,
      retryAfterMs: 2_000,
    });
    await expect(away.ping()).rejects.not.toThrow(/hunter2/);
    await away.close();
    await away.close();
  });

  it("reads again after its connections were killed, and distinguishes a failed query from an outage", async () => {
    await store.ping();
    const client = new pg.Client({ connectionString: url });
    await client.connect();
    await client.query(
      "select pg_terminate_backend(pid, 5000) from pg_stat_activity where datname = current_database() and application_name = 'taskflow-store'",
    );
    await client.end();
    await store.ping().catch(() => undefined); // the pool may not know of the death yet
    expect(await store.ping()).toBeGreaterThan(0);
    await expect(store.get("no id")).rejects.toMatchObject({ code: "22P02" });
  });
});
