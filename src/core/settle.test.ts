import { describe, expect, it } from "vitest";
import { exponential, fixed } from "./backoff.ts";
import type { Job } from "./job.ts";
import type { AttemptEnd } from "./settle.ts";
import { CRASH_BUDGET, DEFERRAL_BUDGET, DEFERRAL_WINDOW_MS, settle } from "./settle.ts";

const NOW = 1_000_000_000;
const job: Job = {
  id: "x",
  type: "email",
  payload: "{}",
  priority: 5,
  maxAttempts: 3,
  groupKey: null,
  options: {},
  status: "running",
  attempt: 1,
  crashes: 0,
  deferrals: 0,
  isCancelRequested: false,
  progress: null,
  startedAt: NOW - 10,
  worker: "r",
  claimSeq: 1,
  history: [],
};
const after = (changes: Partial<Job>, end: AttemptEnd, backoff = exponential(1_000, 600_000)) =>
  settle({ ...job, ...changes }, end, backoff, NOW, 0.5);
const triedAt = (startedAt: number, more: object = {}): string =>
  JSON.stringify({ attempt: 1, outcome: "retry", started_at: startedAt, ...more });
const threw = { kind: "threw", code: "smtp_451", message: "later", isPermanent: false } as const;

describe("settle", () => {
  it("completes an attempt that returned, and clears the crashes", () => {
    expect(after({ crashes: 2 }, { kind: "returned", result: "1" })).toEqual({
      kind: "completed",
      result: "1",
      attempt: 1,
      crashes: 0,
      deferrals: 0,
    });
  });

  it("retries a failure with growing delay until the attempts are spent", () => {
    expect(after({}, threw)).toMatchObject({
      kind: "retry",
      record: "retry",
      runAt: NOW + 550,
      attempt: 1,
      error: { code: "smtp_451", attempt: 1 },
    });
    expect(after({ attempt: 2 }, threw)).toMatchObject({ kind: "retry", runAt: NOW + 1_100, attempt: 2 });
    expect(after({ attempt: 3 }, threw)).toMatchObject({
      kind: "failed",
      error: { code: "smtp_451", message: "later", attempt: 3 },
    });
  });

  it("fails at once after a permanent error", () => {
    expect(after({}, { ...threw, code: "permanent", isPermanent: true })).toMatchObject({
      kind: "failed",
      error: { code: "permanent", attempt: 1 },
    });
  });

  it("treats a timeout as a failure with a separate code", () => {
    expect(after({}, { kind: "timeout", timeoutMs: 50 })).toMatchObject({ kind: "retry", error: { code: "timeout" } });
    expect(after({ attempt: 3 }, { kind: "timeout", timeoutMs: 50 })).toMatchObject({
      kind: "failed",
      error: { code: "timeout" },
    });
  });

  it.each<[string, AttemptEnd, number]>([
    ["returned", { kind: "returned", result: "1" }, 0],
    ["threw", threw, 0],
    ["threw for good", { ...threw, isPermanent: true }, 0],
    ["ran out of time", { kind: "timeout", timeoutMs: 50 }, 0],
    ["was asked to come back", { ...threw, retryAfterMs: 5_000 }, 2],
    ["waits for its turn", { ...threw, retryAfterMs: 5_000, waitsForTurn: true }, 2],
    ["was given back", { kind: "released" }, 2],
    ["expired before it began", { kind: "expired" }, 2],
    ["lost its lease", { kind: "lost" }, 2],
  ])("clears the crashes of a job only after an attempt that was made: it %s", (_what, end, crashes) => {
    expect(after({ crashes: 2 }, end).crashes).toBe(crashes);
  });

  it("fails a job after too many crashes, despite deferrals in between", () => {
    let crashes = 0;
    for (let lost = 1; lost <= CRASH_BUDGET; lost++) {
      crashes = after({ crashes: crashes + 1 }, { kind: "lost" }).crashes;
      crashes = after(
        { crashes },
        { ...threw, retryAfterMs: 5_000, ...(lost % 2 === 0 && { waitsForTurn: true }) },
      ).crashes;
    }
    expect(after({ crashes: crashes + 1 }, { kind: "lost" })).toMatchObject({
      kind: "failed",
      error: { code: "lost" },
    });
  });

  it.each<[string, AttemptEnd]>([
    ["ran out of time", { kind: "timeout", timeoutMs: 100, endedThread: true }],
    ["ended it itself", { ...threw, code: "thread_exited", endedThread: true }],
  ])("waits longer after each attempt that ended its thread, whatever the backoff: it %s", (_what, end) => {
    const waits = [1, 2, 3, 7, 24].map((attempt) => after({ attempt, maxAttempts: 25 }, end, fixed(1)));
    expect(waits.map((verdict) => verdict.kind === "retry" && verdict.runAt - NOW)).toEqual([
      1_000, 2_000, 4_000, 60_000, 60_000,
    ]);
    expect(after({}, end, fixed(90_000))).toMatchObject({ runAt: NOW + 90_000 });
    expect(after({ attempt: 3 }, end, fixed(1))).toMatchObject({ kind: "failed" });
  });

  it("does not count a retry that the remote server asked for, within bounds", () => {
    expect(after({}, { ...threw, retryAfterMs: 30_000 })).toMatchObject({
      kind: "retry",
      runAt: NOW + 30_000,
      attempt: 0,
      deferrals: 1,
    });
    expect(after({}, { ...threw, retryAfterMs: 1 })).toMatchObject({ runAt: NOW + 100 });
    expect(after({}, { ...threw, retryAfterMs: 9e12 })).toMatchObject({ runAt: NOW + 24 * 3_600_000 });
    expect(after({ deferrals: DEFERRAL_BUDGET }, { ...threw, retryAfterMs: 5_000 })).toMatchObject({
      kind: "retry",
      attempt: 1,
      runAt: NOW + 5_000,
    });
    expect(
      after({ deferrals: 1, history: [triedAt(NOW - DEFERRAL_WINDOW_MS)] }, { ...threw, retryAfterMs: 5_000 }),
    ).toMatchObject({ kind: "retry", attempt: 1 });
    expect(
      after({ deferrals: 1, history: [triedAt(NOW - DEFERRAL_WINDOW_MS + 1)] }, { ...threw, retryAfterMs: 5_000 }),
    ).toMatchObject({ attempt: 0, deferrals: 2 });
    expect(after({ attempt: 3, deferrals: DEFERRAL_BUDGET }, { ...threw, retryAfterMs: 5_000 })).toMatchObject({
      kind: "failed",
    });
  });

  it("spends neither attempts nor deferrals of a job that waits for its turn, however often and long", () => {
    const turn = { ...threw, retryAfterMs: 30_000, waitsForTurn: true } as const;
    expect(after({ attempt: 3, deferrals: DEFERRAL_BUDGET }, turn)).toMatchObject({
      kind: "retry",
      runAt: NOW + 30_000,
      attempt: 2,
      deferrals: DEFERRAL_BUDGET,
    });
    const waited = triedAt(NOW - 2 * DEFERRAL_WINDOW_MS, { waits_for_turn: true });
    expect(
      after({ deferrals: 1, history: [waited, triedAt(NOW - 1_000)] }, { ...threw, retryAfterMs: 5_000 }),
    ).toMatchObject({ attempt: 0, deferrals: 2 });
  });

  it("rounds any wait to a whole time, and uses the backoff if the wait is not a number", () => {
    expect(after({}, { ...threw, retryAfterMs: 11_999.6 })).toMatchObject({ runAt: NOW + 12_000, deferrals: 1 });
    expect(after({}, { ...threw, retryAfterMs: Number.NaN })).toMatchObject({ runAt: NOW + 550, deferrals: 1 });
    expect(after({}, { ...threw, atLeastMs: 1_500.2 })).toMatchObject({ runAt: NOW + 1_501 });
    expect(after({}, threw, fixed(1_500.5))).toMatchObject({ runAt: NOW + 1_501 });
    expect(after({}, threw, fixed(1e300))).toMatchObject({ runAt: NOW + 365 * 24 * 3_600_000 });
  });

  it("counts a retry with a shortest wait, and waits that long within bounds", () => {
    expect(after({}, { ...threw, atLeastMs: 30_000 })).toMatchObject({
      kind: "retry",
      runAt: NOW + 30_000,
      attempt: 1,
      deferrals: 0,
    });
    expect(after({}, { ...threw, atLeastMs: 1 })).toMatchObject({ runAt: NOW + 550 });
    expect(after({}, { ...threw, atLeastMs: 9e12 })).toMatchObject({ runAt: NOW + 24 * 3_600_000 });
    expect(after({ attempt: 3 }, { ...threw, atLeastMs: 30_000 })).toMatchObject({ kind: "failed" });
  });

  it("spends crashes on lost leases, not attempts", () => {
    expect(after({ crashes: CRASH_BUDGET, attempt: 3 }, { kind: "lost" })).toMatchObject({
      kind: "retry",
      record: "lost",
      runAt: NOW,
      attempt: 2,
      crashes: CRASH_BUDGET,
    });
    expect(after({ crashes: CRASH_BUDGET + 1 }, { kind: "lost" })).toMatchObject({
      kind: "failed",
      error: { code: "lost" },
    });
    expect(after({ crashes: 1, isCancelRequested: true }, { kind: "lost" })).toMatchObject({ kind: "cancelled" });
  });

  it("does not count a released or expired attempt", () => {
    expect(after({ crashes: 1 }, { kind: "released" })).toEqual({
      kind: "released",
      attempt: 0,
      crashes: 1,
      deferrals: 0,
    });
    expect(after({}, { kind: "expired" })).toMatchObject({ kind: "failed", attempt: 0, error: { code: "expired" } });
    expect(after({}, { kind: "cancelled" })).toMatchObject({ kind: "cancelled", attempt: 1 });
  });

  it("truncates a long message", () => {
    const verdict = after({ attempt: 3 }, { ...threw, message: "x".repeat(10_000) });
    expect(verdict.kind === "failed" && verdict.error.message.length).toBeLessThan(2_100);
  });
});
