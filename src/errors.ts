/**
 * The errors of TaskFlow. Each carries a stable `code` (for programs), an HTTP `status` where one follows from it,
 * and its `cause`. Nothing may decide by an error's message.
 */
import { inspect } from "node:util";

interface ErrorOptions {
  readonly cause?: unknown;
  /** How long the caller should wait before it tries again, in milliseconds. */
  readonly retryAfterMs?: number;
}

export class TaskFlowError extends Error {
  readonly code: string;
  /** The HTTP status that answers a request that ended in this error. */
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

/** Redis is away, or refuses to write; nothing was changed. */
export class QueueUnavailable extends TaskFlowError {
  constructor(message: string, cause?: unknown) {
    super("queue_unavailable", 503, message, { cause, retryAfterMs: 2_000 });
  }
}

/** There is no connection to Redis at the moment. Its loss is told by itself, so whoever meets this need not tell it once more. */
export class QueueDisconnected extends QueueUnavailable {}

/** Redis took a call and has not answered in time: it may have happened, or may not. */
export class OutcomeUnknown extends TaskFlowError {
  constructor(message: string, cause?: unknown) {
    super("outcome_unknown", 503, message, { cause, retryAfterMs: 2_000 });
  }
}

/** A script failed on what it was given, which no repeat mends; Redis keeps what it had changed by then. */
export class ScriptFailed extends OutcomeUnknown {}

/** Something outside the program is not as it must be at start; the message is one sentence that says what to do. */
export class StartError extends TaskFlowError {
  constructor(message: string, cause?: unknown) {
    super("start_failed", 500, message, { cause });
  }
}

/** What the program was told, by a setting or an argument, is wrong; its command ends with another code for that. */
export class UsageError extends StartError {}

/** The text of whatever was thrown, for a log line or a job's error. It never throws: handlers throw anything, with getters that throw in their turn. */
export function messageOf(thrown: unknown): string {
  try {
    const said: unknown = thrown instanceof Error ? thrown.message || listed(thrown) || thrown.name : thrown;
    return typeof said === "string" ? said : inspect(said, { breakLength: Number.POSITIVE_INFINITY });
  } catch {
    return "what was thrown cannot be read";
  }
}

/** The texts of the errors that an error without one stands for: a connection that no address of a name took. */
function listed(error: Error): string {
  const { errors } = error as { errors?: unknown };
  return Array.isArray(errors)
    ? errors
        .filter((each) => each instanceof Error)
        .map(({ message }) => message)
        .join("; ")
    : "";
}

/** The `code` of whatever was thrown, if it carries one (Node's, Postgres's and our own errors do). It never throws. */
export function codeOf(thrown: unknown): string | undefined {
  try {
    const code = (thrown as { code?: unknown } | null | undefined)?.code;
    return typeof code === "string" ? code : undefined;
  } catch {
    return undefined; // a getter
  }
}
