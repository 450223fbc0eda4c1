/**
 * One job that event streams of this replica follow. Each look at its state is made once for all of them, as is the
 * text of an event.
 *
 * A message may arrive before or after a look that shows the same change. So a change that is older than the look is
 * dropped, and so is a look during which a change arrives, unless the job has finished.
 *
 * Looks name the replica that runs the job: it is asked for the log lines of the attempt. It does not store the request
 * for long, so each beat repeats it.
 */
import { isFinished } from "../../core/job.ts";
import type { Change } from "../../queue/changes.ts";
import type { LogLines, LogRequest } from "../../queue/log-channel.ts";
import type { Beating } from "../http/beats.ts";
import type { SlicedWork } from "../http/sliced-work.ts";
import { snapshotJson } from "../jobs/job-json.ts";
import type { JobLooks, JobState } from "../jobs/job-looks.ts";
import { stateEvent } from "./event-stream-text.ts";
import { LineEvents } from "./log-events.ts";

/**
 * The id of the last event. A client that reconnects with it gets 204, because otherwise it would reconnect again and
 * again.
 */
export const END = "end";

/** A look at a job, with its event. */
export interface Shown extends JobState {
  readonly event: () => string;
}

export interface JobFollower {
  onChange(change: Change): void;
  /** Lines that the running attempt logs. */
  onLines(lines: LineEvents): void;
  /** The number of the next line that it needs of this attempt, from 1; see {@link LineEvents}. */
  nextLine(run: string): number;
  /** The first look for this follower; undefined if there is no such job. */
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
  /** Asks a replica for the log of a job that it runs. */
  readonly requestLog: (worker: string, request: LogRequest) => void;
}

export class FollowedJob implements Beating {
  readonly #options: FollowedJobOptions;
  readonly #followers = new Set<JobFollower>();
  /** Followers that wait for their first look. */
  #newcomers = new Set<JobFollower>();
  /** The replica that was asked for the log. */
  #worker: string | undefined;
  /** How many changes have arrived. */
  #changes = 0;
  #look: "none" | "planned" | "running" | "running, another planned" = "none";

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

  /** Nobody follows the job any more. */
  close(): void {
    if (this.#worker !== undefined) this.#options.requestLog(this.#worker, { id: this.id, from: 0 });
  }

  fail(error: unknown): void {
    const newcomers = this.#takeNewcomers();
    this.#options.work.add(this.#report(newcomers, (follower) => follower.onError(error)));
  }

  /** Looks at the job in case a change was missed. */
  onBeat(): void {
    this.look();
  }

  /** Looks at the job at the end of this turn of the event loop, or after the look that is running. */
  look(): void {
    if (this.#look === "none") {
      this.#look = "planned";
      setImmediate(() => this.#start());
    } else if (this.#look === "running") this.#look = "running, another planned";
  }

  *take(change: Change): Generator<void> {
    this.#changes += 1;
    if (isFinished(change.status)) {
      this.look();
      return;
    }
    if (change.status === "running" && change.progress === null) this.look(); // which replica runs it?
    for (const follower of this.#followers) {
      follower.onChange(change);
      yield;
    }
  }

  /** Passes on lines of the replica that was asked last: an earlier one may have lost the job. */
  *takeLines(lines: LogLines): Generator<void> {
    if (lines.worker !== this.#worker) return;
    const events = new LineEvents(lines);
    for (const follower of this.#followers) {
      follower.onLines(events);
      yield;
    }
  }

  #start(): void {
    const { work } = this.#options;
    if (this.#followers.size === 0) {
      this.#look = "none";
      return;
    }
    const newcomers = this.#takeNewcomers();
    const changes = this.#changes;
    this.#look = "running";
    this.#read()
      .then(
        (snapshot) => work.add(this.#show(snapshot, newcomers, changes)),
        // The next beat makes another look for the other followers.
        (error: unknown) => work.add(this.#report(newcomers, (follower) => follower.onError(error))),
      )
      .finally(() => {
        const isAnotherPlanned = this.#look === "running, another planned";
        this.#look = "none";
        if (isAnotherPlanned) this.look();
      });
  }

  /** Also waits for the messages that Redis sent before its answer: they arrive on another socket. */
  async #read(): ReturnType<FollowedJobOptions["looks"]["state"]> {
    const { id, looks } = this.#options;
    try {
      return await looks.state(id);
    } finally {
      await new Promise(setImmediate);
    }
  }

  #takeNewcomers(): ReadonlySet<JobFollower> {
    const newcomers = this.#newcomers;
    this.#newcomers = new Set();
    return newcomers;
  }

  *#show(snapshot: JobState | undefined, newcomers: ReadonlySet<JobFollower>, changes: number): Generator<void> {
    let text: string | undefined;
    const event = (of: JobState): string => stateEvent(snapshotJson(of), isFinished(of.view.status) ? END : undefined);
    const shown = snapshot && { ...snapshot, event: () => (text ??= event(snapshot)) };
    yield* this.#report(newcomers, (follower) => follower.onFirst(shown));
    if (!shown) return;
    this.#requestLog(shown);
    for (const follower of this.#followers) {
      if (this.#changes !== changes && !isFinished(shown.view.status)) return;
      if (newcomers.has(follower) || this.#newcomers.has(follower)) continue;
      follower.onLook(shown);
      yield;
    }
  }

  #requestLog({ view: { status, worker, started_at } }: Shown): void {
    const followers = [...this.#followers];
    if (status !== "running" || worker === null || started_at === null || followers.length === 0) return;
    this.#worker = worker;
    const run = LineEvents.runOf(worker, started_at);
    const from = followers.reduce((least, follower) => Math.min(least, follower.nextLine(run)), Infinity);
    this.#options.requestLog(worker, { id: this.id, from });
  }

  *#report(newcomers: ReadonlySet<JobFollower>, report: (follower: JobFollower) => void): Generator<void> {
    for (const follower of newcomers) {
      if (!this.#followers.has(follower)) continue;
      report(follower);
      yield;
    }
  }
}
