/**
 * One job that streams of this replica follow. What is known of it is read once for all of them, and its event is written once.
 *
 * A message may arrive before or after a look that shows the same change. So a change that is older than the look is dropped, and so is a
 * look during which a change came in, unless the job has ended.
 */
import type { Change } from "../../queue/changes.ts";
import type { Beating } from "../http/beats.ts";
import type { SlicedWork } from "../http/sliced-work.ts";
import { snapshotJson } from "../jobs/job-json.ts";
import type { JobLooks, JobState } from "../jobs/job-looks.ts";
import { stateEvent } from "./event-stream-text.ts";
import { hasEnded } from "./waiters.ts";

/** A client that comes back with this as its last event has seen all, and is sent away: it would come back again and again. */
export const END = "end";

/** A look at a job, with its event. */
export interface Shown extends JobState {
  readonly event: () => string;
}

export interface JobFollower {
  onChange(change: Change): void;
  /** The first look since it follows; undefined where there is no such job. */
  onFirst(shown: Shown | undefined): void;
  /** A later look. */
  onLook(shown: Shown): void;
  /** The first look failed. */
  onError(error: unknown): void;
}

export interface FollowedJobOptions {
  readonly id: string;
  readonly looks: Pick<JobLooks, "state">;
  readonly work: SlicedWork;
}

export class FollowedJob implements Beating {
  readonly #options: FollowedJobOptions;
  readonly #followers = new Set<JobFollower>();
  /** Those that wait for their first look. */
  #newcomers = new Set<JobFollower>();
  /** How many changes came in. */
  #changes = 0;
  #look: "none" | "planned" | "under way" | "under way, another planned" = "none";

  constructor(options: FollowedJobOptions) {
    this.#options = options;
  }

  get id(): string {
    return this.#options.id;
  }

  get size(): number {
    return this.#followers.size;
  }

  add(follower: JobFollower): void {
    this.#followers.add(follower);
    this.#newcomers.add(follower);
  }

  delete(follower: JobFollower): void {
    this.#followers.delete(follower);
    this.#newcomers.delete(follower);
  }

  fail(error: unknown): void {
    const newcomers = this.#takeNewcomers();
    this.#options.work.add(this.#report(newcomers, (follower) => follower.onError(error)));
  }

  /** Should something have been missed all the same. */
  onBeat(): void {
    this.look();
  }

  /** Looks at the job at the end of this turn of the event loop, or after the look that is under way. */
  look(): void {
    if (this.#look === "none") {
      this.#look = "planned";
      setImmediate(() => this.#start());
    } else if (this.#look === "under way") this.#look = "under way, another planned";
  }

  *take(change: Change): Generator<void> {
    this.#changes += 1;
    if (hasEnded(change)) {
      this.look();
      return;
    }
    for (const follower of this.#followers) {
      follower.onChange(change);
      yield;
    }
  }

  #start(): void {
    const { id, looks, work } = this.#options;
    if (this.#followers.size === 0) {
      this.#look = "none";
      return;
    }
    const newcomers = this.#takeNewcomers();
    const changes = this.#changes;
    this.#look = "under way";
    looks
      .state(id)
      // Messages that Redis sent before its answer come over another socket: they are received in this turn, too.
      .finally(() => new Promise(setImmediate))
      .then(
        (snapshot) => work.add(this.#show(snapshot, newcomers, changes)),
        // The others are shown what the next beat finds.
        (error: unknown) => work.add(this.#report(newcomers, (follower) => follower.onError(error))),
      )
      .finally(() => {
        const isAnotherPlanned = this.#look === "under way, another planned";
        this.#look = "none";
        if (isAnotherPlanned) this.look();
      });
  }

  #takeNewcomers(): ReadonlySet<JobFollower> {
    const newcomers = this.#newcomers;
    this.#newcomers = new Set();
    return newcomers;
  }

  *#show(snapshot: JobState | undefined, newcomers: ReadonlySet<JobFollower>, changes: number): Generator<void> {
    let text: string | undefined;
    const event = (of: JobState): string => stateEvent(snapshotJson(of), hasEnded(of.view) ? END : undefined);
    const shown = snapshot && { ...snapshot, event: () => (text ??= event(snapshot)) };
    yield* this.#report(newcomers, (follower) => follower.onFirst(shown));
    if (!shown) return;
    for (const follower of this.#followers) {
      if (this.#changes !== changes && !hasEnded(shown.view)) return;
      if (newcomers.has(follower) || this.#newcomers.has(follower)) continue;
      follower.onLook(shown);
      yield;
    }
  }

  *#report(newcomers: ReadonlySet<JobFollower>, report: (follower: JobFollower) => void): Generator<void> {
    for (const follower of newcomers) {
      if (!this.#followers.has(follower)) continue;
      report(follower);
      yield;
    }
  }
}
