/**
 * Callers that wait for a job to end, wherever it runs. When an end is reported, the job is read, once for all who wait for it; an end
 * that was not reported (while the connection to Redis was lost, say) is found by a look at all awaited jobs once it is back, and by one
 * at the deadline.
 */
import { ID_LENGTH } from "../../core/id.ts";
import type { JobView } from "../../core/job.ts";
import { TERMINAL_STATUSES } from "../../core/job.ts";
import type { Queue } from "../../queue/queue.ts";
import type { Watch } from "../../queue/watch.ts";
import { SlicedWork } from "../http/sliced-work.ts";
import type { JobLooks } from "../jobs/job-looks.ts";

/** A waiter costs a timer and a connection; who comes beyond that is answered at once, with the job as it was accepted. */
const MAX_WAITERS = 10_000;
const RETRY_MS = 500;

/** Gets the job once it has ended, or as it is at the deadline; undefined where that cannot be told. */
export type Waited = (view: JobView | undefined) => void;

interface Waiter {
  readonly id: string;
  readonly done: Waited;
  readonly deadline: NodeJS.Timeout;
}

export interface WaitersOptions {
  readonly queue: Pick<Queue, "watchEnds">;
  readonly looks: Pick<JobLooks, "state" | "whole">;
}

export class Waiters {
  readonly #options: WaitersOptions;
  readonly #watch: Watch;
  readonly #byId = new Map<string, Set<Waiter>>();
  #size = 0;
  /** Answers, which may be many and long. */
  readonly #work = new SlicedWork();
  /** Looks under way. None rejects. */
  readonly #looking = new Set<Promise<void>>();
  #retry: NodeJS.Timeout | undefined;

  constructor(options: WaitersOptions) {
    this.#options = options;
    this.#watch = options.queue.watchEnds({
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
   * Waits for a job to end; begun before it is enqueued, nothing is missed. For one that may have ended already, `look` at it then.
   * @returns forgets the waiter, who is not called any more; undefined when there are too many
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

  /** Reads a job that is waited for and that has ended, most likely. */
  look(id: string): void {
    if (this.#byId.has(id)) this.#track(this.#readEnded(id));
  }

  /** Nobody is kept waiting any longer. */
  async close(): Promise<void> {
    for (const waiters of [...this.#byId.values()])
      for (const waiter of waiters) if (this.#remove(waiter)) waiter.done(undefined);
    clearTimeout(this.#retry);
    await Promise.all(this.#looking);
  }

  /** Finds those that have ended by their states; only these are read. */
  *#lookAtAll(): Generator<void> {
    for (const id of this.#byId.keys()) {
      this.#track(this.#lookAt(id));
      yield;
    }
  }

  async #lookAt(id: string): Promise<void> {
    const snapshot = await this.#options.looks.state(id);
    if (snapshot && hasEnded(snapshot.view)) await this.#readEnded(id);
  }

  async #readEnded(id: string): Promise<void> {
    const view = await this.#options.looks.whole(id);
    if (view && hasEnded(view)) this.#work.add(this.#end(view));
  }

  #track(look: Promise<void>): void {
    const tracked = look
      .catch(() => {
        // Redis or Postgres is away; a waiter need not learn of that before its deadline.
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

export function hasEnded({ status }: Pick<JobView, "status">): boolean {
  return (TERMINAL_STATUSES as readonly string[]).includes(status);
}
