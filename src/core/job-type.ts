/**
 * A job type is one `defineJob({…})`. Validation, settings, retry policy, lane, limits, metrics, documentation and load
 * test follow from the definition; registry.ts compiles it.
 */
import type { Static, TObject, TSchema } from "typebox";
import type { Backoff } from "./backoff.ts";
import type { Bulk } from "./bulk.ts";
import type { Destinations } from "./destination.ts";
import type { BatchResults } from "./flows/batch-results.ts";
import type { ScheduleTick } from "./job.ts";
import type { LoadTest } from "./load-test.ts";
import type { Reruns } from "./reruns.ts";
import type { Backfills } from "./schedules/backfill.ts";

export { exponential, fixed } from "./backoff.ts";

/** The threads that run attempts: `io` the main thread, many at once; `cpu` a pool thread, one per thread. */
export type Lane = "io" | "cpu";

/** The second argument of `run`. */
export interface AttemptContext<Resource> {
  /** The id of the job: the same in each of its attempts, so use it as the idempotency key of outgoing calls. */
  readonly jobId: string;
  /** The number of this attempt, 1 for the first. */
  readonly attempt: number;
  /** How long this attempt may take, in milliseconds: the job's `timeout_ms`, or its type's. */
  readonly timeoutMs: number;
  /** The job's `group_key`; null or absent if it has none. */
  readonly groupKey?: string | null;
  /** The tick of a schedule that submitted the job; null or absent for any other job. */
  readonly schedule?: ScheduleTick | null;
  /**
   * The last state that an earlier attempt saved, or threw with a {@link RetryableError}; undefined if there is none.
   */
  readonly state?: unknown;
  /**
   * Saves the progress that must not be repeated: JSON, up to 16 KiB. It replaces the last state. The next attempt gets
   * it as `state`, even after an error, a timeout or a crash. A drain stops an attempt that has saved at once instead
   * of waiting for it. A save refills the job's crash budget, so save only after real progress. Absent on a pool
   * thread.
   * @throws the reason of the signal if the lease is lost; an error with status 503 while Redis does not answer
   */
  readonly save?: (state: unknown) => Promise<void>;
  /**
   * The JSON text of the payload as submitted, with every digit of a number, the order of keys, and escapes. Line
   * breaks and tabs between tokens are replaced by spaces. Absent only in a context that a test creates.
   */
  readonly payloadJson?: string;
  /** What `open` returned in this process or thread. */
  readonly resource: Resource;
  /** @deprecated The former name of `resource`, for one version. */
  readonly tool?: Resource;
  /**
   * Aborted when the job is cancelled, times out or has lost its lease, or its replica drains; the `code` of its reason
   * is `cancelled`, `timeout`, `lost` or `drain`. After that, errors of `run` have no effect, except, after `timeout`
   * and `drain`, a {@link PermanentError} and a {@link RetryableError} with a state. In lane `cpu` it never fires: the
   * thread is terminated instead.
   */
  readonly signal: AbortSignal;
  /** Reports progress, 0 to 100; readable on the job while it runs. */
  readonly progress: (percent: number) => void;
  /** Writes a line to the log, with the job's id, type and attempt; a warning if `fields.level` is `warn`. */
  readonly log: (message: string, fields?: Record<string, unknown>) => void;
  /**
   * Runs one of the type's `tasks` on a pool thread and resolves with its result. `argument` and the result are copied.
   * In lane `cpu` the task runs on the attempt's own thread, and only the attempt's timeout limits it.
   * @throws {PermanentError} if the task throws one; {@link RetryableError} for any other error of the task, with its
   * code
   * @throws {TaskError} the task took more than `timeoutMs` or too much memory, or its thread ended
   */
  readonly onThread: (task: string, argument: unknown, timeoutMs: number) => Promise<unknown>;
}

/**
 * A function of a job type that runs on a pool thread. Pure and synchronous: it may be interrupted at any point, and
 * run again from its start. `payloadJson` is as in {@link AttemptContext}.
 */
export type TaskFunction<Payload> = (payload: Payload, argument: never, payloadJson: string) => unknown;

export interface JobDefinition<
  Payload extends TObject = TObject,
  Settings extends TObject = TObject,
  Resource = unknown,
> {
  /** The name that callers submit under: lower case, digits and underscores. */
  readonly type: string;
  /** What the type does, in a sentence or two, for people. */
  readonly description?: string;
  readonly lane: Lane;
  /** The schema of the payload. The documentation shows its `examples`. */
  readonly payload: Payload;
  /** How the load test submits jobs of this type. A type without it takes no part. */
  readonly loadTest?: LoadTest<Static<Payload>>;
  /** The schema of the result, for the documentation only: TaskFlow does not check results. */
  readonly result?: TSchema;
  /** The `error.code`s of this type, each with its meaning, for the documentation. */
  readonly errors?: Readonly<Record<string, string>>;
  /**
   * Checks that a schema cannot express: returns the issues of a payload that matches the schema. `check`, `checkHere`
   * and `needsRead` must neither change nor keep the payload: `run` may get the same object.
   */
  readonly check?: (payload: Static<Payload>) => readonly PayloadIssue[];
  /**
   * Like `check`, for issues that depend on this deployment, such as a missing template. It must not block.
   * `payloadJson` returns the payload's JSON text.
   */
  readonly checkHere?: (
    payload: Static<Payload>,
    settings: Static<Settings>,
    payloadJson: () => string,
  ) => readonly PayloadIssue[];
  /**
   * Whether a job with this payload reveals other jobs: the caller's key then needs the scope `read` as well as
   * `submit`. Called at submission, for a valid payload.
   */
  readonly needsRead?: (payload: Static<Payload>) => boolean;
  /** Whether only keys with the scope `admin` may submit jobs of this type. */
  readonly needsAdmin?: true;
  /** The settings this type reads from the environment, with their defaults. Several types may share a setting. */
  readonly settings?: Settings;
  /** The default of `max_attempts`. */
  readonly attempts: number;
  /** The default of `timeout_ms`, which limits one attempt. */
  readonly timeoutMs: number;
  /**
   * The timeout that a payload requests for its attempts. If it is more than `timeoutMs`, it becomes the job's
   * `timeout_ms`; a submission with a smaller `timeout_ms` is rejected.
   */
  readonly timeoutMsOf?: (payload: Static<Payload>) => number | undefined;
  readonly backoff: Backoff;
  /** The largest body of this type in bytes, if that is more than MAX_BODY_BYTES. */
  readonly maxBodyBytes?: number;
  /** Creates the resource of `run` (such as a connection pool), once in the process or in each pool thread. */
  readonly open?: (settings: Static<Settings>, services?: Services) => Resource | Promise<Resource>;
  /**
   * Closes the resource. Called on drain; in lane `cpu` on each thread, with 2 s to finish. It is not called on a
   * thread that was terminated (a timeout, a cancellation, a crash), so correctness must not depend on it there.
   */
  readonly close?: (resource: Resource) => void | Promise<void>;
  /** Functions for `onThread` by name: work that would block the main thread. Each gets the submitted payload. */
  readonly tasks?: Readonly<Record<string, TaskFunction<Static<Payload>>>>;
  /**
   * Runs one attempt, and returns the job's result (JSON). It throws {@link PermanentError} if no retry can succeed,
   * {@link RetryAfterError} if the remote server asks to retry later, and anything else for a retry.
   */
  readonly run: (payload: Static<Payload>, context: AttemptContext<Resource>) => unknown;
}

export const SHARED_MEMORY_BYTES = 64;

/**
 * The services of a replica for its types. Those shared with other replicas are for lane `io`: a pool thread cannot use
 * them.
 */
export interface Services {
  /** Without limits on a pool thread. */
  readonly destinations: Destinations;
  /** Absent if the types run without a queue and a store. */
  readonly reruns?: Reruns;
  /** Absent if the types run without a queue and a store. */
  readonly bulk?: Bulk;
  /** Absent if the types run without a queue and a store. */
  readonly backfills?: Backfills;
  /** Absent if the types run without a queue and a store. */
  readonly batchResults?: BatchResults;
  /** Replaces the secrets in the JSON text of a payload of any type of the replica. */
  readonly redactPayload?: (payload: string, type: string) => string;
  /**
   * {@link SHARED_MEMORY_BYTES} bytes, initially zero, shared by all threads of the replica that run jobs of a type of
   * lane `io`: for counters per replica. Jobs with payloads of more than 256 KiB run on a separate thread with its own
   * resource.
   */
  readonly sharedMemory?: (type: string) => SharedArrayBuffer | undefined;
  /** On a pool thread: starts a Node process that is killed as soon as the thread ends, for any reason. */
  readonly startProcess?: (request: ProcessRequest) => void;
}

export interface ProcessRequest {
  /** The `file:` URL of its JavaScript module; its argument is `socketPath`. */
  readonly module: string;
  /** A Unix-domain socket in a separate folder, on which the thread listens. The folder is removed with the process. */
  readonly socketPath: string;
  /**
   * It processes untrusted input: it gets the strictest sandbox of the machine, at best without a network. It writes to
   * standard output once it has connected, and exits with 1 if the sandbox denies that (EACCES).
   */
  readonly isConfined?: boolean;
}

export interface PayloadIssue {
  /** JSON pointer into the payload: `/to`. */
  readonly path: string;
  readonly message: string;
}

// Only here the types of payload, settings and resource are erased: a registry contains definitions of all types.
// oxlint-disable-next-line typescript/no-explicit-any
export type AnyJobDefinition = JobDefinition<any, any, any>;

/** The payload's JSON text; in a test's context without one, the result of JSON.stringify. */
export function payloadJsonOf(payload: object, { payloadJson }: Pick<AttemptContext<unknown>, "payloadJson">): string {
  return payloadJson ?? JSON.stringify(payload);
}

/** Defines a job type. It returns its argument unchanged, and infers the types. */
export function defineJob<Payload extends TObject, Resource = undefined, Settings extends TObject = TObject>(
  definition: JobDefinition<Payload, Settings, Resource>,
): JobDefinition<Payload, Settings, Resource> {
  return definition;
}

/** The attempt failed, and no retry can succeed. The job ends `failed` with this code. */
export class PermanentError extends Error {
  /** The job's `error.code`; `permanent` by default. */
  readonly code: string;

  constructor(message: string, options: { readonly code?: string; readonly cause?: unknown } = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.name = "PermanentError";
    this.code = options.code ?? "permanent";
  }
}

/**
 * The remote server answers, but asks to retry later (such as HTTP 429). The retry does not count as an attempt, up to
 * 50 times and for 24 hours.
 */
export class RetryAfterError extends Error {
  readonly code: string;
  readonly retryAfterMs: number;
  /**
   * No request was sent: the job waits for its turn under one of TaskFlow's limits. That never counts, and only
   * `expires_at` ends it.
   */
  readonly waitsForTurn: boolean;

  constructor(
    message: string,
    retryAfterMs: number,
    options: { readonly code?: string; readonly waitsForTurn?: boolean; readonly cause?: unknown } = {},
  ) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.name = "RetryAfterError";
    this.code = options.code ?? "retry_after";
    this.retryAfterMs = retryAfterMs;
    this.waitsForTurn = options.waitsForTurn ?? false;
  }
}

/**
 * The attempt has saved its progress, ends without counting, and another attempt continues at once on any replica. For
 * work that takes longer than one attempt should. If the attempt has not saved, this counts like any other error.
 */
export class ReleaseError extends Error {
  readonly code = "released";

  constructor(message: string) {
    super(message);
    this.name = "ReleaseError";
  }
}

/**
 * The attempt failed and may be retried, with a code that the type chooses. Any other error is retried as well, under
 * that error's own code.
 */
export class RetryableError extends Error {
  readonly code: string;
  /**
   * The shortest wait before the retry, whatever the backoff (HTTP 503 with `Retry-After`). The attempt still counts.
   */
  readonly atLeastMs: number;
  /** The progress that must not be repeated: JSON, up to 16 KiB. The next attempt gets it as `state`. */
  readonly state: unknown;

  constructor(
    message: string,
    options: { readonly code: string; readonly atLeastMs?: number; readonly state?: unknown; readonly cause?: unknown },
  ) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.name = "RetryableError";
    this.code = options.code;
    this.atLeastMs = options.atLeastMs ?? 0;
    this.state = options.state;
  }
}

/**
 * A task of `onThread` was terminated: it took too long · it took too much memory · its thread ended for another
 * reason.
 */
export class TaskError extends Error {
  readonly code: "task_timeout" | "task_out_of_memory" | "thread_exited";

  constructor(code: TaskError["code"], message: string, cause?: unknown) {
    super(message, { cause });
    this.name = "TaskError";
    this.code = code;
  }
}
