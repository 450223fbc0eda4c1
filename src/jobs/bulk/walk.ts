/**
 * A bulk operation: an action on all jobs that a filter names, newest first. It walks twice, to count them and to act;
 * or once, if it knows how many jobs remain to be examined. A backfill walks in the same way over the ticks of a
 * schedule, the oldest first: each tick takes the place of an id.
 *
 * Once a second it saves its position with the job, and the next attempt continues from there: exactly after a drain,
 * and up to a second earlier after a crash, so an action must have no effect the second time. The counts are part of
 * the position and stay exact. An action may change what its filter finds: such an operation also saves the jobs of
 * each call before the call, and the next attempt checks them first. No attempt lasts longer than ten minutes: then it
 * releases the job, which does not count as an attempt.
 */
import { setTimeout as sleep } from "node:timers/promises";
import type { Rechecked } from "../../core/bulk.ts";
import type { AttemptContext } from "../../core/job-type.ts";
import { ReleaseError } from "../../core/job-type.ts";
import type { Acted, WalkPage } from "../../core/reruns.ts";
import { CodedError, ScriptFailed } from "../../errors.ts";
import { reasonOf } from "../../observability/reason.ts";
import { bulkError } from "./error-codes.ts";

const MAX_ATTEMPT_MS = 600_000;
/** The share of a short attempt's time limit that is used: the rest is for the calls in progress at its end. */
const SHARE_OF_TIMEOUT = 1 / 2;
/** The further share that a wait for the pace may use: the wait is a second at most. */
const SHARE_OF_PACE = 1 / 4;
const SAVE_EVERY_MS = 1_000;
/** For a longer wait the job gives up its slot. */
const MAX_QUOTA_WAIT_MS = 5_000;
/** The wait before a store that was unavailable is tried again. */
const AWAY_MS = 1_000;
/** Jobs of one call of the action. Their ids fit into a saved state, which has 16 KiB. */
const MAX_BATCH = 200;

/** The saved position of a walk. */
export interface Position {
  /** All jobs that pass, as far as they are counted; or all jobs that will be examined. */
  readonly total: number;
  readonly isCounted: boolean;
  /** The walk goes on below this id; null at its beginning. */
  readonly below: string | null;
  readonly matched: number;
  readonly done: number;
  /** The jobs of a call that may have been interrupted. */
  readonly pending?: readonly string[] | undefined;
}

/** The position of a walk that has not begun. */
export const START: Position = { total: 0, isCounted: false, below: null, matched: 0, done: 0 };

export interface BulkOperation {
  /**
   * The jobs that the filter names: the same ones, in the same order, in each attempt. @param below only ids below this
   * one
   */
  readonly matching: (below: string | undefined) => AsyncIterable<WalkPage>;
  /** Acts on these jobs, once each even if called again, as far as pace and quotas allow. */
  readonly act: (ids: readonly string[]) => Promise<Acted>;
  /** Given if the action changes what the filter finds: judges the jobs of a call that may have been interrupted. */
  readonly recheck?: (ids: readonly string[]) => Promise<Rechecked>;
  /**
   * How many jobs below an id are still to be examined. If it is not given, or resolves with undefined, the operation
   * counts the jobs that match before it acts.
   */
  readonly remaining?: (below: string | undefined) => Promise<number | undefined>;
}

export interface WalkResult {
  /** The jobs that matched the filter when the operation came to them. */
  readonly matched: number;
  /** To how many of them the action applied. */
  readonly done: number;
  /** The others: they ended, or changed, before the action reached them. */
  readonly skipped: number;
}

export type WalkContext = Pick<AttemptContext<unknown>, "state" | "save" | "signal" | "timeoutMs" | "progress" | "log">;

export async function walk(operation: BulkOperation, context: WalkContext): Promise<WalkResult> {
  const { matched, done } = await new Walk(operation, context).run();
  return { matched, done, skipped: matched - done };
}

class Walk {
  readonly #operation: BulkOperation;
  readonly #context: WalkContext;
  readonly #endsAt: number;
  #position: Position;
  #saved: Position;
  #savedAt = Number.NEGATIVE_INFINITY;
  #isAway = false;
  #isWaitLogged = false;
  /** The jobs that are still to be examined, if the operation knows. */
  #remaining: number | undefined;
  /** The page in progress: how many jobs match, on how many it has acted, and how many remain after the page. */
  #page: { readonly size: number; acted: number; readonly remaining: number } | undefined;

  constructor(operation: BulkOperation, context: WalkContext) {
    this.#operation = operation;
    this.#context = context;
    this.#endsAt = performance.now() + Math.min(MAX_ATTEMPT_MS, context.timeoutMs * SHARE_OF_TIMEOUT);
    this.#position = (context.state as Position | undefined) ?? START;
    this.#saved = this.#position;
  }

  async run(): Promise<Position> {
    try {
      await this.#patiently(() => this.#count());
      this.#report();
      await this.#patiently(() => this.#act());
      return this.#position;
    } catch (error) {
      // then it goes on from what was saved before
      if (this.#position !== this.#saved) await this.#save().catch(() => undefined);
      throw error;
    }
  }

  async #count(): Promise<void> {
    this.#remaining = await this.#remainingBelow(this.#position.below);
    if (this.#position.isCounted) return;
    if (this.#remaining !== undefined) {
      this.#position = { ...this.#position, total: this.#remaining, isCounted: true };
      return;
    }
    for await (const { ids, reached } of this.#pages()) {
      this.#isAway = false;
      this.#position = { ...this.#position, total: this.#position.total + ids.length, below: reached };
      await this.#checkpoint();
    }
    this.#position = { ...this.#position, isCounted: true, below: null };
  }

  async #act(): Promise<void> {
    await this.#resume();
    for await (const { ids, reached } of this.#pages()) {
      const remaining = await this.#remainingBelow(reached);
      this.#page = remaining === undefined ? undefined : { size: ids.length, acted: 0, remaining };
      await this.#actOnAll(ids);
      this.#position = { ...this.#position, below: reached };
      this.#page = undefined;
      this.#remaining = remaining;
      if (remaining !== undefined) this.#report();
      await this.#checkpoint();
    }
  }

  /** Completes the call that the attempt before this one, or an outage, may have interrupted. */
  async #resume(): Promise<void> {
    const { recheck } = this.#operation;
    const { pending } = this.#position;
    const last = pending?.at(-1);
    if (!recheck || !pending || last === undefined) return;
    const { open, done } = await recheck(pending);
    const { matched, done: before } = this.#position;
    this.#position = {
      ...this.#position,
      matched: matched + pending.length - open.length,
      done: before + done,
      pending: open,
    };
    await this.#actOnAll(open);
    this.#position = { ...this.#position, pending: undefined, below: last };
  }

  async #actOnAll(ids: readonly string[]): Promise<void> {
    for (let at = 0; at < ids.length; ) at += await this.#actOn(ids.slice(at, at + MAX_BATCH));
  }

  /** @returns how many of them are dealt with */
  async #actOn(ids: readonly string[]): Promise<number> {
    this.#context.signal.throwIfAborted();
    if (this.#operation.recheck) {
      this.#position = { ...this.#position, pending: ids };
      await this.#save();
    }
    const { examined, done, wait } = await this.#operation.act(ids);
    this.#isAway = false;
    const { matched, done: before, below } = this.#position;
    this.#position = {
      ...this.#position,
      pending: undefined,
      matched: matched + examined,
      done: before + done,
      below: ids[examined - 1] ?? below,
    };
    if (this.#page) this.#page.acted += examined;
    this.#report();
    await this.#checkpoint();
    if (wait) await this.#wait(wait);
    return examined;
  }

  async *#pages(): AsyncGenerator<WalkPage> {
    for await (const page of this.#operation.matching(this.#position.below ?? undefined)) {
      this.#context.signal.throwIfAborted();
      yield page;
    }
  }

  async #remainingBelow(id: string | null): Promise<number | undefined> {
    return this.#operation.remaining?.(id ?? undefined);
  }

  /** The jobs of a page that do not match count as its jobs are dealt with: most operations have one page. */
  #report(): void {
    const { total, matched } = this.#position;
    const remaining = this.#remaining;
    const { size, acted, remaining: after } = this.#page ?? { size: 0, acted: 0, remaining: 0 };
    const examined =
      remaining === undefined ? matched : total - remaining + (size === 0 ? 0 : ((remaining - after) * acted) / size);
    this.#context.progress(total === 0 ? 0 : Math.max(0, Math.min(100, (100 * examined) / total)));
  }

  async #save(): Promise<void> {
    const { save } = this.#context;
    if (!save) throw new Error("a bulk operation runs on the main thread of a replica");
    const position = this.#position;
    await save(position);
    this.#saved = position;
    this.#savedAt = performance.now();
  }

  /** @throws ReleaseError the time of this attempt is over */
  async #checkpoint(): Promise<void> {
    const now = performance.now();
    if (now < this.#endsAt && now - this.#savedAt < SAVE_EVERY_MS) return;
    await this.#save();
    if (now >= this.#endsAt) throw new ReleaseError("the next attempt goes on from here");
  }

  /** @throws RetryAfterError the wait is too long to occupy a slot */
  async #wait({ for: reason, ms }: NonNullable<Acted["wait"]>): Promise<void> {
    const { signal, log, timeoutMs } = this.#context;
    const leftMs = this.#endsAt - performance.now();
    const { done, total } = this.#position;
    if (reason === "quota" && !this.#isWaitLogged)
      log("the quota of the API key is used up; the remaining jobs wait for it", { done, matched: total, wait_ms: ms });
    this.#isWaitLogged ||= reason === "quota";
    const longest =
      reason === "quota" ? Math.min(leftMs, MAX_QUOTA_WAIT_MS) : Math.max(leftMs, timeoutMs * SHARE_OF_PACE);
    if (ms <= longest) {
      await sleep(ms, undefined, { signal });
      return;
    }
    await this.#save();
    if (reason === "pace")
      throw bulkError.retryAfter("paced", "The operation keeps to its rate.", ms, { waitsForTurn: true });
    const message =
      "The quota of the API key that submitted this job is used up. The job continues as the quota refills.";
    throw bulkError.retryAfter("quota_exceeded", message, ms, { waitsForTurn: true });
  }

  /** Retries from its position while Redis or Postgres is unavailable: an outage does not count as an attempt. */
  async #patiently(pass: () => Promise<void>): Promise<void> {
    const { signal, log } = this.#context;
    for (;;) {
      try {
        await pass();
        return;
      } catch (error) {
        if (signal.aborted || !isAway(error)) throw error;
        if (!this.#isAway) log("waiting for Redis or Postgres", { error: reasonOf(error) });
        this.#isAway = true;
        await sleep(AWAY_MS, undefined, { signal });
        if (performance.now() >= this.#endsAt) await this.#checkpoint();
      }
    }
  }
}

function isAway(error: unknown): boolean {
  return error instanceof CodedError && error.status === 503 && !(error instanceof ScriptFailed);
}
