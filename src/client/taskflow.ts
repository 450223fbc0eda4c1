/**
 * `taskflow/client`: the API of TaskFlow for programs, in Node.js and in browsers. Methods resolve to the JSON of the
 * API, unchanged: its field names are in snake_case, its times RFC 3339 strings.
 *
 * Calls that fail for the moment (no answer, 429, 502 to 504) are repeated with backoff and jitter, and not before the
 * time that the server asks for.
 */

import { BatchCalls } from "./batches.ts";
import { type BulkAnswer, type BulkOptions, bulkCall, type UpdateAllOptions } from "./bulk.ts";
import type { ArtifactOptions, CallOptions, KeyedOptions, PauseOptions, RetryOptions } from "./call-options.ts";
import { randomKey } from "./call-options.ts";
import type {
  AcceptedJob,
  Attempt,
  AuditEntry,
  Destination,
  ErrorGroups,
  Health,
  Job,
  JobPatch,
  JobReceipt,
  ListFilters,
  Mail,
  MailSummary,
  Queue,
  QueueDetail,
  QueueHistory,
  ReplayFilters,
  Schedule,
  ScheduleDefinition,
  ScheduleRun,
  ScheduleTick,
  Series,
  Stats,
  TypeDescription,
  Whoami,
  Why,
  Worker,
} from "./contract.ts";
import { FlowCalls } from "./flows.ts";
import { type AuditOptions, auditOf, type RangeOptions, type SeriesOptions } from "./history.ts";
import { cancelJob } from "./job-cancel.ts";
import { type EventOptions, followJobs, type JobEvent } from "./job-events.ts";
import { type JobPage, type ListedJob, type ListOptions, pagesOf } from "./job-list.ts";
import { type WaitOptions, waitForJob } from "./job-wait.ts";
import { jobPath, mailPath, queuePath, schedulePath } from "./paths.ts";
import * as scheduling from "./schedules.ts";
import { type PayloadOf, type Submissions, type SubmitOptions, submitInBatches, submitOne } from "./submission.ts";
import { type Call, Transport, type TransportOptions } from "./transport.ts";
import { queryOf, wireOf } from "./wire.ts";

export type { AddOptions, BatchCalls, BatchJobsOptions, BatchListOptions, BatchPage } from "./batches.ts";
export type { BulkAnswer, BulkOptions, JobSet, Matched } from "./bulk.ts";
export type { ArtifactOptions, CallOptions, KeyedOptions, RetryOptions } from "./call-options.ts";
export type * from "./contract.ts";
export type {
  BatchDefinition,
  BatchNode,
  FlowDefinition,
  FlowNodeDefinition,
  FollowingJob,
  NodePlace,
  ThenOptions,
} from "./flow-definition.ts";
export type { FlowWaitOptions } from "./flow-events.ts";
export type {
  FlowCalls,
  FlowJobPage,
  FlowJobsOptions,
  FlowListOptions,
  FlowPage,
  FlowRetryOptions,
} from "./flows.ts";
export type { AuditOptions, RangeOptions, SeriesOptions } from "./history.ts";
export type { EventOptions, JobChange, JobEvent, JobState, LogLine } from "./job-events.ts";
export type { JobPage, JobSummary, ListOptions } from "./job-list.ts";
export type { WaitOptions } from "./job-wait.ts";
export type {
  BackfillAnswer,
  BackfillOptions,
  DeletedSchedule,
  DeleteScheduleOptions,
  IfMatchOptions,
  PreviewOptions,
  PutScheduleOptions,
  ScheduleListOptions,
  SchedulePage,
  SchedulePatch,
  SchedulePauseOptions,
  ScheduleResumeOptions,
  ScheduleRunPage,
  ScheduleRunsOptions,
} from "./schedules.ts";
export type { PayloadOf, Submission, SubmitOptions } from "./submission.ts";
export { type FieldError, TaskFlowError } from "./taskflow-error.ts";
export type { JsonCodec, TransportOptions as TaskFlowOptions } from "./transport.ts";

/**
 * A client of one server. It holds no connection and needs no closing.
 *
 * Each method rejects with a {@link TaskFlowError} whose `code` and `status` say what went wrong, or with the reason of
 * its signal. Without an answer of the server, the error has status 0 and the code `unreachable`.
 */
export class TaskFlow {
  /** Jobs that wait for each other. */
  readonly flows: FlowCalls;
  /** Many jobs with common counts, and callbacks when they have ended. */
  readonly batches: BatchCalls;
  readonly #transport: Transport;

  /** @throws TypeError for a `url` that is not valid */
  constructor(options: TransportOptions) {
    this.#transport = new Transport(options);
    this.flows = new FlowCalls(this.#transport);
    this.batches = new BatchCalls(this.#transport);
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
    return submitOne(this.#transport, type, payload, options);
  }

  /**
   * Submits any number of jobs in batches, one after the other. A batch has up to 10,000 jobs and 16 MiB, and is
   * accepted as a whole or not at all. Where a batch fails, the error's `accepted` has the jobs of the batches before
   * it, and the same call with the same `idempotencyKey` continues after them.
   * @returns ids and statuses, in the order of `jobs`
   * @throws TaskFlowError as {@link submit}; the paths in its `errors` count from the first of all jobs
   */
  submitMany(jobs: Submissions, options: KeyedOptions = {}): Promise<AcceptedJob[]> {
    return submitInBatches(this.#transport, jobs, options);
  }

  /** @returns the job, whether it is waiting, running or finished @throws TaskFlowError `job_not_found` (404) */
  get(id: string, options: CallOptions = {}): Promise<Job> {
    return this.#read(jobPath(id), options);
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
  cancel(id: string, options: CallOptions = {}): Promise<Job | JobReceipt> {
    return cancelJob(this.#transport, id, options);
  }

  /**
   * Runs a failed or cancelled job again.
   * @returns the new job, whose `retry_of` is this one's id; to a key without the scope `read`, as {@link cancel}
   * @throws TaskFlowError `job_not_retryable` (409) for a job in another status; `flow_member` (409) for a job of a flow
   *   or batch, without `alone`
   */
  retry(id: string, { alone, idempotencyKey = randomKey(), signal }: RetryOptions = {}): Promise<Job | JobReceipt> {
    return this.#post(`${jobPath(id)}/retry${queryOf({ alone })}`, {
      headers: { "Idempotency-Key": idempotencyKey },
      signal,
    });
  }

  /**
   * Changes a job that has not started: an RFC 7396 merge patch, whose `null` restores a default.
   * @returns the job; to a key without the scope `read`, as {@link cancel}
   * @throws TaskFlowError `job_running` or `job_finished` (409)
   */
  update(id: string, { payload, ...patch }: JobPatch, { signal }: CallOptions = {}): Promise<Job | JobReceipt> {
    const body = this.#transport.codec.stringify({ ...wireOf(patch), payload });
    return this.#transport.json({ method: "PATCH", path: jobPath(id), body, signal, isRepeatable: true });
  }

  /**
   * Makes a scheduled or retrying job due now.
   * @returns the job; to a key without the scope `read`, as {@link cancel}
   * @throws TaskFlowError (409) for a job in another status
   */
  run(id: string, options: CallOptions = {}): Promise<Job | JobReceipt> {
    return this.#post(`${jobPath(id)}/run`, options);
  }

  /**
   * Removes payload, result, error message, logs and files of a finished job for good. The job stays, with `erased_at`.
   * @throws TaskFlowError `job_not_finished` (409)
   */
  erase(id: string, options: CallOptions = {}): Promise<Job> {
    return this.#post(`${jobPath(id)}/erase`, options);
  }

  /**
   * Runs all finished jobs that match the filters again; without `status`, failed ones.
   * @returns the job of type `replay` that submits them; with `dryRun`, only their number
   */
  replay<Given extends BulkOptions = object>(filters: ReplayFilters, options?: Given): Promise<BulkAnswer<Given>> {
    return this.#transport.json(bulkCall("replay", filters, options ?? {}));
  }

  /**
   * Cancels all jobs that match the filters: waiting ones, and attempts of running ones.
   * @returns the job that cancels them, whose result counts them; with `dryRun`, only their number
   */
  cancelAll<Given extends BulkOptions = object>(filters: ListFilters, options?: Given): Promise<BulkAnswer<Given>> {
    return this.#transport.json(bulkCall("cancel", filters, options ?? {}));
  }

  /** {@link run} for all scheduled and retrying jobs that match the filters. @returns as {@link cancelAll} */
  runAll<Given extends BulkOptions = object>(filters: ListFilters, options?: Given): Promise<BulkAnswer<Given>> {
    return this.#transport.json(bulkCall("run", filters, options ?? {}));
  }

  /** {@link update} for all waiting jobs that match the filters. @returns as {@link cancelAll} */
  updateAll<Given extends UpdateAllOptions>(filters: ListFilters, options: Given): Promise<BulkAnswer<Given>> {
    return this.#transport.json(bulkCall("update", filters, options, { set: options.set }));
  }

  /** {@link erase} for all finished jobs that match the filters. @returns as {@link cancelAll} */
  eraseAll<Given extends BulkOptions = object>(filters: ListFilters, options?: Given): Promise<BulkAnswer<Given>> {
    return this.#transport.json(bulkCall("erase", filters, options ?? {}));
  }

  /** @returns the attempts at a job, the first one first: where each ran, for how long, its outcome, error and log */
  async attempts(id: string, options: CallOptions = {}): Promise<Attempt[]> {
    return (await this.#read<{ attempts: Attempt[] }>(`${jobPath(id)}/attempts`, options)).attempts;
  }

  /** @returns the reason why a job is not running: a code, a sentence, and until when, where that is known */
  why(id: string, options: CallOptions = {}): Promise<Why> {
    return this.#read(`${jobPath(id)}/why`, options);
  }

  /**
   * The changes of all jobs, or of one job with its log lines until it ends, as they happen. When a
   * connection ends, it opens another, which first delivers the changes that were missed, or an event of kind `gap`
   * where the server no longer has them.
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
    return this.#open(`${jobPath(id)}/artifacts/${encodeURIComponent(name)}`, { headers, signal });
  }

  /** @returns the queue of each job type: whether it is paused, and its counts */
  async queues(options: CallOptions = {}): Promise<Queue[]> {
    return (await this.#read<{ queues: Queue[] }>("/api/v1/queues", options)).queues;
  }

  /**
   * @returns the queue of a type: its waiting jobs by priority and group, its next due jobs, and the replicas that run it
   * @throws TaskFlowError `queue_not_found` (404)
   */
  queue(type: string, options: CallOptions = {}): Promise<QueueDetail> {
    return this.#read(queuePath(type), options);
  }

  /**
   * @returns the depth of a queue over time, of the last 24 hours by default: minutes, or the maximum of longer steps
   * @throws TaskFlowError `queue_not_found` (404)
   */
  queueHistory(type: string, { signal, ...range }: Omit<RangeOptions, "type"> = {}): Promise<QueueHistory> {
    return this.#read(`${queuePath(type)}/history${queryOf(wireOf(range))}`, { signal });
  }

  /** Stops claiming jobs of a type, on all replicas: submissions and running jobs continue. @returns its queue */
  pause(type: string, { reason, signal }: PauseOptions = {}): Promise<Queue> {
    const body = reason === undefined ? {} : { body: JSON.stringify({ reason }) };
    return this.#post(`${queuePath(type)}/pause`, { ...body, signal });
  }

  /** Ends a {@link pause}. @returns the queue of the type */
  resume(type: string, options: CallOptions = {}): Promise<Queue> {
    return this.#post(`${queuePath(type)}/resume`, options);
  }

  /**
   * Creates a schedule, or replaces its definition. The same definition again changes nothing.
   * @throws TaskFlowError `validation_failed` (422) with all `errors`; `precondition_failed` (412) where `ifMatch` or
   *   `ifNoneMatch` does not hold
   */
  putSchedule(
    name: string,
    definition: ScheduleDefinition,
    options: scheduling.PutScheduleOptions = {},
  ): Promise<Schedule> {
    return this.#transport.json(scheduling.putCall(name, definition, options, this.#transport.codec));
  }

  /** @throws TaskFlowError `schedule_not_found` (404) */
  schedule(name: string, options: CallOptions = {}): Promise<Schedule> {
    return this.#read(schedulePath(name), options);
  }

  /** Schedules that match the filters, by name. Pages are fetched as the loop needs them. */
  async *schedules(options: scheduling.ScheduleListOptions = {}): AsyncGenerator<Schedule, void> {
    for await (const page of this.schedulePages(options)) yield* page.schedules;
  }

  /** The pages of {@link schedules}. */
  schedulePages(options: scheduling.ScheduleListOptions = {}): AsyncGenerator<scheduling.SchedulePage, void> {
    return scheduling.schedulePagesOf(this.#transport, options);
  }

  /** Changes parts of a definition: an RFC 7396 merge patch. @throws TaskFlowError as {@link putSchedule} */
  updateSchedule(
    name: string,
    patch: scheduling.SchedulePatch,
    options: scheduling.IfMatchOptions = {},
  ): Promise<Schedule> {
    return this.#transport.json(scheduling.patchCall(name, patch, options, this.#transport.codec));
  }

  /** @throws TaskFlowError `schedule_not_found` (404); `precondition_failed` (412) */
  deleteSchedule(name: string, options: scheduling.DeleteScheduleOptions = {}): Promise<scheduling.DeletedSchedule> {
    return this.#transport.json(scheduling.deleteCall(name, options));
  }

  pauseSchedule(name: string, { reason, until, signal }: scheduling.SchedulePauseOptions = {}): Promise<Schedule> {
    return this.#post(`${schedulePath(name)}/pause`, { body: JSON.stringify({ reason, until }), signal });
  }

  /** Ends a {@link pauseSchedule}. */
  resumeSchedule(name: string, { catchUp, signal }: scheduling.ScheduleResumeOptions = {}): Promise<Schedule> {
    return this.#post(`${schedulePath(name)}/resume`, { body: JSON.stringify({ catch_up: catchUp }), signal });
  }

  /**
   * Submits the job of a schedule now; its next tick does not move.
   * @returns the job; to a key without the scope `read`, as {@link cancel}
   */
  runSchedule(name: string, { idempotencyKey = randomKey(), signal }: KeyedOptions = {}): Promise<Job | JobReceipt> {
    return this.#post(`${schedulePath(name)}/run`, { headers: { "Idempotency-Key": idempotencyKey }, signal });
  }

  /**
   * Submits the jobs of past ticks.
   * @returns the job of type `schedule_backfill` that submits them; with `dryRun`, only the number of ticks
   */
  backfillSchedule<Given extends scheduling.BackfillOptions>(
    name: string,
    options: Given,
  ): Promise<scheduling.BackfillAnswer<Given>> {
    return this.#transport.json(scheduling.backfillCall(name, options));
  }

  /** The outcomes of the ticks of a schedule, newest first. Pages are fetched as the loop needs them. */
  async *scheduleRuns(name: string, options: scheduling.ScheduleRunsOptions = {}): AsyncGenerator<ScheduleRun, void> {
    for await (const page of this.scheduleRunPages(name, options)) yield* page.runs;
  }

  /** The pages of {@link scheduleRuns}. */
  scheduleRunPages(
    name: string,
    options: scheduling.ScheduleRunsOptions = {},
  ): AsyncGenerator<scheduling.ScheduleRunPage, void> {
    return scheduling.runPagesOf(this.#transport, name, options);
  }

  /** @returns the next 20 ticks that a schedule with this definition would have; `job` is not needed */
  async previewSchedule(
    definition: Partial<ScheduleDefinition>,
    options: scheduling.PreviewOptions = {},
  ): Promise<ScheduleTick[]> {
    const call = scheduling.previewCall(definition, options, this.#transport.codec);
    return (await this.#transport.json<{ ticks: ScheduleTick[] }>(call)).ticks;
  }

  /** Gives a schedule of a file the definition in its file again. @throws TaskFlowError `schedule_without_file` (409) */
  revertSchedule(name: string, options: CallOptions = {}): Promise<Schedule> {
    return this.#post(`${schedulePath(name)}/revert`, options);
  }

  /** @returns counts of jobs by type and status, rates per minute, and latencies in milliseconds */
  stats(options: CallOptions = {}): Promise<Stats> {
    return this.#read("/api/v1/stats", options);
  }

  /** @returns the live replicas that run jobs, with their slots and threads in use */
  async workers(options: CallOptions = {}): Promise<Worker[]> {
    return (await this.#read<{ workers: Worker[] }>("/api/v1/workers", options)).workers;
  }

  /** @returns the API key or user of this client, what it may do, and the settings of the dashboard */
  whoami(options: CallOptions = {}): Promise<Whoami> {
    return this.#read("/api/v1/whoami", options);
  }

  /** @returns the health of the server and of its services; that of a `degraded` server is no error */
  health({ signal }: CallOptions = {}): Promise<Health> {
    return this.#transport.json({ method: "GET", path: "/api/v1/health", signal, isRepeatable: true, alsoTakes: 503 });
  }

  /** @returns counts and latencies per minute, hour or day, zeros included. Default: the last hour by minute */
  series({ signal, ...range }: SeriesOptions = {}): Promise<Series> {
    return this.#read(`/api/v1/stats/series${queryOf(wireOf(range))}`, { signal });
  }

  /** @returns failures grouped by type, code and message, the most frequent first. Default: of the last 24 hours */
  errors({ signal, ...range }: RangeOptions = {}): Promise<ErrorGroups> {
    return this.#read(`/api/v1/errors${queryOf(wireOf(range))}`, { signal });
  }

  /** @returns each job type: its schema, its defaults, and the replicas that run it */
  async types(options: CallOptions = {}): Promise<TypeDescription[]> {
    return (await this.#read<{ types: TypeDescription[] }>("/api/v1/types", options)).types;
  }

  /** @returns the hosts that jobs call, each with its health and its limit */
  async destinations(options: CallOptions = {}): Promise<Destination[]> {
    return (await this.#read<{ destinations: Destination[] }>("/api/v1/destinations", options)).destinations;
  }

  /** Ends the suspension of a host, whose jobs then try it again. @throws TaskFlowError 404 for an unknown host */
  resetDestination(host: string, options: CallOptions = {}): Promise<Destination> {
    return this.#post(`/api/v1/destinations/${encodeURIComponent(host)}/reset`, options);
  }

  /** What people changed, newest first. Pages are fetched as the loop needs them. */
  audit(options: AuditOptions = {}): AsyncGenerator<AuditEntry, void> {
    return auditOf(this.#transport, options);
  }

  /**
   * @returns the messages in the mail catcher of a development machine, newest first
   * @throws TaskFlowError `not_found` (404) where no mail catcher runs
   */
  async mails(options: CallOptions = {}): Promise<MailSummary[]> {
    return (await this.#read<{ mail: MailSummary[] }>("/dev/mail", options)).mail;
  }

  /** @throws TaskFlowError `mail_not_found` (404) for an unknown message; as {@link mails} */
  mail(id: string, options: CallOptions = {}): Promise<Mail> {
    return this.#read(mailPath(id), options);
  }

  /**
   * The URL of a part of a message, for a link or a frame. A server with API keys serves it only with a key.
   * @param part `html`, `source`, or `attachment-N`, counted from 0
   */
  mailPartUrl(id: string, part: string): string {
    return this.#transport.urlOf(`${mailPath(id)}/${encodeURIComponent(part)}`);
  }

  /** @returns the response with a part of a message, as {@link mailPartUrl} names it, its body a stream */
  mailPart(id: string, part: string, options: CallOptions = {}): Promise<Response> {
    return this.#open(`${mailPath(id)}/${encodeURIComponent(part)}`, options);
  }

  #read<Answer>(path: string, { signal }: CallOptions): Promise<Answer> {
    return this.#transport.json<Answer>({ method: "GET", path, signal, isRepeatable: true });
  }

  #post<Answer>(path: string, options: Pick<Call, "body" | "headers" | "signal">): Promise<Answer> {
    return this.#transport.json<Answer>({ ...options, method: "POST", path, isRepeatable: true });
  }

  #open(path: string, options: Pick<Call, "headers" | "signal">): Promise<Response> {
    return this.#transport.open({ ...options, method: "GET", path, isRepeatable: true });
  }
}
