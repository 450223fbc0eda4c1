import { describe, expect, it } from "vitest";
import type { Entry } from "./accounting.ts";
import type { PhaseResult } from "./phase.ts";
import { makeReport, reportText } from "./report.ts";
import { statisticsOf } from "./statistics.ts";

const PEERS = { kind: "counts", mails: 1, webhooks: 2, images: 3 } as const;

/** A phase of 2 s whose jobs all completed, with a pickup of 5 ms. */
function phase(
  name: string,
  jobs: number,
  change: (entry: Entry, n: number) => Entry | undefined = (entry) => entry,
): PhaseResult {
  const acceptedIds = Array.from({ length: jobs }, (_, n) => `${name}-${n}`);
  const entries = acceptedIds.flatMap(
    (id, n) =>
      change({ id, type: n % 2 === 0 ? "email" : "webhook", status: "completed", attempt: 1, pickupMs: 5 }, n) ?? [],
  );
  return { submissions: { acceptedIds, submitMs: acceptedIds.map(() => 1), rejected: new Map() }, entries, seconds: 2 };
}

describe("statistics", () => {
  it("are exact", () => {
    expect(statisticsOf(Array.from({ length: 100 }, (_, n) => 100 - n))).toEqual({
      count: 100,
      mean: 50.5,
      p50: 50,
      p95: 95,
      p99: 99,
      max: 100,
    });
    expect(statisticsOf([7])).toEqual({ count: 1, mean: 7, p50: 7, p95: 7, p99: 7, max: 7 });
    expect(statisticsOf([])).toBeNull();
  });
});

describe("a report", () => {
  it("passes when every job is accounted for", () => {
    const report = makeReport({ burst: phase("b", 1_000), paced: phase("p", 10), source: "postgres", peers: PEERS });
    expect(report).toMatchObject({
      jobs_per_minute: 30_000,
      completion_rate: 1,
      problems: [],
      jobCounts: { submitted: 1_010, completed: 1_010, failed: 0, cancelled: 0, missing: 0, rejected: 0 },
      types: [
        { type: "email", ended: 505, completed: 505 },
        { type: "webhook", ended: 505, completed: 505 },
      ],
    });
    const text = reportText(report);
    expect(text).toContain("30,000 jobs/min (1000 jobs, 2.00 s from the first submission to the last committed row)");
    expect(text).toContain(
      "jobs (postgres): 1010 submitted = 1010 completed + 0 failed + 0 cancelled; 0 missing, 0 rejected",
    );
    expect(text).toContain("paced: pickup   5.0  5.0  5.0  5.0  5.0");
    expect(text.trimEnd().endsWith("passed")).toBe(true);
  });

  it("counts retries, and jobs that did not complete", () => {
    const burst = phase("b", 1_000, (entry, n) =>
      n < 4 ? { ...entry, status: n === 0 ? "cancelled" : "failed", attempt: 3 } : entry,
    );
    const report = makeReport({ burst, paced: null, source: "api", peers: PEERS });
    expect(report.types[0]).toEqual({ type: "email", ended: 500, completed: 498, failed: 1, cancelled: 1, retries: 4 });
    expect(report).toMatchObject({ completion_rate: 0.996, problems: [], paced: null });
  });

  it.each([
    [
      "a job is missing",
      { burst: phase("b", 1_000, (entry, n) => (n === 7 ? undefined : entry)) },
      "1 accepted jobs are missing",
    ],
    [
      "too few complete",
      { burst: phase("b", 100, (entry, n) => (n === 7 ? { ...entry, status: "failed" } : entry)) },
      "99.00 % completed, less than 99.50 %",
    ],
    [
      "jobs wait too long",
      { paced: phase("p", 100, (entry) => ({ ...entry, pickupMs: 101 })) },
      "mean pickup is 101.0 ms, over 100 ms",
    ],
    [
      "a job ended twice",
      { burst: { ...phase("b", 2), entries: [...phase("b", 2).entries, ...phase("b", 1).entries] } },
      "3 jobs ended, of 2 accepted",
    ],
    [
      "submissions were rejected",
      { burst: { ...phase("b", 2), submissions: { ...phase("b", 2).submissions, rejected: new Map([[503, 2]]) } } },
      "2 submissions were rejected or not answered",
    ],
    ["nothing was accepted", { burst: phase("b", 0) }, "0.00 % completed, less than 99.50 %"],
  ])("does not pass when %s", (_name, change, problem) => {
    const report = makeReport({ burst: phase("b", 10), paced: null, source: "postgres", peers: PEERS, ...change });
    expect(report.problems).toEqual([problem]);
    expect(reportText(report)).toContain(`FAILED: ${problem}`);
  });
});
