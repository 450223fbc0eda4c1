/**
 * The changes that this replica received lately. Clients that come back are served from here; Redis is asked only for older ones, page by
 * page, once for all clients, and never for more than the log can contain.
 *
 * Entries are numbered in their order. The log has no holes: where one would appear, it is cleared, and no earlier number is used again.
 */
import type { HistoryEntry } from "../../queue/changes.ts";
import { compareNames, msOf, parseEventId } from "../../queue/changes.ts";
import type { Queue } from "../../queue/queue.ts";

/** As many as the history in Redis has, and their characters: 100 changes of some 50 characters each. */
const MAX_ENTRIES = 4_000;
const MAX_LENGTH = 24 * 1024 * 1024;
/** Some 500 KB, which are parsed in a few milliseconds. */
const PAGE_ENTRIES = 100;
/** Of the history in Redis, after its last entry: one that is older by more is the first of another history, begun since Redis's clock went back. */
const HISTORY_MS = 60_000;
/** A catch-up that reads more pages than this is slower than the changes that come in. */
const MAX_PAGES = (2 * MAX_ENTRIES) / PAGE_ENTRIES;

/** Where a reader goes on: with this entry, behind so many of its changes. */
export interface Position {
  readonly number: number;
  readonly skip: number;
}

export class ChangeLog {
  readonly #queue: Pick<Queue, "history">;
  readonly #entries: HistoryEntry[] = [];
  #first = 0;
  #length = 0;
  /** What is older cannot be had: Redis has nothing, or the log has no room for it. */
  #isBottomReached = false;
  /** The oldest entry that Redis had when it was asked; what is older than that is lost. */
  #oldestInRedis: string | undefined;
  #readingOlder: Promise<void> | undefined;
  #resuming: Promise<boolean> | undefined;
  #roundTrip: Promise<void> | undefined;
  /** What comes in during {@link resume}. */
  #arrivals: HistoryEntry[] | undefined;
  /** Counts what makes pages under way obsolete. */
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
    this.#first = this.end + MAX_ENTRIES + 1; // older entries that are read later get numbers below it
    this.#entries.length = 0;
    this.#length = 0;
    this.#isBottomReached = false;
    this.#oldestInRedis = undefined;
    this.#arrivals = undefined;
    this.#generation += 1;
  }

  /** The position behind an event that a client names; undefined where changes after it may be missing. */
  async positionAfter(eventId: string): Promise<Position | undefined> {
    const event = parseEventId(eventId);
    if (!event) return undefined;
    try {
      await this.#resuming;
      const { newest } = this;
      // Another replica may have received it earlier. What Redis had published before it answers has arrived here by then.
      if (newest !== undefined && compareNames(event.name, newest) > 0)
        await (this.#roundTrip ??= this.#makeRoundTrip());
      while (this.#mayReach(event.name)) {
        this.#readingOlder ??= this.#readOlder().finally(() => {
          this.#readingOlder = undefined;
        });
        await this.#readingOlder;
      }
    } catch {
      return undefined; // Redis is away: a gap is what the client can act on
    }
    const number = this.#numberOf(event.name);
    return number === undefined ? undefined : { number, skip: event.index + 1 };
  }

  /**
   * Reads what was missed since the newest entry, and clears the log where Redis does not have it. What comes in meanwhile is appended.
   * @returns false where it was cleared
   */
  async resume(): Promise<boolean> {
    if (this.#resuming) {
      this.clear(); // what came in since it began has a hole, too
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

  /** Whether an entry that is not here may be found in Redis. */
  #mayReach(name: string): boolean {
    const oldest = this.#entries[0]?.name;
    const isOlder = oldest === undefined || compareNames(name, oldest) < 0;
    return (
      isOlder &&
      !this.#isBottomReached &&
      (this.#oldestInRedis === undefined || compareNames(name, this.#oldestInRedis) >= 0)
    );
  }

  /** Reads the page before the oldest entry; or, at first, which entry is the oldest in Redis: most ids that cannot be had are older. */
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
      if (oldest !== undefined && compareNames(entry.name, oldest) >= 0) continue; // it came in while the page was read
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
      if (compareNames(this.#entries[middle]?.name ?? "", name) < 0) low = middle + 1;
      else high = middle;
    }
    return this.#entries[low]?.name === name ? this.#first + low : undefined;
  }
}
