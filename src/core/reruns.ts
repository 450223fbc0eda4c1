/** Running finished jobs again in bulk: what the job type `replay` asks of its replica. */

export const RERUN_TYPE = "replay";

/**
 * Which jobs; what is absent it does not ask, but that without a status only failed jobs are meant. Times are RFC 3339:
 * from the one, up to but without the other.
 */
export interface RerunFilters {
  readonly status?: "failed" | "cancelled" | "completed" | undefined;
  readonly type?: string | undefined;
  readonly tag?: string | undefined;
  readonly group_key?: string | undefined;
  readonly error_code?: string | undefined;
  readonly created_after?: string | undefined;
  readonly created_before?: string | undefined;
  /** Whether jobs that run another one again (their `retry_of` names it) are among them. */
  readonly include_replayed?: boolean | undefined;
}

export interface RerunScan {
  /** Whose it is: those of several callers take turns. */
  readonly caller?: string;
  /** Only ids below this one: where an earlier scan ended. */
  readonly below?: string | undefined;
  /** Ends it: nobody is there for what it finds. */
  readonly signal?: AbortSignal;
}

/** A part of a walk through jobs, newest first. */
export interface WalkPage {
  /** The jobs that pass, newest first; there may be none. */
  readonly ids: readonly string[];
  /** All ids from this one on are examined: the walk goes on below it. */
  readonly reached: string;
}

/** What came of an action on jobs in a row. */
export interface Acted {
  /** So many of them, from the first on, are dealt with. */
  readonly examined: number;
  /** To so many of these the action applied, now or by an earlier call. */
  readonly done: number;
  /** Why the others have to wait: the pace of this walk, or a quota is spent; and for how long. */
  readonly wait?: { readonly for: "pace" | "quota"; readonly ms: number };
}

export interface Reruns {
  /**
   * The jobs that pass the filters and had ended when the job of id `replayId` was accepted, newest first; jobs of type
   * replay are none of them.
   * Each is on one page. Rejects while Redis or Postgres is away, and with the signal's reason once it is aborted.
   */
  matching(filters: RerunFilters, rerunId: string, scan?: RerunScan): AsyncIterable<WalkPage>;
  /**
   * Enqueues a copy of each of these jobs, unless an earlier call for the same `replayId` has, whatever became of that
   * copy since. What is newly enqueued is paced, over all replicas and attempts, and charged to the key that the replay
   * came with. Those whose retention ended meanwhile get none.
   * @param rate copies a second at most
   */
  copy(rerunId: string, ids: readonly string[], rate: number): Promise<Acted>;
}
