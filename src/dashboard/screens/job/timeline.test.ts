import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { Attempt, Job } from "../../../client/taskflow.ts";
import { pieceText, scaled, timelineOf } from "./timeline.ts";

const START = Date.parse("2026-03-01T12:00:00.000Z");
const at = (ms: number): string => new Date(START + ms).toISOString();
const job = (fields: Partial<Job>): Job =>
  ({
    ...{ status: "queued", created_at: at(0), run_at: null, finished_at: null, attempt: 0, error: null },
    ...{ flow_id: null, batch_id: null, ...fields },
  }) as Job;
const attempt = (
  number: number,
  startMs: number,
  waitedMs: number,
  ranMs: number | null,
  outcome: Attempt["outcome"],
) => ({
  number,
  replica: "r",
  thread: null,
  waited_ms: waitedMs,
  ran_ms: ranMs,
  outcome,
  error: null,
  log: [],
  started_at: at(startMs),
  finished_at: ranMs === null ? null : at(startMs + ranMs),
});
const texts = (...[one, attempts, nowMs = 0]: [Job, Attempt[], number?]): string[] =>
  timelineOf(one, attempts, START + nowMs).map(pieceText);

describe("timelineOf", () => {
  it("shows a job with a delay and a retry to its end", () => {
    const done = job({ status: "completed", run_at: at(5_000), finished_at: at(12_000) });
    const attempts = [attempt(1, 6_000, 1_000, 2_000, "retry"), attempt(2, 11_000, 500, 1_000, "completed")];
    expect(texts(done, attempts)).toEqual([
      "not due for 5 s",
      "waited 1 s for a free slot",
      "attempt 1 ran 2 s: failed, to be tried again",
      "waited 2.5 s to try again",
      "waited 500 ms for a free slot",
      "attempt 2 ran 1 s: completed",
    ]);
  });

  it("ends the last piece of an unfinished job now", () => {
    expect(texts(job({}), [], 3_000)).toEqual(["waited 3 s for a free slot"]);
    expect(texts(job({ status: "scheduled", run_at: at(9_000) }), [], 3_000)).toEqual(["not due for 3 s"]);
    expect(texts(job({ status: "running" }), [attempt(1, 1_000, 1_000, null, "running")], 3_000)).toEqual([
      "waited 1 s for a free slot",
      "attempt 1 ran 2 s: running",
    ]);
    const failed = attempt(1, 0, 0, 1_000, "retry");
    expect(texts(job({ status: "retrying" }), [failed], 3_000).at(-1)).toBe("waited 2 s to try again");
  });

  it("shows how long a job waited for other jobs of its flow", () => {
    const member = { flow_id: "flow" };
    expect(texts(job({ ...member, status: "waiting" }), [], 3_000)).toEqual(["waited 3 s for other jobs"]);
    const done = job({ ...member, status: "completed", attempt: 1, finished_at: at(9_000) });
    expect(texts(done, [attempt(1, 6_000, 1_000, 3_000, "completed")])).toEqual([
      "waited 5 s for other jobs",
      "waited 1 s for a free slot",
      "attempt 1 ran 3 s: completed",
    ]);
    const error = { code: "dependency_failed", message: "", attempt: 0 };
    const doomed = job({ batch_id: "batch", status: "cancelled", error, finished_at: at(2_000) });
    expect(texts(doomed, [])).toEqual(["waited 2 s for other jobs"]);
  });

  it("shows what a job without an attempt waited for", () => {
    const cancelled = job({ status: "cancelled", run_at: at(2_000), finished_at: at(3_000) });
    expect(texts(cancelled, [])).toEqual(["not due for 2 s", "waited 1 s for a free slot"]);
  });

  it("shows an attempt of less than a millisecond", () => {
    const done = job({ status: "completed", finished_at: at(0) });
    expect(texts(done, [attempt(1, 0, 0, 0, "completed")])).toEqual(["attempt 1 ran 0 ms: completed"]);
  });

  it("has neither gaps nor pieces that overlap, whatever the clocks say", () => {
    const times = fc.record({
      start: fc.integer({ min: -500, max: 5_000 }),
      waited: fc.nat(3_000),
      ran: fc.nat(3_000),
    });
    fc.assert(
      fc.property(fc.array(times, { maxLength: 6 }), fc.nat(9_000), (all, endMs) => {
        const attempts = all.map(({ start, waited, ran }, index) => attempt(index + 1, start, waited, ran, "retry"));
        const pieces = timelineOf(job({ status: "failed", finished_at: at(endMs) }), attempts, 0);
        pieces.forEach(({ from, to }, index) => {
          expect(to).toBeGreaterThanOrEqual(from);
          expect(from).toBe(pieces[index - 1]?.to ?? START);
        });
      }),
    );
  });
});

describe("scaled", () => {
  it("fills the width to scale, with a minimum for short pieces", () => {
    const piece = (from: number, to: number) => ({ kind: "ran", from, to, attempt: 1, outcome: undefined }) as const;
    const [short, long] = scaled([piece(0, 1), piece(1, 1_000_000)]);
    expect(short?.width).toBeCloseTo(0.008, 5);
    expect(long?.x).toBeCloseTo(short?.width ?? 0);
    expect((long?.x ?? 0) + (long?.width ?? 0)).toBeCloseTo(1);
    const many = scaled(Array.from({ length: 500 }, (_, index) => piece(index, index + 1)));
    expect(many.every(({ width }) => width > 0)).toBe(true);
    expect((many.at(-1)?.x ?? 0) + (many.at(-1)?.width ?? 0)).toBeCloseTo(1);
  });
});
