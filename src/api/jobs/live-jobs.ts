/** Finds live jobs by filters: by their headers, and by their payloads where a filter needs them. */
import type { Job } from "../../core/job.ts";
import type { JobFilters } from "../../core/job-filters.ts";
import { passesFilters } from "../../core/job-filters.ts";
import { viewOf } from "../../core/job-view.ts";
import { isLarge } from "../../core/payload.ts";
import { needsPayload } from "../../core/payload-search.ts";
import type { Queue } from "../../queue/queue.ts";

/** Jobs whose payloads are read at once: each may have a result of 1 MiB. */
const READ_CHUNK = 20;

/** How much a search in payloads may still read; it counts down. */
export interface SearchBudget {
  bytes: number;
  /** The search ends at this time (`performance.now()`). */
  readonly endsAt: number;
}

export interface LiveMatches {
  /** The jobs that pass, in the order of their ids, without their payloads. */
  readonly jobs: readonly Job[];
  /** How many of the ids were examined, from the first on: all, unless the budget is spent. At least one. */
  readonly examined: number;
}

/**
 * The jobs of these ids that pass the filters.
 * @param budget of payloads; a search without one examines all ids
 */
export async function liveMatches(
  queue: Pick<Queue, "readHeaders" | "read" | "payload">,
  ids: readonly string[],
  filters: JobFilters,
  budget: SearchBudget = { bytes: Infinity, endsAt: Infinity },
): Promise<LiveMatches> {
  const headers = await queue.readHeaders(ids);
  if (!needsPayload(filters))
    return { jobs: headers.filter((job) => passesFilters(viewOf(job), filters)), examined: ids.length };
  const byHeader = { ...filters, payload: undefined, q: undefined };
  const candidates = headers.filter((job) => passesFilters(viewOf(job), byHeader));
  const jobs: Job[] = [];
  for (let at = 0; at < candidates.length; at += READ_CHUNK) {
    const part = candidates.slice(at, at + READ_CHUNK);
    const whole = new Map((await queue.read(part.map(({ id }) => id))).map((job) => [job.id, job]));
    for (const header of part) {
      const job = whole.get(header.id);
      const text = job && (await payloadText(queue, job));
      if (text !== undefined && passesFilters({ ...viewOf(header), payload: text }, filters)) jobs.push(header);
      budget.bytes -= text?.length ?? 0;
      if (budget.bytes <= 0 || performance.now() > budget.endsAt) return { jobs, examined: ids.indexOf(header.id) + 1 };
    }
  }
  return { jobs, examined: ids.length };
}

/** The payload as JSON; "" if it is lost. */
async function payloadText(queue: Pick<Queue, "payload">, { id, payload }: Job): Promise<string> {
  if (!isLarge(payload)) return payload;
  return (await queue.payload(id, payload.size))?.toString("utf8") ?? "";
}
