/** Running finished jobs again in bulk: what the job type `replay` asks of its replica. */

/** Which jobs; what is absent it does not ask, but that without a status only failed jobs are meant. Times are RFC 3339: from the one, up to but without the other. */
export interface ReplayFilters {
  readonly status?: "failed" | "cancelled" | "completed" | undefined;
  readonly type?: string | undefined;
  readonly tag?: string | undefined;
  readonly group_key?: string | undefined;
  readonly error_code?: string | undefined;
  readonly created_after?: string | undefined;
  readonly created_before?: string | undefined;
}

export interface ReplayScan {
  /** Whose it is: those of several callers take turns. */
  readonly caller?: string;
  /** Ends it: nobody is there for what it finds. */
  readonly signal?: AbortSignal;
}

export interface Replays {
  /**
   * The ids, in slices, of the jobs that pass the filters and had ended when the job of id `replayId` was accepted; replays are none of them.
   * Rejects while Redis or Postgres is away, and with the signal's reason once it is aborted.
   */
  matching(filters: ReplayFilters, replayId: string, scan?: ReplayScan): AsyncIterable<readonly string[]>;
  /**
   * Enqueues a copy of each of these jobs, unless an earlier call for the same `replayId` has, whatever became of that copy since.
   * @returns how many of them have a copy now: all but those whose retention ended meanwhile
   */
  copy(replayId: string, ids: readonly string[]): Promise<number>;
}
