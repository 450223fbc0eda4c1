import { batchLength } from "../../core/batch-limits.ts";
import type { Outcome } from "../../core/job.ts";
import { isLarge, sizeOf } from "../../core/payload.ts";

export interface BacklogLimits {
  /** The number of outcomes from which the backlog is full, and the number at which it no longer is. */
  readonly highMark: number;
  readonly lowMark: number;
}

/**
 * This many characters fill it, too: an outcome has between a few hundred bytes and many megabytes. Four batches are
 * enough to keep COPY busy; while Postgres is away, the outbox has the outcomes beyond them.
 */
const HIGH_CHARS = 16 * 1_024 * 1_024;
const LOW_CHARS = HIGH_CHARS / 2;
/** Keeps a batch well below the longest string (2^29 characters), and a pause of the event loop short. */
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

  /** The number of outcomes missing to the low mark: adding these neither fills the backlog nor keeps it full. */
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
      const added = this.#chars + charsInMemory(outcome) > LOW_CHARS ? withoutData(outcome) : outcome;
      this.#outcomes.push(added);
      this.#chars += charsInMemory(added);
      taken += 1;
    }
    if (this.#outcomes.length >= this.#limits.highMark || this.#chars >= HIGH_CHARS) this.#isFull = true;
    return taken;
  }

  /**
   * Removes and returns the oldest outcomes: at most `maxRows`, fewer if they are long; none only if the backlog is
   * empty.
   */
  take(maxRows: number): Outcome[] {
    const limits = { maxItems: maxRows, maxSize: MAX_BATCH_CHARS };
    const taken = this.#outcomes.splice(0, batchLength(this.#outcomes, limits, charsInBatch));
    for (const outcome of taken) this.#chars -= charsInMemory(outcome);
    if (this.#outcomes.length <= this.#limits.lowMark && this.#chars <= LOW_CHARS) this.#isFull = false;
    return taken;
  }
}

/**
 * Drops large payloads above the low mark: the recorder fetches one again for its batch, whereas a dropped outcome
 * would wait for a sweep. Redis does not have a payload with resolved references.
 */
function withoutData(outcome: Outcome): Outcome {
  const { payload, options } = outcome.job;
  return isLarge(payload) && payload.data && options.template === undefined
    ? { ...outcome, job: { ...outcome.job, payload: { size: payload.size } } }
    : outcome;
}

/**
 * Characters in the batch that writes the outcome, for which the recorder fetches a large payload that is not in
 * memory.
 */
function charsInBatch(outcome: Outcome): number {
  const { payload } = outcome.job;
  return charsInMemory(outcome) + (isLarge(payload) && !payload.data ? sizeOf(payload) : 0);
}

/** Characters in memory. */
function charsInMemory({ job: { payload, options }, result, records }: Outcome): number {
  let chars = (isLarge(payload) ? (payload.data?.length ?? 0) : payload.length) + (result === null ? 0 : result.length);
  if (options.template !== undefined) chars += options.template.length;
  // An attempt's log is in its record; most jobs have none, and even an empty loop takes an iterator
  if (records.length > 0) for (const record of records) chars += record.length;
  return chars;
}
