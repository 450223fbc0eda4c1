import { Type } from "typebox";
import { afterEach, expect, it } from "vitest";
import { unlimited } from "../core/destination.ts";
import type { Job } from "../core/job.ts";
import type { AttemptContext } from "../core/job-type.ts";
import { defineJob, exponential, ReleaseError, RetryAfterError } from "../core/job-type.ts";
import { decodeSubmission, encodeSubmission } from "../core/packed-job.ts";
import type { AttemptEnd } from "../core/settle.ts";
import { settle } from "../core/settle.ts";
import { noThread } from "../testing/no-thread.ts";
import { submission } from "../testing/queue.ts";
import { smallPayloads } from "../testing/small-payloads.ts";
import { Executor } from "./executor.ts";

const executors: Executor[] = [];
afterEach(() => Promise.all(executors.splice(0).map((executor) => executor.close())));

/** Runs one attempt of a handler. `isLeased`: whether the job still has its lease when it saves */
async function endOf(run: (context: AttemptContext<undefined>) => unknown, { isLeased = true } = {}) {
  const definition = defineJob({
    type: "noop",
    lane: "io",
    payload: Type.Object({}, { additionalProperties: true }),
    attempts: 3,
    timeoutMs: 60_000,
    backoff: exponential(1, 1),
    run: (_, context) => run(context),
  });
  const saved: string[] = [];
  const executor = new Executor({
    ...smallPayloads,
    definitions: [definition],
    threads: { run: noThread, tasks: { run: noThread } },
    save: (_, state) => {
      saved.push(state);
      return Promise.resolve(isLeased);
    },
    log: () => undefined,
  });
  executors.push(executor);
  await executor.open({}, { destinations: unlimited });
  const job: Job = { ...decodeSubmission("job", encodeSubmission(submission())), attempt: 2, crashes: 3 };
  const end = await new Promise<AttemptEnd>((resolve) => executor.start(job, (_, how) => resolve(how)));
  return { saved, end, verdict: settle(job, end, exponential(1, 1), 1_000, 0) };
}

it("an attempt that has saved releases its job at no cost, and resets its crash budget", async () => {
  const { saved, verdict } = await endOf(async ({ save }) => {
    await save?.({ at: 1 });
    throw new ReleaseError("the next goes on");
  });
  expect(saved).toEqual([`{"at":1}`]);
  expect(verdict).toEqual({ kind: "released", attempt: 1, crashes: 0, deferrals: 0 });
});

it("an attempt that waits for its turn keeps its crash budget only if it has saved nothing", async () => {
  const wait = new RetryAfterError("later", 1_000, { waitsForTurn: true });
  const waited = await endOf(() => {
    throw wait;
  });
  expect(waited.verdict).toMatchObject({ kind: "retry", attempt: 1, crashes: 3 });
  const saved = await endOf(async ({ save }) => {
    await save?.(1);
    throw wait;
  });
  expect(saved.verdict).toMatchObject({ kind: "retry", attempt: 1, crashes: 0 });
});

it("the release of a job without a saved state is an ordinary error", async () => {
  const { verdict } = await endOf(() => {
    throw new ReleaseError("nothing was done");
  });
  expect(verdict).toMatchObject({ kind: "retry", attempt: 2, error: { code: "released" } });
});

it("an attempt whose lease is lost is stopped when it saves", async () => {
  const { end } = await endOf(
    async ({ save }) => {
      await save?.(1);
      return "done";
    },
    { isLeased: false },
  );
  expect(end).toEqual({ kind: "lost" });
});

it.each([
  [
    "a cycle",
    () => {
      const cycle: Record<string, unknown> = {};
      cycle["self"] = cycle;
      return cycle;
    },
  ],
  ["what is too long", () => "x".repeat(16 * 1024)],
  ["a function", () => () => 1],
])("%s cannot be saved, and fails the job", async (_, make) => {
  const { saved, verdict } = await endOf(({ save }) => save?.(make()));
  expect([saved, verdict]).toEqual([
    [],
    expect.objectContaining({ kind: "failed", error: expect.objectContaining({ code: "state_invalid" }) as unknown }),
  ]);
});
