/** Jobs to submit: their types, their JSON, and batches of them. */
import type { KeyedOptions } from "./call-options.ts";
import { randomKey } from "./call-options.ts";
import type { AcceptedJob, Job, JobOptions, Payloads } from "./contract.ts";
import { jobWire, type ThenOptions } from "./flow-definition.ts";
import { TaskFlowError } from "./taskflow-error.ts";
import type { JsonCodec, Transport } from "./transport.ts";
import { queryOf } from "./wire.ts";

const MAX_BATCH_JOBS = 10_000;
/** The default of the server's MAX_BATCH_BYTES, less the JSON around the jobs. */
const MAX_BATCH_BYTES = 16 * 1024 * 1024 - 64;

/** The payload of a type: for a built-in type its own, for any other an object. Add yours to {@link Payloads}. */
export type PayloadOf<Type extends string> = Type extends keyof Payloads ? Payloads[Type] : object;

/** One job for `submitMany`. */
export type Submission<Type extends string = string> = JobOptions & {
  readonly type: Type;
  readonly payload: PayloadOf<Type>;
};

export type Submissions = Iterable<Submission> | AsyncIterable<Submission>;

export interface SubmitOptions extends JobOptions, ThenOptions, KeyedOptions {
  /** The server waits so many seconds, up to 60, for the job to finish, before it answers. Default: 0. */
  readonly waitSeconds?: number | undefined;
}

export function submitOne<Type extends string>(
  transport: Transport,
  type: Type,
  payload: PayloadOf<Type>,
  { idempotencyKey = randomKey(), waitSeconds, signal, ...options }: SubmitOptions,
): Promise<Job> {
  return transport.json({
    method: "POST",
    path: `/api/v1/jobs${queryOf({ wait: waitSeconds })}`,
    body: submissionJson({ type, payload, ...options }, transport.codec),
    headers: { "Idempotency-Key": idempotencyKey },
    signal,
    isRepeatable: true,
    waitMs: (waitSeconds ?? 0) * 1_000,
  });
}

/** Submits one batch after the other. */
export function submitInBatches(
  transport: Transport,
  jobs: Submissions,
  { idempotencyKey = randomKey(), signal }: KeyedOptions,
): Promise<AcceptedJob[]> {
  const bodies = batchesOf(jobs, transport.codec);
  return acceptJobs(transport, { path: "/api/v1/jobs/batch", idempotencyKey, signal }, bodies);
}

export interface AcceptingCall {
  readonly path: string;
  /** The key of each request is made from it. */
  readonly idempotencyKey: string;
  readonly signal: AbortSignal | undefined;
}

/** Sends one body after the other to a call that accepts many jobs. */
export async function acceptJobs(
  transport: Transport,
  { path, idempotencyKey, signal }: AcceptingCall,
  bodies: AsyncIterable<JobsBody> | Iterable<JobsBody>,
): Promise<AcceptedJob[]> {
  const accepted: AcceptedJob[] = [];
  for await (const { offset, body } of bodies) {
    const headers = { "Idempotency-Key": `${idempotencyKey}.${offset}` };
    const call = { method: "POST", path, body, headers, signal, isRepeatable: true } as const;
    try {
      const answer = await transport.json<{ jobs: AcceptedJob[] }>(call);
      for (const job of answer.jobs) accepted.push(job);
    } catch (error) {
      throw error instanceof TaskFlowError ? errorOfBatch(error, offset, accepted) : error;
    }
  }
  return accepted;
}

export function submissionJson(
  submission: Submission & ThenOptions,
  { stringify }: Pick<JsonCodec, "stringify"> = JSON,
): string {
  return stringify(jobWire(submission));
}

export interface JobsBody {
  /** The index of its first job among all. */
  readonly offset: number;
  /** `{"jobs":[…]}` */
  readonly body: string;
}

/**
 * The bodies of as few batches as possible. A job that is larger than a batch is alone in one, and the server rejects
 * it.
 */
export async function* batchesOf(
  jobs: Submissions,
  codec: Pick<JsonCodec, "stringify"> = JSON,
): AsyncGenerator<JobsBody, void> {
  const encoder = new TextEncoder();
  let [offset, bytes, jobsJson]: [number, number, string[]] = [0, 0, []];
  for await (const job of jobs) {
    const json = submissionJson(job, codec);
    const size = encoder.encode(json).length + 1;
    if (jobsJson.length > 0 && (jobsJson.length >= MAX_BATCH_JOBS || bytes + size > MAX_BATCH_BYTES)) {
      yield { offset, body: bodyOf(jobsJson) };
      [offset, bytes, jobsJson] = [offset + jobsJson.length, 0, []];
    }
    jobsJson.push(json);
    bytes += size;
  }
  if (jobsJson.length > 0) yield { offset, body: bodyOf(jobsJson) };
}

/**
 * The error of one batch for the caller of all: the paths of its field errors count from the first job of all.
 * @param accepted jobs of earlier batches
 */
function errorOfBatch(
  { code, status, message, errors, retryAfterMs, id, requestId, cause }: TaskFlowError,
  offset: number,
  accepted: readonly AcceptedJob[],
): TaskFlowError {
  const moved = errors.map((fieldError) => ({
    ...fieldError,
    path: fieldError.path.replace(/^\/jobs\/(\d+)/, (_, index: string) => `/jobs/${Number(index) + offset}`),
  }));
  return new TaskFlowError(code, status, message, { errors: moved, retryAfterMs, id, accepted, requestId, cause });
}

function bodyOf(jobsJson: readonly string[]): string {
  return `{"jobs":[${jobsJson.join(",")}]}`;
}
