/** Attempts at a backfill, with the schedules of the test. What Redis and Postgres do: replica/schedules/backfill.e2e.test.ts. */
import { describe, expect, it } from "vitest";
import { idPrefix, makeId } from "../../core/id.ts";
import { MAX_STATE_LENGTH } from "../../core/saved-state.ts";
import type { BackfilledSchedule, Submitted } from "../../core/schedules/backfill.ts";
import { definitionText } from "../../testing/schedules/ticking-schedule.ts";
import type { BackfillContext } from "./backfill-run.ts";
import { BackfillRun } from "./backfill-run.ts";

const HOUR_MS = 3_600_000;
const CREATED = Date.UTC(2026, 0, 1);
const ACCEPTED = CREATED + 2 * HOUR_MS;
const SUBMITTED: Submitted = { examined: 1, done: 1 };

/** @param padding of the job, in characters */
function scheduleOf(version: number, padding = 0): BackfilledSchedule {
  const job = { type: "noop", payload: { text: "x".repeat(padding) } };
  return { id: "the-id", version, definition: definitionText(HOUR_MS, { job }), createdAt: CREATED };
}

function setup(found: BackfilledSchedule | undefined, state?: object) {
  const saved: object[] = [];
  const context: BackfillContext = {
    jobId: makeId(idPrefix(ACCEPTED, 0, 0), 0),
    resource: { find: () => Promise.resolve(found), submit: () => Promise.resolve(SUBMITTED) },
    state,
    save: (value) => Promise.resolve(void saved.push(value as object)),
    log: () => undefined,
  };
  const payload = { name: "hourly", rate: 100, max: 1_000 };
  const from = new Date(CREATED).toISOString();
  const run = (changes: object = {}) => {
    const { operation } = new BackfillRun({ ...payload, from, ...changes }, context);
    return { ...operation, remaining: (after?: string) => operation.remaining?.(after) };
  };
  return { saved, run };
}

describe("a definition that is too long to be saved", () => {
  const long = MAX_STATE_LENGTH;

  it("is read again, and is used while its version stays", async () => {
    const first = setup(scheduleOf(3, long));
    expect(await first.run().remaining()).toBe(2);
    expect(first.saved).toEqual([expect.objectContaining({ schedule: { id: "the-id", version: 3 } })]);
    const again = setup(scheduleOf(3, long), first.saved[0]);
    expect(await again.run().act([String(CREATED)])).toEqual(SUBMITTED);
  });

  it("ends the backfill with schedule_changed once it was changed", async () => {
    const { saved, run } = setup(scheduleOf(3, long));
    await run().remaining();
    const changed = setup(scheduleOf(4, long), saved[0]);
    await expect(changed.run().act([String(CREATED)])).rejects.toMatchObject({ code: "schedule_changed" });
  });
});

it("uses the saved definition after a change", async () => {
  const { saved, run } = setup(scheduleOf(3));
  await run().remaining();
  const changed = { ...scheduleOf(4), definition: definitionText(HOUR_MS / 2) };
  expect(await setup(changed, saved[0]).run().remaining()).toBe(2);
});

it("counts no ticks of a range that is longer than a hundred years, whose end is the time of the backfill", async () => {
  const { saved, run } = setup(scheduleOf(1));
  const from = new Date(Date.UTC(1920, 0, 1)).toISOString();
  await expect(run({ from }).remaining()).rejects.toMatchObject({ code: "too_many_ticks" });
  expect(saved).toEqual([]);
});
