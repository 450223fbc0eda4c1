import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { START, STORED, scheduleWith } from "../../testing/schedules/ticking-schedule.ts";
import { decide } from "./decide.ts";
import type { ScheduleDefinition } from "./schedule.ts";
import { CATCH_UP_POLICIES, OVERLAPS } from "./schedule.ts";
import { changedState, firstState } from "./state.ts";

/** One step of a run: time passes, and something happens. */
const step = fc.record({
  /** Negative: Redis's clock is set back. */
  passedMs: fc.oneof(fc.integer({ min: 0, max: 90_000 }), fc.integer({ min: -120_000, max: 3_600_000 })),
  lives: fc.boolean(),
  act: fc.constantFrom("decide", "decide", "decide", "pause", "pause until", "resume", "crash"),
  catchUp: fc.constantFrom(...CATCH_UP_POLICIES),
});

const definitions = fc.record({
  overlap: fc.constantFrom(...OVERLAPS),
  catchUp: fc.record({
    policy: fc.constantFrom(...CATCH_UP_POLICIES),
    withinMs: fc.option(fc.integer({ min: 0, max: 600_000 })),
    max: fc.integer({ min: 1, max: 5 }),
  }),
  jitterMs: fc.constantFrom(0, 5_000, 600_000),
  timing: fc.constantFrom<ScheduleDefinition["timing"]>(
    { kind: "every", everyMs: 7_000, offsetMs: 3 },
    { kind: "every", everyMs: 60_000, offsetMs: 0 },
    { kind: "times", times: [5, 6, 70_000, 70_001, 4_000_000].map((at) => START + at) },
  ),
});

describe("whatever happens", () => {
  it("each tick is decided exactly once, not before its time, and the next one never moves back", () => {
    fc.assert(
      fc.property(definitions, fc.array(step, { maxLength: 40 }), (changes, steps) => {
        const schedule = scheduleWith(changes);
        let state = firstState(schedule, STORED);
        let stored = STORED;
        let now = START;
        const decidedTicks = new Map<number, number>();
        let total = 0;
        for (const { passedMs, lives, act, catchUp } of steps) {
          now += passedMs;
          if (act === "pause" || act === "pause until") {
            const until = act === "pause" ? null : now + 100_000;
            stored = { ...stored, revision: stored.revision + 1, pause: { reason: null, until, at: now, by: null } };
            state = changedState(schedule, state, stored, now);
          } else if (act === "resume") {
            stored = { ...stored, revision: stored.revision + 1, pause: null, resumeCatchUp: catchUp };
            state = changedState(schedule, state, stored, now);
          }
          const decision = decide(schedule, state, now, { lastJobLives: lives });
          if (act === "crash") continue; // the decision is not stored
          for (const { tick, ticks, jobId, outcome } of decision.runs) {
            expect(tick).toBeLessThanOrEqual(now);
            expect(decidedTicks.has(tick)).toBe(false);
            decidedTicks.set(tick, ticks);
            expect(jobId !== null).toBe(outcome === "fired" || outcome === "late");
            total += ticks;
          }
          expect(decision.state.next ?? Infinity).toBeGreaterThanOrEqual(state.next ?? Infinity);
          expect(decision.state.decided).toBeGreaterThanOrEqual(state.decided);
          ({ state } = decision);
          const waiting = state.queued === null ? 0 : 1;
          expect(total + waiting).toBe(schedule.ticks.count(START, state.decided));
          expect(Object.values(state.counts).reduce((sum, count) => sum + count, 0)).toBe(total);
        }
      }),
      { numRuns: 500 },
    );
  });
});
