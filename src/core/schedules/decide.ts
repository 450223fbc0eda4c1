/**
 * Decides the ticks of a schedule that have come: which are fired, and what the history says about the others. It is a
 * function of its arguments, so that two replicas that read the same state decide the same; a script stores the new
 * state only while the old one is what was read, so that each tick is decided once.
 *
 * Of several open ticks all but the last are missed ticks, and so is the last if it is late. `catch_up` decides which
 * missed ticks are made up, and `overlap` whether a tick is fired while the last job has not ended.
 */
import type { Candidate, Unfired } from "./catch-up.ts";
import { caughtUp, inOneRun, missedTick } from "./catch-up.ts";
import type { RunOutcome, RunReason, ScheduleDefinition, ScheduleRun, ScheduleState } from "./schedule.ts";
import { jitterOf, jobIdOf } from "./tick-hash.ts";
import type { Ticks } from "./timing.ts";
import { periodAt } from "./timing.ts";

/** A tick that is decided within this time is fired in time; a later one is missed. */
const ON_TIME_MS = 10_000;
/** How often a replica looks whether the job that a queued tick waits for has ended. */
const QUEUED_LOOK_MS = 1_000;

/** A schedule as the decision needs it. */
export interface TickingSchedule {
  readonly name: string;
  readonly definition: ScheduleDefinition;
  /** {@link ticksOfSchedule} of the definition. */
  readonly ticks: Ticks;
}

export interface DecisionFacts {
  /** Whether the job of `state.last` has not ended. */
  readonly lastJobLives: boolean;
  /** Ticks whose jobs are not valid ({@link submissionOf}): they are missed. Known from an earlier, equal decision. */
  readonly invalid?: ReadonlySet<number>;
}

interface FiredTick {
  readonly tick: number;
  readonly jobId: string;
  readonly outcome: "fired" | "late";
}

export interface Decision {
  /** The given object itself if nothing was decided. */
  readonly state: ScheduleState;
  /** Oldest first. */
  readonly fire: readonly FiredTick[];
  /** The entries of the history, oldest first: those of fired ticks, too. */
  readonly runs: readonly ScheduleRun[];
  /** The job whose cancellation must be requested first (`cancel_previous`); null for none. */
  readonly cancelPrevious: string | null;
  /** Epoch ms: when somebody must look at the schedule again; null for never. */
  readonly lookAt: number | null;
}

/** @param now epoch ms, Redis's */
export function decide(schedule: TickingSchedule, state: ScheduleState, now: number, facts: DecisionFacts): Decision {
  const { pause } = state;
  if (pause && (pause.until === null || pause.until > now))
    return { state, fire: [], runs: [], cancelPrevious: null, lookAt: pause.until };
  const pauseEnd = pause ? pause.until : null;
  const active: ScheduleState =
    pauseEnd === null ? state : { ...state, pause: null, resumed: { at: pauseEnd, catchUp: "none" } };
  const judged = judge(schedule, active, now);
  const fired = overlapped(schedule, active, judged.candidates, now, facts);
  return concluded(schedule, active, now, judged, fired);
}

interface Judged {
  readonly candidates: readonly Candidate[];
  readonly missed: readonly Unfired[];
  /** Every tick up to here is decided. */
  readonly decided: number;
}

/** Which open ticks are to be fired, and which are missed. */
function judge({ definition, ticks }: TickingSchedule, state: ScheduleState, now: number): Judged {
  const { decided, resumed } = state;
  const pauseEnd = Math.max(decided, Math.min(resumed?.at ?? decided, now));
  const due = lastDue(definition, ticks, state, pauseEnd, now);
  const isInTime =
    due !== undefined && due > pauseEnd && now - due - jitterAt(definition, ticks, state.id, due) <= ON_TIME_MS;
  const missedUpTo = isInTime ? due - 1 : (due ?? decided);
  const later: Candidate[] = isInTime ? [{ tick: due, outcome: "fired" }] : [];
  const { policy } = definition.catchUp;
  const active = caughtUp(definition, ticks, { after: pauseEnd, upTo: missedUpTo }, policy, now, later.length);
  const paused = caughtUp(
    definition,
    ticks,
    { after: decided, upTo: Math.min(pauseEnd, missedUpTo) },
    resumed?.catchUp ?? "none",
    now,
    later.length + active.candidates.length,
  );
  return {
    candidates: [...paused.candidates, ...active.candidates, ...later],
    missed: [...inOneRun(paused.missed), ...active.missed],
    decided: Math.max(pauseEnd, due ?? decided),
  };
}

/** The last open tick whose time has come, with its jitter unless it is a tick of a pause. */
function lastDue(
  definition: ScheduleDefinition,
  ticks: Ticks,
  state: ScheduleState,
  pauseEnd: number,
  now: number,
): number | undefined {
  if (state.next === null || state.next > now) return undefined;
  const last = ticks.last(state.decided, now);
  if (last === undefined || last <= pauseEnd || last + jitterAt(definition, ticks, state.id, last) <= now) return last;
  return ticks.last(state.decided, last - 1);
}

/** The delay of a tick. It ends before the next tick, so that delayed ticks stay in their order. */
function jitterAt({ jitterMs }: ScheduleDefinition, ticks: Ticks, id: string, tick: number): number {
  return jitterMs === 0 ? 0 : jitterOf(id, tick, Math.min(jitterMs, periodAt(ticks, tick) - 1));
}

interface FiredRun extends FiredTick {
  readonly reason: RunReason | null;
}

interface Fired {
  readonly fire: readonly FiredRun[];
  readonly skipped: readonly Unfired[];
  readonly queued: number | null;
  readonly cancelPrevious: string | null;
  /** No tick is left: `max_runs` is reached. */
  readonly isLast: boolean;
}

/** Which candidates are fired. Those of one decision do not count as overlapping each other. */
function overlapped(
  { definition }: TickingSchedule,
  state: ScheduleState,
  candidates: readonly Candidate[],
  now: number,
  { lastJobLives, invalid }: DecisionFacts,
): Fired {
  const fire: FiredRun[] = [];
  const skipped: Unfired[] = [];
  let { queued } = state;
  let lives = lastJobLives;
  let left = definition.maxRuns === null ? Infinity : definition.maxRuns - state.counts.fired - state.counts.late;
  const fireTick = ({ tick, outcome }: Candidate, reason: RunReason | null): void => {
    if (invalid?.has(tick) === true) skipped.push(missedTick(tick, "invalid_job", 1));
    else {
      fire.push({ tick, outcome, reason, jobId: jobIdOf(state.id, tick, now) });
      left -= 1;
    }
  };
  // not before its time, even if the clock was set back
  if (queued !== null && queued <= now && !lives && left > 0) {
    fireTick({ tick: queued, outcome: now - queued <= ON_TIME_MS ? "fired" : "late" }, "overlap");
    queued = null;
    lives = fire.length > 0;
  }
  for (const candidate of candidates) {
    if (left <= 0) break;
    if (!lives || definition.overlap === "allow" || definition.overlap === "cancel_previous") fireTick(candidate, null);
    else if (definition.overlap === "queue_one" && queued === null) queued = candidate.tick;
    else skipped.push({ tick: candidate.tick, outcome: "skipped", reason: "overlap", ticks: 1 });
  }
  const cancels = definition.overlap === "cancel_previous" && lastJobLives && fire.length > 0;
  const isLast = left <= 0;
  if (isLast && queued !== null) skipped.push({ tick: queued, outcome: "skipped", reason: "overlap", ticks: 1 });
  return {
    fire,
    skipped,
    queued: isLast ? null : queued,
    cancelPrevious: cancels ? (state.last?.jobId ?? null) : null,
    isLast,
  };
}

function concluded(
  schedule: TickingSchedule,
  state: ScheduleState,
  now: number,
  judged: Judged,
  { fire, skipped, queued, cancelPrevious, isLast }: Fired,
): Decision {
  const { name, ticks } = schedule;
  const { id, version } = state;
  const runOf = (run: Unfired | FiredRun, jobId: string | null, count: number): ScheduleRun => ({
    schedule: id,
    name,
    version,
    kind: "tick",
    tick: run.tick,
    outcome: run.outcome,
    reason: run.reason,
    jobId,
    at: now,
    ticks: count,
  });
  const runs = [
    ...[...judged.missed, ...skipped].map((run) => runOf(run, null, run.ticks)),
    ...fire.map((run) => runOf(run, run.jobId, 1)),
  ].sort((a, b) => a.tick - b.tick);
  const counts: Record<RunOutcome, number> = { ...state.counts };
  for (const run of runs) counts[run.outcome] += run.ticks;
  const { decided } = judged;
  const next = isLast ? null : (ticks.next(decided) ?? null);
  const lastFired = fire.at(-1);
  const isUnchanged =
    runs.length === 0 &&
    state.resumed === null &&
    queued === state.queued &&
    decided === state.decided &&
    next === state.next;
  return {
    state: isUnchanged
      ? state
      : {
          ...state,
          decided,
          next,
          resumed: null,
          queued,
          last: lastFired ? { tick: lastFired.tick, jobId: lastFired.jobId } : state.last,
          counts,
        },
    fire: fire.map(({ tick, jobId, outcome }) => ({ tick, jobId, outcome })),
    runs,
    cancelPrevious,
    lookAt: lookAtOf(schedule, { id: state.id, pause: null, next, queued }, now),
  };
}

/** Epoch ms: when somebody must look at a schedule in this state; null for never. */
export function lookAtOf(
  { definition, ticks }: TickingSchedule,
  { id, pause, next, queued }: Pick<ScheduleState, "id" | "pause" | "next" | "queued">,
  now: number,
): number | null {
  if (pause) return pause.until;
  const nextAt = next === null ? Infinity : next + jitterAt(definition, ticks, id, next);
  const lookAt = queued === null ? nextAt : Math.min(nextAt, now + QUEUED_LOOK_MS);
  return lookAt === Infinity ? null : lookAt;
}
