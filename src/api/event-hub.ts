/**
 * Who follows the changes of jobs on this replica: of one job, or of all. What is published comes in once, and goes to each of them.
 * After a connection that was lost, what was missed is taken from the history; where that does not reach back, they are told of a gap.
 */
import { QueueUnavailable } from "../errors.ts";
import type { Change } from "../queue/changes.ts";
import { isLater, readChanges } from "../queue/changes.ts";
import type { Queue } from "../queue/queue.ts";
import type { Watch } from "../queue/watch.ts";

/** Proxies close connections on which nothing comes for a minute, some for half of one. */
const BEAT_MS = 15_000;
const HEARD_TIMEOUT_MS = 5_000;
/** Of all jobs, each change costs each of them some time of the event loop; of one job, nothing where the job does not change. */
const MAX_OF_ALL = 100;
const MAX_OF_ONE = 5_000;

export interface Follower {
  /** The job that is followed; undefined for all. */
  readonly id: string | undefined;
  readonly onChanges: (changes: readonly Change[]) => void;
  /** Changes may have been missed. */
  readonly onGap: () => void;
  /** Every 15 s. */
  readonly onBeat: () => void;
  /** The replica drains: nothing more will come. */
  readonly onEnd: () => void;
}

export class EventHub {
  readonly #queue: Pick<Queue, "watchChanges" | "changesSince">;
  readonly #watch: Watch;
  readonly #ofAll = new Set<Follower>();
  readonly #ofOne = new Map<string, Set<Follower>>();
  #size = 0;
  readonly #untilHeard = new Set<() => void>();
  /** The last change that was passed on; "" where none was since somebody follows. */
  #latest = "";
  #wasHeard = false;
  /** What comes in while the history is read. */
  #held: Change[] | undefined;
  #beats: NodeJS.Timeout | undefined;
  #isClosed = false;

  constructor(queue: Pick<Queue, "watchChanges" | "changesSince">) {
    this.#queue = queue;
    this.#watch = queue.watchChanges({ onMessage: (message) => this.#take(readChanges(message)), onHeard: () => this.#heard() });
  }

  get size(): number {
    return this.#size;
  }

  /** @returns leaves again; undefined where too many follow already, or the replica drains */
  join(follower: Follower): (() => void) | undefined {
    const ofAll = this.#ofAll.size;
    if (this.#isClosed || (follower.id === undefined ? ofAll >= MAX_OF_ALL : this.#size - ofAll >= MAX_OF_ONE)) return undefined;
    const others = this.#othersOf(follower);
    others.add(follower);
    this.#size += 1;
    this.#watch.need();
    this.#beats ??= setInterval(() => { for (const one of this.#followers()) one.onBeat(); }, BEAT_MS);
    return () => this.#leave(follower, others);
  }

  /** Resolves when nothing is missed any more. @throws QueueUnavailable when that takes too long */
  async heard(): Promise<void> {
    if (this.#watch.isHeard) {
      this.#wasHeard = true; // since before anybody followed, maybe
      return;
    }
    await new Promise<void>((resolve, reject) => {
      const timer = setTimeout(() => {
        this.#untilHeard.delete(done);
        reject(new QueueUnavailable("Redis does not tell of changes now"));
      }, HEARD_TIMEOUT_MS);
      const done = (): void => { clearTimeout(timer); resolve(); };
      this.#untilHeard.add(done);
    });
  }

  /** What changed after the change of this name, as far as it is remembered. */
  since(eventId: string): ReturnType<Queue["changesSince"]> {
    return this.#queue.changesSince(eventId);
  }

  close(): void {
    this.#isClosed = true;
    for (const follower of this.#followers()) follower.onEnd();
  }

  #followers(): Follower[] {
    return [...this.#ofAll, ...[...this.#ofOne.values()].flatMap((some) => [...some])];
  }

  #othersOf({ id }: Follower): Set<Follower> {
    if (id === undefined) return this.#ofAll;
    let some = this.#ofOne.get(id);
    if (!some) this.#ofOne.set(id, (some = new Set()));
    return some;
  }

  #leave(follower: Follower, others: Set<Follower>): void {
    if (!others.delete(follower)) return;
    if (follower.id !== undefined && others.size === 0) this.#ofOne.delete(follower.id);
    this.#size -= 1;
    if (this.#size > 0) return;
    this.#watch.release();
    clearInterval(this.#beats);
    this.#beats = undefined;
    this.#latest = "";
    this.#wasHeard = false;
  }

  #heard(): void {
    for (const done of this.#untilHeard) done();
    this.#untilHeard.clear();
    if (this.#wasHeard) this.#catchUp().catch(() => this.#resume([], false));
    this.#wasHeard = true;
  }

  async #catchUp(): Promise<void> {
    this.#held ??= [];
    const { changes, isWhole } = this.#latest === "" ? { changes: [], isWhole: false } : await this.#queue.changesSince(this.#latest);
    this.#resume(changes, isWhole);
  }

  #resume(missed: readonly Change[], isWhole: boolean): void {
    const held = this.#held ?? [];
    this.#held = undefined;
    if (!isWhole) for (const follower of this.#followers()) follower.onGap();
    this.#take(missed);
    this.#take(held.filter(({ eventId }) => this.#latest === "" || isLater(eventId, this.#latest)));
  }

  #take(changes: readonly Change[]): void {
    const last = changes.at(-1);
    if (this.#size === 0 || !last) return;
    if (this.#held) {
      for (const change of changes) this.#held.push(change);
      return;
    }
    this.#latest = last.eventId;
    for (const follower of this.#ofAll) follower.onChanges(changes);
    if (this.#ofOne.size === 0) return;
    for (const change of changes) for (const follower of this.#ofOne.get(change.id) ?? []) follower.onChanges([change]);
  }
}
