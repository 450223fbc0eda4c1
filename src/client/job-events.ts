/** The changes of one job with its log lines, or the changes of all jobs, across connections. */
import type { Job, Status } from "./contract.ts";
import type { StreamEvent } from "./event-stream.ts";
import { readEventStream } from "./event-stream.ts";
import { pause } from "./pause.ts";
import { TaskFlowError } from "./taskflow-error.ts";
import type { JsonCodec, Transport } from "./transport.ts";
import { queryOf } from "./wire.ts";

/**
 * The pause before a new connection, as the server asks of browsers (`retry`): it drains, or the reader was too slow.
 */
export const COME_AGAIN_MS = 2_000;

export interface EventOptions {
  /** Only changes of this job, until it ends, and its log lines. */
  readonly id?: string | undefined;
  /** Only changes of these jobs, 1 to 100; not with `id`. */
  readonly ids?: readonly string[] | undefined;
  /** Only changes to these statuses; not with `id`. */
  readonly status?: Status | readonly Status[] | undefined;
  /** Only of jobs of these types; not with `id`. */
  readonly type?: string | readonly string[] | undefined;
  /** The `eventId` of the last event that was received: events after it come first. */
  readonly lastEventId?: string | undefined;
  /** Called whenever a connection is open: changes from then on are delivered. */
  readonly onOpen?: (() => void) | undefined;
  /** Ends the events: the loop then throws the signal's reason. */
  readonly signal?: AbortSignal | undefined;
}

/** A job as events show it: without its payload, and without a result of more than 64 KiB. `get` returns both. */
export type JobState = Omit<Job, "payload"> & { payload: null; payload_omitted: true; result_omitted?: true };

export interface JobChange {
  readonly kind: "status" | "progress";
  /** For `lastEventId`; undefined before the first event with an id. */
  readonly eventId: string | undefined;
  readonly id: string;
  readonly type: string;
  readonly status: Status;
  /** 0 to 100; null where the handler has reported none. */
  readonly progress: number | null;
  /** When it changed, RFC 3339; null for the current state of a job. */
  readonly at: string | null;
  /** The job itself, in the first and the last event with `id`; else null. */
  readonly job: JobState | null;
}

/** A line that a handler logs while somebody follows its job. */
export interface LogLine {
  readonly kind: "log";
  readonly eventId: string | undefined;
  /** The job. */
  readonly id: string;
  readonly attempt: number;
  /** When the attempt began, RFC 3339. A released attempt begins again, with the same `attempt`. */
  readonly started_at: string;
  /** Counts the lines of the attempt from 1. A line in place of others that were left out has the number of the last. */
  readonly number: number;
  /** When it was logged, RFC 3339. */
  readonly at: string;
  readonly line: string;
}

/** `gap`: changes may have been missed; read the jobs again. */
export type JobEvent = JobChange | LogLine | { readonly kind: "gap"; readonly eventId: string | undefined };

/** @throws TaskFlowError where no connection can be made; the reason of the signal */
export async function* followJobs(
  transport: Transport,
  { id, ids, status, type, lastEventId, onOpen, signal }: EventOptions,
): AsyncGenerator<JobEvent, void> {
  const path =
    id === undefined
      ? `/api/v1/events${queryOf({ ids, status: listOf(status), type: listOf(type) })}`
      : `/api/v1/jobs/${encodeURIComponent(id)}/events`;
  const lines = new LinesSeen();
  for (let last = lastEventId, isFirst = true; ; isFirst = false) {
    const headers = last === undefined ? {} : { "Last-Event-ID": last };
    const response = await transport.open({
      method: "GET",
      path,
      headers: { Accept: "text/event-stream", ...headers },
      signal,
      isRepeatable: true,
    });
    if (response.status === 204 || !response.body) return; // the last event was received before
    onOpen?.();
    // the server cannot know what was missed since the connection before, which had no event
    if (!isFirst && last === undefined && id === undefined) yield { kind: "gap", eventId: undefined };
    try {
      for await (const received of readEventStream(response.body)) {
        last = received.id ?? last;
        const event = jobEventOf(received, last, transport.codec);
        if (!event || (event.kind === "log" && !lines.isNew(event))) continue;
        yield event;
        if (id !== undefined && "status" in event && hasEnded(event)) return;
      }
    } catch (error) {
      signal?.throwIfAborted();
      if (error instanceof TaskFlowError || error instanceof SyntaxError) throw error; // else the connection broke
    }
    await pause(COME_AGAIN_MS * (0.5 + Math.random() / 2), signal);
  }
}

/** A new connection begins with the lines that the attempt has kept, which the one before may have delivered. */
class LinesSeen {
  #startedAt = "";
  #number = 0;

  isNew({ started_at, number }: LogLine): boolean {
    if (started_at === this.#startedAt && number <= this.#number) return false;
    this.#startedAt = started_at;
    this.#number = number;
    return true;
  }
}

export function hasEnded({ status }: { readonly status: Status }): boolean {
  return status === "completed" || status === "failed" || status === "cancelled";
}

/** Undefined for events of a later version. */
function jobEventOf(
  { event, data }: StreamEvent,
  eventId: string | undefined,
  { parse }: Pick<JsonCodec, "parse">,
): JobEvent | undefined {
  if (event === "gap") return { kind: "gap", eventId };
  if (event === "log") return { ...(parse(data) as Omit<LogLine, "kind" | "eventId">), kind: "log", eventId };
  if (event !== "status" && event !== "progress") return undefined;
  const change = parse(data) as Pick<JobChange, "id" | "type" | "status" | "progress"> & { readonly at?: string };
  const { id, type, status, progress, at = null } = change;
  return {
    kind: event,
    eventId,
    id,
    type,
    status,
    progress,
    at,
    job: "payload" in change ? (change as unknown as JobState) : null,
  };
}

function listOf(values: string | readonly string[] | undefined): string | undefined {
  return typeof values === "object" ? values.join(",") : values;
}
