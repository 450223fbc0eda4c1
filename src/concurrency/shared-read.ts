/** Shares one read of a store among concurrent callers, so the load on the store does not grow with their number. */

export interface SharedReadOptions {
  /** {@link SharedRead.recent} returns the same read for this many milliseconds from its start. */
  readonly maxAgeMs?: number;
  /** The monotonic clock, in milliseconds. */
  readonly now?: () => number;
}

/** Scrapes and probes come at most once a second in ordinary use. */
const MAX_AGE_MS = 1_000;

export class SharedRead<T> {
  readonly #read: () => Promise<T>;
  readonly #maxAgeMs: number;
  readonly #now: () => number;
  #underWay: Promise<T> | undefined;
  #next: Promise<T> | undefined;
  #last: Promise<T> | undefined;
  #startedAt = 0;

  constructor(
    read: () => Promise<T>,
    { maxAgeMs = MAX_AGE_MS, now = () => performance.now() }: SharedReadOptions = {},
  ) {
    this.#read = read;
    this.#maxAgeMs = maxAgeMs;
    this.#now = now;
  }

  /** The read in progress, or one that began within `maxAgeMs`, failed or not; else a new one. */
  recent(): Promise<T> {
    if (this.#underWay) return this.#underWay;
    return this.#last && this.#now() - this.#startedAt < this.#maxAgeMs ? this.#last : this.#start();
  }

  /**
   * A read that begins after this call, and so includes the caller's changes. Only one read is in progress at a time;
   * callers meanwhile share the next.
   */
  fresh(): Promise<T> {
    if (!this.#underWay) return this.#start();
    const begin = (): Promise<T> => {
      this.#next = undefined;
      return this.#underWay ?? this.#start();
    };
    this.#next ??= this.#underWay.then(begin, begin);
    return this.#next;
  }

  #start(): Promise<T> {
    this.#startedAt = this.#now();
    const read = this.#read();
    const end = (): void => {
      this.#underWay = undefined;
    };
    read.then(end, end); // before any caller's own continuation
    this.#underWay = read;
    this.#last = read;
    return read;
  }
}
