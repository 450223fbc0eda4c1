import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { signatureOf } from "../../core/error-signature.ts";
import { timeOfId } from "../../core/id.ts";
import type { Outcome, TerminalStatus } from "../../core/job.ts";
import { DAY_MS, HOUR_MS, MINUTE_MS } from "../../core/time.ts";
import type { HistoryBundle } from "../../testing/history.ts";
import { ALWAYS, failed, historySetup, NOW, open, recorderOn } from "../../testing/history.ts";
import { idAt, outcomes, outcomeWith } from "../../testing/outcomes.ts";
import { TcpProxy } from "../../testing/tcp-proxy.ts";
import { until } from "../../testing/until.ts";
import { HOURS_KEPT_MS, MINUTES_KEPT_MS } from "./compaction.ts";
import type { SeriesStep } from "./history-reader.ts";

/** The sums of the rows of `jobs`, by step and type. */
async function sumsOfRows({ client }: HistoryBundle, step: SeriesStep) {
  const { rows } = await client.query<{ at: number; failed: number }>(
    `select (extract(epoch from date_trunc($1, finished_at, 'UTC')) * 1000)::float8 as at,
      count(*) filter (where status = 'completed')::float8 as completed, count(*) filter (where status = 'failed')::float8 as failed,
      count(*) filter (where status = 'cancelled')::float8 as cancelled, sum(greatest(attempt - 1, 0))::float8 as retries,
      coalesce(sum(extract(epoch from finished_at - started_at) * 1000), 0)::float8 as run_total_ms
    from jobs group by 1 order by 1`,
    [step],
  );
  return rows;
}

async function series({ reader }: HistoryBundle, step: SeriesStep) {
  const points = await reader.series(step, ALWAYS);
  return points
    .map(({ at, completed, failed, cancelled, retries, run_total_ms }) => ({
      at,
      completed,
      failed,
      cancelled,
      retries,
      run_total_ms,
    }))
    .sort((a, b) => a.at - b.at);
}

async function expectEqualSums(bundle: HistoryBundle): Promise<void> {
  for (const step of ["minute", "hour", "day"] as const)
    expect(await series(bundle, step)).toEqual(await sumsOfRows(bundle, step));
  const { rows } = await bundle.client.query<{ type: string; code: string; message: string | null; count: number }>(
    `select type, coalesce(error ->> 'code', 'unknown') as code, error ->> 'message' as message, count(*)::float8 as count
    from jobs where status = 'failed' group by 1, 2, 3`,
  );
  const failures = new Map<string, number>();
  for (const { type, code, message, count } of rows) {
    const key = JSON.stringify([type, code, signatureOf(message ?? "")]);
    failures.set(key, (failures.get(key) ?? 0) + count);
  }
  const groups = await bundle.reader.errors(ALWAYS, 10_000, NOW);
  expect(
    new Map(groups.map(({ type, code, signature, count }) => [JSON.stringify([type, code, signature]), count])),
  ).toEqual(failures);
  expect(await bundle.stored.historyDifferences(0)).toEqual([]);
}

const arbitraryOutcome = fc
  .record({
    ago: fc.integer({ min: 1, max: 3 * DAY_MS }),
    waited: fc.option(fc.integer({ min: 0, max: HOUR_MS })),
    ran: fc.integer({ min: 0, max: MINUTE_MS }),
    attempt: fc.integer({ min: 0, max: 5 }),
    type: fc.constantFrom("email", "webhook"),
    status: fc.constantFrom<TerminalStatus>("completed", "failed", "cancelled"),
    message: fc.oneof(fc.constantFrom("timed out after 5 ms", "no such host"), fc.string({ unit: "binary" })),
  })
  .map(({ ago, waited, ran, attempt, type, status, message }) => {
    const acceptedAt = NOW - ago;
    const startedAt = waited === null ? null : acceptedAt + waited;
    return outcomeWith({
      job: { id: idAt(acceptedAt), type },
      status,
      attempt,
      error: status === "failed" ? { code: "permanent", message, attempt } : null,
      startedAt,
      finishedAt: (startedAt ?? acceptedAt) + ran,
    });
  });

describe("the history", () => {
  it("has the sums of the rows, for any batches, before and after compaction, and the percentiles of the rows", async () => {
    const bundle = await historySetup();
    const all: Outcome[] = [];
    await fc.assert(
      fc.asyncProperty(
        fc.array(arbitraryOutcome, { minLength: 1, maxLength: 60 }),
        fc.boolean(),
        async (batch, compacts) => {
          all.push(...batch);
          await bundle.record(batch);
          if (compacts) await bundle.compact();
          await expectEqualSums(bundle);
        },
      ),
      { numRuns: 12 },
    );
    const started = all.filter(({ startedAt }) => startedAt !== null);
    const [whole] = await bundle.reader.series("day", { ...ALWAYS, types: ["none"] });
    expect(whole).toBeUndefined();
    const days = await bundle.reader.series("day", ALWAYS);
    for (const { at, pickup, run } of days) {
      const ofDay = started.filter(({ finishedAt }) => Math.floor(finishedAt / DAY_MS) * DAY_MS === at);
      const exact = (values: readonly number[]) =>
        values.toSorted((a, b) => a - b)[Math.ceil(0.95 * values.length) - 1] ?? 0;
      const pickups = exact(ofDay.map(({ job, startedAt }) => (startedAt ?? 0) - timeOfId(job.id)));
      const runs = exact(ofDay.map(({ startedAt, finishedAt }) => finishedAt - (startedAt ?? 0)));
      expect(Math.abs((pickup?.p95 ?? 0) - pickups)).toBeLessThanOrEqual(0.05 * pickups);
      expect(Math.abs((run?.p95 ?? 0) - runs)).toBeLessThanOrEqual(0.05 * runs);
    }
  });

  it("adds up by type, those with the most run time first, whatever the clock did while a job ran", async () => {
    const bundle = await historySetup();
    const ran = (type: string, ms: number, fields: Partial<Outcome> = {}): Outcome =>
      outcomeWith({ job: { type }, startedAt: NOW, finishedAt: NOW + ms, ...fields });
    const counts = { completed: 0, failed: 0, cancelled: 0, retries: 0, run_total_ms: 0 };
    await bundle.record([
      ran("a", 10),
      ran("b", 2 ** 32, { attempt: 3 }),
      ran("b", 7, { status: "cancelled", startedAt: null }),
      ran("c", -5_000),
      ran("c", 10),
    ]);
    const expected = [
      { ...counts, type: "b", completed: 1, cancelled: 1, retries: 2, run_total_ms: 2 ** 32 },
      { ...counts, type: "a", completed: 1, run_total_ms: 10 },
      { ...counts, type: "c", completed: 2, run_total_ms: 10 },
    ];
    for (const isCompact of [false, true]) {
      if (isCompact) await bundle.compact(NOW + MINUTES_KEPT_MS + 60 * DAY_MS);
      for (const step of ["minute", "hour", "day"] as const)
        expect(await bundle.reader.types(step, ALWAYS)).toMatchObject(expected);
      expect(await bundle.stored.historyDifferences(0)).toEqual([]);
    }
    expect(await bundle.reader.types("day", { ...ALWAYS, types: ["a"] })).toMatchObject([expected[1]]);
    expect(await bundle.reader.types("day", { ...ALWAYS, to: NOW - DAY_MS })).toEqual([]);
  });

  it("counts rows of replicas that send no run times, in a database that had counts before", async () => {
    const bundle = await historySetup();
    const { client } = bundle;
    const started = NOW - HOUR_MS;
    await bundle.record([outcomeWith({ job: { id: idAt(started) }, startedAt: started, finishedAt: started + 5 })]);
    const minute = Math.floor(started / MINUTE_MS);
    const counts = { minute, type: "email", completed: 0, failed: 0, cancelled: 0, retries: 0, pickup: [], run: [] };
    await client.query("select taskflow_count_jobs('earlier', $1, null)", [JSON.stringify([counts])]);
    await client.query("update job_series set run_total_ms = 0 where writer <> 'earlier'");
    expect(await bundle.stored.historyDifferences(0)).toMatchObject([
      { stored: "1, 0, 0, 0, 0, 5", counted: "1, 0, 0, 0, 0, 0" },
    ]);
    await client.query(
      "update taskflow_migrations set applied_at = applied_at - interval '1 hour' where name < '0023'",
    );
    expect(await bundle.stored.historyDifferences(0)).toEqual([]);
    await client.query("update job_series set completed = 2 where writer <> 'earlier'");
    expect(await bundle.stored.historyDifferences(0)).toMatchObject([
      { stored: "1, 0, 0, 0, 0", counted: "2, 0, 0, 0, 0" },
    ]);
  });

  it("measures the pickup of the first attempt, from run_at if it is later", async () => {
    const bundle = await historySetup();
    const acceptedAt = NOW - HOUR_MS;
    const record = (startedAt: number | null): string =>
      `{"attempt":1,"outcome":"retry","log":["\\"started_at\\":7"],"started_at":${startedAt ?? "null"},"finished_at":${NOW}}`;
    await bundle.record([
      outcomeWith({
        job: { id: idAt(acceptedAt), type: "a", options: { run_at: acceptedAt + 1_000 } },
        attempt: 2,
        records: [record(null), record(acceptedAt + 1_004), record(acceptedAt + 5_000)],
        startedAt: acceptedAt + 9_000,
        finishedAt: acceptedAt + 9_007,
      }),
      outcomeWith({
        job: { id: idAt(acceptedAt), type: "b" },
        startedAt: null,
        finishedAt: acceptedAt + 5,
        status: "cancelled",
      }),
    ]);
    const [a] = await bundle.reader.series("day", { ...ALWAYS, types: ["a"] });
    expect(a).toMatchObject({ retries: 1, pickup: { p50: 4 }, run: { p50: 7 } });
    const [b] = await bundle.reader.series("day", { ...ALWAYS, types: ["b"] });
    expect(b).toMatchObject({ cancelled: 1, pickup: null, run: null });
  });

  it("counts each row once: repeated batches, halves of them, and two recorders with the same jobs", async () => {
    const bundle = await historySetup();
    const batch = [...outcomes(40), ...Array.from({ length: 20 }, (_, n) => failed(`failure ${n}`))];
    await bundle.record([...batch, ...batch.slice(0, 3)]);
    await bundle.record(batch);
    await bundle.record([...batch.slice(30), ...outcomes(7), failed("another")]);
    const shared = [...outcomes(300), ...Array.from({ length: 50 }, () => failed("both"))];
    const recorders = [recorderOn(bundle.url, 50), recorderOn(bundle.url, 70)] as const;
    await Promise.all([bundle.record(shared, recorders[0]), bundle.record(shared.toReversed(), recorders[1])]);
    await expectEqualSums(bundle);
    expect((await sumsOfRows(bundle, "day")).reduce((sum, row) => sum + row.failed, 0)).toBe(71);
  });

  it("counts the version of a job that its row has, if a batch has two", async () => {
    const bundle = await historySetup();
    const [a] = outcomes(1) as [Outcome];
    await bundle.record([a, { ...a, status: "cancelled" }]);
    await expectEqualSums(bundle);
    expect(await series(bundle, "day")).toMatchObject([{ completed: 1, cancelled: 0 }]);
  });

  it("counts a row that Postgres rejects as the row that is stored instead, and no row that is set aside", async () => {
    const bundle = await historySetup();
    const batch = [
      ...outcomes(10),
      failed("a bad result", { result: `"a\0b"`, records: [`{"started_at":1}`] }),
      outcomeWith({ result: `"a\0b"` }),
      outcomeWith({ job: { priority: 70_000 } }),
      ...outcomes(10),
    ];
    await bundle.record(batch);
    await expectEqualSums(bundle);
    expect(await bundle.reader.errors(ALWAYS, 10, NOW)).toMatchObject([{ code: "unrecordable", count: 1 }]);
  });

  it("counts each row once if the connection is lost before the commit, or after it", async () => {
    const bundle = await historySetup();
    const proxy = await TcpProxy.start(Number(new URL(bundle.url).port));
    open.push(proxy);
    const recorder = recorderOn(proxy.before(bundle.url));
    await bundle.record(outcomes(1), recorder);
    const COPY_DONE = "c\0\0\0\u0004";
    const dropped = proxy.dropNextReply((request) => request.toString("latin1").endsWith(COPY_DONE));
    await Promise.all([dropped, bundle.record([...outcomes(10), failed("after the commit")], recorder)]);
    // a lock of the history stops the transaction behind its COPY
    await bundle.client.query("begin; lock table job_series in exclusive mode");
    const recording = bundle.record([...outcomes(10), failed("before the commit")], recorder);
    const waiting = "select from pg_locks where not granted and relation = 'job_series'::regclass";
    await until(async () => (await bundle.client.query(waiting)).rowCount, { what: "the recorder waits" });
    await bundle.client.query(
      "select pg_terminate_backend(pid) from pg_stat_activity where datname = current_database() and application_name = 'taskflow-recorder'",
    );
    await bundle.client.query("commit");
    await recording;
    await expectEqualSums(bundle);
    expect(await sumsOfRows(bundle, "day")).toMatchObject([{ completed: 21, failed: 2 }]);
  });

  it("keeps its sums while recorders write and compaction runs", async () => {
    const bundle = await historySetup();
    const recorders = [recorderOn(bundle.url, 20), recorderOn(bundle.url, 30)];
    const old = (n: number): Outcome =>
      failed("late", { finishedAt: NOW - 2 * HOUR_MS + (n % 5) * MINUTE_MS, startedAt: null });
    const writing = recorders.map((recorder) =>
      bundle.record(
        Array.from({ length: 500 }, (_, n) => old(n)),
        recorder,
      ),
    );
    let isWriting = true;
    const written = Promise.all(writing).then(() => (isWriting = false));
    while (isWriting) {
      await bundle.compact();
      expect(await bundle.stored.historyDifferences(0)).toEqual([]);
    }
    await written;
    await bundle.compact();
    await expectEqualSums(bundle);
    const { rows } = await bundle.client.query(
      "select step, count(*)::int from job_series_merged group by step order by step",
    );
    expect(rows).toEqual([
      { step: "day", count: 1 },
      { step: "hour", count: 1 },
      { step: "minute", count: 5 },
    ]);
    expect((await bundle.client.query("select writer from error_groups")).rows).toEqual([{ writer: "" }]);
  });

  it("has the hours of old minutes in their first minute, late batches too, and forgets hours after two years", async () => {
    const bundle = await historySetup();
    const hour = NOW - 2 * DAY_MS;
    const at = (minutes: number): Outcome => outcomeWith({ finishedAt: hour + minutes * MINUTE_MS, startedAt: null });
    await bundle.record([at(1), at(2), at(59)]);
    await bundle.compact();
    expect(await series(bundle, "minute")).toHaveLength(3);
    const later = hour + MINUTES_KEPT_MS + 2 * HOUR_MS;
    await bundle.compact(later);
    expect(await series(bundle, "minute")).toMatchObject([{ at: hour, completed: 3 }]);
    await bundle.record([at(3)]);
    expect((await series(bundle, "minute")).reduce((sum, { completed }) => sum + completed, 0)).toBe(4);
    await bundle.compact(later);
    for (const step of ["minute", "hour"] as const)
      expect(await series(bundle, step)).toMatchObject([{ at: hour, completed: 4 }]);
    expect(await series(bundle, "day")).toMatchObject([{ completed: 4 }]);
    await bundle.compact(hour + HOURS_KEPT_MS + 2 * DAY_MS);
    for (const step of ["minute", "hour", "day"] as const) expect(await series(bundle, step)).toEqual([]);
  });
});
