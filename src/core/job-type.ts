/**
 * How a job type is written: one `defineJob({…})`. Validation, settings, retry policy, lane, limits, metrics,
 * documentation and load test follow from the definition; registry.ts compiles it.
 */
import type { Static, TObject, TSchema } from "typebox";
import type { Backoff } from "./backoff.ts";
import type { Destinations } from "./destination.ts";
import type { Reruns } from "./reruns.ts";

export { exponential, fixed } from "./backoff.ts";

/** Where attempts run: `io` on the main thread, many at once; `cpu` on a pool thread, one per thread. */
export type Lane = "io" | "cpu";

/** What `run` gets beside the payload. */
export interface AttemptContext<Resource> {
  /** The id of the job: the same on each of its attempts, so a good key for idempotency at the other end. */
  readonly jobId: string;
  /** The number of this attempt, 1 for the first. */
  readonly attempt: number;
  /** How long this attempt may take, in milliseconds: the job's `timeout_ms`, or its type's. */
  readonly timeoutMs: number;
  /** The job's `group_key`; null or absent where it has none. */
  readonly groupKey?: string | null;
  /**
   * What an earlier attempt at this job has saved, or threw as the `state` of a {@link RetryableError}, whichever came
   * last; undefined where none did.
   */
  readonly state?: unknown;
  /**
   * Keeps what is done and must not be done again: JSON, up to 16 KiB, in place of what was saved before. The next
   * attempt finds it as `state`, however this one ends: by an error, its timeout, a crash, or a drain, which stops an
   * attempt that has saved at once instead of waiting for it. What is saved refills the job's crash budget, so save
   * only when the work has got on. Absent on a pool thread.
   * @throws the reason of the signal where the lease is lost; an error with status 503 while Redis does not answer
   */
  readonly save?: (state: unknown) => Promise<void>;
  /**
   * The payload as it was submitted, a JSON text, for what must keep every digit of a number, the order of keys, or
   * escapes: `run` gets what JSON.parse makes of it. Its line breaks and tabs, which can only stand between tokens, are
   * spaces. Absent only in a context that a test makes.
   */
  readonly payloadJson?: string;
  /** What `open` returned in this process or thread. */
  readonly resource: Resource;
  /** @deprecated The former name of `resource`, for one version. */
  readonly tool?: Resource;
  /**
   * Aborted when the job is cancelled, times out or has lost its lease, or its replica drains; the `code` of its reason
   * says which (`cancelled`, `timeout`, `lost`, `drain`). What `run` throws then has no effect, but for `timeout` and
   * `drain` a {@link PermanentError} and a {@link RetryableError} with a state have: they name what must not be done
   * again. In lane `cpu` it never fires: the thread is terminated instead.
   */
  readonly signal: AbortSignal;
  /** Reports progress, 0 to 100; readable on the job while it runs. */
  readonly progress: (percent: number) => void;
  /** Writes a line to the log, with the job's id, type and attempt; a warning where `fields.level` is `warn`. */
  readonly log: (message: string, fields?: Record<string, unknown>) => void;
  /**
   * Runs one of the type's `tasks` on a pool thread and resolves with what it returns. `argument` and the result are
   * copied. In lane `cpu` the attempt runs on a pool thread already: the task runs there, and only the attempt's own
   * time limits it.
   * @throws {PermanentError} where the task does; {@link RetryableError} for anything else that it throws, with its
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
  readonly lane: Lane;
  /** The schema of the payload. The documentation shows its `examples`. */
  readonly payload: Payload;
  /** How the load test submits jobs of this type. A type without it takes no part. */
  readonly loadTest?: LoadTest<Static<Payload>>;
  /** The schema of what `run` returns, for the documentation; nothing is checked by it. */
  readonly result?: TSchema;
  /** The `error.code`s of this type's own, each with what it means, for the documentation. */
  readonly errors?: Readonly<Record<string, string>>;
  /**
   * What a schema cannot say: faults of a payload that is valid by the schema, each with its JSON pointer (`/to`).
   * Neither this nor the next two may change the payload, or keep it: `run` may get the same object.
   */
  readonly check?: (payload: Static<Payload>) => readonly PayloadIssue[];
  /**
   * As `check`, for what depends on this deployment: whether there is what the payload names. Nothing in it may wait.
   * `payloadJson` finds the payload's text.
   */
  readonly checkHere?: (
    payload: Static<Payload>,
    settings: Static<Settings>,
    payloadJson: () => string,
  ) => readonly PayloadIssue[];
  /**
   * Whether a job with this payload tells of other jobs, so that its caller's key needs the scope `read` beside
   * `submit`.
   * Asked where a job is taken, of a payload without faults.
   */
  readonly needsRead?: (payload: Static<Payload>) => boolean;
  /**
   * The settings this type reads from the environment, with their defaults. Shared settings may be named by several
   * types.
   */
  readonly settings?: Settings;
  /** How often a job is attempted when the submission does not say (`max_attempts`). */
  readonly attempts: number;
  /** How long one attempt may take when the submission does not say (`timeout_ms`). */
  readonly timeoutMs: number;
  /**
   * How long a payload asks its attempts to take. Where that is more than `timeoutMs`, it becomes the job's
   * `timeout_ms`; a submission whose own `timeout_ms` is less is rejected.
   */
  readonly timeoutMsOf?: (payload: Static<Payload>) => number | undefined;
  readonly backoff: Backoff;
  /** Bodies up to this many bytes are taken for this type, where MAX_BODY_BYTES is less. */
  readonly maxBodyBytes?: number;
  /** Makes what `run` needs (a connection pool, say), once where `run` runs: in the process or in each thread. */
  readonly open?: (settings: Static<Settings>, services?: Services) => Resource | Promise<Resource>;
  /**
   * Closes what `open` made. Called on drain, in lane `cpu` on each thread and with 2 s for it. A thread that was ended
   * before (a timeout, a cancellation, a fault of its own) ends without it, so nothing but tidiness may depend on it
   * there.
   */
  readonly close?: (resource: Resource) => void | Promise<void>;
  /**
   * What would hold up the main thread if `run` did it there, by name, for `onThread`. Each gets the payload as it was
   * submitted.
   */
  readonly tasks?: Readonly<Record<string, TaskFunction<Static<Payload>>>>;
  /**
   * One attempt. What it returns is the job's result (JSON). It throws {@link PermanentError} for what no repeat
   * mends, {@link RetryAfterError} when the other end says when to come back, and anything else for a retry.
   */
  readonly run: (payload: Static<Payload>, context: AttemptContext<Resource>) => unknown;
}

export const SHARED_MEMORY_BYTES = 64;

/**
 * What a replica offers its types. What it shares with other replicas is for lane `io`: a pool thread has no part in
 * it.
 */
export interface Services {
  /** Without limits on a pool thread. */
  readonly destinations: Destinations;
  /** Absent where no queue and no store are joined to the types. */
  readonly reruns?: Reruns;
  /**
   * Memory of {@link SHARED_MEMORY_BYTES} bytes that all threads of the replica share which run jobs of a type of lane
   * `io`, zeroed at first: for what is counted by replica. Jobs with payloads of more than 256 KiB run on a thread of
   * their own, with a tool of its own.
   */
  readonly sharedMemory?: (type: string) => SharedArrayBuffer | undefined;
  /**
   * On a pool thread: starts a Node process beside it, which is killed when the thread ends, at once and for whatever
   * reason.
   */
  readonly startProcess?: (request: ProcessRequest) => void;
}

export interface ProcessRequest {
  /** The `file:` URL of the JavaScript that it runs, with `socketPath` as its argument. */
  readonly module: string;
  /**
   * A Unix-domain socket in a folder of its own, on which the thread listens. The folder is removed with the process.
   */
  readonly socketPath: string;
  /**
   * It works on what strangers sent: it gets as little of the machine as the machine allows, without a network at best.
   * It writes to its standard output once it has connected, and exits with 1 when it may not (EACCES).
   */
  readonly isConfined?: boolean;
}

/** The part of a type in the load test. */
export interface LoadTest<Payload> {
  /** Its share of all jobs. The shares of the types need not add up to anything. */
  readonly share: number;
  /** Makes the payload of job number `n`. One object that is returned again is encoded once. */
  readonly payload: (n: number, peers: LoadPeers) => Payload;
}

/** What a load test starts for the jobs to reach. */
export interface LoadPeers {
  readonly webhookUrl: string;
  readonly imageUrl: string;
  /** The bytes behind `imageUrl`, for jobs that carry their image. */
  readonly imageBase64: string;
}

export interface PayloadIssue {
  /** JSON pointer into the payload: `/to`. */
  readonly path: string;
  readonly message: string;
}

// The one place where the types of payload, settings and tool are erased: a registry holds definitions of all kinds.
// eslint-disable-next-line @typescript-eslint/no-explicit-any
export type AnyJobDefinition = JobDefinition<any, any, any>;

/** The payload's JSON text; of a context that a test made, what JSON.stringify makes of the payload. */
export function payloadJsonOf(payload: object, { payloadJson }: Pick<AttemptContext<unknown>, "payloadJson">): string {
  return payloadJson ?? JSON.stringify(payload);
}

/** Defines a job type. It returns its argument; its worth is in the types that it infers. */
export function defineJob<Payload extends TObject, Resource = undefined, Settings extends TObject = TObject>(
  definition: JobDefinition<Payload, Settings, Resource>,
): JobDefinition<Payload, Settings, Resource> {
  return definition;
}

/** The attempt failed for good: no repeat would mend it. The job ends `failed` with this code. */
export class PermanentError extends Error {
  /** The job's `error.code`; `permanent` when the type has no better word. */
  readonly code: string;

  constructor(message: string, options: { readonly code?: string; readonly cause?: unknown } = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.name = "PermanentError";
    this.code = options.code ?? "permanent";
  }
}

/**
 * The other end is there but asks to come back later (HTTP 429 and its like): retried then, and not counted as an
 * attempt, up to 50 times and for 24 hours.
 */
export class RetryAfterError extends Error {
  readonly code: string;
  readonly retryAfterMs: number;
  /**
   * Nobody was asked: the job waits for its turn under a limit of this side's own. That is never counted, and ends with
   * `expires_at` alone.
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
 * The job is not done, and this attempt has saved how far it is: it ends here, at no cost, and another goes on at once,
 * on any replica. For work that takes longer than an attempt should. From an attempt that has saved nothing it is an
 * error as any other.
 */
export class ReleaseError extends Error {
  readonly code = "released";

  constructor(message: string) {
    super(message);
    this.name = "ReleaseError";
  }
}

/**
 * The attempt failed and may be repeated, with a code of the type's own. Any other throw is retried as well, under the
 * code of what was thrown.
 */
export class RetryableError extends Error {
  readonly code: string;
  /**
   * No retry before so long has passed, whatever the backoff says (HTTP 503 with `Retry-After`). The attempt counts all
   * the same.
   */
  readonly atLeastMs: number;
  /** What is done and must not be done again: JSON, up to 16 KiB. The next attempt finds it as `state`. */
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
 * A task of `onThread` was ended from outside: it took too long · it took too much memory · its thread ended, for what
 * reason ever.
 */
export class TaskError extends Error {
  readonly code: "task_timeout" | "task_out_of_memory" | "thread_exited";

  constructor(code: TaskError["code"], message: string, cause?: unknown) {
    super(message, { cause });
    this.name = "TaskError";
    this.code = code;
  }
}
