/**
 * The one look-up of a job for all calls about it. A job is in Redis while it waits or runs, and until Postgres holds its row; a durable job that
 * Redis lacks (it did not get it, or has lost it) is in the acceptance log alone, until the restore puts it back.
 */
import type { ApiKey } from "../../core/api-key.ts";
import type { Job, JobView, Submission } from "../../core/job.ts";
import { viewOf, viewOfSubmission } from "../../core/job-view.ts";
import { mayActOn, readsAll } from "../../core/ownership.ts";
import { QueueUnavailable, TaskFlowError } from "../../errors.ts";
import type { Store } from "../../results/store.ts";

/** Where a job is, and what was found there. */
export type Found<Live, Row, Accepted> =
  | { readonly place: "redis"; readonly live: Live }
  | { readonly place: "postgres"; readonly row: Row }
  | { readonly place: "accepted"; readonly accepted: Accepted };

/** What each place is asked; undefined where it does not have the job. */
export interface Lookups<Live, Row, Accepted> {
  readonly inRedis: () => Promise<Live | undefined>;
  readonly inPostgres: () => Promise<Row | undefined>;
  readonly inAccepted: () => Promise<Accepted | undefined>;
}

/**
 * Asks Redis, then Postgres, then Redis once more, then the acceptance log. A job that is recorded and forgotten between the first two
 * questions is in Postgres, and one that was enqueued between them is in Redis.
 * @throws TaskFlowError where the part that may have the job is away
 */
export async function find<Live, Row, Accepted>({
  inRedis,
  inPostgres,
  inAccepted,
}: Lookups<Live, Row, Accepted>): Promise<Found<Live, Row, Accepted> | undefined> {
  let unavailable: unknown;
  const first = await inRedis().catch((error: unknown) => {
    if (!(error instanceof TaskFlowError)) throw error;
    unavailable = error; // Postgres may have it
    return undefined;
  });
  if (first !== undefined) return { place: "redis", live: first };
  const row = await inPostgres();
  if (row !== undefined) return { place: "postgres", row };
  if (unavailable !== undefined) throw new QueueUnavailable("Redis is away, and the job may be there", unavailable);
  const live = await inRedis();
  if (live !== undefined) return { place: "redis", live };
  const accepted = await inAccepted();
  return accepted === undefined ? undefined : { place: "accepted", accepted };
}

export type FoundJob<Live> = Found<Live, JobView, Submission>;

export interface FindJobOptions<Live> {
  /** How it is looked for in Redis; with a caller, undefined also for a job that the caller may not act on. */
  readonly inRedis: () => Promise<Live | undefined>;
  /** Who acts on the job. A job that is not for this caller is not found, and asked for in every place, as one that does not exist. */
  readonly caller?: ApiKey | undefined;
}

/** Looks for a job in all three places. Throws as {@link find}. */
export function findJob<Live>(
  store: Pick<Store, "get" | "options" | "accepted">,
  id: string,
  { inRedis, caller }: FindJobOptions<Live>,
): Promise<FoundJob<Live> | undefined> {
  return find<Live, JobView, Submission>({
    inRedis,
    inPostgres: async () => (readsAll(caller) || mayActOn(caller, await store.options(id)) ? store.get(id) : undefined),
    inAccepted: async () => {
      const accepted = await store.accepted(id);
      return accepted && mayActOn(caller, accepted.options) ? accepted : undefined;
    },
  });
}

/** A job, wherever it was found. */
export function viewOfFound(id: string, found: FoundJob<Job>): JobView {
  switch (found.place) {
    case "redis":
      return viewOf(found.live);
    case "postgres":
      return found.row;
    case "accepted":
      return viewOfSubmission(id, found.accepted);
  }
}
