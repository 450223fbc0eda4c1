import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { Outcome } from "../../core/job.ts";
import { formatTime } from "../../core/rfc3339.ts";
import { DAY_MS, MINUTE_MS } from "../../core/time.ts";
import { Recorder } from "../../results/recorder/recorder.ts";
import type { ApiServer } from "../../testing/api-server.ts";
import { request, startApiServer } from "../../testing/api-server.ts";
import { idAt, outcomeWith } from "../../testing/outcomes.ts";
import { freshDatabase } from "../../testing/services.ts";
import { smallPayloads } from "../../testing/small-payloads.ts";

/** 2026-01-31T12:00:00Z. */
const NOON = Date.UTC(2026, 0, 31, 12);

let server: ApiServer;
let current: Outcome;
beforeAll(async () => {
  const { url } = await freshDatabase();
  server = await startApiServer({ database: url });
  const at = (ms: number, type: string, fields: Partial<Outcome> = {}): Outcome =>
    outcomeWith({ job: { id: idAt(NOON - 5), type }, startedAt: NOON, finishedAt: NOON + ms, ...fields });
  const failed = (message: string): Partial<Outcome> => ({
    status: "failed",
    error: { code: "permanent", message, attempt: 1 },
  });
  const now = Date.now();
  current = outcomeWith({ ...failed("now 1"), finishedAt: now, startedAt: now - 3 });
  const recorder = new Recorder({
    ...smallPayloads,
    databaseUrl: url,
    maxRows: 10,
    highMark: 100,
    lowMark: 10,
    onRecorded: () => Promise.resolve(),
    log: { info: () => undefined, warn: () => undefined, error: () => undefined },
  });
  recorder.add([
    at(7, "note"),
    at(8, "strict", { attempt: 3 }),
    at(MINUTE_MS, "note", failed("no user 1")),
    at(MINUTE_MS + 1, "note", failed("no user 2")),
    at(DAY_MS, "note", { status: "cancelled", startedAt: null }),
    current,
  ]);
  await recorder.close(30_000);
});
afterAll(() => server.close());

const get = (path: string) => request(server, "GET", `/api/v1/${path}`);
const COUNTS = { completed: 0, failed: 0, cancelled: 0, retries: 0, run_total_ms: 0 };
const NONE = { ...COUNTS, pickup_ms: null, run_ms: null };

describe("the series", () => {
  it("has every step of a period, rounded down, with counts and percentiles", async () => {
    const answer = await get("stats/series?from=2026-01-31T11:59:59.9Z&to=2026-01-31T12:02:59Z&type=note,strict");
    const of = (ms: number) => ({ p50: ms, p95: ms, p99: ms });
    expect(answer).toMatchObject({ status: 200 });
    expect(answer.body).toEqual({
      step: "minute",
      from: "2026-01-31T11:59:00.000Z",
      to: "2026-01-31T12:02:00.000Z",
      series: [
        { at: "2026-01-31T11:59:00.000Z", ...NONE },
        {
          at: "2026-01-31T12:00:00.000Z",
          ...NONE,
          completed: 2,
          retries: 2,
          run_total_ms: 15,
          pickup_ms: of(5),
          run_ms: { p50: 7, p95: 8, p99: 8 },
        },
        {
          at: "2026-01-31T12:01:00.000Z",
          ...NONE,
          failed: 2,
          run_total_ms: 2 * MINUTE_MS + 1,
          pickup_ms: of(5),
          run_ms: of(expect.any(Number) as never),
        },
      ],
      versions: [],
    });
  });

  it("adds up hours and days of UTC, of the types asked for", async () => {
    const hours = await get(
      "stats/series?from=2026-01-31T15:30:00%2B03:30&to=2026-01-31T13:00:00Z&step=hour&type=strict",
    );
    expect(hours.body).toMatchObject({
      step: "hour",
      series: [{ completed: 1, failed: 0, retries: 2, run_ms: { p50: 8 } }],
    });
    const days = await get("stats/series?from=2026-01-31T23:00:00Z&to=2026-02-02T00:00:00Z&step=day");
    expect(days.body).toMatchObject({
      series: [
        { at: "2026-01-31T00:00:00.000Z", completed: 2, failed: 2 },
        { at: "2026-02-01T00:00:00.000Z", cancelled: 1 },
      ],
    });
  });

  it("has the counts of each type with by=type, those with the most run time first", async () => {
    const period = "from=2026-01-31T12:00:00Z&to=2026-02-02T00:00:00Z&by=type";
    for (const step of ["hour", "day"])
      expect((await get(`stats/series?${period}&step=${step}`)).body).toMatchObject({
        series: { length: step === "hour" ? 36 : 2 },
        types: [
          { ...COUNTS, type: "note", completed: 1, failed: 2, cancelled: 1, run_total_ms: 2 * MINUTE_MS + 8 },
          { ...COUNTS, type: "strict", completed: 1, retries: 2, run_total_ms: 8 },
        ],
      });
    const { body } = await get(`stats/series?${period}&step=day&type=strict,email`);
    expect(body).toMatchObject({ types: [{ type: "strict" }] });
    const { series, types } = body as Partial<Record<"series" | "types", Record<string, unknown>[]>>;
    const [day] = (series ?? []).filter(({ completed }) => completed === 1);
    expect(types?.[0]).toMatchObject({ pickup_ms: day?.["pickup_ms"], run_ms: { p95: expect.any(Number) as number } });
    expect(types?.[0]?.["run_ms"]).toEqual(day?.["run_ms"]);
    expect((await get("stats/series?from=2025-01-31T12:00:00Z&to=2025-01-31T13:00:00Z&by=type")).body).toMatchObject({
      types: [],
    });
    expect(await get("stats/series?by=status")).toMatchObject({
      status: 422,
      body: { errors: [{ path: "/by", message: "expected type" }] },
    });
  });

  it("has the versions that replicas began to run, and since when the errors have the newest", async () => {
    const { url } = await freshDatabase();
    const other = await startApiServer({ database: url });
    try {
      const before = Date.now();
      await other.store.history.recordVersion("1.2.3");
      expect((await request(other, "GET", "/api/v1/errors")).body).toMatchObject({ version_since: null });
      await other.store.history.recordVersion("1.2.4");
      const { body } = await request(other, "GET", "/api/v1/stats/series");
      const someTime = expect.any(String) as string;
      expect(body.versions).toEqual(["1.2.3", "1.2.4"].map((version) => ({ at: someTime, version })));
      const at = (body.versions as { at: string }[])[1]?.at;
      expect(Math.abs(Date.parse(at ?? "") - before)).toBeLessThan(60_000);
      expect((await request(other, "GET", "/api/v1/errors")).body).toMatchObject({ version_since: at });
      expect((await request(other, "GET", "/api/v1/stats/series?to=2026-01-01T00:00:00Z")).body.versions).toEqual([]);
    } finally {
      await other.close();
    }
  });

  it("is by default the last hour, in minutes, with the current one; an empty period has no steps", async () => {
    const { series } = (await get("stats/series?type=email")).body as { series: { at: string; failed: number }[] };
    expect(series).toHaveLength(60);
    const minute = Math.floor(current.finishedAt / MINUTE_MS) * MINUTE_MS;
    expect(series.find(({ at }) => at === formatTime(minute))).toMatchObject({ failed: 1 });
    const empty = await get("stats/series?from=2026-01-31T12:00:10Z&to=2026-01-31T12:00:20Z");
    expect(empty.body).toMatchObject({ series: [] });
  });

  it("has up to 2,000 steps", async () => {
    const query = (to: number): string =>
      `stats/series?from=${formatTime(NOON)}&to=${formatTime(NOON + to * MINUTE_MS)}`;
    expect(((await get(query(2_000))).body as { series: unknown[] }).series).toHaveLength(2_000);
    expect(await get(query(2_001))).toMatchObject({
      status: 422,
      body: { errors: [{ path: "/from", message: "the period has 2001 steps: expected at most 2000" }] },
    });
  });

  it("lists all issues of a query", async () => {
    const { status, body } = await get(
      "stats/series?from=x&to=2026-02-30T00:00:00Z&step=week&type=,a&step=day&other=1&type=",
    );
    expect(status).toBe(422);
    expect((body as { errors: { path: string }[] }).errors.map(({ path }) => path).sort()).toEqual([
      "/from",
      "/other",
      "/step",
      "/to",
      "/type",
    ]);
    const after = await get("stats/series?step=hour&to=9999-12-31T23:59:59-12:00");
    expect(after).toMatchObject({ status: 422, body: { errors: [{ path: "/to" }] } });
    for (const query of ["type=", "type=%00", "from=2026-02-01T00:00:00Z&to=2026-01-01T00:00:00Z", "step="])
      expect(await get(`stats/series?${query}`)).toMatchObject({ status: 422, body: { errors: [{}] } });
  });

  it("answers for the first and the last time that can be written", async () => {
    for (const query of [
      "from=0000-01-01T00:00:00%2B23:59&to=0000-01-02T00:00:00Z",
      "to=0000-01-01T00:00:00Z",
      "to=9999-12-31T23:59:59Z",
    ])
      for (const step of ["hour", "day"])
        expect(await get(`stats/series?${query}&step=${step}`)).toMatchObject({
          status: 200,
          body: {
            from: expect.stringMatching(/^\d{4}-/) as string,
            to: expect.stringMatching(/^\d{4}-/) as string,
          },
        });
  });
});

describe("the errors", () => {
  it("are those of the last 24 hours by default", async () => {
    const { body } = await get("errors");
    const hourly = expect.arrayContaining([1]) as number[];
    const seen = formatTime(current.finishedAt);
    expect(body).toEqual({
      errors: [
        {
          type: "email",
          code: "permanent",
          signature: "now <n>",
          count: 1,
          first_seen: seen,
          last_seen: seen,
          hourly,
          examples: [current.job.id],
        },
      ],
      truncated: false,
      version_since: null,
    });
    expect((body as { errors: { hourly: number[] }[] }).errors[0]?.hourly).toHaveLength(24);
  });

  it("are grouped in a period rounded down to hours, of the types asked for", async () => {
    const period = "from=2026-01-31T12:59:00Z&to=2026-01-31T13:59:00Z";
    expect((await get(`errors?${period}`)).body).toMatchObject({
      errors: [{ type: "note", signature: "no user <n>", count: 2, hourly: Array.from({ length: 24 }, () => 0) }],
    });
    expect((await get(`errors?${period}&type=strict,email`)).body).toMatchObject({ errors: [], truncated: false });
    expect((await get(`errors?to=2026-01-31T12:59:59Z`)).body).toMatchObject({ errors: [] });
    expect((await get(`errors?from=2025-01-31T12:59:59Z`)).body).toMatchObject({
      errors: [{ count: 2 }, { count: 1 }],
    });
  });

  it("reject a query with all its issues", async () => {
    const { status, body } = await get("errors?from=x&to=y&type=&step=hour");
    expect([status, (body as { errors: unknown[] }).errors.length]).toEqual([422, 4]);
  });
});
