import { expect, it } from "vitest";
import type { JobsBody, Submission } from "./submission.ts";
import { batchesOf, submissionJson } from "./submission.ts";

async function split(
  jobs: Parameters<typeof batchesOf>[0],
): Promise<{ offset: number; jobs: number; bytes: number }[]> {
  const batches: JobsBody[] = [];
  for await (const batch of batchesOf(jobs)) batches.push(batch);
  return batches.map(({ offset, body }) => ({
    offset,
    jobs: (JSON.parse(body) as { jobs: unknown[] }).jobs.length,
    bytes: Buffer.byteLength(body),
  }));
}
const job = (payload: object = {}): Submission => ({ type: "noop", payload });

it("writes the options by their API names, and leaves the payload unchanged", () => {
  const runAt = new Date(0);
  const text = submissionJson({
    type: "note",
    payload: { someKey: { innerKey: 1 } },
    runAt,
    groupKey: "g",
    delayMs: undefined,
    backoff: { kind: "fixed", baseMs: 5 },
    tags: ["aB"],
  });
  expect(JSON.parse(text)).toEqual({
    type: "note",
    payload: { someKey: { innerKey: 1 } },
    run_at: "1970-01-01T00:00:00.000Z",
    group_key: "g",
    backoff: { kind: "fixed", base_ms: 5 },
    tags: ["aB"],
  });
});

it("splits after 10,000 jobs", async () => {
  const batches = await split(Array.from({ length: 20_001 }, () => job()));
  expect(batches.map(({ offset, jobs }) => [offset, jobs])).toEqual([
    [0, 10_000],
    [10_000, 10_000],
    [20_000, 1],
  ]);
});

it("splits before 16 MiB, counted in bytes", async () => {
  const text = "ä".repeat(1_000_000);
  const batches = await split(Array.from({ length: 17 }, () => job({ text })));
  expect(batches.map(({ jobs }) => jobs)).toEqual([8, 8, 1]);
  expect(Math.max(...batches.map(({ bytes }) => bytes))).toBeLessThanOrEqual(16 * 1024 * 1024);
});

it("accepts an asynchronous iterable, and makes no empty batch", async () => {
  async function* coming(): AsyncGenerator<Submission> {
    yield await Promise.resolve(job());
    yield job();
  }
  expect(await split(coming())).toMatchObject([{ jobs: 2 }]);
  expect(await split([])).toEqual([]);
});
