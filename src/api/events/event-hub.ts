/**
 * The event streams of this replica, of one job or of all jobs. Each change is received once and passed on to all
 * streams in order, a few milliseconds per turn of the event loop. After a lost connection to Redis, missed changes are
 * read from the history; if it no longer has them, the streams report a gap.
 */
import { QueueUnavailable } from "../../errors.ts";
import { readEntry, readMessage } from "../../queue/changes.ts";
import type { Queue } from "../../queue/queue.ts";
import type { Watch } from "../../queue/watch.ts";
import type { Beating } from "../http/beats.ts";
import { Beats } from "../http/beats.ts";
import { SlicedWork } from "../http/sliced-work.ts";
import type { JobLooks } from "../jobs/job-looks.ts";
import type { AllFollower } from "./all-followers.ts";
import { AllFollowers } from "./all-followers.ts";
import { ChangeLog } from "./change-log.ts";
import type { FlowFollower, FollowedFlowOptions } from "./followed-flow.ts";
import { FollowedFlows } from "./followed-flows.ts";
import type { JobFollower } from "./followed-job.ts";
import { FollowedJobs } from "./followed-jobs.ts";
import { LogRequests } from "./log-requests.ts";

/** Proxies close connections that are silent for a minute, some after half a minute. */
const BEAT_MS = 15_000;
const SUBSCRIBE_TIMEOUT_MS = 5_000;
/**
 * Every change costs each stream of all jobs some time; a stream of one job, or of one flow, costs nothing while that
 * does not change.
 */
const MAX_OF_ALL = 100;
const MAX_OF_ONE = 5_000;

/** An event stream; `onBeat` is called every 15 s. */
export interface Follower extends Beating {
  /** The replica drains: the stream ends. */
  onEnd(): void;
}

/** How a stream of all changes begins. */
export interface Beginning {
  /** Whether no change since the last event is missing. */
  readonly isWhole: boolean;
}

export interface EventHubOptions {
  readonly queue: Pick<Queue, "watches" | "history" | "logChannel">;
  readonly looks: Pick<JobLooks, "state">;
}

export class EventHub {
  readonly #watch: Watch;
  readonly #log: ChangeLog;
  /** Passes changes on, in order. */
  readonly #work = new SlicedWork();
  readonly #all: AllFollowers;
  readonly #jobs: FollowedJobs;
  readonly #flows: FollowedFlows;
  readonly #followers = new Set<Follower>();
  #ofAll = 0;
  readonly #beats = new Beats(BEAT_MS);
  /** The number of the next entry to pass on. */
  #next = 0;
  #wasSubscribed = false;
  #subscribing: Promise<void> | undefined;
  #onSubscribed = (): void => undefined;
  #isClosed = false;

  constructor({ queue, looks }: EventHubOptions) {
    this.#log = new ChangeLog(queue);
    const requests = new LogRequests(queue.logChannel);
    this.#jobs = new FollowedJobs({
      looks,
      work: this.#work,
      beats: this.#beats,
      requestLog: (worker, request) => requests.add(worker, request),
    });
    this.#flows = new FollowedFlows({ work: this.#work, beats: this.#beats });
    queue.logChannel.listen({ onLines: (lines) => this.#work.add(this.#jobs.takeLines(lines)) });
    this.#all = new AllFollowers(this.#log, new SlicedWork());
    this.#watch = queue.watches.ofChanges({
      onMessage: (message) => this.#receive(message),
      onSubscribed: () => this.#resume(),
      onClosed: () => {
        this.#wasSubscribed = false;
        this.#log.clear();
      },
    });
  }

  get size(): number {
    return this.#followers.size;
  }

  /**
   * Registers a stream of all jobs, which then calls {@link follow}.
   * @returns unregisters it; undefined if there are too many streams, or the replica drains
   */
  joinAll(follower: Follower & AllFollower): (() => void) | undefined {
    if (this.#isClosed || this.#ofAll >= MAX_OF_ALL) return undefined;
    this.#ofAll += 1;
    return this.#join(follower, () => {
      this.#ofAll -= 1;
      this.#all.delete(follower);
    });
  }

  /**
   * Passes all changes after `lastEventId` on to a registered follower; if that is "" or no longer known, all new
   * changes.
   * @param begin called before the first change, unless the follower has left
   */
  async follow(
    follower: Follower & AllFollower,
    lastEventId: string,
    begin: (beginning: Beginning) => void,
  ): Promise<void> {
    await this.#subscribed();
    const position = lastEventId === "" ? undefined : await this.#log.positionAfter(lastEventId);
    if (!this.#followers.has(follower)) return;
    begin({ isWhole: lastEventId === "" || position !== undefined });
    this.#all.add(follower, position);
  }

  /** Called when the client of a stream of all jobs has read its buffered text. */
  proceed(): void {
    this.#all.proceed();
  }

  /** Registers a stream of one job, which first gets the current job. @returns as {@link joinAll} */
  joinJob(id: string, follower: Follower & JobFollower): (() => void) | undefined {
    if (this.#isFull) return undefined;
    const job = this.#jobs.join(id, follower);
    const leave = this.#join(follower, () => this.#jobs.leave(job, follower));
    this.#whenSubscribed(job);
    return leave;
  }

  /**
   * Registers a stream of one flow, which first gets the current state.
   * @param read reads the state @returns as {@link joinAll}
   */
  joinFlow(id: string, follower: Follower & FlowFollower, read: FollowedFlowOptions["read"]): (() => void) | undefined {
    if (this.#isFull) return undefined;
    const flow = this.#flows.join(id, follower, read);
    const leave = this.#join(follower, () => this.#flows.leave(flow, follower));
    this.#whenSubscribed(flow);
    return leave;
  }

  close(): void {
    this.#isClosed = true;
    this.#work.add(this.#end());
  }

  get #isFull(): boolean {
    return this.#isClosed || this.#followers.size - this.#ofAll >= MAX_OF_ONE;
  }

  #whenSubscribed(followed: { look(): void; fail(error: unknown): void }): void {
    this.#subscribed().then(
      () => followed.look(),
      (error: unknown) => followed.fail(error),
    );
  }

  #join(follower: Follower, onLeave: () => void): () => void {
    this.#followers.add(follower);
    this.#beats.add(follower);
    this.#watch.need();
    return () => {
      if (!this.#followers.delete(follower)) return;
      this.#beats.delete(follower);
      onLeave();
      if (this.#followers.size === 0) this.#watch.release();
    };
  }

  /** Resolves when the replica receives all changes. @throws QueueUnavailable if that takes too long */
  async #subscribed(): Promise<void> {
    if (this.#watch.isSubscribed) return;
    this.#subscribing ??= new Promise<void>((resolve, reject) => {
      const timer = setTimeout(
        () => reject(new QueueUnavailable("not subscribed to job changes: Redis is unavailable")),
        SUBSCRIBE_TIMEOUT_MS,
      );
      this.#onSubscribed = () => {
        clearTimeout(timer);
        resolve();
      };
    }).finally(() => {
      this.#subscribing = undefined;
    });
    await this.#subscribing;
  }

  #resume(): void {
    const isNew = !this.#wasSubscribed || this.#followers.size === 0;
    this.#wasSubscribed = true;
    if (isNew) {
      this.#log.clear();
      this.#passOn();
    } else
      this.#log.resume().then(
        () => this.#passOn(),
        () => undefined,
      ); // it does not reject
    this.#onSubscribed();
  }

  #receive(message: string): void {
    if (!this.#watch.isSubscribed) return; // it will be read from the history, with the changes missed before it
    this.#log.add(readMessage(message));
    this.#passOn();
  }

  #passOn(): void {
    this.#work.add(this.#pass(this.#log.end));
  }

  *#pass(end: number): Generator<void> {
    while (this.#next < end) {
      const entry = this.#log.at(this.#next);
      if (!entry) {
        yield* this.#skip();
        continue;
      }
      const number = this.#next;
      this.#next += 1;
      const changes = readEntry(
        entry,
        this.#all.hasLive ? undefined : (id) => this.#jobs.has(id) || this.#flows.has(id),
      );
      yield* this.#all.pass(number, changes);
      yield* this.#jobs.take(changes);
      yield* this.#flows.take(changes);
      yield;
    }
  }

  /** Skips entries that the log lost before they were passed on. */
  *#skip(): Generator<void> {
    this.#next = this.#log.first;
    yield* this.#all.skipTo(this.#next);
    yield* this.#jobs.lookAtAll();
    yield* this.#flows.lookAtAll();
  }

  *#end(): Generator<void> {
    for (const follower of this.#followers) {
      follower.onEnd();
      yield;
    }
  }
}
