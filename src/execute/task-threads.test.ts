import { setMaxListeners } from "node:events";
import { afterAll, describe, expect, it } from "vitest";
import { testJobsDir } from "../testing/jobs-dir.ts";
import type { TaskLimits } from "./task-threads.ts";
import { Threads } from "./threads.ts";

const threads = new Threads({
  size: 0,
  jobsDir: testJobsDir,
  settings: {},
  onMessage: () => undefined,
  onError: () => undefined,
});
afterAll(() => threads.close());

const run = (
  name: string,
  argument?: unknown,
  limits: Partial<TaskLimits> = {},
  payload: unknown = { value: 21 },
): Promise<unknown> =>
  threads.tasks.run(
    { type: "test_io", name, payload: JSON.stringify(payload), argument },
    { timeoutMs: 60_000, signal: new AbortController().signal, turn: "", ...limits },
  );

describe("a task on a thread", () => {
  it("gets the payload and an argument, and its result comes back", async () => {
    expect(await run("double", 3)).toEqual({ doubled: 42, times: 63 });
  });

  it("gets a payload of any size, which is parsed there", async () => {
    expect(await run("double", 3, {}, { value: 1, more: "x".repeat(1_000_000) })).toEqual({ doubled: 2, times: 3 });
  });

  it.each([
    ["fail", { name: "RetryableError", code: "test_failure", message: "failed with 21" }],
    ["fail_permanently", { name: "PermanentError", code: "test_permanent", message: "no use" }],
    ["none", { name: "RetryableError", message: "the job type test_io has no task none" }],
    ["constructor", { message: "the job type test_io has no task constructor" }],
    ["exit", { name: "TaskError", code: "thread_exited" }],
    ["hoard", { name: "TaskError", code: "task_out_of_memory" }],
  ])("fails as %s does, and the next one runs", async (name, error) => {
    await expect(run(name)).rejects.toMatchObject(error);
    expect(await run("double", 1)).toMatchObject({ doubled: 42 });
  });

  it("is ended after its time, and the next one runs", async () => {
    await expect(run("spin", undefined, { timeoutMs: 200 })).rejects.toMatchObject({
      name: "TaskError",
      code: "task_timeout",
    });
    expect(await run("busy", 100)).toBe("done");
  });

  it("does not keep short ones waiting, however many long ones there are; each ends with its signal", async () => {
    const abort = new AbortController();
    setMaxListeners(0, abort.signal);
    const spinning = Array.from({ length: 10 }, () =>
      run("spin", undefined, { signal: abort.signal }).catch((thrown: unknown) => thrown),
    );
    // of several, because a machine that is busy enough makes long tasks of short ones
    expect(
      await Promise.any(Array.from({ length: 20 }, (_, i) => run("double", i, { signal: abort.signal }))),
    ).toMatchObject({ doubled: 42 });
    const reason = new Error("cancelled");
    abort.abort(reason);
    expect(await Promise.all(spinning)).toEqual(spinning.map(() => reason));
    expect(await run("busy", 100)).toBe("done");
  });

  it("waits on the second thread for its group's turn", async () => {
    const ended: string[] = [];
    const names = ["a1", "a2", "a3", "b1"];
    await Promise.all(
      names.map(async (name) => {
        await run("busy", 100, { turn: name.slice(0, 1) });
        ended.push(name);
      }),
    );
    expect(ended.indexOf("b1")).toBeLessThan(ended.indexOf("a3"));
  });
});
