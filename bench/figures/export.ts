/** Measures data_export of many rows against `psql \copy` of the same query. */
import { execFile } from "node:child_process";
import { mkdirSync, rmSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { promisify } from "node:util";
import { submitBatches } from "../batches.ts";
import { lastCommitted } from "../committed.ts";
import type { Running } from "../competitors/competitor.ts";
import { taskflow } from "../competitors/competitor.ts";
import type { Bench, Figure } from "../figure.ts";
import { withCompetitor } from "../figure.ts";
import { medianOf, ratiosOf } from "../median.ts";
import type { FigureResult } from "../report.ts";

const run = promisify(execFile);
const MIB = 1_048_576;
const COLUMNS = "id, name, amount, created_at, is_active, code";
const SAMPLE_EVERY_MS = 50;

export const exportRows: Figure = {
  name: "export",
  title: "data_export of a query as CSV",
  run: async (bench) => {
    const rows = bench.isQuick ? 500_000 : 5_000_000;
    const queriesDir = join(bench.services.dataDir, "queries");
    mkdirSync(queriesDir, { recursive: true });
    writeFileSync(join(queriesDir, "all.sql"), `select ${COLUMNS} from bench_rows`);
    writeFileSync(join(queriesDir, "tenth.sql"), `select ${COLUMNS} from bench_rows where id <= ${rows / 10}`);
    return withCompetitor(bench, taskflow(bench.program, { EXPORT_QUERIES_DIR: queriesDir }), async (running) => {
      bench.log(`making ${rows} rows`);
      await makeRows(bench, rows);
      return measureExports(bench, running, rows);
    });
  },
};

async function makeRows({ services }: Bench, rows: number): Promise<void> {
  await services.query(`create table bench_rows as select n as id, 'Customer ' || n as name, round((n * 7919 % 1000000) / 100.0, 2) as amount,
    timestamptz '2026-01-01' + n * interval '1 second' as created_at, n % 3 = 0 as is_active, (n * 31 % 100000)::int as code from generate_series(1::bigint, ${rows}) as n`);
  await services.query("vacuum analyze bench_rows");
}

async function measureExports(bench: Bench, running: Running, rows: number): Promise<FigureResult> {
  const [own, psql, peaks]: number[][] = [[], [], []];
  const tenth = await exportOnce(bench, running, "tenth");
  for (let round = 0; round < bench.rounds; round += 1) {
    bench.log(`round ${round + 1} of ${bench.rounds}: psql, TaskFlow`);
    psql?.push(rows / (await copyOnce(bench)));
    const { seconds, peakBytes } = await exportOnce(bench, running, "all");
    own?.push(rows / seconds);
    peaks?.push((peakBytes - tenth.peakBytes) / MIB);
  }
  const ratios = ratiosOf(own ?? [], psql ?? []);
  return {
    readings: [
      { name: "TaskFlow, data_export", unit: "rows/s", values: own ?? [] },
      {
        name: "psql \\copy",
        unit: "rows/s",
        values: psql ?? [],
        ratios: { of: "TaskFlow, data_export", values: ratios },
      },
      { name: "TaskFlow, peak memory over that of a tenth of the rows", unit: "MiB", values: peaks ?? [] },
    ],
    goals: [
      {
        text: `export of ${rows.toLocaleString("en-US")} rows as CSV, against psql \\copy`,
        value: medianOf(ratios),
        limit: { least: 0.6 },
        unit: "",
      },
      {
        text: "export, peak memory over that of a tenth of the rows",
        value: medianOf(peaks ?? []),
        limit: { most: 64 },
        unit: "MiB",
      },
    ],
    notes: ["from the POST to the committed row of the job, including the written artifact"],
  };
}

/** Returns the seconds that psql takes to write the same rows to a file. */
async function copyOnce({ services }: Bench): Promise<number> {
  const file = join(services.dataDir, "psql.csv");
  const startedAt = performance.now();
  await run("psql", [
    "--no-psqlrc",
    "--quiet",
    "-c",
    String.raw`\copy (select ${COLUMNS} from bench_rows) to '${file}' csv header`,
    services.databaseUrl,
  ]);
  const seconds = (performance.now() - startedAt) / 1_000;
  if (statSync(file).size === 0) throw new Error("psql wrote nothing");
  rmSync(file);
  return seconds;
}

async function exportOnce(
  { services }: Bench,
  { url, program }: Running,
  query: string,
): Promise<{ seconds: number; peakBytes: number }> {
  const before = await services.countRows("jobs");
  const startedAt = performance.now();
  await submitBatches(url, 1, `{"type":"data_export","payload":{"format":"csv","source":{"query":"${query}"}}}`);
  let isDone = false;
  let peakBytes = 0;
  const sample = async (): Promise<void> => {
    while (!isDone) {
      peakBytes = Math.max(peakBytes, program.residentBytes());
      await delay(SAMPLE_EVERY_MS);
    }
  };
  const done = lastCommitted(services, "jobs", before + 1).finally(() => {
    isDone = true;
  });
  const [{ at }] = await Promise.all([done, sample()]);
  const [job] = await services.query<{ id: string; status: string; error: unknown }>(
    "select id, status, error from jobs order by id desc limit 1",
  );
  if (job?.status !== "completed") throw new Error(`the export ended as ${JSON.stringify(job)}`);
  // frees space for the next export; the folder is the shard of src/artifacts/folder-store.ts
  rmSync(join(services.dataDir, "artifacts", job.id.slice(20, 23)), { recursive: true });
  return { seconds: (at - startedAt) / 1_000, peakBytes };
}
