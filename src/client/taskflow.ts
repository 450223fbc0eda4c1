/**
 * `taskflow/client`: the API of TaskFlow for programs, in Node.js and in browsers. Answers are the API's JSON as it is.
 * What is passing (no answer, 429, 502 to 504) is repeated with backoff and jitter, no sooner than the server says.
 */
import type {
  AcceptedJob,
  Attempt,
  Health,
  Job,
  JobOptions,
  JobReceipt,
  ListFilters,
  Queue,
  ReplayFilters,
  Stats,
  Why,
  Worker,
} from "./contract.ts";
import type { EventOptions, JobEvent } from "./job-events.ts";
import { followJobs } from "./job-events.ts";
import type { WaitOptions } from "./job-wait.ts";
import { waitForJob } from "./job-wait.ts";
import type { PayloadOf, Submission } from "./submission.ts";
import { batchesOf, errorOfBatch, submissionJson } from "./submission.ts";
import { TaskFlowError } from "./taskflow-error.ts";
import type { TransportOptions } from "./transport.ts";
import { Transport } from "./transport.ts";
import { queryOf, wireOf } from "./wire.ts";

export type * from "./contract.ts";
export type { EventOptions, JobChange, JobEvent, JobState } from "./job-events.ts";
export type { WaitOptions } from "./job-wait.ts";
export type { PayloadOf, Submission } from "./submission.ts";
export type { FieldError } from "./taskflow-error.ts";
export { TaskFlowError } from "./taskflow-error.ts";
export type { JsonCodec, TransportOptions as TaskFlowOptions } from "./transport.ts";

export interface CallOptions {
  /** Ends the call, its repetitions included, with the signal's reason. */
  readonly signal?: AbortSignal | undefined;
}

export interface KeyedOptions extends CallOptions {
  /** Under the same key the same request makes jobs once, for 24 hours. Default: a new one for each call, which holds over its repetitions. */
  readonly idempotencyKey?: string | undefined;
}

export interface SubmitOptions extends JobOptions, KeyedOptions {
  /** Up to 60: answer with the finished job, if it has finished by then. */
  readonly waitSeconds?: number | undefined;
}

export interface ListOptions extends ListFilters, CallOptions {
  /** How many jobs are fetched at once, up to 1,000 (50). */
  readonly pageSize?: number | undefined;
}

export interface ReplayOptions extends CallOptions {
  /** How many a second at most (100). */
  readonly rate?: number | undefined;
}

export interface ArtifactOptions extends CallOptions {
  /** Bytes, both ends included; without an end, to that of the file. */
  readonly range?: { readonly start: number; readonly end?: number | undefined } | undefined;
}

/** Every method throws {@link TaskFlowError}, or the reason of its signal. */
export class TaskFlow {
  readonly #transport: Transport;

  /** @throws TypeError for a `url` that is none */
  constructor(options: TransportOptions) {
    this.#transport = new Transport(options);
  }

  /** @returns the job as it was accepted; with `waitSeconds`, as it is when it has finished or the time is over */
  submit<Type extends string>(type: Type, payload: PayloadOf<Type>, options: SubmitOptions = {}): Promise<Job> {
    const { idempotencyKey = randomKey(), waitSeconds, signal, ...jobOptions } = options;
    return this.#transport.json({
      method: "POST",
      path: `/api/v1/jobs${queryOf({ wait: waitSeconds })}`,
      body: submissionJson({ type, payload, ...jobOptions }, this.#transport.codec),
      headers: { "Idempotency-Key": idempotencyKey },
      signal,
      isRepeatable: true,
      waitMs: (waitSeconds ?? 0) * 1_000,
    });
  }

  /**
   * Any number of jobs, in batches of which each is accepted as a whole or not at all, one after the other. Where one is not, the error's
   * `accepted` holds the jobs of those before it, and the same call with the same `idempotencyKey` goes on behind them.
   * @returns ids and statuses, in order
   */
  async submitMany(
    jobs: Iterable<Submission> | AsyncIterable<Submission>,
    { idempotencyKey = randomKey(), signal }: KeyedOptions = {},
  ): Promise<AcceptedJob[]> {
    const accepted: AcceptedJob[] = [];
    for await (const { offset, body } of batchesOf(jobs, this.#transport.codec)) {
      const headers = { "Idempotency-Key": `${idempotencyKey}.${offset}` };
      try {
        const answer = await this.#transport.json<{ jobs: AcceptedJob[] }>({
          method: "POST",
          path: "/api/v1/jobs/batch",
          body,
          headers,
          signal,
          isRepeatable: true,
        });
        for (const job of answer.jobs) accepted.push(job);
      } catch (error) {
        throw error instanceof TaskFlowError ? errorOfBatch(error, offset, accepted) : error;
      }
    }
    return accepted;
  }

  get(id: string, options: CallOptions = {}): Promise<Job> {
    return this.#read(pathOf(id), options);
  }

  /** @returns the job when it has ended, in whatever status. @throws TaskFlowError `wait_timeout` where it has not in `timeoutMs` */
  waitFor(id: string, options: WaitOptions = {}): Promise<Job> {
    return waitForJob(this, id, options);
  }

  /** Newest first, page by page as they are taken. */
  async *list({ signal, pageSize, ...filters }: ListOptions = {}): AsyncGenerator<Job, void> {
    let cursor: string | null | undefined;
    while (cursor !== null) {
      const path = `/api/v1/jobs${queryOf({ ...filters, limit: pageSize, cursor })}`;
      const page: { jobs: Job[]; next_cursor: string | null } = await this.#read(path, { signal });
      yield* page.jobs;
      cursor = page.next_cursor;
    }
  }

  /**
   * Without the scope `read`, a key cancels the jobs that it submitted, and is told their id and status.
   * @returns the job: `cancelled` where it waited or was cancelled before, else still running, with its attempt told to stop. @throws TaskFlowError `job_finished`
   */
  async cancel(id: string, { signal }: CallOptions = {}): Promise<Job | JobReceipt> {
    try {
      return await this.#transport.json<Job | JobReceipt>({
        method: "DELETE",
        path: pathOf(id),
        signal,
        isRepeatable: true,
      });
    } catch (error) {
      if (!(error instanceof TaskFlowError) || error.code !== "job_finished") throw error;
      const job = await this.get(id, { signal }).catch((reason: unknown) => {
        throw reason instanceof TaskFlowError && reason.code === "scope_missing" ? error : reason;
      });
      if (job.status !== "cancelled") throw error; // else a request before this one has done it, and its answer was lost
      return job;
    }
  }

  /** Runs a failed or cancelled job once more; whose, and what is returned: as for `cancel`. @returns the new job, whose `retry_of` names this one */
  retry(id: string, { idempotencyKey = randomKey(), signal }: KeyedOptions = {}): Promise<Job | JobReceipt> {
    return this.#transport.json({
      method: "POST",
      path: `${pathOf(id)}/retry`,
      headers: { "Idempotency-Key": idempotencyKey },
      signal,
      isRepeatable: true,
    });
  }

  /** Runs again all finished jobs that the filters name: failed ones, where `status` does not say. @returns how many there are, or the job that does it */
  replay(filters: ReplayFilters, options: ReplayOptions & { readonly dryRun: true }): Promise<{ matched: number }>;
  replay(filters: ReplayFilters, options?: ReplayOptions & { readonly dryRun?: false | undefined }): Promise<Job>;
  replay(
    filters: ReplayFilters,
    { rate, dryRun = false, signal }: ReplayOptions & { readonly dryRun?: boolean | undefined } = {},
  ): Promise<{ matched: number } | Job> {
    const body = JSON.stringify(wireOf({ ...filters, rate, dryRun }));
    return this.#transport.json({ method: "POST", path: "/api/v1/jobs/replay", body, signal, isRepeatable: dryRun });
  }

  async attempts(id: string, options: CallOptions = {}): Promise<Attempt[]> {
    return (await this.#read<{ attempts: Attempt[] }>(`${pathOf(id)}/attempts`, options)).attempts;
  }

  /** Why the job is not running. */
  why(id: string, options: CallOptions = {}): Promise<Why> {
    return this.#read(`${pathOf(id)}/why`, options);
  }

  async queues(options: CallOptions = {}): Promise<Queue[]> {
    return (await this.#read<{ queues: Queue[] }>("/api/v1/queues", options)).queues;
  }

  /** From now on no replica claims jobs of the type. */
  pause(type: string, { signal }: CallOptions = {}): Promise<Queue> {
    return this.#transport.json({
      method: "POST",
      path: `/api/v1/queues/${encodeURIComponent(type)}/pause`,
      signal,
      isRepeatable: true,
    });
  }

  resume(type: string, { signal }: CallOptions = {}): Promise<Queue> {
    return this.#transport.json({
      method: "POST",
      path: `/api/v1/queues/${encodeURIComponent(type)}/resume`,
      signal,
      isRepeatable: true,
    });
  }

  stats(options: CallOptions = {}): Promise<Stats> {
    return this.#read("/api/v1/stats", options);
  }

  async workers(options: CallOptions = {}): Promise<Worker[]> {
    return (await this.#read<{ workers: Worker[] }>("/api/v1/workers", options)).workers;
  }

  /** A server that says `degraded` has answered: that is no error. */
  health({ signal }: CallOptions = {}): Promise<Health> {
    return this.#transport.json({ method: "GET", path: "/api/v1/health", signal, isRepeatable: true, alsoTakes: 503 });
  }

  /** The changes of all jobs, or of one to its end, as they happen. A connection that ends is followed by another, which is told what was missed. */
  events(options: EventOptions = {}): AsyncGenerator<JobEvent, void> {
    return followJobs(this.#transport, options);
  }

  /** A file that the job produced: its body is a stream. */
  artifact(id: string, name: string, { range, signal }: ArtifactOptions = {}): Promise<Response> {
    const headers = range ? { Range: `bytes=${range.start}-${range.end ?? ""}` } : {};
    return this.#transport.open({
      method: "GET",
      path: `${pathOf(id)}/artifacts/${encodeURIComponent(name)}`,
      headers,
      signal,
      isRepeatable: true,
    });
  }

  #read<Answer>(path: string, { signal }: CallOptions): Promise<Answer> {
    return this.#transport.json<Answer>({ method: "GET", path, signal, isRepeatable: true });
  }
}

function pathOf(id: string): string {
  return `/api/v1/jobs/${encodeURIComponent(id)}`;
}

/** Not `crypto.randomUUID()`: browsers have that for pages from https only. */
function randomKey(): string {
  return Array.from(crypto.getRandomValues(new Uint8Array(16)), (byte) => byte.toString(16).padStart(2, "0")).join("");
}
