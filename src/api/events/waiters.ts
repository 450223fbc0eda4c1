/**
 * Callers that wait for a job to finish, on whichever replica it runs. When Redis reports the end of a job, it is read
 * once for all its waiters. Ends that were not reported, while the connection to Redis was lost, are found by a look at
 * all awaited jobs after the reconnect, and by one at the deadline.
 */
import { ID_LENGTH } from "../../core/id.ts";
import type { JobView } from "../../core/job.ts";
import { isFinished } from "../../core/job.ts";
import type { Queue } from "../../queue/queue.ts";
import type { Watch } from "../../queue/watch.ts";
import { SlicedWork } from "../http/sliced-work.ts";
import type { JobLooks } from "../jobs/job-looks.ts";

/** A waiter costs a timer and a connection; further callers are answered at once, with the job as it was accepted. */
const MAX_WAITERS = 10_000;
const RETRY_MS = 500;

/** Gets the finished job, or the job as it is at the deadline; undefined if that is unknown. */
export type Waited = (view: JobView | undefined) => void;

interface Waiter {
  readonly id: string;
  readonly done: Waited;
  readonly deadline: NodeJS.Timeout;
}

export interface WaitersOptions {
  readonly queue: Pick<Queue, "watches">;
  readonly looks: Pick<JobLooks, "state" | "whole">;
}

export class Waiters {
  readonly #options: WaitersOptions;
  readonly #watch: Watch;
  readonly #byId = new Map<string, Set<Waiter>>();
  #size = 0;
  /** Answers, which may be many and long. */
  readonly #work = new SlicedWork();
  /** Looks in progress. None rejects. */
  readonly #looking = new Set<Promise<void>>();
  #retry: NodeJS.Timeout | undefined;

  constructor(options: WaitersOptions) {
    this.#options = options;
    this.#watch = options.queue.watches.ofEnds({
      onMessage: (ids) => {
        for (let at = 0; at < ids.length; at += ID_LENGTH) this.look(ids.slice(at, at + ID_LENGTH));
      },
      onSubscribed: () => this.#work.add(this.#lookAtAll()),
    });
  }

  get size(): number {
    return this.#size;
  }

  /**
   * Waits for a job to finish. Call it before the job is enqueued, so that its end is not missed, or call `look`
   * afterwards.
   * @returns removes the waiter, which is then not called; undefined if there are too many
   */
  wait(id: string, ms: number, done: Waited): (() => void) | undefined {
    if (this.#size >= MAX_WAITERS) return undefined;
    const waiter: Waiter = { id, done, deadline: setTimeout(() => this.#expire(waiter), ms) };
    const others = this.#byId.get(id);
    if (others) others.add(waiter);
    else this.#byId.set(id, new Set([waiter]));
    this.#size += 1;
    this.#watch.need();
    return () => this.#remove(waiter);
  }

  /** Reads a job that has probably finished, if there are waiters for it. */
  look(id: string): void {
    if (this.#byId.has(id)) this.#track(this.#readEnded(id));
  }

  /** Answers all waiters, and waits for the looks in progress. */
  async close(): Promise<void> {
    for (const waiters of [...this.#byId.values()])
      for (const waiter of waiters) if (this.#remove(waiter)) waiter.done(undefined);
    clearTimeout(this.#retry);
    await Promise.all(this.#looking);
  }

  /** Reads the states of all awaited jobs, and the whole jobs only if they have finished. */
  *#lookAtAll(): Generator<void> {
    for (const id of this.#byId.keys()) {
      this.#track(this.#lookAt(id));
      yield;
    }
  }

  async #lookAt(id: string): Promise<void> {
    const snapshot = await this.#options.looks.state(id);
    if (snapshot && isFinished(snapshot.view.status)) await this.#readEnded(id);
  }

  async #readEnded(id: string): Promise<void> {
    const view = await this.#options.looks.whole(id);
    if (view && isFinished(view.status)) this.#work.add(this.#end(view));
  }

  #track(look: Promise<void>): void {
    const tracked = look
      .catch(() => {
        // Redis or Postgres is unavailable; the waiters go on waiting until their deadlines.
        if (this.#size > 0)
          this.#retry ??= setTimeout(() => {
            this.#retry = undefined;
            this.#work.add(this.#lookAtAll());
          }, RETRY_MS);
      })
      .finally(() => this.#looking.delete(tracked));
    this.#looking.add(tracked);
  }

  *#end(view: JobView): Generator<void> {
    for (const waiter of this.#byId.get(view.id) ?? []) {
      if (this.#remove(waiter)) waiter.done(view);
      yield;
    }
  }

  #expire(waiter: Waiter): void {
    const answer = (view: JobView | undefined): void => {
      if (this.#remove(waiter)) waiter.done(view);
    };
    this.#options.looks.whole(waiter.id).then(answer, () => answer(undefined));
  }

  #remove(waiter: Waiter): boolean {
    const waiters = this.#byId.get(waiter.id);
    if (!waiters?.delete(waiter)) return false;
    clearTimeout(waiter.deadline);
    if (waiters.size === 0) this.#byId.delete(waiter.id);
    this.#size -= 1;
    if (this.#size === 0) this.#watch.release();
    return true;
  }
}
