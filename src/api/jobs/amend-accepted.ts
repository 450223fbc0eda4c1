/** Keeps the acceptance log up to date with changes of waiting jobs. */
import type { Job } from "../../core/job.ts";
import { sizeOf, wholePayload } from "../../core/payload.ts";
import type { Queue } from "../../queue/queue.ts";
import type { Store } from "../../results/store.ts";

interface AmendParts {
  readonly queue: Pick<Queue, "payload">;
  readonly store: Pick<Store, "amend">;
}

/**
 * Stores the new submission in the acceptance log, from which a restore would otherwise bring back the old one. Only
 * then the request succeeds; a repeat after a failure stores it again.
 */
export async function amendAccepted({ queue, store }: AmendParts, job: Job): Promise<void> {
  if (job.options.durability !== "postgres" || job.options.revision === undefined) return;
  const payload = await wholePayload(job.payload, (size) => queue.payload(job.id, size));
  // Otherwise the job has ended, or a later update has another payload
  if (payload !== undefined && sizeOf(payload) === sizeOf(job.payload)) await store.amend(job.id, { ...job, payload });
}
