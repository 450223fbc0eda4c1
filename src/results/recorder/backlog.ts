import { batchLength } from "../../core/batch-limits.ts";
import type { Outcome } from "../../core/job.ts";
import { isLarge, sizeOf } from "../../core/payload.ts";

export interface BacklogLimits {
  /** The number of outcomes from which the backlog is full, and the number at which it no longer is. */
  readonly highMark: number;
  readonly lowMark: number;
}

/**
 * So many characters fill it too, whatever the number of outcomes: an outcome has a few hundred bytes or many
 * megabytes. Four batches are enough to keep COPY busy; while Postgres is away, the outcomes beyond them are in the
 * outbox as well.
 */
const HIGH_CHARS = 16 * 1_024 * 1_024;
const LOW_CHARS = HIGH_CHARS / 2;
/** A batch stays well below the length of a string (2^29 characters), and of a pause of the event loop. */
const MAX_BATCH_CHARS = 4 * 1_024 * 1_024;

/** The outcomes in memory that are not in Postgres yet, oldest first. */
export class Backlog {
  readonly #limits: BacklogLimits;
  readonly #outcomes: Outcome[] = [];
  #chars = 0;
  #isFull = false;

  constructor(limits: BacklogLimits) {
    this.#limits = limits;
  }

  get size(): number {
    return this.#outcomes.length;
  }

  /** True from the high mark until the low mark. */
  get isFull(): boolean {
    return this.#isFull;
  }

  /** The room below the low mark: adding so much neither fills the backlog nor keeps it full. */
  get room(): { readonly outcomes: number; readonly chars: number } {
    return {
      outcomes: Math.max(0, this.#limits.lowMark - this.#outcomes.length),
      chars: Math.max(0, LOW_CHARS - this.#chars),
    };
  }

  /** Adds outcomes as long as there are fewer than `limit`. @returns how many were added */
  add(outcomes: readonly Outcome[], limit: number): number {
    let taken = 0;
    for (const outcome of outcomes) {
      if (this.#outcomes.length >= limit || this.#chars >= 2 * HIGH_CHARS) break;
      const kept = this.#chars + charsInMemory(outcome) > LOW_CHARS ? withoutData(outcome) : outcome;
      this.#outcomes.push(kept);
      this.#chars += charsInMemory(kept);
      taken += 1;
    }
    if (this.#outcomes.length >= this.#limits.highMark || this.#chars >= HIGH_CHARS) this.#isFull = true;
    return taken;
  }

  /** Removes and returns the oldest: at most `maxRows`, and fewer if they are long; at least one if there is one. */
  take(maxRows: number): Outcome[] {
    const limits = { maxItems: maxRows, maxSize: MAX_BATCH_CHARS };
    const taken = this.#outcomes.splice(0, batchLength(this.#outcomes, limits, charsInBatch));
    for (const outcome of taken) this.#chars -= charsInMemory(outcome);
    if (this.#outcomes.length <= this.#limits.lowMark && this.#chars <= LOW_CHARS) this.#isFull = false;
    return taken;
  }
}

/**
 * Above the low mark no large payload is kept: it is fetched again for its batch, whereas dropped outcomes would wait
 * for a sweep.
 */
function withoutData(outcome: Outcome): Outcome {
  const { payload } = outcome.job;
  return isLarge(payload) && payload.data
    ? { ...outcome, job: { ...outcome.job, payload: { size: payload.size } } }
    : outcome;
}

/** Characters in the batch that writes it: a large payload that is not in memory is fetched for that. */
function charsInBatch(outcome: Outcome): number {
  const { payload } = outcome.job;
  return charsInMemory(outcome) + (isLarge(payload) && !payload.data ? sizeOf(payload) : 0);
}

/** Characters in memory. */
function charsInMemory({ job: { payload }, result, records }: Outcome): number {
  let chars = (isLarge(payload) ? (payload.data?.length ?? 0) : payload.length) + (result === null ? 0 : result.length);
  for (const record of records) chars += record.length; // an attempt's log is in its record; most jobs have none
  return chars;
}
