/**
 * The work of the lease guard, on its own thread: it checks the times that the main thread publishes (beat.ts), each
 * time at the earliest moment of a problem. It handles two problems, independently:
 *
 *   the leases were not renewed for half of their time   → renew them, and publish the time to the main thread
 *   the main thread is more than a second late           → find out which handler blocks it, log that, finally end the process
 */
import { performance } from "node:perf_hooks"; // not the global, which is looked up at each use
import type { Log } from "../observability/log.ts";
import { reasonOf } from "../observability/reason.ts";
import type { ReplicaLeases } from "../queue/replica-leases.ts";
import type { Beat } from "./beat.ts";
import type { Blocker } from "./blocker.ts";

/**
 * A main thread that is later than this counts as blocked: under ordinary load, the longest turns of the event loop
 * take a tenth of it.
 */
const BLOCKED_MS = 1_000;
/** Between two checks while the main thread is blocked, and while there is nothing to check. */
const LOOK_MS = 1_000;
/**
 * The main thread renews at a third of a lease. If it has not at half of it, the guard still has time for two tries.
 */
const OVERDUE_SHARE = 1 / 2;
/** Time limit of a call to Redis, as on the main thread. */
const CALL_TIMEOUT_MS = 5_000;
/** Shorter than the time after which firewalls drop an idle connection. */
const PING_PERIOD_MS = 30_000;

export interface BlockWatchOptions {
  readonly leases: Pick<ReplicaLeases, "renew" | "ping">;
  readonly leaseMs: number;
  readonly beat: Beat;
  readonly log: Pick<Log, "info" | "warn" | "fatal">;
  readonly longestBlockMs: number;
  readonly findBlocker: () => Promise<Blocker | undefined>;
  /** Ends the process at once. */
  readonly end: () => void;
}

interface Block {
  /** When the main thread was due to beat. */
  readonly dueAt: number;
  /** When the block began, moved on by the time for which the whole process was stopped. */
  since: number;
  blocker: Blocker | undefined;
  renewals: number;
}

export class BlockWatch {
  readonly #options: BlockWatchOptions;
  #block: Block | undefined;
  #lookAt: number | undefined;
  #renewal: Promise<void> | undefined;
  #retryAt = 0;
  #pingAt = 0;

  constructor(options: BlockWatchOptions) {
    this.#options = options;
  }

  /** @returns in how many milliseconds to check again */
  look(): number {
    const now = performance.now();
    const stoodStillMs = now - (this.#lookAt ?? now);
    if (stoodStillMs > BLOCKED_MS)
      this.#excuse(stoodStillMs); // the whole process was stopped or starved, this thread with it
    else this.#watch(now);
    if (now >= (this.#renewAt() ?? Number.POSITIVE_INFINITY))
      this.#renewal ??= this.#renew(now).finally(() => {
        this.#renewal = undefined;
      });
    if (now >= this.#pingAt) {
      this.#pingAt = now + PING_PERIOD_MS;
      this.#options.leases.ping(CALL_TIMEOUT_MS);
    }
    const inMs = this.#nextLookIn(now);
    this.#lookAt = now + inMs;
    return inMs;
  }

  #nextLookIn(now: number): number {
    const { dueAt } = this.#options.beat;
    const lateAt = this.#block || dueAt === undefined || dueAt + BLOCKED_MS <= now ? now + LOOK_MS : dueAt + BLOCKED_MS;
    const renewAt = this.#renewal ? undefined : this.#renewAt();
    return Math.max(1, Math.ceil(Math.min(lateAt, renewAt ?? lateAt, this.#pingAt) - now));
  }

  #excuse(ms: number): void {
    if (this.#block) this.#block.since += ms;
  }

  #watch(now: number): void {
    const { dueAt } = this.#options.beat;
    if (this.#block && dueAt !== this.#block.dueAt) this.#over(this.#block, now);
    if (dueAt === undefined || now - dueAt <= BLOCKED_MS) return;
    if (!this.#block) {
      this.#block = { dueAt, since: dueAt, blocker: undefined, renewals: 0 };
      this.#logWho(this.#block);
    }
    if (now - this.#block.since > this.#options.longestBlockMs) this.#end(this.#block, now);
  }

  #over(block: Block, now: number): void {
    this.#block = undefined;
    const { log } = this.#options;
    log.info(
      {
        blocked_ms: Math.round(now - block.since),
        ...(block.blocker?.type !== undefined && { type: block.blocker.type }),
        lease_renewals: block.renewals,
      },
      "the event loop runs again",
    );
  }

  #logWho(block: Block): void {
    const { log, findBlocker } = this.#options;
    const write = (fields: Record<string, unknown>): void =>
      log.warn({ blocked_ms: Math.round(performance.now() - block.since), ...fields }, "the event loop is blocked");
    findBlocker().then(
      (blocker) => {
        block.blocker = blocker;
        write(fieldsOf(blocker));
      },
      (error: unknown) => write({ error }),
    );
  }

  #end(block: Block, now: number): void {
    const { log, end } = this.#options;
    log.fatal(
      { blocked_ms: Math.round(now - block.since), ...fieldsOf(block.blocker) },
      "the event loop was blocked for too long; this process exits, and other replicas take over its jobs",
    );
    end();
  }

  /** When the guard must renew leases; undefined if the main thread has none, or has lost them already. */
  #renewAt(): number | undefined {
    const renewedAt = this.#renewedAt();
    if (renewedAt === undefined || performance.now() - renewedAt > this.#options.leaseMs) return undefined;
    return Math.max(renewedAt + this.#options.leaseMs * OVERDUE_SHARE, this.#retryAt);
  }

  #renewedAt(): number | undefined {
    const { renewedAt, guardedAt } = this.#options.beat;
    return renewedAt === undefined ? undefined : Math.max(renewedAt, guardedAt ?? renewedAt);
  }

  async #renew(startedAt: number): Promise<void> {
    const { leases, leaseMs, beat, log } = this.#options;
    try {
      await leases.renew(Math.min(CALL_TIMEOUT_MS, leaseMs / 3));
      // Once a lease has expired, another replica may have claimed its job: the main thread must not rely on it.
      const renewedAt = this.#renewedAt();
      if (renewedAt === undefined || performance.now() - renewedAt > leaseMs) return;
      beat.guardedAt = startedAt;
      if (this.#block) this.#block.renewals += 1;
    } catch (error) {
      this.#retryAt = performance.now() + Math.min(1_000, leaseMs / 10);
      if (this.#block)
        log.warn({ error: reasonOf(error) }, "leases could not be renewed while the event loop is blocked");
    }
  }
}

function fieldsOf(blocker: Blocker | undefined): Record<string, unknown> {
  if (!blocker) return {};
  const { type, running, jobIds, at, stack } = blocker;
  return { ...(type !== undefined && { type }), running, job_ids: jobIds, at, stack };
}
