/**
 * The latest changes that this replica received. Clients that reconnect are served from here. Only older changes are
 * read from Redis: page by page, once for all clients, and never more than the log can contain.
 *
 * Entries are numbered in order. The log has no gaps: instead of leaving one, it is cleared, and earlier numbers are
 * not used again.
 */
import { at } from "../../core/at.ts";
import type { HistoryEntry } from "../../queue/changes.ts";
import { compareNames, msOf, parseEventId } from "../../queue/changes.ts";
import type { Queue } from "../../queue/queue.ts";

/** The size of the history in Redis, and its length in characters: an entry has 100 changes of some 50 characters. */
const MAX_ENTRIES = 4_000;
const MAX_LENGTH = 24 * 1024 * 1024;
/** Some 500 KB, parsed in a few milliseconds. */
const PAGE_ENTRIES = 100;
/**
 * How long the history in Redis lives after its last entry. An entry older by more than that begins a new history:
 * Redis's clock was set back.
 */
const HISTORY_MS = 60_000;
/** Reading more pages than this means that changes arrive faster than they are read. */
const MAX_PAGES = (2 * MAX_ENTRIES) / PAGE_ENTRIES;

/** Where a reader continues: at this entry, after so many of its changes. */
export interface Position {
  readonly number: number;
  readonly skip: number;
}

export class ChangeLog {
  readonly #queue: Pick<Queue, "history">;
  readonly #entries: HistoryEntry[] = [];
  #first = 0;
  #length = 0;
  /** Older entries are not available: Redis has none, or the log is full. */
  #isBottomReached = false;
  /** The oldest entry in Redis at the last read; older ones are lost. */
  #oldestInRedis: string | undefined;
  #readingOlder: Promise<void> | undefined;
  #resuming: Promise<boolean> | undefined;
  #roundTrip: Promise<void> | undefined;
  /** Entries that arrive during {@link resume}. */
  #arrivals: HistoryEntry[] | undefined;
  /** Changes when pages that are being read become obsolete. */
  #generation = 0;

  constructor(queue: Pick<Queue, "history">) {
    this.#queue = queue;
  }

  /** The number of the oldest entry. */
  get first(): number {
    return this.#first;
  }

  /** The number that the next entry gets. */
  get end(): number {
    return this.#first + this.#entries.length;
  }

  at(number: number): HistoryEntry | undefined {
    return this.#entries[number - this.#first];
  }

  add(entries: readonly HistoryEntry[]): void {
    for (const entry of entries) {
      const { newest } = this;
      if (newest !== undefined && msOf(newest) - msOf(entry.name) > HISTORY_MS) this.clear();
      if (this.#arrivals) this.#arrivals.push(entry);
      else if (this.newest === undefined || compareNames(entry.name, this.newest) > 0) this.#append(entry);
    }
    if (this.#arrivals && this.#arrivals.length > MAX_ENTRIES) this.clear();
  }

  clear(): void {
    this.#first = this.end + MAX_ENTRIES + 1; // leaves numbers for older entries that are read later
    this.#entries.length = 0;
    this.#length = 0;
    this.#isBottomReached = false;
    this.#oldestInRedis = undefined;
    this.#arrivals = undefined;
    this.#generation += 1;
  }

  /** The position after an event; undefined if changes after it may be missing. */
  async positionAfter(eventId: string): Promise<Position | undefined> {
    const event = parseEventId(eventId);
    if (!event) return undefined;
    try {
      await this.#resuming;
      const { newest } = this;
      // Another replica may have received it earlier. After a round trip, everything that Redis published before has
      // arrived.
      if (newest !== undefined && compareNames(event.name, newest) > 0)
        await (this.#roundTrip ??= this.#makeRoundTrip());
      while (this.#mayReach(event.name)) {
        this.#readingOlder ??= this.#readOlder().finally(() => {
          this.#readingOlder = undefined;
        });
        await this.#readingOlder;
      }
    } catch {
      return undefined; // Redis is unavailable: the client can handle a gap
    }
    const number = this.#numberOf(event.name);
    return number === undefined ? undefined : { number, skip: event.index + 1 };
  }

  /**
   * Reads the entries after the newest one, and clears the log if Redis no longer has them. Entries that arrive
   * meanwhile are appended.
   * @returns false if the log was cleared
   */
  async resume(): Promise<boolean> {
    if (this.#resuming) {
      this.clear(); // the entries since it began have a gap, too
      return false;
    }
    this.#resuming = this.#resume().finally(() => {
      this.#resuming = undefined;
    });
    return this.#resuming;
  }

  get newest(): string | undefined {
    return this.#entries.at(-1)?.name;
  }

  async #makeRoundTrip(): Promise<void> {
    try {
      await this.#queue.history({ before: undefined }, 1);
      await new Promise(setImmediate);
    } finally {
      this.#roundTrip = undefined;
    }
  }

  async #resume(): Promise<boolean> {
    const generation = this.#generation;
    this.#arrivals = [];
    const isWhole = await this.#readNewer(generation).catch(() => false);
    if (generation !== this.#generation) return false;
    const arrivals = this.#arrivals;
    if (!isWhole) this.clear();
    this.#arrivals = undefined;
    this.add(arrivals);
    return isWhole;
  }

  async #readNewer(generation: number): Promise<boolean> {
    for (let pages = 0; pages < MAX_PAGES; pages += 1) {
      const { newest } = this;
      if (newest === undefined) return false;
      const page = await this.#queue.history({ from: newest }, PAGE_ENTRIES);
      if (generation !== this.#generation || page[0]?.name !== newest) return false;
      for (const entry of page.slice(1)) this.#append(entry);
      if (page.length < PAGE_ENTRIES) return true;
    }
    return false;
  }

  /** Whether Redis may have an entry that the log does not have. */
  #mayReach(name: string): boolean {
    const oldest = this.#entries[0]?.name;
    const isOlder = oldest === undefined || compareNames(name, oldest) < 0;
    return (
      isOlder &&
      !this.#isBottomReached &&
      (this.#oldestInRedis === undefined || compareNames(name, this.#oldestInRedis) >= 0)
    );
  }

  /**
   * Reads the page before the oldest entry. The first call reads the oldest entry in Redis instead: most unavailable
   * ids are older.
   */
  async #readOlder(): Promise<void> {
    const generation = this.#generation;
    const isFirst = this.#oldestInRedis === undefined;
    const page = await this.#queue.history(
      isFirst ? { from: "-" } : { before: this.#entries[0]?.name },
      isFirst ? 1 : PAGE_ENTRIES,
    );
    if (generation !== this.#generation) return;
    if (isFirst) {
      this.#oldestInRedis = page[0]?.name;
      this.#isBottomReached = page.length === 0;
      return;
    }
    this.#isBottomReached = page.length < PAGE_ENTRIES;
    for (const entry of page) {
      const oldest = this.#entries[0]?.name;
      if (oldest !== undefined && compareNames(entry.name, oldest) >= 0) continue; // it arrived while the page was read
      if (this.#entries.length === MAX_ENTRIES || this.#length + entry.lines.length > MAX_LENGTH) {
        this.#isBottomReached = true;
        return;
      }
      this.#entries.unshift(entry);
      this.#first -= 1;
      this.#length += entry.lines.length;
    }
  }

  #append(entry: HistoryEntry): void {
    this.#entries.push(entry);
    this.#length += entry.lines.length;
    while (this.#entries.length > MAX_ENTRIES || this.#length > MAX_LENGTH) {
      this.#length -= this.#entries.shift()?.lines.length ?? 0;
      this.#first += 1;
      this.#isBottomReached = true;
    }
  }

  #numberOf(name: string): number | undefined {
    let [low, high] = [0, this.#entries.length];
    while (low < high) {
      const middle = (low + high) >> 1;
      if (compareNames(at(this.#entries, middle).name, name) < 0) low = middle + 1;
      else high = middle;
    }
    return this.#entries[low]?.name === name ? this.#first + low : undefined;
  }
}
