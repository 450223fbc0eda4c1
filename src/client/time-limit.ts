/** Limits how long a call waits. */
import { TaskFlowError } from "./taskflow-error.ts";

export interface TimeLimit {
  /** Undefined: no limit. */
  readonly timeoutMs: number | undefined;
  readonly signal: AbortSignal | undefined;
  /** What has not ended in time, for the message: `The job 019a…`. */
  readonly what: string;
  readonly id: string;
}

/** Runs `wait` with a signal that is aborted when the time is over: with a TaskFlowError `wait_timeout`. */
export async function withinTime<Result>(
  { timeoutMs, signal, what, id }: TimeLimit,
  wait: (signal: AbortSignal | undefined) => Promise<Result>,
): Promise<Result> {
  if (timeoutMs === undefined) return wait(signal);
  const limit = new AbortController();
  const message = `${what} has not ended within ${timeoutMs} ms.`;
  const timer = setTimeout(() => limit.abort(new TaskFlowError("wait_timeout", 0, message, { id })), timeoutMs);
  try {
    return await wait(signal ? AbortSignal.any([limit.signal, signal]) : limit.signal);
  } finally {
    clearTimeout(timer);
  }
}
