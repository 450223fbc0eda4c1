/** Built programs whose main thread a handler blocks for several leases. */
import { spawn } from "node:child_process";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { describe, expect, it } from "vitest";
import { installation } from "../testing/installation.ts";
import type { Program } from "../testing/process.ts";
import { call, getJob, jobWhen, submit } from "../testing/replica.ts";
import { freshRedis, tempDir } from "../testing/services.ts";
import { until } from "../testing/until.ts";

const TIMEOUT_MS = 300_000;
const WITHIN_MS = 120_000;
const BLOCKED = "the event loop is blocked";

const blocksOf = (program: Program) => program.lines().filter(({ msg }) => msg === BLOCKED);

const metricsOf = async (program: Program): Promise<string> => (await fetch(`${program.url}/metrics`)).text();

async function outcomesOf(replica: Program, id: string): Promise<string[]> {
  const { attempts } = (await call(replica, "GET", `/api/v1/jobs/${id}/attempts`)).body as {
    attempts: { outcome: string }[];
  };
  return attempts.map(({ outcome }) => outcome);
}

describe.concurrent("a handler that computes on the main thread", { timeout: TIMEOUT_MS }, () => {
  it("costs no other job its lease: none runs twice, timeouts apply, and the log and the metrics name the type", async () => {
    const { start } = await installation();
    const env = { LEASE_MS: "1500" };
    const one = await start(env).ready();
    const sleepers = await Promise.all(
      Array.from({ length: 5 }, () => submit(one, "test_io", { do: "sleep", ms: 25_000 })),
    );
    const late = await submit(one, "test_io", { do: "hang" }, { timeout_ms: 20_000, max_attempts: 1 });
    for (const id of [...sleepers, late]) await jobWhen(one, id, "running");
    const two = await start(env).ready();
    const blocking = await submit(one, "test_io", { do: "compute", ms: 8_000 });
    await until(() => blocksOf(one).length > 0, { what: "the block is logged", timeoutMs: WITHIN_MS });
    expect(await getJob(two, blocking)).toMatchObject({ status: "running", worker: one.id }); // logged while it lasts
    expect(blocksOf(one)).toMatchObject([
      {
        level: "warn",
        replica: one.id,
        type: "test_io",
        running: { test_io: 7 },
        at: expect.stringMatching(/jobs\/io\.mjs:\d+:\d+$/) as unknown,
      },
    ]);
    for (const id of [blocking, ...sleepers]) {
      expect(await jobWhen(two, id)).toMatchObject({ status: "completed", attempt: 1, worker: one.id });
      expect(await outcomesOf(two, id)).toEqual(["completed"]);
    }
    expect(await jobWhen(two, late)).toMatchObject({ status: "failed", error: { code: "timeout" }, worker: one.id });
    expect(one.lines()).toContainEqual(expect.objectContaining({ msg: "the event loop runs again", type: "test_io" }));
    expect(await metricsOf(one)).toContain('taskflow_event_loop_blocked_total{type="test_io"} 1\n');
    one.signal("SIGTERM");
    expect(await one.ended).toEqual({ code: 0, signal: null });
  });

  it("before it has returned a promise, on an idle replica: the log names its job", async () => {
    const { start } = await installation();
    const program = await start({ LEASE_MS: "15000" }).ready();
    const id = await submit(program, "test_io", { do: "compute_at_once", ms: 4_000 });
    expect(await jobWhen(program, id)).toMatchObject({ status: "completed", attempt: 1 });
    expect(blocksOf(program)).toMatchObject([{ type: "test_io", job_ids: [id] }]);
  });
});

describe.concurrent("a process that stands still as a whole", { timeout: TIMEOUT_MS }, () => {
  it("loses its leases, and is not taken for one whose main thread is blocked", async () => {
    const { start } = await installation();
    const env = { DRAIN_MS: "1000" };
    const one = await start(env).ready();
    const id = await submit(one, "test_io", { do: "sleep", ms: 600_000 }, { timeout_ms: 600_000 });
    await jobWhen(one, id, "running");
    const two = await start(env).ready();
    one.signal("SIGSTOP");
    await until(async () => (await getJob(two, id)).worker === two.id, {
      what: "the other replica runs its job",
      timeoutMs: WITHIN_MS,
    });
    one.signal("SIGCONT");
    await until(async () => (await metricsOf(one)).includes('taskflow_slots_busy{lane="io"} 0\n'), {
      what: "it has stopped the attempt that it lost",
      timeoutMs: WITHIN_MS,
    });
    expect(await getJob(two, id)).toMatchObject({ status: "running", worker: two.id });
    expect((await outcomesOf(two, id))[0]).toBe("lost");
    // The process stood still for a lease. A busy machine may hold its main thread alone for a second after that.
    expect(blocksOf(one).filter(({ blocked_ms: ms }) => Number(ms) > 2_000)).toEqual([]);
  });
});

it("ends a process whose main thread does not come back, and logs why", { timeout: TIMEOUT_MS }, async () => {
  const { address } = await freshRedis();
  const built = (name: string): string =>
    JSON.stringify(fileURLToPath(new URL(`../../dist/worker/${name}.js`, import.meta.url)));
  const script = `
    import { Beat } from ${built("beat")};
    import { LeaseGuard } from ${built("lease-guard")};
    const beat = new Beat();
    const findBlocker = () => ({ type: "endless", running: { endless: 1 }, jobIds: [], at: undefined, stack: [] });
    new LeaseGuard({ url: "${address}", namespace: "taskflow:0", replica: "stuck000", leaseMs: 1_000, logLevel: "info", longestBlockMs: 2_000, beat, findBlocker, onBlocked: () => {}, onError: console.error }).start();
    beat.dueAt = performance.now();
    for (;;);`;
  const file = join(tempDir(), "stuck.mjs");
  writeFileSync(file, script);
  const child = spawn(process.execPath, [file], { stdio: ["ignore", "pipe", "inherit"] });
  let output = "";
  child.stdout.setEncoding("utf8").on("data", (text: string) => {
    output += text;
  });
  const signal = await new Promise((resolve) => child.once("close", (_, by) => resolve(by)));
  expect(signal).toBe("SIGKILL");
  const lines = output
    .trimEnd()
    .split("\n")
    .map((line) => JSON.parse(line) as Record<string, unknown>);
  expect(lines).toMatchObject([
    { level: "warn", msg: BLOCKED, type: "endless", replica: "stuck000" },
    { level: "fatal", type: "endless", replica: "stuck000" },
  ]);
});
