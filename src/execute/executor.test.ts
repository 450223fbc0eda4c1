import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { unlimited } from "../core/destination.ts";
import type { Job } from "../core/job.ts";
import { decodeSubmission, encodeSubmission } from "../core/packed-job.ts";
import type { AttemptEnd } from "../core/settle.ts";
import { loadRegistry } from "../jobs/registry.ts";
import { testJobsDir } from "../testing/jobs-dir.ts";
import { submission } from "../testing/queue.ts";
import { tempDir } from "../testing/services.ts";
import { smallPayloads } from "../testing/small-payloads.ts";
import { until } from "../testing/until.ts";
import type { Attempt } from "./attempt.ts";
import { Executor } from "./executor.ts";
import { shareProgress } from "./shared-progress.ts";
import { Threads, type ThreadsOptions } from "./threads.ts";

let threads: Threads;
let executor: Executor;
let messages = 0;
const issues: unknown[] = [];
const lines: { job: string; message: string; fields: unknown }[] = [];

beforeAll(async () => {
  const registry = await loadRegistry({ jobsDir: testJobsDir, settings: {} });
  threads = new Threads({
    size: 2,
    jobsDir: testJobsDir,
    settings: { TEST_SETTING: "given" },
    onMessage: (message) => {
      messages += 1;
      executor.onThreadMessage(message);
    },
    onError: (error) => issues.push(error),
  });
  executor = new Executor({
    ...smallPayloads,
    definitions: registry.types.map(({ definition }) => definition).filter(({ type }) => /^(test_|noop)/.test(type)),
    threads,
    log: (job, message, fields) => lines.push({ job: job.id, message, fields }),
  });
  await executor.open({}, { destinations: unlimited });
});
afterAll(async () => {
  await threads.close();
  await executor.close();
});

let jobs = 0;
function job(type: string, payload: object): Job {
  jobs += 1;
  return {
    ...decodeSubmission(`job-${jobs}`, encodeSubmission(submission({ type, payload: JSON.stringify(payload) }))),
    attempt: 1,
  };
}

function start(type: string, payload: object): { attempt: Attempt; end: Promise<AttemptEnd> } {
  let attempt: Attempt | undefined;
  const end = new Promise<AttemptEnd>((resolve) => {
    attempt = executor.start(job(type, payload), (_, how) => resolve(how));
  });
  return { attempt: attempt as unknown as Attempt, end };
}

const end = (type: string, payload: object): Promise<AttemptEnd> => start(type, payload).end;

describe("lane io", () => {
  it.each([
    [{ do: "return", value: { a: 1 } }, `{"a":1}`],
    [{ do: "later", value: [1] }, "[1]"],
    [{ do: "return" }, "null"],
  ])("turns the return value of %j into JSON", async (payload, result) => {
    expect(await end("test_io", payload)).toEqual({ kind: "returned", result });
  });

  it.each([
    [
      { do: "fail", times: 9 },
      { code: "test_failure", message: "failure 1", isPermanent: false },
    ],
    [{ do: "permanent" }, { code: "test_permanent", isPermanent: true }],
    [
      { do: "retry_after", ms: 70_000 },
      { code: "retry_after", isPermanent: false, retryAfterMs: 70_000 },
    ],
    [{ do: "circular" }, { code: "result_invalid", isPermanent: true }],
    [{ do: "huge" }, { code: "result_too_large", isPermanent: true }],
    [{ do: "no such behaviour" }, { code: "error", isPermanent: false }],
  ])("reports how %j failed", async (payload, expected) => {
    expect(await end("test_io", payload)).toMatchObject({ kind: "threw", ...expected });
  });

  it.each(["test_io", "test_cpu"])("gives a handler of %s its timeout, its group and its tick", async (type) => {
    const schedule = { name: "nightly", tick: 5 };
    const ended = new Promise<AttemptEnd>((resolve) => {
      const one = { ...job(type, { do: "context" }), groupKey: "tenant-1", options: { timeout_ms: 7_000, schedule } };
      executor.start(one, (_, how) => resolve(how));
    });
    const result = `{"timeoutMs":7000,"groupKey":"tenant-1","schedule":{"name":"nightly","tick":5}}`;
    expect(await ended).toEqual({ kind: "returned", result });
  });

  it("has a task of its type run on a pool thread, which gets the payload as it was submitted", async () => {
    expect(await end("test_io", { do: "task", name: "double", value: 4, argument: 3, limit_ms: 60_000 })).toEqual({
      kind: "returned",
      result: `{"doubled":8,"times":12}`,
    });
    expect(await end("test_io", { do: "task", name: "fail_permanently", limit_ms: 60_000 })).toMatchObject({
      kind: "threw",
      code: "test_permanent",
      isPermanent: true,
    });
    expect(await end("test_io", { do: "task", name: "spin", limit_ms: 100 })).toMatchObject({
      kind: "threw",
      code: "task_timeout",
      isPermanent: false,
    });
  });

  it("ends a task with its attempt", async () => {
    const { attempt, end: ended } = start("test_io", { do: "task", name: "spin", limit_ms: 600_000 });
    attempt.stop("timeout");
    expect(await ended).toMatchObject({ kind: "timeout" });
  });

  it("takes a payload that is parsed already", async () => {
    const ended = new Promise<AttemptEnd>((resolve) => {
      executor.start(job("test_io", { do: "fail" }), (_, how) => resolve(how), { do: "return", value: 7 });
    });
    expect(await ended).toEqual({ kind: "returned", result: "7" });
  });

  it("fails an attempt of an unknown type", async () => {
    expect(await end("elsewhere", {})).toMatchObject({
      kind: "threw",
      message: "job type elsewhere does not run on this replica",
    });
  });

  it.each(["cancelled", "timeout", "lost", "drain"] as const)(
    "stops a handler for %s by its signal",
    async (reason) => {
      const { attempt, end: ended } = start("test_io", { do: "sleep", ms: 60_000 });
      attempt.stop(reason);
      expect((await ended).kind).toBe(reason === "drain" ? "released" : reason);
      attempt.stop("cancelled");
      attempt.giveUp();
      expect(attempt.hasEnded).toBe(true);
    },
  );

  it("lets a lost lease override another reason, and gives up on a handler that ignores its signal", async () => {
    const { attempt, end: ended } = start("test_io", { do: "hang" });
    attempt.stop("cancelled");
    attempt.stop("lost");
    expect(attempt.stoppingMs(performance.now() + 50)).toBeGreaterThanOrEqual(50);
    attempt.giveUp();
    expect(await ended).toEqual({ kind: "lost" });
  });

  it("carries progress and log lines", async () => {
    const { attempt, end: ended } = start("test_io", { do: "progress" });
    expect(attempt.progress).toBe(40);
    expect(lines).toContainEqual({ job: attempt.job.id, message: "forty", fields: { attempt: 1 } });
    attempt.stop("drain");
    expect(await ended).toEqual({ kind: "released" });
  });
});

describe("lane cpu", () => {
  it("runs on a thread, with the settings of its type", async () => {
    expect(await end("test_cpu", { do: "return", value: 5 })).toEqual({ kind: "returned", result: "5" });
    expect(await end("test_cpu", { do: "setting" })).toEqual({ kind: "returned", result: `"given"` });
  });

  it("runs a task of its type on the attempt's own thread", async () => {
    expect(await end("test_cpu", { do: "task", value: 4, argument: 3 })).toEqual({
      kind: "returned",
      result: `{"doubled":8,"times":12}`,
    });
  });

  it("reports how it failed", async () => {
    expect(await end("test_cpu", { do: "throw" })).toMatchObject({
      kind: "threw",
      message: "thrown on a thread",
      isPermanent: false,
    });
    expect(await end("test_cpu", { do: "permanent" })).toMatchObject({
      kind: "threw",
      code: "test_permanent",
      isPermanent: true,
    });
  });

  it.each([0, 3])("fails an attempt whose thread exits with %i, and refills the pool", async (code) => {
    expect(await end("test_cpu", { do: "exit", code })).toMatchObject({
      kind: "threw",
      code: "thread_exited",
      isPermanent: false,
      endedThread: true,
    });
    expect(await Promise.all([1, 2, 3, 4].map((value) => end("test_cpu", { do: "return", value })))).toHaveLength(4);
  });

  it("reports an error that a handler throws after its return, and refills the pool", async () => {
    expect(await end("test_cpu", { do: "stray" })).toMatchObject({ kind: "returned" });
    await until(() => issues.length > 0, { what: "the error is reported" });
    expect(issues).toEqual([expect.objectContaining({ message: "a stray error" })]);
    expect(await Promise.all([1, 2, 3, 4].map((value) => end("test_cpu", { do: "return", value })))).toHaveLength(4);
  });

  it("ignores the messages that a handler posts", async () => {
    expect(
      await end("test_cpu", { do: "post", values: ["text", 1, null, {}, { startProcess: 5 }, { startProcess: null }] }),
    ).toMatchObject({ kind: "returned" });
    expect(await end("test_cpu", { do: "return" })).toMatchObject({ kind: "returned" });
  });

  it("ends an endless loop by ending its thread, while the other thread continues", async () => {
    const { attempt, end: ended } = start("test_cpu", { do: "spin" });
    expect(await end("test_cpu", { do: "return", value: 1 })).toMatchObject({ kind: "returned" });
    expect(threads.busy).toBe(1);
    attempt.stop("timeout");
    expect(await ended).toMatchObject({ kind: "timeout" });
    expect(await end("test_cpu", { do: "return", value: 2 })).toMatchObject({ kind: "returned" });
  });

  it("carries progress and log lines from the thread", async () => {
    const { attempt, end: ended } = start("test_cpu", { do: "progress", ms: 100 });
    await until(() => attempt.progress === 70, { what: "the progress has arrived" });
    expect(await ended).toEqual({ kind: "returned", result: `"done"` });
    expect(lines).toContainEqual({ job: attempt.job.id, message: "on a thread", fields: { seventy: true } });
  });

  it("has the last progress of a handler that never yields, however often it reports, without a message", async () => {
    const before = messages;
    const { attempt, end: ended } = start("test_cpu", {
      do: "busy",
      percents: [...Array(1_000).keys(), 101, Number.NaN, 65.4],
    });
    await until(() => attempt.progress === 65, { what: "the progress is seen" });
    attempt.stop("timeout");
    expect(await ended).toMatchObject({ kind: "timeout" });
    expect(messages).toBe(before);
  });

  it("keeps the same lines as lane io, whatever their fields are", async () => {
    const linesOf = ({ diagnostics }: Attempt) =>
      diagnostics?.log?.map((line) => line.slice(line.indexOf(" ") + 1)) ?? [];
    const [here, there, spinning] = [
      start("test_io", { do: "log_odd" }),
      start("test_cpu", { do: "log_odd" }),
      start("test_cpu", { do: "log_odd", spins: true }),
    ];
    await until(() => linesOf(spinning.attempt).length === 2, { what: "its lines have arrived" });
    spinning.attempt.stop("timeout");
    expect((await Promise.all([here.end, there.end, spinning.end])).map(({ kind }) => kind)).toEqual([
      "returned",
      "returned",
      "timeout",
    ]);
    expect(linesOf(here.attempt)).toEqual([`odd {"kept":1}`, "odder (fields that are not JSON)"]);
    expect([linesOf(there.attempt), linesOf(spinning.attempt)]).toEqual([linesOf(here.attempt), linesOf(here.attempt)]);
  });

  it("keeps two attempts of one job apart: its lease was lost, and it was claimed here again while the first still ends", async () => {
    const linesOf = ({ diagnostics }: Attempt) =>
      diagnostics?.log?.map((line) => line.slice(line.indexOf(" ") + 1)) ?? [];
    const again = job("test_cpu", { do: "log_odd", spins: true });
    const ends: AttemptEnd[] = [];
    const attempts = [1, 2].map((claimSeq) => executor.start({ ...again, claimSeq }, (_, how) => ends.push(how)));
    const expected = [`odd {"kept":1}`, "odder (fields that are not JSON)"];
    await until(() => attempts.every((attempt) => linesOf(attempt).length >= 2), {
      what: "the lines of both have arrived",
    });
    expect(attempts.map(linesOf)).toEqual([expected, expected]);
    for (const attempt of attempts) attempt.stop("timeout");
    await until(() => ends.length === 2, { what: "both have ended" });
    expect(ends).toEqual(attempts.map(({ timeoutMs }) => ({ kind: "timeout", timeoutMs, endedThread: true })));
  });

  it("parses a large body on a separate thread", async () => {
    const text = JSON.stringify({ type: "noop", payload: { text: "x".repeat(400_000) } });
    const parsed = await threads.parse({
      bytes: new TextEncoder().encode(text),
      kind: "single",
      maxBodyBytes: 1_000_000,
      now: 0,
      durability: "redis",
    });
    expect(parsed).toMatchObject({ submissions: [{ type: "noop" }] });
  });
});

describe("the resources of a type on a thread", () => {
  /**
   * Threads, one if nothing else is said, whose one type of the deployment has these members, as the source of a job
   * file.
   */
  function threadsWith(members: string, options: Partial<ThreadsOptions> = {}): Threads {
    const jobsDir = tempDir();
    const definition = `{ type: "test_tool", lane: "cpu", payload: Type.Object({}), attempts: 1, timeoutMs: 1_000, backoff: fixed(1), run: () => "ran", ${members} }`;
    writeFileSync(
      join(jobsDir, "tool.mjs"),
      `import { appendFileSync } from "node:fs";\nexport default ({ defineJob, Type, fixed }) => defineJob(${definition});`,
    );
    return new Threads({
      size: 1,
      jobsDir,
      settings: {},
      onMessage: () => undefined,
      onError: () => undefined,
      ...options,
    });
  }

  it("fail the attempts, but not the start, if open throws synchronously", async () => {
    const own = threadsWith(`open: () => { throw new Error("no tool"); }`);
    await own.opened();
    const task = {
      type: "test_tool",
      jobId: "",
      claimSeq: 1,
      attempt: 1,
      timeoutMs: 1_000,
      groupKey: null,
      startedAt: 0,
      payload: "{}",
      progress: shareProgress(),
    };
    expect(await own.run(task, new AbortController().signal)).toMatchObject({
      end: { kind: "threw", message: "no tool" },
    });
    await own.close();
  });

  it("is closed on each thread when the replica drains", async () => {
    const file = join(tempDir(), "closed");
    const own = threadsWith(`close: () => appendFileSync(${JSON.stringify(file)}, "closed ")`, { size: 2 });
    await own.opened();
    await own.close();
    expect(readFileSync(file, "utf8")).toBe("closed closed ");
  });

  it.each([
    ["hangs", "close: () => new Promise(() => {})"],
    ["throws", `close: () => { throw new Error("still in use"); }`],
  ])("delay no shutdown if close %s, and the failure is logged", async (_how, members) => {
    const reported: unknown[] = [];
    const own = threadsWith(members, { closeWithinMs: 50, onError: (error) => reported.push(error) });
    await own.opened();
    await own.close();
    expect(reported).toEqual([
      expect.objectContaining({ message: "could not close the resources of job types on a pool thread" }),
    ]);
  });
});
