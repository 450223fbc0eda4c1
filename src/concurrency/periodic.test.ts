import { afterEach, beforeEach, expect, it, vi } from "vitest";
import type { PeriodicOptions } from "./periodic.ts";
import { Periodic } from "./periodic.ts";

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

/** A task whose runs end when `end` is called. */
function setup(options: Partial<PeriodicOptions> = {}) {
  const runs: { end: (nextInMs?: number) => void; fail: (error: Error) => void; signal: AbortSignal }[] = [];
  const errors: unknown[] = [];
  const periodic = new Periodic({
    task: (signal) =>
      new Promise<number | undefined>((resolve, reject) => runs.push({ end: resolve, fail: reject, signal })),
    periodMs: 1_000,
    onError: (error) => errors.push(error),
    ...options,
  });
  const end = async (nextInMs?: number): Promise<void> => {
    runs.at(-1)?.end(nextInMs);
    await vi.advanceTimersByTimeAsync(0);
  };
  return { periodic, runs, errors, end };
}

it("runs after each period, counted from the begin of a run", async () => {
  const { periodic, runs, end } = setup();
  periodic.start();
  periodic.start();
  await vi.advanceTimersByTimeAsync(999);
  expect(runs).toHaveLength(0);
  await vi.advanceTimersByTimeAsync(1);
  expect(runs).toHaveLength(1);
  await vi.advanceTimersByTimeAsync(300);
  await end();
  await vi.advanceTimersByTimeAsync(700);
  expect(runs).toHaveLength(2);
});

it("skips the begins that a long run overlaps", async () => {
  const { periodic, runs, end } = setup();
  periodic.start();
  await vi.advanceTimersByTimeAsync(3_400);
  expect(runs).toHaveLength(1);
  await end();
  await vi.advanceTimersByTimeAsync(599);
  expect(runs).toHaveLength(1);
  await vi.advanceTimersByTimeAsync(1);
  expect(runs).toHaveLength(2);
});

it("begins the next run when the task asks for it", async () => {
  const { periodic, runs, end } = setup();
  periodic.start();
  await vi.advanceTimersByTimeAsync(1_000);
  await end(100);
  await vi.advanceTimersByTimeAsync(100);
  expect(runs).toHaveLength(2);
});

it("spreads its waits by the jitter", async () => {
  const { periodic, runs } = setup({ jitter: 0.1 });
  periodic.start();
  await vi.advanceTimersByTimeAsync(899);
  expect(runs).toHaveLength(0);
  await vi.advanceTimersByTimeAsync(201);
  expect(runs).toHaveLength(1);
});

it("runs at once when asked to, and once more when asked during a run", async () => {
  const { periodic, runs, end } = setup();
  const ended: string[] = [];
  const first = periodic.runNow().then(() => ended.push("first"));
  expect(periodic.isRunning).toBe(true);
  const others = ["second", "third"].map((name) => periodic.runNow().then(() => ended.push(name)));
  expect(runs).toHaveLength(1);
  await end();
  expect(ended).toEqual(["first"]);
  expect(runs).toHaveLength(2);
  await end();
  await Promise.all([first, ...others]);
  expect(ended).toEqual(["first", "second", "third"]);
  await vi.advanceTimersByTimeAsync(10_000);
  expect(runs).toHaveLength(2); // it was never started
});

it("reports errors, including synchronous ones, and continues", async () => {
  const { periodic, runs, errors } = setup();
  periodic.start();
  await vi.advanceTimersByTimeAsync(1_000);
  runs.at(-1)?.fail(new Error("away"));
  await vi.advanceTimersByTimeAsync(1_000);
  expect(errors).toEqual([new Error("away")]);
  expect(runs).toHaveLength(2);
  const thrown: unknown[] = [];
  const other = new Periodic({
    task: () => {
      throw new Error("at once");
    },
    periodMs: 1_000,
    onError: (error) => thrown.push(error),
  });
  await other.runNow();
  await other.runNow();
  expect(thrown).toHaveLength(2);
});

it("stops, and starts again", async () => {
  const { periodic, runs, end } = setup();
  periodic.start();
  await vi.advanceTimersByTimeAsync(1_000);
  periodic.stop();
  await end();
  await vi.advanceTimersByTimeAsync(5_000);
  expect(runs).toHaveLength(1);
  periodic.start();
  await vi.advanceTimersByTimeAsync(1_000);
  expect(runs).toHaveLength(2);
});

it("aborts the current run when it is closed, waits for it, and does not run again", async () => {
  const { periodic, runs, errors } = setup();
  periodic.start();
  await vi.advanceTimersByTimeAsync(1_000);
  const followUp = periodic.runNow();
  let isClosed = false;
  const closing = periodic.close().then(() => {
    isClosed = true;
  });
  await vi.advanceTimersByTimeAsync(0);
  expect(runs.at(-1)?.signal.aborted).toBe(true);
  expect(isClosed).toBe(false);
  runs.at(-1)?.fail(new Error("aborted"));
  await closing;
  await followUp;
  await periodic.runNow();
  periodic.start();
  await vi.advanceTimersByTimeAsync(5_000);
  expect(runs).toHaveLength(1);
  expect(errors).toEqual([]);
});
