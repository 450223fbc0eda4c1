/**
 * The event streams of all jobs. A stream that is up to date is live: it gets each entry when it arrives. A stream that
 * resumes gets entries from the log, at the pace of its client, until it is up to date:
 *
 *   behind ──has all entries that live streams have──▶ live
 *      └── the log has dropped its next entry ──▶ disconnected
 */
import type { Change } from "../../queue/changes.ts";
import { readEntry } from "../../queue/changes.ts";
import type { SlicedWork } from "../http/sliced-work.ts";
import type { ChangeLog, Position } from "./change-log.ts";

export interface AllFollower {
  /** Whether its client must read first; the follower calls {@link AllFollowers.proceed} when it has. */
  readonly isFull: boolean;
  onChanges(changes: readonly Change[]): void;
  /** Changes may have been missed. */
  onGap(): void;
  /** Its client reads too slowly. */
  onTooSlow(): void;
}

export class AllFollowers {
  readonly #log: ChangeLog;
  readonly #work: SlicedWork;
  /** The next entry of each follower, and how many changes of it the follower has. */
  readonly #live = new Map<AllFollower, Position>();
  readonly #behind = new Map<AllFollower, Position>();
  /** The number of the next entry of the live followers. */
  #next = 0;
  #isCatchingUp = false;

  /** @param work runs the steps for followers that are behind, separately from those for live ones */
  constructor(log: ChangeLog, work: SlicedWork) {
    this.#log = log;
    this.#work = work;
  }

  get hasLive(): boolean {
    return this.#live.size > 0;
  }

  /** Adds a follower at a position; undefined: at the next entry that arrives. */
  add(follower: AllFollower, position: Position | undefined): void {
    this.#setPosition(follower, position ?? { number: this.#log.end, skip: 0 });
    this.proceed();
  }

  delete(follower: AllFollower): void {
    this.#live.delete(follower);
    this.#behind.delete(follower);
  }

  /** Passes an entry on to the live followers. */
  *pass(number: number, changes: readonly Change[]): Generator<void> {
    this.#next = number + 1;
    for (const [follower, position] of this.#live) {
      if (position.number !== number) continue; // it has the entry already
      this.#live.set(follower, { number: number + 1, skip: 0 });
      follower.onChanges(position.skip === 0 ? changes : changes.slice(position.skip));
      yield;
    }
  }

  /** Entries before this number are lost. */
  *skipTo(number: number): Generator<void> {
    this.#next = number;
    for (const [follower, position] of [...this.#live, ...this.#behind]) {
      if (position.number >= number || !(this.#live.has(follower) || this.#behind.has(follower))) continue;
      this.#setPosition(follower, { number, skip: 0 });
      follower.onGap();
      yield;
    }
  }

  /** Continues with the followers that are behind. */
  proceed(): void {
    if (this.#isCatchingUp || this.#behind.size === 0) return;
    this.#isCatchingUp = true;
    this.#work.add(this.#catchUp());
  }

  #setPosition(follower: AllFollower, position: Position): void {
    const isLive = position.number >= this.#next;
    (isLive ? this.#behind : this.#live).delete(follower);
    (isLive ? this.#live : this.#behind).set(follower, position);
  }

  /**
   * Starts with the earliest entry, so that followers at different positions meet, and each entry is read once for all.
   */
  *#catchUp(): Generator<void> {
    for (;;) {
      const ready = [...this.#behind].filter(([follower]) => !follower.isFull);
      const number = Math.min(...ready.map(([, position]) => position.number));
      if (number === Infinity) break;
      const entry = this.#log.at(number);
      const changes = entry && readEntry(entry);
      for (const [follower, position] of ready) {
        if (position.number !== number || this.#behind.get(follower) !== position) continue;
        if (changes) {
          this.#setPosition(follower, { number: number + 1, skip: 0 });
          follower.onChanges(changes.slice(position.skip));
        } else {
          this.#behind.delete(follower);
          follower.onTooSlow();
        }
        yield;
      }
    }
    this.#isCatchingUp = false;
  }
}
