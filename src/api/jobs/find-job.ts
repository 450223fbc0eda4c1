/**
 * The look-up of a job for all calls about it. A job is in Redis while it waits or runs, and until Postgres has its
 * row. A durable job that Redis did not get, or has lost, is only in the acceptance log until a replica restores it.
 */
import type { Caller } from "../../core/api-key.ts";
import type { Job, JobView, Submission } from "../../core/job.ts";
import { viewOf, viewOfSubmission } from "../../core/job-view.ts";
import { mayActOn, readsAll } from "../../core/ownership.ts";
import { CodedError, QueueUnavailable } from "../../errors.ts";
import type { RecordedJob, Store } from "../../results/store.ts";

/** Where a job was found, and what was found there. */
export type Found<Live, Row, Accepted> =
  | { readonly source: "redis"; readonly live: Live }
  | { readonly source: "postgres"; readonly row: Row }
  | { readonly source: "accepted"; readonly accepted: Accepted };

/** The look-up in each source; undefined if it does not have the job. */
export interface Lookups<Live, Row, Accepted> {
  readonly inRedis: () => Promise<Live | undefined>;
  readonly inPostgres: () => Promise<Row | undefined>;
  readonly inAccepted: () => Promise<Accepted | undefined>;
}

/**
 * Looks in Redis, then Postgres, then Redis again, then the acceptance log: a job that is recorded and forgotten
 * between the first two look-ups is in Postgres, and a job that is enqueued between them is in Redis.
 * @throws CodedError if a source that may have the job is unavailable
 */
export async function find<Live, Row, Accepted>({
  inRedis,
  inPostgres,
  inAccepted,
}: Lookups<Live, Row, Accepted>): Promise<Found<Live, Row, Accepted> | undefined> {
  let unavailable: unknown;
  const first = await inRedis().catch((error: unknown) => {
    if (!(error instanceof CodedError)) throw error;
    unavailable = error; // Postgres may have the job
    return undefined;
  });
  if (first !== undefined) return { source: "redis", live: first };
  const row = await inPostgres();
  if (row !== undefined) return { source: "postgres", row };
  if (unavailable !== undefined)
    throw new QueueUnavailable("Redis is unavailable, and the job may be there", unavailable);
  const live = await inRedis();
  if (live !== undefined) return { source: "redis", live };
  const accepted = await inAccepted();
  return accepted === undefined ? undefined : { source: "accepted", accepted };
}

export type FoundJob<Live> = Found<Live, RecordedJob, Submission>;

export interface FindJobOptions<Live> {
  /** The look-up in Redis; with a caller, it must not find a job that the caller may not act on. */
  readonly inRedis: () => Promise<Live | undefined>;
  /**
   * Who acts on the job. A job that this caller may not act on is not found, after the same look-ups as for one that
   * does not exist.
   */
  readonly caller?: Caller | undefined;
}

/** Looks for a job in all three sources. Throws as {@link find}. */
export function findJob<Live>(
  store: Pick<Store, "get" | "options" | "accepted">,
  id: string,
  { inRedis, caller }: FindJobOptions<Live>,
): Promise<FoundJob<Live> | undefined> {
  return find<Live, RecordedJob, Submission>({
    inRedis,
    inPostgres: async () => (readsAll(caller) || mayActOn(caller, await store.options(id)) ? store.get(id) : undefined),
    inAccepted: async () => {
      const accepted = await store.accepted(id);
      return accepted && mayActOn(caller, accepted.options) ? accepted : undefined;
    },
  });
}

/** The view of a job from any source. */
export function viewOfFound(id: string, found: FoundJob<Job>): JobView {
  switch (found.source) {
    case "redis":
      return viewOf(found.live);
    case "postgres":
      return found.row;
    case "accepted":
      return viewOfSubmission(id, found.accepted);
  }
}
