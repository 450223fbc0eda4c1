import type { AcceptedJob } from "./contract.ts";

/** One issue of a request. */
export interface FieldError {
  /** A JSON pointer into the request (`/payload/to`; of many jobs `/jobs/{index}/payload/to`). */
  readonly path: string;
  /** What was expected, in words. */
  readonly message: string;
}

export interface TaskFlowErrorDetails {
  readonly errors?: readonly FieldError[] | undefined;
  readonly retryAfterMs?: number | undefined;
  readonly id?: string | undefined;
  readonly accepted?: readonly AcceptedJob[];
  readonly requestId?: string | undefined;
  readonly cause?: unknown;
}

/** A failed call: the server's problem document (RFC 9457), or a missing answer. */
export class TaskFlowError extends Error {
  /** The HTTP status; 0 where there was no answer. */
  readonly status: number;
  /**
   * The stable code of the problem document, or `http_STATUS` for an answer without one. Without an answer:
   * `unreachable`. `wait_timeout` where a job has not ended in time.
   */
  readonly code: string;
  /** All issues of the request, for `validation_failed`; else empty. */
  readonly errors: readonly FieldError[];
  /** How long the server asks to wait, in milliseconds; undefined where it does not ask. */
  readonly retryAfterMs: number | undefined;
  /** The id of the job that may exist (`outcome_unknown`), or has not ended (`wait_timeout`). */
  readonly id: string | undefined;
  /** The jobs that `submitMany` had submitted before a batch failed; else empty. */
  readonly accepted: readonly AcceptedJob[];
  /** The id of the request, which the log of the server names; undefined without an answer. */
  readonly requestId: string | undefined;

  constructor(
    code: string,
    status: number,
    message: string,
    { errors = [], retryAfterMs, id, accepted = [], requestId, cause }: TaskFlowErrorDetails = {},
  ) {
    super(message, cause === undefined ? undefined : { cause });
    this.name = "TaskFlowError";
    this.status = status;
    this.code = code;
    this.errors = errors;
    this.retryAfterMs = retryAfterMs;
    this.id = id;
    this.accepted = accepted;
    this.requestId = requestId;
  }
}

/** The error for a response without success. */
export async function errorOfResponse(response: Response): Promise<TaskFlowError> {
  const { status, headers } = response;
  const text = await response.text();
  const isProblem = headers.get("content-type")?.startsWith("application/problem+json") === true;
  const {
    code = `http_${status}`,
    detail,
    errors,
    id,
  } = (isProblem ? JSON.parse(text) : {}) as { code?: string; detail?: string; errors?: FieldError[]; id?: string };
  return new TaskFlowError(code, status, detail ?? `The server answered ${status}.`, {
    errors,
    retryAfterMs: retryAfterMs(headers.get("retry-after")),
    id,
    requestId: headers.get("x-request-id") ?? undefined,
  });
}

/** RFC 9110, section 10.2.3: seconds, or a date. */
function retryAfterMs(value: string | null): number | undefined {
  if (value === null) return undefined;
  const ms = /^\d+$/.test(value) ? Number(value) * 1_000 : Date.parse(value) - Date.now();
  return Number.isNaN(ms) ? undefined : Math.max(0, ms);
}
