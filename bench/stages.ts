/**
 * `npm run bench:stages`: measures each stage of a job separately, to locate a loss of speed. It uses a real Redis.
 */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { Bench } from "tinybench";
import { markdownTable } from "../src/cli/text-table.ts";
import { parseBody } from "../src/core/body.ts";
import type { Job, Outcome, Submission } from "../src/core/job.ts";
import { startEmbedded } from "../src/embedded/services.ts";
import { loadRegistry } from "../src/jobs/registry.ts";
import { createMetrics } from "../src/observability/metrics.ts";
import { Queue } from "../src/queue/queue.ts";
import type { Settlement } from "../src/queue/settlement.ts";
import { columnsFor } from "../src/results/recorder/columns.ts";
import { writeRow } from "../src/results/recorder/copy.ts";
import { CopyBuffer } from "../src/results/recorder/copy-buffer.ts";
import { SMALL_BODY } from "./end-to-end.ts";
import { numberText } from "./report.ts";

/** Jobs in one call to Redis: the CLAIM_LIMIT of a replica. */
const BATCH_JOBS = 500;
const OUTBOX_OWNED_MS = 30_000;
const RECORD =
  '{"attempt":1,"outcome":"completed","worker":"benchrep","started_at":1770000000100,"finished_at":1770000000200}';
const JOBS = fileURLToPath(new URL("./jobs", import.meta.url));

async function main(): Promise<void> {
  const dataDir = mkdtempSync(join(tmpdir(), "taskflow-stages-"));
  const services = await startEmbedded({ dataDir, needs: { redis: true, postgres: false, mail: false } });
  const queue = openQueue(services.redisAddr ?? "");
  try {
    await queue.open(5_000);
    const rows = [...(await pureStages()), ...(await queueStages(queue))];
    process.stdout.write(`${markdownTable([["stage", "µs/job, median", "µs/job, p99", "jobs/s"], ...rows])}\n`);
  } finally {
    queue.close();
    await services.close();
    rmSync(dataDir, { recursive: true, force: true });
  }
}

function openQueue(url: string): Queue {
  const nothing = (): void => undefined;
  const hooks = { onRoundTrip: nothing, onError: nothing, onWake: nothing, onCancel: nothing };
  return new Queue({
    url,
    namespace: "taskflow:0",
    replica: "benchrep",
    leaseMs: 600_000,
    runsJobs: false,
    submitTimeoutMs: 5_000,
    ...hooks,
  });
}

async function pureStages(): Promise<string[][]> {
  const registry = await loadRegistry({ jobsDir: JOBS, settings: {} });
  const typeOf = (type: string): ReturnType<typeof registry.get> => registry.get(type);
  const task = {
    bytes: Buffer.from(SMALL_BODY),
    kind: "single",
    maxBodyBytes: 1_048_576,
    now: 1_770_000_000_000,
    durability: "redis",
  } as const;
  const outcome = outcomeOf(submissionOf());
  const rows = new CopyBuffer();
  const columns = columnsFor([outcome]);
  const writeOne = (): void => {
    rows.begin();
    writeRow(rows, outcome, columns);
  };
  const bench = new Bench({ time: 1_000 });
  bench
    .add("parse and validate a body", () => parseBody(task, typeOf))
    .add("write a row of COPY", writeOne)
    .add("count in metrics", countingOne());
  return measured(bench, 1);
}

/** The cost of all metrics of one job, from its submission to its end. It should stay below 2 µs. */
function countingOne(): () => void {
  const { countSubmissions, observeHttp, observePickup, observeRun, observeEndToEnd, countAttempt } = createMetrics();
  return () => {
    countSubmissions("accepted", 1);
    observeHttp("POST", "/api/v1/jobs", 202, 0.0012);
    observePickup("noop", 0.002);
    observeRun("noop", 0.02);
    observeEndToEnd("noop", 0.05);
    countAttempt("noop", "completed");
  };
}

function submissionOf(): Submission {
  return {
    type: "noop",
    payload: JSON.stringify((JSON.parse(SMALL_BODY) as { payload: object }).payload),
    priority: 5,
    maxAttempts: 3,
    groupKey: null,
    options: {},
  };
}

function outcomeOf(submission: Submission): Outcome {
  const times = { startedAt: 1_770_000_000_100, finishedAt: 1_770_000_000_200 };
  const job = { id: "019c1f2e-8c00-7000-8000-000000000001", ...submission };
  return {
    job,
    status: "completed",
    result: '{"ok":true}',
    error: null,
    attempt: 1,
    worker: "benchrep",
    ...times,
    records: [],
  };
}

/**
 * Each stage prepares the input of the next one outside the measured time. A sample is one call with a batch of jobs.
 */
async function queueStages(queue: Queue): Promise<string[][]> {
  let seq = 0;
  let claimed: readonly Job[] = [];
  const enqueue = (): Promise<void> => enqueueBatch(queue);
  const claim = async (): Promise<void> => {
    seq += 1;
    const slots = { io: BATCH_JOBS, cpu: 0, types: [{ type: "noop", lane: "io", slots: BATCH_JOBS }] } as const;
    claimed = (await queue.claim(seq, 0, slots)).claimed;
    if (claimed.length !== BATCH_JOBS) throw new Error(`${claimed.length} jobs were claimed`);
  };
  const settle = async (): Promise<void> => {
    const answers = await queue.settle(claimed.map(settlementOf), OUTBOX_OWNED_MS);
    if (answers.some((answer) => answer !== "done")) throw new Error("a job was not settled");
  };
  const forget = (): Promise<void> => queue.forget(claimed);
  const finish = async (): Promise<void> => {
    await settle();
    await forget();
  };
  const calls = { time: 2_000, iterations: 20, warmupTime: 500 };
  const bench = new Bench(calls);
  bench
    .add("enqueue", enqueue, { afterEach: () => claim().then(finish) })
    .add("claim", claim, { beforeEach: enqueue, afterEach: finish })
    .add("settle", settle, { beforeEach: () => enqueue().then(claim), afterEach: forget })
    .add("forget", forget, { beforeEach: () => enqueue().then(claim).then(settle) });
  return measured(bench, BATCH_JOBS);
}

/** Enqueues single submissions in one tick of the event loop, so the queue sends them in one call. */
async function enqueueBatch(queue: Queue): Promise<void> {
  const submission = submissionOf();
  await Promise.all(
    Array.from(
      { length: BATCH_JOBS },
      () =>
        new Promise<void>((resolve, reject) => {
          queue.enqueue({ ids: [queue.ids.next()], submissions: [submission] }, (answer) => {
            if (answer.kind === "enqueued") resolve();
            else reject(new Error(`a job was not enqueued: ${answer.kind}`));
          });
        }),
    ),
  );
}

function settlementOf({ id, type, priority, claimSeq, attempt, crashes, deferrals }: Job): Settlement {
  return {
    id,
    type,
    priority,
    claimSeq,
    startedAt: 0,
    verdict: "completed",
    attempt,
    crashes,
    deferrals,
    runAt: 0,
    record: RECORD,
  };
}

async function measured(bench: Bench, jobsPerSample: number): Promise<string[][]> {
  await bench.run();
  return bench.tasks.map(({ name, result }) => {
    if (!("latency" in result)) throw new Error(`${name} was not measured: ${result.state}`);
    const microseconds = (ms: number): string => numberText((ms * 1_000) / jobsPerSample);
    return [
      name,
      microseconds(result.latency.p50),
      microseconds(result.latency.p99),
      numberText((jobsPerSample * 1_000) / result.latency.p50),
    ];
  });
}

main().catch((error: unknown) => {
  process.stderr.write(`stages: ${error instanceof Error ? (error.stack ?? error.message) : String(error)}\n`);
  process.exit(2);
});
