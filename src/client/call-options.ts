/** The options of calls: those that several share, and those of calls without a file. */

export interface CallOptions {
  /** Aborts the call and its repetitions: it then rejects with the signal's reason. */
  readonly signal?: AbortSignal | undefined;
}

export interface KeyedOptions extends CallOptions {
  /**
   * The same request with the same key creates its jobs once, for 24 hours (the server's IDEMPOTENCY_TTL). Default: a
   * new random key for each call, so that the repetitions of one call create its jobs once.
   */
  readonly idempotencyKey?: string | undefined;
}

export interface RetryOptions extends KeyedOptions {
  /** Also a job of a flow or batch, which stays as it is: the new job does not belong to it. */
  readonly alone?: boolean | undefined;
}

export interface PauseOptions extends CallOptions {
  /** Why, for others: `queues` and the audit log show it. */
  readonly reason?: string | undefined;
}

export interface ArtifactOptions extends CallOptions {
  /** A range of bytes, `start` and `end` included; without `end`, to the end of the file. */
  readonly range?: { readonly start: number; readonly end?: number | undefined } | undefined;
}

/** Not `crypto.randomUUID()`, which browsers offer to pages from https only. */
export function randomKey(): string {
  return Array.from(crypto.getRandomValues(new Uint8Array(16)), (byte) => byte.toString(16).padStart(2, "0")).join("");
}
