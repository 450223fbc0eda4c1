/**
 * Decides the schedules that this replica has taken, and applies the decisions. A schedule that fails does not stop the
 * others: its tick is recorded as missed, and its error is logged once.
 */
import { setImmediate as nextTurn } from "node:timers/promises";
import { at } from "../../core/at.ts";
import type { Submission } from "../../core/job.ts";
import type { WorkingCopy } from "../../core/schedules/copies.ts";
import type { Decision, TickingSchedule } from "../../core/schedules/decide.ts";
import { decide, lookAtOf } from "../../core/schedules/decide.ts";
import type { RunOutcome } from "../../core/schedules/schedule.ts";
import type { SubmissionRules } from "../../core/schedules/tick-job.ts";
import { isConstant, ofTick, submissionOf } from "../../core/schedules/tick-job.ts";
import type { Queue } from "../../queue/queue.ts";
import type { FiredJob, Taken, TakenSchedule } from "../../queue/schedules.ts";
import type { DoubtfulTicks } from "./doubtful-ticks.ts";

/** Schedules whose errors are remembered as logged. */
const MAX_LOGGED = 1_000;
/** How long the decisions of a batch keep the event loop before other work gets its turn. */
const SLICE_MS = 1;
/** A definition that cannot be read is tried again: a newer version of the program may have written it. */
const UNREADABLE_MS = 60_000;
/** Up to so many schedules, the metrics name each. */
const MAX_NAMED = 200;
const NONE_INVALID: ReadonlySet<number> = new Set();

interface ScheduleMetrics {
  /** @param name "" if there are too many schedules to name each */
  readonly countTicks: (name: string, outcome: RunOutcome, ticks: number) => void;
  readonly observeLateness: (name: string, seconds: number) => void;
}

export interface TickDecisionsParts extends SubmissionRules {
  readonly queue: Pick<Queue, "schedules" | "clock">;
  /** Rejects for a definition that cannot be read. */
  readonly tickingOf: (copy: WorkingCopy) => TickingSchedule | Promise<TickingSchedule>;
  /** The ids of those schedules whose last jobs all failed, as many as `failures`; none if that is not known now. */
  readonly failing: (asked: readonly { readonly id: string; readonly failures: number }[]) => Promise<Set<string>>;
  /** Pauses a schedule whose jobs fail. @param at epoch ms */
  readonly pauseFailing: (copy: WorkingCopy, at: number) => Promise<void>;
  /** Requests the cancellation of jobs; those that wait end at once. */
  readonly cancel: (ids: readonly string[]) => Promise<void>;
  readonly metrics: ScheduleMetrics;
  /** This replica has added runs to the history in Redis. */
  readonly onDecided: () => void;
  /** Called once for each version of a schedule that cannot be read, or whose job is not valid. */
  readonly onInvalid: (copy: WorkingCopy, reason: unknown) => void;
  readonly onError: (error: unknown) => void;
}

/** A decision that is not applied yet. */
export interface Decided {
  readonly taken: TakenSchedule;
  readonly decision: Decision;
  readonly jobs: readonly FiredJob[];
  /** Undefined if the definition cannot be read. */
  readonly schedule: TickingSchedule | undefined;
}

export class TickDecisions {
  readonly #parts: TickDecisionsParts;
  readonly #doubtful: Pick<DoubtfulTicks, "has">;
  /** Jobs that are the same for each tick. A copy is another object once anything of it has changed. */
  readonly #constant = new WeakMap<WorkingCopy, Submission>();
  readonly #logged = new Set<string>();
  /** The schedules that the metrics name. */
  readonly #named = new Set<string>();

  constructor(parts: TickDecisionsParts, doubtful: Pick<DoubtfulTicks, "has">) {
    this.#parts = parts;
    this.#doubtful = doubtful;
  }

  /** Decides what is taken. It changes nothing, and may run while earlier decisions are applied. */
  async decide({ now, schedules }: Taken): Promise<readonly Decided[]> {
    const all: Decided[] = [];
    let sliceAt = performance.now();
    for (const taken of schedules) {
      const decided = this.#decideOne(taken, now);
      all.push(decided instanceof Promise ? await decided : decided);
      if (performance.now() - sliceAt < SLICE_MS) continue;
      await nextTurn();
      sliceAt = performance.now();
    }
    return all;
  }

  /** @returns epoch ms: when somebody must look at these schedules again; infinite for never */
  async apply(all: readonly Decided[], { now, total }: Pick<Taken, "now" | "total">): Promise<number> {
    if (all.length === 0) return Number.POSITIVE_INFINITY;
    const applied = await this.#advance(await this.#withoutUncancelled(await this.#withoutFailing(all, now)));
    for (const decided of applied) this.#observe(decided, total);
    if (applied.some(({ decision }) => decision.runs.length > 0)) this.#parts.onDecided();
    if (applied.some(({ jobs }) => jobs.some(({ isHeld }) => isHeld))) return now; // the next take gets these jobs
    return Math.min(...applied.map(({ decision }) => decision.lookAt ?? Number.POSITIVE_INFINITY));
  }

  /** Without a promise for most schedules: it would cost as much as the decision. */
  #decideOne(taken: TakenSchedule, now: number): Decided | Promise<Decided> {
    const parsed = this.#parts.tickingOf(taken.copy);
    if (!(parsed instanceof Promise)) return this.#decideParsed(taken, parsed, now);
    return parsed.then(
      (schedule) => this.#decideParsed(taken, schedule, now),
      (error: unknown) => this.#undecided(taken, error, now),
    );
  }

  #decideParsed(taken: TakenSchedule, schedule: TickingSchedule, now: number): Decided {
    const { copy, state, lastJobLives } = taken;
    try {
      for (let invalid: ReadonlySet<number> = NONE_INVALID; ; ) {
        const decision = decide(schedule, state, now, { lastJobLives, invalid });
        const jobs: FiredJob[] = [];
        for (const { tick, jobId } of decision.fire) {
          const submission = this.#submissionOf(copy, schedule, tick);
          if (!submission) invalid = new Set([...invalid, tick]);
          else {
            const isHeld = submission.options.durability === "postgres" || this.#doubtful.has(tick);
            jobs.push({ id: jobId, submission, isHeld });
          }
        }
        if (jobs.length === decision.fire.length) return { taken, decision, jobs, schedule };
      }
    } catch (error) {
      return this.#undecided(taken, error, now);
    }
  }

  #undecided(taken: TakenSchedule, error: unknown, now: number): Decided {
    this.#logOnce(taken.copy, error);
    return { taken, decision: unreadable(taken, now), jobs: [], schedule: undefined };
  }

  /** Undefined if the job is not valid. */
  #submissionOf(copy: WorkingCopy, { definition, ticks }: TickingSchedule, tick: number): Submission | undefined {
    const known = this.#constant.get(copy);
    if (known) return ofTick(known, { name: copy.name, tick });
    const previousTick = ticks.last(Number.NEGATIVE_INFINITY, tick - 1);
    try {
      const made = submissionOf(definition, { name: copy.name, tick, previousTick, apiKey: copy.apiKey }, this.#parts);
      if ("submission" in made) {
        if (isConstant(definition, made.submission)) this.#constant.set(copy, made.submission);
        return made.submission;
      }
      this.#logOnce(copy, made.issues.map(({ path, message }) => `${path} ${message}`).join("; "));
    } catch (error) {
      this.#logOnce(copy, error);
    }
    return undefined;
  }

  #logOnce(copy: WorkingCopy, reason: unknown): void {
    const key = `${copy.id} ${copy.version}`;
    if (this.#logged.has(key)) return;
    if (this.#logged.size === MAX_LOGGED) this.#logged.clear();
    this.#logged.add(key);
    this.#parts.onInvalid(copy, reason);
  }

  /** Pauses the schedules whose last jobs failed, as often as they allow, and leaves them out. */
  async #withoutFailing(all: readonly Decided[], now: number): Promise<readonly Decided[]> {
    const asked = all.flatMap(({ taken, jobs, schedule }) => {
      const { fired, late } = taken.state.counts;
      const failures = schedule?.definition.pauseAfterFailures ?? null;
      const mayFail = failures !== null && jobs.length > 0 && !taken.lastJobLives && fired + late >= failures;
      return mayFail ? [{ id: taken.copy.id, failures }] : [];
    });
    if (asked.length === 0) return all;
    const failing = await this.#parts.failing(asked);
    const paused = new Set<Decided>();
    for (const decided of all.filter(({ taken }) => failing.has(taken.copy.id))) {
      try {
        await this.#parts.pauseFailing(decided.taken.copy, now);
        paused.add(decided);
      } catch (error) {
        this.#parts.onError(error); // it is fired, and the next tick tries again
      }
    }
    return all.filter((decided) => !paused.has(decided));
  }

  /** Cancels previous jobs. Leaves out the schedules whose previous jobs could not be cancelled: they are taken again. */
  async #withoutUncancelled(all: readonly Decided[]): Promise<readonly Decided[]> {
    const ids = all.flatMap(({ decision }) => decision.cancelPrevious ?? []);
    if (ids.length === 0) return all;
    try {
      await this.#parts.cancel(ids);
      return all;
    } catch (error) {
      this.#parts.onError(error);
      return all.filter(({ decision }) => decision.cancelPrevious === null);
    }
  }

  /** @returns those that were applied: nobody else had decided or changed these schedules */
  async #advance(all: readonly Decided[]): Promise<readonly Decided[]> {
    if (all.length === 0) return [];
    const done = await this.#parts.queue.schedules.advance(
      all.map(({ taken, decision: { state, lookAt, runs }, jobs }) => ({
        name: taken.copy.name,
        before: taken.text,
        ...{ state, lookAt, runs, jobs },
      })),
    );
    return all.filter((_, i) => at(done, i));
  }

  #observe({ taken, decision, schedule }: Decided, total: number): void {
    const { metrics, queue } = this.#parts;
    if (decision.runs.length === 0) return;
    const name = this.#labelOf(taken.copy.name, total);
    for (const { outcome, ticks, tick, reason } of decision.runs) {
      metrics.countTicks(name, outcome, ticks);
      if (outcome !== "fired" || reason !== null || !schedule) continue;
      const { id } = taken.state;
      const dueAt = lookAtOf(schedule, { id, pause: null, next: tick, queued: null }, tick) ?? tick;
      metrics.observeLateness(name, Math.max(0, queue.clock.now() - dueAt) / 1_000);
    }
  }

  #labelOf(name: string, total: number): string {
    if (total > MAX_NAMED) return "";
    if (this.#named.size < MAX_NAMED) this.#named.add(name);
    return this.#named.has(name) ? name : "";
  }
}

/** The decision about a schedule that cannot be read: its next tick is missed, and somebody looks again later. */
function unreadable({ copy, state }: TakenSchedule, now: number): Decision {
  const undecided = { state, fire: [], runs: [], cancelPrevious: null, lookAt: now + UNREADABLE_MS };
  const { next: tick, counts, version } = state;
  if (tick === null || tick > now || tick <= state.decided) return undecided;
  return {
    ...undecided,
    state: { ...state, decided: tick, counts: { ...counts, missed: counts.missed + 1 } },
    runs: [
      {
        schedule: copy.id,
        name: copy.name,
        version,
        kind: "tick",
        tick,
        outcome: "missed",
        reason: "invalid_job",
        jobId: null,
        at: now,
        ticks: 1,
      },
    ],
  };
}
