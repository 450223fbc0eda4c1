/**
 * One flow that event streams of this replica follow. Each look at its state is made once for all of them. A change of
 * one of its jobs causes a look shortly after; there is one look at a time.
 */
import type { FlowState } from "../../core/flows/flow.ts";
import { totalsOf } from "../../core/flows/graph.ts";
import type { Beating } from "../http/beats.ts";
import type { SlicedWork } from "../http/sliced-work.ts";

/** Changes within this time are one event. A large flow, whose event is long, takes longer: 1 ms for each node. */
const DEBOUNCE_MS = 250;
/** No change of a job shows that jobs were added to an open batch. */
const OPEN_LOOK_MS = 2_000;
/** All jobs have ended: what follows from that takes a moment, and may change no job. */
const ENDING_LOOK_MS = 500;

export interface FlowFollower {
  /** The first look for this follower; undefined if there is no such flow. */
  onFirst(state: FlowState | undefined): void;
  /** A later look. */
  onState(state: FlowState): void;
  /** The first look failed. */
  onError(error: unknown): void;
}

export interface FollowedFlowOptions {
  readonly id: string;
  readonly read: (id: string) => Promise<FlowState | undefined>;
  readonly work: SlicedWork;
  /** Called with each state. @returns whether the flow has jobs whose changes were not followed before */
  readonly onRanges: (state: FlowState) => boolean;
}

export class FollowedFlow implements Beating {
  readonly #options: FollowedFlowOptions;
  readonly #followers = new Set<FlowFollower>();
  /** Followers that wait for their first look. */
  #newcomers = new Set<FlowFollower>();
  #isLooking = false;
  /** A look must follow the one that is running. */
  #isStale = false;
  #planned: NodeJS.Timeout | undefined;
  #debounceMs = DEBOUNCE_MS;

  constructor(options: FollowedFlowOptions) {
    this.#options = options;
  }

  get id(): string {
    return this.#options.id;
  }

  get size(): number {
    return this.#followers.size;
  }

  add(follower: FlowFollower): void {
    this.#followers.add(follower);
    this.#newcomers.add(follower);
  }

  delete(follower: FlowFollower): void {
    this.#followers.delete(follower);
    this.#newcomers.delete(follower);
  }

  /** Nobody follows the flow any more. */
  close(): void {
    clearTimeout(this.#planned);
    this.#planned = undefined;
  }

  fail(error: unknown): void {
    this.#options.work.add(this.#report(this.#takeNewcomers(), (follower) => follower.onError(error)));
  }

  /** Looks in case a change was missed. */
  onBeat(): void {
    this.look();
  }

  /** One of its jobs has changed. */
  change(): void {
    this.#plan(this.#debounceMs);
  }

  /** Looks now, or after the look that is running. */
  look(): void {
    if (this.#isLooking) {
      this.#isStale = true;
      return;
    }
    clearTimeout(this.#planned);
    this.#planned = undefined;
    if (this.#followers.size === 0) return;
    this.#isLooking = true;
    const newcomers = this.#takeNewcomers();
    this.#options
      .read(this.id)
      .then(
        (state) => this.#options.work.add(this.#show(state, newcomers)),
        // The next beat makes another look for the other followers.
        (error: unknown) => this.#options.work.add(this.#report(newcomers, (follower) => follower.onError(error))),
      )
      .finally(() => {
        this.#isLooking = false;
        if (!this.#isStale) return;
        this.#isStale = false;
        if (this.#newcomers.size > 0) this.look();
        else this.change();
      });
  }

  #plan(ms: number): void {
    if (this.#isLooking) this.#isStale = true;
    else this.#planned ??= setTimeout(() => this.look(), ms);
  }

  #takeNewcomers(): ReadonlySet<FlowFollower> {
    const newcomers = this.#newcomers;
    this.#newcomers = new Set();
    return newcomers;
  }

  *#show(state: FlowState | undefined, newcomers: ReadonlySet<FlowFollower>): Generator<void> {
    if (state) this.#planNext(state);
    yield* this.#report(newcomers, (follower) => follower.onFirst(state));
    if (!state) return;
    for (const follower of this.#followers) {
      if (newcomers.has(follower) || this.#newcomers.has(follower)) continue;
      follower.onState(state);
      yield;
    }
  }

  #planNext(state: FlowState): void {
    this.#debounceMs = Math.max(DEBOUNCE_MS, state.nodes.length);
    if (this.#followers.size === 0 || state.status !== "running") return;
    const { waiting, unfinished } = totalsOf(state.nodes);
    // Changes of these jobs before now were not recognized.
    if (this.#options.onRanges(state)) this.#plan(this.#debounceMs);
    else if (state.isOpen) this.#plan(OPEN_LOOK_MS);
    else if (waiting + unfinished === 0) this.#plan(ENDING_LOOK_MS);
  }

  *#report(newcomers: ReadonlySet<FlowFollower>, report: (follower: FlowFollower) => void): Generator<void> {
    for (const follower of newcomers) {
      if (!this.#followers.has(follower)) continue;
      report(follower);
      yield;
    }
  }
}
