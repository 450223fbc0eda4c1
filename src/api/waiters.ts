/**
 * Callers that wait for a job to end, wherever it runs. Who is told that a job has ended looks at it; what was told to nobody (while
 * the connection to Redis was lost, say) is found by a look at all that are waited for once it is back, and by one at the deadline.
 */
import { ID_LENGTH } from "../core/id.ts";
import type { JobView } from "../core/job.ts";
import { TERMINAL_STATUSES } from "../core/job.ts";
import { viewOf } from "../core/job-view.ts";
import type { Queue } from "../queue/queue.ts";
import type { Watch } from "../queue/watch.ts";
import type { Store } from "../results/store.ts";
import { findJob } from "./jobs.ts";

/** A waiter costs a timer and a connection; who comes beyond that is answered at once, with the job as it was accepted. */
const MAX_WAITERS = 10_000;
/** Jobs read in one call: each may have megabytes. */
const MAX_LOOKS = 50;
const RETRY_MS = 500;

/** Gets the job once it has ended, or as it is at the deadline; undefined where that cannot be told. */
export type Waited = (view: JobView | undefined) => void;

interface Waiter {
  readonly id: string;
  readonly done: Waited;
  readonly deadline: NodeJS.Timeout;
}

export interface WaitersOptions {
  readonly queue: Pick<Queue, "read" | "watchEnds">;
  readonly store: Pick<Store, "get" | "accepted">;
}

export class Waiters {
  readonly #options: WaitersOptions;
  readonly #watch: Watch;
  readonly #byId = new Map<string, Set<Waiter>>();
  #size = 0;
  readonly #toLook = new Set<string>();
  /** Never rejects. */
  #looking: Promise<void> | undefined;
  #retry: NodeJS.Timeout | undefined;

  constructor(options: WaitersOptions) {
    this.#options = options;
    this.#watch = options.queue.watchEnds({
      onMessage: (ids) => {
        for (let at = 0; at < ids.length; at += ID_LENGTH) this.look(ids.slice(at, at + ID_LENGTH));
      },
      onHeard: () => { for (const id of this.#byId.keys()) this.look(id); },
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

  /** Looks whether a job that is waited for has ended. */
  look(id: string): void {
    if (!this.#byId.has(id)) return;
    this.#toLook.add(id);
    this.#looking ??= this.#lookAtAll().finally(() => { this.#looking = undefined; });
  }

  /** Nobody is kept waiting any longer. */
  async close(): Promise<void> {
    for (const waiters of [...this.#byId.values()]) for (const waiter of waiters) if (this.#remove(waiter)) waiter.done(undefined);
    clearTimeout(this.#retry);
    await this.#looking;
  }

  async #lookAtAll(): Promise<void> {
    await new Promise(setImmediate); // what is told in one turn of the event loop is read in one call
    while (this.#toLook.size > 0) {
      const ids = [...this.#toLook].slice(0, MAX_LOOKS);
      for (const id of ids) this.#toLook.delete(id);
      try {
        await this.#lookAt(ids);
      } catch {
        // Redis or Postgres is away; whoever waits need not know before the deadline.
        this.#retry ??= setTimeout(() => {
          this.#retry = undefined;
          for (const id of this.#byId.keys()) this.look(id);
        }, RETRY_MS);
        return;
      }
    }
  }

  async #lookAt(ids: readonly string[]): Promise<void> {
    const { queue, store } = this.#options;
    const inRedis = new Map((await queue.read(ids)).map((job) => [job.id, viewOf(job)]));
    const views = await Promise.all(ids.map(async (id) => inRedis.get(id) ?? store.get(id)));
    for (const view of views) if (view && hasEnded(view)) this.#end(view);
  }

  #end(view: JobView): void {
    for (const waiter of this.#byId.get(view.id) ?? []) if (this.#remove(waiter)) waiter.done(view);
  }

  #expire(waiter: Waiter): void {
    const answer = (view: JobView | undefined): void => { if (this.#remove(waiter)) waiter.done(view); };
    findJob(this.#options, waiter.id).then(answer, () => answer(undefined));
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
