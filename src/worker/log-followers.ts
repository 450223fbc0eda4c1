/**
 * The replicas whose clients follow jobs that run here: each gets the log lines of the attempts. A follower asks, and
 * asks again while it follows (queue/log-channel.ts). Attempts that nobody follows are not touched.
 *
 * Lines travel in batches of what the attempt keeps, its last 50 lines. The shortest time between two batches bounds
 * the rate; a handler that logs faster loses lines here, which their numbers show.
 */
import type { Attempt, LogFollower } from "../execute/attempt.ts";
import type { LogChannel, LogRequest } from "../queue/log-channel.ts";
import type { Leases } from "./leases.ts";

/** The shortest time between two batches of an attempt: at most 100 lines a second. */
const BATCH_MS = 500;
/** How long the first line of a batch waits for others. */
const LINGER_MS = 50;
/** How long a request counts: three periods in which a follower repeats it. */
const REQUEST_MS = 45_000;
/**
 * A request may arrive before the answer of the claim that starts its job, on another connection: it is tried again
 * after these times.
 */
const RETRIES_MS = [50, 250, 1_000];

export interface LogFollowersOptions {
  readonly channel: Pick<LogChannel, "send">;
  readonly leases: Pick<Leases, "running">;
  readonly replica: string;
  readonly onError: (error: unknown) => void;
}

export class LogFollowers {
  readonly #options: LogFollowersOptions;
  readonly #retries = new Set<NodeJS.Timeout>();

  constructor(options: LogFollowersOptions) {
    this.#options = options;
  }

  /** Another replica follows jobs, or no longer. */
  readonly take = (replica: string, requests: readonly LogRequest[]): void => this.#take(replica, requests, 0);

  close(): void {
    for (const retry of this.#retries) clearTimeout(retry);
    this.#retries.clear();
  }

  #take(replica: string, requests: readonly LogRequest[], tries: number): void {
    const attempts = this.#options.leases.running(new Set(requests.map(({ id }) => id)));
    const missing = requests.filter(({ id, from }) => {
      const attempt = attempts.get(id);
      if (attempt) this.#follow(attempt, replica, from);
      return !attempt && from > 0;
    });
    const delayMs = RETRIES_MS[tries];
    if (missing.length === 0 || delayMs === undefined) return;
    const retry = setTimeout(() => {
      this.#retries.delete(retry);
      this.#take(replica, missing, tries + 1);
    }, delayMs);
    this.#retries.add(retry);
  }

  #follow(attempt: Attempt, replica: string, from: number): void {
    if (from === 0) {
      if (attempt.logFollower instanceof FollowedLog) attempt.logFollower.leave(replica);
      return;
    }
    const log =
      attempt.logFollower instanceof FollowedLog ? attempt.logFollower : new FollowedLog(attempt, this.#options);
    attempt.logFollower = log;
    log.join(replica, from);
  }
}

/** The log of one attempt, with the replicas that follow it. */
class FollowedLog implements LogFollower {
  readonly #attempt: Attempt;
  readonly #options: LogFollowersOptions;
  /** By replica: the number of the next line that it gets, and when its request ends, by `performance.now()`. */
  readonly #replicas = new Map<string, { readonly next: number; readonly until: number }>();
  #timer: NodeJS.Timeout | undefined;
  #sentAt = Number.NEGATIVE_INFINITY;

  constructor(attempt: Attempt, options: LogFollowersOptions) {
    this.#attempt = attempt;
    this.#options = options;
  }

  join(replica: string, from: number): void {
    this.#replicas.set(replica, { next: from, until: performance.now() + REQUEST_MS });
    this.#plan(0);
  }

  leave(replica: string): void {
    this.#replicas.delete(replica);
    if (this.#replicas.size === 0) this.#stop();
  }

  onLine(): void {
    this.#plan(LINGER_MS);
  }

  onEnd(): void {
    this.#send();
    this.#stop();
  }

  #plan(delayMs: number): void {
    const inMs = Math.max(delayMs, this.#sentAt + BATCH_MS - performance.now());
    this.#timer ??= setTimeout(() => this.#send(), inMs);
  }

  #send(): void {
    const { channel, replica: worker, onError } = this.#options;
    const { job, stopReason } = this.#attempt;
    const now = performance.now();
    clearTimeout(this.#timer);
    this.#timer = undefined;
    this.#sentAt = now;
    for (const [replica, { next, until }] of this.#replicas) {
      if (until < now) {
        this.leave(replica);
        continue;
      }
      const { first, lines } = this.#attempt.linesFrom(next);
      if (lines.length === 0 || stopReason === "lost") continue; // another replica may run the job now
      this.#replicas.set(replica, { next: first + lines.length, until });
      const { id, attempt, startedAt } = job;
      channel.send(replica, { id, attempt, worker, startedAt: startedAt ?? 0, first, lines }).catch(onError);
    }
  }

  #stop(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    this.#attempt.logFollower = undefined;
  }
}
