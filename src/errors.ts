/**
 * The errors of the server. Each has a stable `code` (for programs), the HTTP `status` of a request that it ends, and its
 * `cause`. No code decides by an error's message, except where a server gives no code: queue/ for replies of Redis,
 * postgres/unusable-postgres.ts.
 */
import { inspect } from "node:util";

interface ErrorOptions {
  readonly cause?: unknown;
  /** How long the caller should wait before it tries again, in milliseconds. */
  readonly retryAfterMs?: number;
}

/** The base of the server's errors. What users of the client library get is another class, its TaskFlowError. */
export class CodedError extends Error {
  readonly code: string;
  /** The HTTP status of the response to a request that this error ended. */
  readonly status: number;
  readonly retryAfterMs: number | undefined;

  constructor(code: string, status: number, message: string, options: ErrorOptions = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.name = new.target.name;
    this.code = code;
    this.status = status;
    this.retryAfterMs = options.retryAfterMs;
  }
}

/** Redis is away or rejects writes; nothing was changed. */
export class QueueUnavailable extends CodedError {
  constructor(message: string, cause?: unknown) {
    super("queue_unavailable", 503, message, { cause, retryAfterMs: 2_000 });
  }
}

/**
 * There is no connection to Redis at the moment. The connection logs its own loss; callers need not log this error
 * again.
 */
export class QueueDisconnected extends QueueUnavailable {}

/** Redis received a call and has not answered in time: it may have taken effect or not. */
export class OutcomeUnknown extends CodedError {
  constructor(message: string, cause?: unknown) {
    super("outcome_unknown", 503, message, { cause, retryAfterMs: 2_000 });
  }
}

/**
 * A script failed on its arguments, and a repeat would fail again. Redis does not roll back the changes it made before.
 */
export class ScriptFailed extends OutcomeUnknown {}

/**
 * The program cannot start because of something outside it. The message is one sentence: what is wrong, and what to do.
 */
export class StartError extends CodedError {
  constructor(message: string, cause?: unknown) {
    super("start_failed", 500, message, { cause });
  }
}

/** A setting or an argument is wrong. Commands exit with another code for that. */
export class UsageError extends StartError {}

/**
 * The message of any thrown value, for a log line or a job's error. Never throws, although handlers may throw objects
 * whose getters throw.
 */
export function messageOf(thrown: unknown): string {
  try {
    const message: unknown = thrown instanceof Error ? thrown.message || listed(thrown) || thrown.name : thrown;
    return typeof message === "string" ? message : inspect(message, { breakLength: Number.POSITIVE_INFINITY });
  } catch {
    return "the thrown value cannot be read";
  }
}

/** The messages of an AggregateError without one: a connection that failed for each address of a host name. */
function listed(error: Error): string {
  const { errors } = error as { errors?: unknown };
  return Array.isArray(errors)
    ? errors
        .filter((each) => each instanceof Error)
        .map(({ message }) => message)
        .join("; ")
    : "";
}

/** The `code` of any thrown value, if it has one (errors of Node, Postgres and TaskFlow do). Never throws. */
export function codeOf(thrown: unknown): string | undefined {
  try {
    const code = (thrown as { code?: unknown } | null | undefined)?.code;
    return typeof code === "string" ? code : undefined;
  } catch {
    return undefined; // a getter threw
  }
}
