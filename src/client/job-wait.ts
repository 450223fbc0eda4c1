/** Waits for a job to end: by its events, or by polling where there are none. */
import type { Job } from "./contract.ts";
import type { EventOptions, JobEvent } from "./job-events.ts";
import { hasEnded } from "./job-events.ts";
import { pause } from "./pause.ts";
import { TaskFlowError } from "./taskflow-error.ts";
import { withinTime } from "./time-limit.ts";

const FIRST_POLL_MS = 200;
const MAX_POLL_MS = 5_000;

export interface WaitOptions {
  /** In milliseconds. Default: no limit. */
  readonly timeoutMs?: number | undefined;
  /** Called with each progress that the job reports, 0 to 100. */
  readonly onProgress?: ((progress: number) => void) | undefined;
  /** Ends the waiting with the signal's reason; the job continues. */
  readonly signal?: AbortSignal | undefined;
}

/** The part of the client that waiting uses. */
interface JobReader {
  get(id: string, options: { readonly signal?: AbortSignal | undefined }): Promise<Job>;
  events(options: EventOptions): AsyncIterable<JobEvent>;
}

export function waitForJob(jobs: JobReader, id: string, options: WaitOptions): Promise<Job> {
  const { timeoutMs, signal } = options;
  return withinTime({ timeoutMs, signal, what: `The job ${id}`, id }, (limited) =>
    endOf(jobs, id, { ...options, signal: limited }),
  );
}

async function endOf(jobs: JobReader, id: string, { onProgress, signal }: WaitOptions): Promise<Job> {
  try {
    for await (const event of jobs.events({ id, signal })) {
      if (!("status" in event)) continue;
      if (event.progress !== null) onProgress?.(event.progress);
      if (hasEnded(event)) return await jobs.get(id, { signal }); // the event has no payload
    }
  } catch (error) {
    signal?.throwIfAborted();
    if (!(error instanceof TaskFlowError)) throw error; // else poll: an issue with the job or the key shows there too
  }
  for (let delayMs = FIRST_POLL_MS; ; delayMs = Math.min(MAX_POLL_MS, delayMs * 1.5)) {
    const job = await jobs.get(id, { signal });
    if (job.progress !== null) onProgress?.(job.progress);
    if (hasEnded(job)) return job;
    await pause(delayMs, signal);
  }
}
