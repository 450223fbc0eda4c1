/**
 * `taskflow/client`: the API of TaskFlow for programs, in Node.js and in browsers. Methods resolve to the JSON of the
 * API, unchanged: its field names are in snake_case, its times RFC 3339 strings.
 *
 * Calls that fail for the moment (no answer, 429, 502 to 504) are repeated with backoff and jitter, and not before the
 * time that the server asks for.
 */

import type { BulkAnswer, BulkOptions, JobSet } from "./bulk.ts";
import { bulkCall } from "./bulk.ts";
import type { CallOptions, KeyedOptions } from "./call-options.ts";
import { randomKey } from "./call-options.ts";
import type {
  AcceptedJob,
  Attempt,
  Job,
  JobOptions,
  JobPatch,
  JobReceipt,
  ListFilters,
  ReplayFilters,
  Why,
} from "./contract.ts";
import type { EventOptions, JobEvent } from "./job-events.ts";
import { followJobs } from "./job-events.ts";
import type { JobPage, ListedJob, ListOptions } from "./job-list.ts";
import { pagesOf } from "./job-list.ts";
import type { WaitOptions } from "./job-wait.ts";
import { waitForJob } from "./job-wait.ts";
import type { PayloadOf, Submission } from "./submission.ts";
import { batchesOf, errorOfBatch, submissionJson } from "./submission.ts";
import { SystemCalls } from "./system-calls.ts";
import { TaskFlowError } from "./taskflow-error.ts";
import type { TransportOptions } from "./transport.ts";
import { Transport } from "./transport.ts";
import { queryOf, wireOf } from "./wire.ts";

export type { BulkAnswer, BulkOptions, JobSet, Matched } from "./bulk.ts";
export type { CallOptions, KeyedOptions } from "./call-options.ts";
export type * from "./contract.ts";
export type { AuditOptions, RangeOptions, SeriesOptions } from "./history.ts";
export type { EventOptions, JobChange, JobEvent, JobState, LogLine } from "./job-events.ts";
export type { JobPage, JobSummary, ListOptions } from "./job-list.ts";
export type { WaitOptions } from "./job-wait.ts";
export type { PayloadOf, Submission } from "./submission.ts";
export type { FieldError } from "./taskflow-error.ts";
export { TaskFlowError } from "./taskflow-error.ts";
export type { JsonCodec, TransportOptions as TaskFlowOptions } from "./transport.ts";

export interface SubmitOptions extends JobOptions, KeyedOptions {
  /** The server waits so many seconds, up to 60, for the job to finish, before it answers. Default: 0. */
  readonly waitSeconds?: number | undefined;
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
export class TaskFlow extends SystemCalls {
  readonly #transport: Transport;

  /** @throws TypeError for a `url` that is not valid */
  constructor(options: TransportOptions) {
    const transport = new Transport(options);
    super(transport);
    this.#transport = transport;
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
  async *list<Options extends ListOptions = object>(options?: Options): AsyncGenerator<ListedJob<Options>, void> {
    for await (const page of this.pages(options)) yield* page.jobs;
  }

  /**
   * The pages of a {@link list}, each as soon as it is examined. A page may be empty before the last one, where few of
   * the examined jobs match.
   */
  pages<Options extends ListOptions = object>(options?: Options): AsyncGenerator<JobPage<ListedJob<Options>>, void> {
    return pagesOf(this.#transport, options ?? {});
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
   * Changes a job that has not started: an RFC 7396 merge patch, whose `null` restores a default.
   * @returns the job; to a key without the scope `read`, as {@link cancel}
   * @throws TaskFlowError `job_running` or `job_finished` (409)
   */
  update(id: string, { payload, ...patch }: JobPatch, { signal }: CallOptions = {}): Promise<Job | JobReceipt> {
    const body = this.#transport.codec.stringify({ ...wireOf(patch), payload });
    return this.#transport.json({ method: "PATCH", path: pathOf(id), body, signal, isRepeatable: true });
  }

  /**
   * Makes a scheduled or retrying job due now.
   * @returns the job; to a key without the scope `read`, as {@link cancel}
   * @throws TaskFlowError (409) for a job in another status
   */
  run(id: string, { signal }: CallOptions = {}): Promise<Job | JobReceipt> {
    return this.#transport.json({ method: "POST", path: `${pathOf(id)}/run`, signal, isRepeatable: true });
  }

  /**
   * Removes payload, result, error message, logs and files of a finished job for good. The job stays, with `erased_at`.
   * @throws TaskFlowError `job_not_finished` (409)
   */
  erase(id: string, { signal }: CallOptions = {}): Promise<Job> {
    return this.#transport.json({ method: "POST", path: `${pathOf(id)}/erase`, signal, isRepeatable: true });
  }

  /**
   * Runs all finished jobs that match the filters again; without `status`, failed ones.
   * @returns the job of type `replay` that submits them; with `dryRun`, only their number
   */
  replay<Options extends BulkOptions = object>(
    filters: ReplayFilters,
    options?: Options,
  ): Promise<BulkAnswer<Options>> {
    return this.#transport.json(bulkCall("replay", filters, options ?? {}));
  }

  /**
   * Cancels all jobs that match the filters: waiting ones, and attempts of running ones.
   * @returns the job that cancels them, whose result counts them; with `dryRun`, only their number
   */
  cancelAll<Options extends BulkOptions = object>(
    filters: ListFilters,
    options?: Options,
  ): Promise<BulkAnswer<Options>> {
    return this.#transport.json(bulkCall("cancel", filters, options ?? {}));
  }

  /** {@link run} for all scheduled and retrying jobs that match the filters. @returns as {@link cancelAll} */
  runAll<Options extends BulkOptions = object>(filters: ListFilters, options?: Options): Promise<BulkAnswer<Options>> {
    return this.#transport.json(bulkCall("run", filters, options ?? {}));
  }

  /** {@link update} for all waiting jobs that match the filters. @returns as {@link cancelAll} */
  updateAll<Options extends BulkOptions & { readonly set: JobSet }>(
    filters: ListFilters,
    options: Options,
  ): Promise<BulkAnswer<Options>> {
    return this.#transport.json(bulkCall("update", filters, options, { set: options.set }));
  }

  /** {@link erase} for all finished jobs that match the filters. @returns as {@link cancelAll} */
  eraseAll<Options extends BulkOptions = object>(
    filters: ListFilters,
    options?: Options,
  ): Promise<BulkAnswer<Options>> {
    return this.#transport.json(bulkCall("erase", filters, options ?? {}));
  }

  /** @returns the attempts at a job, the first one first: where each ran, for how long, its outcome, error and log */
  async attempts(id: string, options: CallOptions = {}): Promise<Attempt[]> {
    return (await this.#read<{ attempts: Attempt[] }>(`${pathOf(id)}/attempts`, options)).attempts;
  }

  /** @returns the reason why a job is not running: a code, a sentence, and until when, where that is known */
  why(id: string, options: CallOptions = {}): Promise<Why> {
    return this.#read(`${pathOf(id)}/why`, options);
  }

  /**
   * The changes of all jobs, or of one job with its log lines until it ends, as they happen. When a connection ends, it opens another,
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
