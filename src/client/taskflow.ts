/**
 * `taskflow/client`: the API of TaskFlow for programs, in Node.js and in browsers. Methods resolve to the JSON of the
 * API, unchanged: its field names are in snake_case, its times RFC 3339 strings.
 *
 * Calls that fail for the moment (no answer, 429, 502 to 504) are repeated with backoff and jitter, and not before the
 * time that the server asks for.
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

export interface SubmitOptions extends JobOptions, KeyedOptions {
  /** The server waits so many seconds, up to 60, for the job to finish, before it answers. Default: 0. */
  readonly waitSeconds?: number | undefined;
}

export interface ListOptions extends ListFilters, CallOptions {
  /** How many jobs one request fetches, 1 to 1,000. Default: 50. */
  readonly pageSize?: number | undefined;
}

export interface ReplayOptions extends CallOptions {
  /** The most jobs that are submitted per second. Default: 100. */
  readonly rate?: number | undefined;
}

export interface ArtifactOptions extends CallOptions {
  /** A range of bytes, `start` and `end` included; without `end`, to the end of the file. */
  readonly range?: { readonly start: number; readonly end?: number | undefined } | undefined;
}

/**
 * A client of one server. It holds no connection and needs no closing.
 *
 * Each method rejects with a {@link TaskFlowError} whose `code` and `status` say what went wrong, or with the reason of
 * its signal. Without an answer of the server, the error has status 0 and the code `unreachable`.
 */
export class TaskFlow {
  readonly #transport: Transport;

  /** @throws TypeError for a `url` that is not valid */
  constructor(options: TransportOptions) {
    this.#transport = new Transport(options);
  }

  /**
   * Submits one job.
   * @param type a built-in type, or one of the deployment's own
   * @param payload what the type's schema asks for
   * @returns the job as it was accepted; with `waitSeconds`, the job when it has finished or the time is over
   * @throws TaskFlowError `validation_failed` (422) with all `errors`; `quota_exceeded` or `rate_limited` (429) with
   *   `retryAfterMs`; `outcome_unknown` (503) with the `id` of the job that may exist
   */
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
   * Submits any number of jobs in batches, one after the other. A batch has up to 10,000 jobs and 16 MiB, and is
   * accepted as a whole or not at all. Where a batch fails, the error's `accepted` has the jobs of the batches before
   * it, and the same call with the same `idempotencyKey` continues after them.
   * @returns ids and statuses, in the order of `jobs`
   * @throws TaskFlowError as {@link submit}; the paths in its `errors` count from the first of all jobs
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

  /** @returns the job, whether it is waiting, running or finished @throws TaskFlowError `job_not_found` (404) */
  get(id: string, options: CallOptions = {}): Promise<Job> {
    return this.#read(pathOf(id), options);
  }

  /**
   * Waits until a job has ended, by its events, or by polling where there are none.
   * @returns the job, `completed`, `failed` or `cancelled`
   * @throws TaskFlowError `wait_timeout` where it has not ended within `timeoutMs`; as {@link get}
   */
  waitFor(id: string, options: WaitOptions = {}): Promise<Job> {
    return waitForJob(this, id, options);
  }

  /** Jobs that match the filters, newest first. Pages are fetched as the loop needs them. */
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
   * Cancels a job: a waiting one at once; the attempt of a running one is asked to stop.
   * @returns the job, `cancelled` or still `running`; to a key without the scope `read`, which may cancel the jobs that
   *   it submitted, only id and status
   * @throws TaskFlowError `job_finished` (409) where it has completed or failed
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
      if (job.status !== "cancelled") throw error; // else an earlier request has cancelled it, and its answer was lost
      return job;
    }
  }

  /**
   * Runs a failed or cancelled job again.
   * @returns the new job, whose `retry_of` is this one's id; to a key without the scope `read`, as {@link cancel}
   * @throws TaskFlowError `job_not_retryable` (409) for a job in another status
   */
  retry(id: string, { idempotencyKey = randomKey(), signal }: KeyedOptions = {}): Promise<Job | JobReceipt> {
    return this.#transport.json({
      method: "POST",
      path: `${pathOf(id)}/retry`,
      headers: { "Idempotency-Key": idempotencyKey },
      signal,
      isRepeatable: true,
    });
  }

  /**
   * Runs all finished jobs that match the filters again; without `status`, failed ones.
   * @returns the job of type `replay` that submits them; with `dryRun`, only their number
   */
  replay(filters: ReplayFilters, options: ReplayOptions & { readonly dryRun: true }): Promise<{ matched: number }>;
  replay(filters: ReplayFilters, options?: ReplayOptions & { readonly dryRun?: false | undefined }): Promise<Job>;
  replay(
    filters: ReplayFilters,
    { rate, dryRun = false, signal }: ReplayOptions & { readonly dryRun?: boolean | undefined } = {},
  ): Promise<{ matched: number } | Job> {
    const body = JSON.stringify(wireOf({ ...filters, rate, dryRun }));
    return this.#transport.json({ method: "POST", path: "/api/v1/jobs/replay", body, signal, isRepeatable: dryRun });
  }

  /** @returns the attempts at a job, the first one first: where each ran, for how long, its outcome, error and log */
  async attempts(id: string, options: CallOptions = {}): Promise<Attempt[]> {
    return (await this.#read<{ attempts: Attempt[] }>(`${pathOf(id)}/attempts`, options)).attempts;
  }

  /** @returns the reason why a job is not running: a code, a sentence, and until when, where that is known */
  why(id: string, options: CallOptions = {}): Promise<Why> {
    return this.#read(`${pathOf(id)}/why`, options);
  }

  /** @returns the queue of each job type: whether it is paused, and its counts */
  async queues(options: CallOptions = {}): Promise<Queue[]> {
    return (await this.#read<{ queues: Queue[] }>("/api/v1/queues", options)).queues;
  }

  /**
   * Stops claiming jobs of a type, on all replicas. Submissions are accepted, running jobs continue.
   * @returns its queue
   */
  pause(type: string, { signal }: CallOptions = {}): Promise<Queue> {
    return this.#transport.json({
      method: "POST",
      path: `/api/v1/queues/${encodeURIComponent(type)}/pause`,
      signal,
      isRepeatable: true,
    });
  }

  /** Ends a {@link pause}. @returns the queue of the type */
  resume(type: string, { signal }: CallOptions = {}): Promise<Queue> {
    return this.#transport.json({
      method: "POST",
      path: `/api/v1/queues/${encodeURIComponent(type)}/resume`,
      signal,
      isRepeatable: true,
    });
  }

  /** @returns counts of jobs by type and status, rates per minute, and latencies in milliseconds */
  stats(options: CallOptions = {}): Promise<Stats> {
    return this.#read("/api/v1/stats", options);
  }

  /** @returns the live replicas that run jobs, with their slots and threads in use */
  async workers(options: CallOptions = {}): Promise<Worker[]> {
    return (await this.#read<{ workers: Worker[] }>("/api/v1/workers", options)).workers;
  }

  /**
   * @returns the health of the server and of its services. A `degraded` server resolves too: its answer is not an
   *   error.
   */
  health({ signal }: CallOptions = {}): Promise<Health> {
    return this.#transport.json({ method: "GET", path: "/api/v1/health", signal, isRepeatable: true, alsoTakes: 503 });
  }

  /**
   * The changes of all jobs, or of one job until it ends, as they happen. When a connection ends, it opens another,
   * which first delivers the changes that were missed, or an event of kind `gap` where the server no longer has them.
   */
  events(options: EventOptions = {}): AsyncGenerator<JobEvent, void> {
    return followJobs(this.#transport, options);
  }

  /**
   * @returns the response with a file that the job produced, its body a stream
   * @throws TaskFlowError 404 where there is none
   */
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

/** Not `crypto.randomUUID()`, which browsers offer to pages from https only. */
function randomKey(): string {
  return Array.from(crypto.getRandomValues(new Uint8Array(16)), (byte) => byte.toString(16).padStart(2, "0")).join("");
}
