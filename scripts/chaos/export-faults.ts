/** Exports with a full disk, a query past its time limit, a client that disconnects, and five million rows. */
import { execFileSync } from "node:child_process";
import { mkdirSync, readdirSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { JobBody } from "./client.ts";
import { call } from "./client.ts";
import type { Scenario } from "./scenario.ts";
import type { Stage } from "./stage.ts";

const MIB = 1024 * 1024;
const DISK_BYTES = 2 * MIB;
/** The memory that an export may add to a replica, for any number of rows. */
const EXPORT_MEMORY_BYTES = 200 * MIB;

const QUERIES = {
  slow: "select 1 as n from pg_sleep(30)",
  rows: "select n, 'row ' || n as name from generate_series(1, :count::int) as n",
};

/** Makes named queries and a disk of 2 MiB. @returns undefined if this machine does not allow a mount */
function prepare({ dir }: { readonly dir: string }): string | undefined {
  mkdirSync(join(dir, "queries"));
  for (const [name, sql] of Object.entries(QUERIES)) writeFileSync(join(dir, "queries", `${name}.sql`), sql);
  const disk = join(dir, "disk");
  mkdirSync(disk);
  try {
    execFileSync("mount", ["-t", "tmpfs", "-o", `size=${DISK_BYTES}`, "tmpfs", disk], { stdio: "ignore" });
    return disk;
  } catch {
    return undefined; // not root, or in a container that may not mount
  }
}

export const exportFaults: Scenario = {
  name: "export",
  fault: "disk full, query past its time limit, client gone while downloading, 5 million rows",
  seconds: { full: 0, fast: 0 },
  slots: [{ isLate: true }],
  run: async (stage) => {
    const { cluster } = stage;
    const env = {
      EXPORT_QUERIES_DIR: join(cluster.dir, "queries"),
      EXPORT_QUERY_TIMEOUT_MS: stage.isFast ? "5000" : "60000",
      RETRY_BASE_MS: "100",
      RETRY_MAX_MS: "200",
    };
    const disk = prepare(cluster);
    if (disk === undefined) stage.notes.push("no small disk can be mounted here: disk full not played");
    else await playFullDisk(stage, disk, env);
    await cluster.boot(0, env);
    await playSlowQuery(stage);
    await playLargeExport(stage);
    return undefined;
  },
};

async function playFullDisk(stage: Stage, disk: string, env: Readonly<Record<string, string>>): Promise<void> {
  try {
    const replica = await stage.cluster.boot(0, { ...env, ARTIFACTS_DIR: disk });
    const job = await stage.outcome({
      type: "data_export",
      payload: { format: "csv", source: { query: "rows", params: { count: 400_000 } } },
      max_attempts: 2,
    });
    stage.expect({
      isSo: job.error?.code === "disk_full" && job.attempt === 2,
      otherwise: `on a full disk an export ended ${job.error?.code ?? job.status} after ${job.attempt} attempts`,
    });
    const answer = await call(`${replica.url}/api/v1/jobs/${job.id}/artifacts/export.csv`, "GET");
    stage.expect({ isSo: answer.status === 404, otherwise: `a partial artifact answers ${answer.status}` });
    const left = readdirSync(disk, { recursive: true }).filter((name) => statSync(join(disk, String(name))).isFile());
    stage.expect({ isSo: left.length === 0, otherwise: `files were left on the full disk: ${left.join(", ")}` });
    const small = await stage.outcome({
      type: "data_export",
      payload: { format: "csv", source: { rows: [{ a: 1 }] } },
    });
    stage.expect({
      isSo: small.status === "completed",
      otherwise: `after it a small export ended ${small.error?.code ?? small.status}`,
    });
    await replica.term();
  } finally {
    execFileSync("umount", ["-l", disk]); // lazily, because open files must not prevent it
  }
}

async function playSlowQuery(stage: Stage): Promise<void> {
  if (!stage.isFast) return; // in the full pace the limit is a minute
  const job = await stage.outcome({ type: "data_export", payload: { format: "csv", source: { query: "slow" } } });
  stage.expect({
    isSo: job.error?.code === "query_timeout" && job.attempt === 1,
    otherwise: `a slow query ended ${job.error?.code ?? job.status} after ${job.attempt} attempts`,
  });
}

async function playLargeExport(stage: Stage): Promise<void> {
  const count = stage.isFast ? 200_000 : 5_000_000;
  await stage.wait(300);
  const idleRss = stage.takePeakRss();
  const outcome = stage.outcome(
    { type: "data_export", payload: { format: "csv", source: { query: "rows", params: { count } } } },
    120_000,
  );
  let job: JobBody | undefined;
  const watched = outcome.then((ended) => {
    job = ended;
  });
  while (!(await Promise.race([watched.then(() => true), stage.wait(200).then(() => false)])));
  const peakRss = stage.takePeakRss();
  stage.notes.push(`${count} rows: memory ${Math.round(idleRss / MIB)} to ${Math.round(peakRss / MIB)} MiB`);
  stage.expect({
    isSo: job?.result?.["rows"] === count,
    otherwise: `an export of ${count} rows ended ${job?.error?.code ?? job?.status ?? ""} with ${String(job?.result?.["rows"])}`,
  });
  stage.expect({
    isSo: peakRss - idleRss < EXPORT_MEMORY_BYTES,
    otherwise: `an export took ${Math.round((peakRss - idleRss) / MIB)} MiB`,
  });
  await downloadAndLeave(stage, job?.id ?? "", Number(job?.result?.["bytes"]));
}

/** A client that disconnects after the beginning. The next client must get the whole file. */
async function downloadAndLeave(stage: Stage, id: string, bytes: number): Promise<void> {
  const url = `${stage.cluster.replica(0).url}/api/v1/jobs/${id}/artifacts/export.csv`;
  for (let i = 0; i < 5; i += 1) {
    const gone = new AbortController();
    const response = await fetch(url, { signal: gone.signal });
    await response.body?.getReader().read();
    gone.abort();
  }
  let read = 0;
  const whole = await fetch(url);
  for await (const chunk of whole.body ?? []) read += (chunk as Uint8Array).length;
  stage.expect({ isSo: read === bytes, otherwise: `a download has ${read} bytes, not ${bytes}` });
}
