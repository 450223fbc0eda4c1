import pg from "pg";
import { afterEach, describe, expect, it } from "vitest";
import type { Outcome } from "../../core/job.ts";
import { DAY_MS } from "../../core/time.ts";
import { idAt, outcomes, outcomeWith } from "../../testing/outcomes.ts";
import { freshDatabase } from "../../testing/services.ts";
import { smallPayloads } from "../../testing/small-payloads.ts";
import { migrate } from "../migrate.ts";
import { partitionName, startOfDay } from "../partitions.ts";
import { Recorder, type RecorderOptions } from "./recorder.ts";

const open: { close: () => Promise<void> }[] = [];
afterEach(async () => {
  for (const part of open.splice(0).reverse()) await part.close();
});

const silent = { info: () => undefined, warn: () => undefined, error: () => undefined };

function recorderOn(databaseUrl: string, options: Partial<RecorderOptions> = {}): Recorder {
  const recorder = new Recorder({
    ...smallPayloads,
    databaseUrl,
    maxRows: 100,
    highMark: 1_000,
    lowMark: 100,
    onRecorded: () => Promise.resolve(),
    log: silent,
    ...options,
  });
  open.push({ close: () => recorder.close(0) });
  return recorder;
}

async function setup(options: Partial<RecorderOptions> = {}) {
  const { url } = await freshDatabase();
  await migrate(url);
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  open.push({ close: () => client.end() });
  const batches: number[] = [];
  const recorded: string[] = [];
  const recorder = recorderOn(url, {
    onRecorded: (batch) => {
      recorded.push(...batch.map(({ job }) => job.id));
      return Promise.resolve();
    },
    observe: { batch: (rows) => batches.push(rows) },
    ...options,
  });
  const stored = async (): Promise<string[]> =>
    (await client.query<{ id: string }>("select id from jobs order by id")).rows.map(({ id }) => id);
  return { url, client, recorder, batches, recorded, stored };
}

const idsOf = (batch: readonly Outcome[]): string[] => batch.map(({ job }) => job.id);

describe("a recorder", () => {
  it("records outcomes, and reports them after the commit", async () => {
    const { recorder, recorded, stored } = await setup();
    const batch = outcomes(3);
    recorder.add(batch);
    await recorder.idle();
    expect(recorded).toEqual(idsOf(batch));
    expect(await stored()).toEqual(idsOf(batch));
    expect(recorder.isHealthy).toBe(true);
    await recorder.idle();
  });

  it("waits for no batch to fill: what arrives during a COPY is the next batch, up to its limit", async () => {
    const { recorder, batches, recorded } = await setup();
    recorder.add([]);
    recorder.add(outcomes(1));
    await recorder.idle();
    recorder.add(outcomes(2));
    recorder.add(outcomes(3)); // the same turn of the event loop
    while (recorder.size > 0) await new Promise(setImmediate);
    recorder.add(outcomes(60)); // the COPY of the five is under way
    recorder.add(outcomes(60));
    await recorder.idle();
    expect(batches).toEqual([1, 5, 100, 20]);
    expect(recorded).toHaveLength(126);
  });

  it("overlaps onRecorded with the next COPY, one batch at a time, in order", async () => {
    const begun: number[] = [];
    let release = (): void => undefined;
    const first = new Promise<void>((resolve) => (release = resolve));
    const { recorder, stored } = await setup({
      maxRows: 10,
      onRecorded: async (batch) => {
        begun.push(batch.length);
        if (begun.length === 1) await first;
      },
    });
    recorder.add(outcomes(25));
    while ((await stored()).length < 20) await new Promise(setImmediate);
    expect(begun).toEqual([10]);
    release();
    await recorder.idle();
    expect(begun).toEqual([10, 10, 5]);
  });

  it("logs a failed onRecorded, and continues", async () => {
    const errors: string[] = [];
    const { recorder, stored } = await setup({
      maxRows: 1,
      onRecorded: () => Promise.reject(new Error("Redis is away")),
      log: { ...silent, error: (_fields, message) => errors.push(message) },
    });
    recorder.add(outcomes(2));
    await recorder.idle();
    expect(await stored()).toHaveLength(2);
    expect(errors).toEqual(
      Array.from({ length: 2 }, () => "Redis could not forget recorded outcomes: the sweep tries again"),
    );
  });

  it("stores a job once, however often it comes: in one batch, in a later one, and reports each", async () => {
    const { recorder, recorded, stored } = await setup();
    const [a, b, c] = outcomes(3) as [Outcome, Outcome, Outcome];
    recorder.add([a, b, a]);
    await recorder.idle();
    recorder.add([c, { ...b, status: "failed" }]);
    await recorder.idle();
    expect(await stored()).toEqual(idsOf([a, b, c]));
    expect(recorded).toEqual(idsOf([a, b, a, c, b]));
  });

  it("makes the partition that a row needs, however old, and the next day's ahead", async () => {
    const { recorder, client, stored } = await setup();
    const days = [Date.UTC(2019, 1, 28), Date.UTC(2023, 6, 1), startOfDay(Date.now()) + 5 * DAY_MS];
    const batch = days.map((day) => outcomeWith({ job: { id: idAt(day + 1_000) } }));
    recorder.add(batch);
    await recorder.idle();
    recorder.add([batch, outcomes(1)].flat()); // with duplicates, and a partition that is there
    await recorder.idle();
    expect(await stored()).toHaveLength(4);
    const { rows } = await client.query("select to_regclass($1) is not null as made", [
      partitionName(startOfDay(Date.now()) + 6 * DAY_MS),
    ]);
    expect(rows).toEqual([{ made: true }]);
  });

  it("shares outcomes with another recorder, in any order", async () => {
    const { url, recorder, recorded, stored } = await setup({ maxRows: 50 });
    const other = recorderOn(url, { maxRows: 70 });
    const batch = outcomes(600);
    recorder.add(batch);
    other.add(batch.toReversed());
    await Promise.all([recorder.idle(), other.idle()]);
    expect(await stored()).toEqual(idsOf(batch));
    expect(recorded).toEqual(idsOf(batch));
  });

  it("records its outcomes when it is closed, and accepts no more", async () => {
    const dropped: number[] = [];
    const { recorder, stored } = await setup({ observe: { dropped: (n) => dropped.push(n) } });
    recorder.add(outcomes(250));
    const closed = recorder.close(10_000);
    expect(recorder.close(0)).toBe(closed);
    recorder.add(outcomes(1));
    await closed;
    expect(dropped).toEqual([1]);
    expect(await stored()).toHaveLength(250);
  });
});
