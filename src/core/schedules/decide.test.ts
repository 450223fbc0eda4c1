import { describe, expect, it } from "vitest";
import { MINUTE, START, STORED, scheduleWith } from "../../testing/schedules/ticking-schedule.ts";
import type { DecisionFacts } from "./decide.ts";
import { decide } from "./decide.ts";
import type { ScheduleDefinition, ScheduleRun, ScheduleState } from "./schedule.ts";
import type { StateFacts } from "./state.ts";
import { changedState, firstState } from "./state.ts";

const FREE: DecisionFacts = { lastJobLives: false };
const BUSY: DecisionFacts = { lastJobLives: true };

/** What is decided `minutes` after the start: outcome and reason by the minute of the tick. */
function decidedAfter(
  changes: Partial<ScheduleDefinition>,
  minutes: number,
  facts: DecisionFacts = FREE,
  state?: Partial<ScheduleState>,
): readonly (readonly unknown[])[] {
  const schedule = scheduleWith(changes);
  const from = { ...firstState(schedule, STORED), ...state };
  return shown(decide(schedule, from, START + minutes * MINUTE, facts).runs);
}

function shown(runs: readonly ScheduleRun[]): readonly (readonly unknown[])[] {
  return runs.map(({ tick, outcome, reason, ticks }) => {
    const run = [(tick - START) / MINUTE, outcome, reason];
    return ticks === 1 ? run : [...run, ticks];
  });
}

describe("a tick in time", () => {
  it("is fired, and the next one is looked at when it comes", () => {
    const schedule = scheduleWith();
    const state = firstState(schedule, STORED);
    expect(state).toMatchObject({ decided: START, next: START + MINUTE });
    const { fire, runs, lookAt, state: after } = decide(schedule, state, START + MINUTE + 9, FREE);
    const jobId = fire[0]?.jobId ?? "";
    expect(fire).toEqual([{ tick: START + MINUTE, outcome: "fired", jobId }]);
    expect(runs).toEqual([
      {
        schedule: STORED.id,
        name: "a",
        version: 3,
        kind: "tick",
        tick: START + MINUTE,
        outcome: "fired",
        reason: null,
        jobId,
        at: START + MINUTE + 9,
        ticks: 1,
      },
    ]);
    expect(lookAt).toBe(START + 2 * MINUTE);
    expect(after).toMatchObject({ decided: START + MINUTE, next: lookAt, last: { tick: START + MINUTE, jobId } });
    expect(after.counts).toEqual({ fired: 1, late: 0, skipped: 0, missed: 0 });
  });

  it("is not fired before its time, and nothing changes", () => {
    const schedule = scheduleWith();
    const state = firstState(schedule, STORED);
    const decision = decide(schedule, state, START + MINUTE - 1, FREE);
    expect(decision).toEqual({ state, fire: [], runs: [], cancelPrevious: null, lookAt: START + MINUTE });
    expect(decision.state).toBe(state);
  });

  it("is still in time after 10 s, but not later", () => {
    const none = { catchUp: { policy: "none", withinMs: null, max: 100 } } as const;
    expect(decidedAfter(none, 1 + 10 / 60)).toEqual([[1, "fired", null]]);
    expect(decidedAfter(none, 1 + 10.001 / 60)).toEqual([[1, "missed", "catch_up_none"]]);
  });

  it("is missed if its job is not valid", () => {
    const invalid = new Set([START + MINUTE]);
    expect(decidedAfter({}, 1, { lastJobLives: false, invalid })).toEqual([[1, "missed", "invalid_job"]]);
  });

  it("waits for its jitter, which never passes the next tick", () => {
    const schedule = scheduleWith({ jitterMs: 86_400_000 });
    let state = firstState(schedule, STORED);
    const delays = new Set<number>();
    for (let tick = 1; tick <= 50; tick++) {
      const due = START + tick * MINUTE;
      const { lookAt } = decide(schedule, state, due, FREE);
      const delay = (lookAt ?? 0) - due;
      expect(delay).toBeGreaterThanOrEqual(0);
      expect(delay).toBeLessThan(MINUTE);
      if (delay > 0) expect(decide(schedule, state, due + delay - 1, FREE).state).toBe(state);
      const { fire, state: after } = decide(schedule, state, due + delay, FREE);
      expect(fire.map((each) => [each.tick, each.outcome])).toEqual([[due, "fired"]]);
      delays.add(delay);
      state = after;
    }
    expect(delays.size).toBeGreaterThan(40);
  });
});

describe("missed ticks", () => {
  const catchUp = (policy: ScheduleDefinition["catchUp"]["policy"], withinMs: number | null = null, max = 100) => ({
    catchUp: { policy, withinMs, max },
  });

  it("are made up by the policy", () => {
    expect(decidedAfter(catchUp("none"), 3.5)).toEqual([
      [1, "missed", "catch_up_none"],
      [2, "missed", "catch_up_none"],
      [3, "missed", "catch_up_none"],
    ]);
    expect(decidedAfter(catchUp("last"), 3.5)).toEqual([
      [1, "missed", "catch_up_last"],
      [2, "missed", "catch_up_last"],
      [3, "late", null],
    ]);
    expect(decidedAfter(catchUp("all"), 3.5)).toEqual([
      [1, "late", null],
      [2, "late", null],
      [3, "late", null],
    ]);
    expect(decidedAfter(catchUp("all", null, 2), 3.5)).toEqual([
      [1, "missed", "more_than_max"],
      [2, "late", null],
      [3, "late", null],
    ]);
    expect(decidedAfter(catchUp("all", 2 * MINUTE), 3.5)).toEqual([
      [1, "missed", "too_old"],
      [2, "late", null],
      [3, "late", null],
    ]);
    expect(decidedAfter(catchUp("last", 20_000), 3.5)).toEqual([
      [1, "missed", "catch_up_last"],
      [2, "missed", "catch_up_last"],
      [3, "missed", "too_old"],
    ]);
  });

  it("are not made up by `last` if a later tick is in time, and all come before that by `all`", () => {
    expect(decidedAfter(catchUp("last"), 2)).toEqual([
      [1, "missed", "catch_up_last"],
      [2, "fired", null],
    ]);
    expect(decidedAfter(catchUp("all"), 2)).toEqual([
      [1, "late", null],
      [2, "fired", null],
    ]);
  });

  it("are not made up by `last` more than 24 h late, whatever the period", () => {
    const weekly = { timing: { kind: "every", everyMs: 7 * 24 * 60 * MINUTE, offsetMs: 0 } } as const;
    const first = scheduleWith(weekly).ticks.next(START) ?? 0;
    const minutes = (first - START) / MINUTE;
    expect(decidedAfter(weekly, minutes + 24 * 60)).toEqual([[minutes, "late", null]]);
    expect(decidedAfter(weekly, minutes + 24 * 60 + 1)).toEqual([[minutes, "missed", "too_old"]]);
  });

  it("have an entry each up to 1,000, and one for all older ones", () => {
    const runs = decidedAfter(catchUp("none"), 100_000.5);
    expect(runs.length).toBe(1_001);
    expect(runs.slice(0, 2)).toEqual([
      [99_000, "missed", "catch_up_none", 99_000],
      [99_001, "missed", "catch_up_none"],
    ]);
  });
});

describe("a tick while the last job lives", () => {
  const last = { tick: START, jobId: "0192b3c4-0000-7000-8000-000000000001" };

  it("is skipped, fired, or cancels that job", () => {
    expect(decidedAfter({ overlap: "skip" }, 1, BUSY)).toEqual([[1, "skipped", "overlap"]]);
    expect(decidedAfter({ overlap: "allow" }, 1, BUSY)).toEqual([[1, "fired", null]]);
    const schedule = scheduleWith({ overlap: "cancel_previous" });
    const state = { ...firstState(schedule, STORED), last };
    expect(decide(schedule, state, START + MINUTE, BUSY)).toMatchObject({
      cancelPrevious: last.jobId,
      fire: [{ tick: START + MINUTE }],
    });
    expect(decide(schedule, state, START + MINUTE, FREE).cancelPrevious).toBeNull();
  });

  it("is queued by `queue_one`, is fired once that job has ended, and skips others until then", () => {
    const schedule = scheduleWith({ overlap: "queue_one" });
    const queued = decide(schedule, firstState(schedule, STORED), START + MINUTE, BUSY);
    expect([queued.fire, queued.runs, queued.state.queued]).toEqual([[], [], START + MINUTE]);
    expect(queued.lookAt).toBe(START + MINUTE + 1_000);
    expect(decide(schedule, queued.state, START + MINUTE + 1_000, BUSY).state).toBe(queued.state);
    const skipped = decide(schedule, queued.state, START + 2 * MINUTE, BUSY);
    expect(shown(skipped.runs)).toEqual([[2, "skipped", "overlap"]]);
    const fired = decide(schedule, skipped.state, START + 2.5 * MINUTE, FREE);
    expect(shown(fired.runs)).toEqual([[1, "late", "overlap"]]);
    expect(fired.state).toMatchObject({ queued: null, next: START + 3 * MINUTE, last: { tick: START + MINUTE } });
    // the queued tick is fired first, and its job lives
    const both = decide(schedule, skipped.state, START + 3 * MINUTE, FREE);
    expect(shown(both.runs)).toEqual([[1, "late", "overlap"]]);
    expect(both.state.queued).toBe(START + 3 * MINUTE);
  });
});

describe("the end of a schedule", () => {
  it("is after max_runs fired ticks", () => {
    const schedule = scheduleWith({ maxRuns: 2, catchUp: { policy: "all", withinMs: null, max: 100 } });
    const { fire, state, lookAt } = decide(schedule, firstState(schedule, STORED), START + 5 * MINUTE, FREE);
    expect(fire.map(({ tick }) => tick)).toEqual([START + MINUTE, START + 2 * MINUTE]);
    expect([state.next, lookAt]).toEqual([null, null]);
    expect(decide(schedule, state, START + 9 * MINUTE, FREE).state).toBe(state);
  });

  it("is after end_at, and the begin is at start_at", () => {
    const schedule = scheduleWith({ startAt: START + 2 * MINUTE, endAt: START + 3 * MINUTE });
    let state = firstState(schedule, STORED);
    const fired: number[] = [];
    while (state.next !== null) {
      fired.push((state.next - START) / MINUTE);
      ({ state } = decide(schedule, state, state.next, FREE));
    }
    expect(fired).toEqual([2, 3]);
  });
});

describe("a pause", () => {
  const pause = { reason: null, until: null, at: START, by: null };

  it("leaves ticks undecided, and one entry stands for them after it", () => {
    const schedule = scheduleWith();
    const paused = firstState(schedule, { ...STORED, pause });
    const during = decide(schedule, paused, START + 5 * MINUTE, FREE);
    expect([during.state, during.lookAt]).toEqual([paused, null]);
    const resumed = changedState(schedule, paused, { ...STORED, revision: 6 }, START + 5.5 * MINUTE);
    const after = decide(schedule, resumed, START + 6 * MINUTE, FREE);
    expect(shown(after.runs)).toEqual([
      [5, "missed", "paused", 5],
      [6, "fired", null],
    ]);
    expect(after.state).toMatchObject({ pause: null, resumed: null, revision: 6, decided: START + 6 * MINUTE });
  });

  it("has its ticks made up if its end asks for that", () => {
    const schedule = scheduleWith();
    const paused = firstState(schedule, { ...STORED, pause });
    const resume = (resumeCatchUp: "last" | "all"): readonly unknown[] => {
      const stored = { ...STORED, revision: 6, resumeCatchUp };
      const state = changedState(schedule, paused, stored, START + 3.5 * MINUTE);
      return shown(decide(schedule, state, START + 3.5 * MINUTE, FREE).runs);
    };
    expect(resume("last")).toEqual([
      [2, "missed", "paused", 2],
      [3, "late", null],
    ]);
    expect(resume("all")).toEqual([
      [1, "late", null],
      [2, "late", null],
      [3, "late", null],
    ]);
  });

  it("ends by itself at its time", () => {
    const schedule = scheduleWith();
    const until = START + 2.5 * MINUTE;
    const paused = firstState(schedule, { ...STORED, pause: { ...pause, until } });
    expect(decide(schedule, paused, until - 1, FREE).lookAt).toBe(until);
    expect(shown(decide(schedule, paused, until, FREE).runs)).toEqual([[2, "missed", "paused", 2]]);
  });
});

describe("a change of the definition", () => {
  it("counts a new timing from its change, and keeps what was decided", () => {
    const state = { ...firstState(scheduleWith(), STORED), decided: START + 7 * MINUTE };
    const other = scheduleWith({ timing: { kind: "every", everyMs: 2 * MINUTE, offsetMs: 0 } });
    const stored = { ...STORED, version: 4, revision: 6, effectiveFrom: START + 8.5 * MINUTE };
    expect(changedState(other, state, stored, START + 9 * MINUTE)).toMatchObject({
      version: 4,
      revision: 6,
      decided: START + 8.5 * MINUTE,
      next: START + 10 * MINUTE,
    });
  });

  it("starts anew under another id", () => {
    const state = {
      ...firstState(scheduleWith(), STORED),
      queued: START,
      counts: { fired: 9, late: 0, skipped: 0, missed: 0 },
    };
    const stored = { ...STORED, id: "0192b3c4-0000-7000-8000-00000000000f" };
    expect(changedState(scheduleWith(), state, stored, START)).toEqual(firstState(scheduleWith(), stored));
  });

  it("gives the job of a tick one id whatever the version, and another one under another id of the schedule", () => {
    const id = (stored: StateFacts): string | undefined =>
      decide(scheduleWith(), firstState(scheduleWith(), stored), START + MINUTE, FREE).fire[0]?.jobId;
    expect(id(STORED)).toBeDefined();
    expect(id({ ...STORED, version: 4 })).toBe(id(STORED));
    expect(id({ ...STORED, id: "0192b3c4-0000-7000-8000-00000000000f" })).not.toBe(id(STORED));
  });
});
