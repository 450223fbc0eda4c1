/**
 * The streams of all jobs. One that is up to date is live: it gets each entry as it comes in. One that came back gets entries from the
 * log, at the pace of its client, until it is up to date:
 *
 *   behind ──has all entries that were passed on──▶ live
 *      └── the log has dropped its next entry ──▶ cut off
 */
import type { Change } from "../../queue/changes.ts";
import { readEntry } from "../../queue/changes.ts";
import type { SlicedWork } from "../http/sliced-work.ts";
import type { ChangeLog, Position } from "./change-log.ts";

export interface AllFollower {
  /** Whether its client takes no more at the moment; {@link AllFollowers.proceed} is to be called when it does again. */
  readonly isFull: boolean;
  onChanges(changes: readonly Change[]): void;
  /** Changes may have been missed. */
  onGap(): void;
  /** Its client has read too slowly. */
  onTooSlow(): void;
}

export class AllFollowers {
  readonly #log: ChangeLog;
  readonly #work: SlicedWork;
  /** The number of the next entry that each gets, and how many changes of that it has. */
  readonly #live = new Map<AllFollower, Position>();
  readonly #behind = new Map<AllFollower, Position>();
  /** The number of the next entry that the live ones get. */
  #next = 0;
  #isCatchingUp = false;

  /** @param work of those that are behind: the live ones do not wait for it */
  constructor(log: ChangeLog, work: SlicedWork) {
    this.#log = log;
    this.#work = work;
  }

  get hasLive(): boolean {
    return this.#live.size > 0;
  }

  /** From this position on, or from what comes in next. */
  add(follower: AllFollower, position: Position | undefined): void {
    this.#place(follower, position ?? { number: this.#log.end, skip: 0 });
    this.proceed();
  }

  delete(follower: AllFollower): void {
    this.#live.delete(follower);
    this.#behind.delete(follower);
  }

  /** Passes an entry on to the live ones. */
  *pass(number: number, changes: readonly Change[]): Generator<void> {
    this.#next = number + 1;
    for (const [follower, position] of this.#live) {
      if (position.number !== number) continue; // it has it already
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
      this.#place(follower, { number, skip: 0 });
      follower.onGap();
      yield;
    }
  }

  /** Goes on with those that are behind. */
  proceed(): void {
    if (this.#isCatchingUp || this.#behind.size === 0) return;
    this.#isCatchingUp = true;
    this.#work.add(this.#catchUp());
  }

  #place(follower: AllFollower, position: Position): void {
    const isLive = position.number >= this.#next;
    (isLive ? this.#behind : this.#live).delete(follower);
    (isLive ? this.#live : this.#behind).set(follower, position);
  }

  /** The earliest entry first, so that those who came at different positions meet, and each entry is read once for all of them. */
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
          this.#place(follower, { number: number + 1, skip: 0 });
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
