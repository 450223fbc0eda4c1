/** `GET /api/v1/queues`, and their pause and resume. A queue is the waiting jobs of one type. */

import type { SharedRead } from "../../concurrency/shared-read.ts";
import { at } from "../../core/at.ts";
import { compileValidator } from "../../core/validator.ts";
import type { JobCounts, TypeCounts } from "../../queue/counts.ts";
import { oldestWaitMs } from "../../queue/counts.ts";
import type { AuditChange } from "../../results/audit-log.ts";
import { pauseSchema } from "../contract/system-operations.ts";
import type { ApiDependencies } from "../dependencies.ts";
import { readOptionalFields, rejectionOfBody } from "../http/empty-body.ts";
import type { Answer, ApiRequest } from "../http/exchange.ts";
import { json } from "../http/exchange.ts";
import { problem } from "../http/problem.ts";
import { callerOf } from "./audit-caller.ts";

type QueueKeeper = Pick<ApiDependencies, "queue" | "registry" | "audit">;

export function getQueues(
  { registry }: Pick<QueueKeeper, "registry">,
  shared: Pick<SharedRead<JobCounts>, "fresh">,
): () => Promise<Answer> {
  return async () => {
    const jobCounts = await shared.fresh();
    const names = new Set([...registry.types.map(({ type }) => type), ...jobCounts.types.map(({ type }) => type)]);
    return json(200, JSON.stringify({ queues: [...names].map((type) => queueOf(type, jobCounts)) }));
  };
}

function queueOf(type: string, jobCounts: JobCounts): object {
  const { types, paused, pauseReasons } = jobCounts;
  const counts = types.find((ofType) => ofType.type === type) ?? {};
  return queueFields(
    jobCounts,
    { type, ...counts },
    { isPaused: paused.has(type), pauseReason: pauseReasons.get(type) },
  );
}

type QueueCounts = Pick<TypeCounts, "type"> &
  Partial<Pick<TypeCounts, "waiting" | "queued" | "scheduled" | "retrying" | "running" | "nextSince">>;

/** The fields that every call shows of a queue. */
export function queueFields(
  { now }: Pick<JobCounts, "now">,
  { type, waiting = 0, queued = 0, scheduled = 0, retrying = 0, running = 0, nextSince = null }: QueueCounts,
  { isPaused, pauseReason }: { readonly isPaused: boolean; readonly pauseReason: string | undefined },
): object {
  return {
    type,
    state: isPaused ? "paused" : "active",
    paused_reason: (isPaused && pauseReason) || null,
    depth: queued,
    oldest_wait_ms: oldestWaitMs({ now }, nextSince),
    waiting,
    scheduled,
    retrying,
    running,
  };
}

export const QUEUE_NOT_FOUND = problem(404, "queue_not_found", "There is no job type with this name.");

const pauseBody = compileValidator(pauseSchema);

/**
 * Stops all replicas from claiming jobs of a type; running jobs continue. Pausing twice changes nothing, but a reason.
 */
export function pauseQueue(deps: QueueKeeper): (request: ApiRequest) => Promise<Answer> {
  return async (request) => {
    const read = readOptionalFields(request, pauseBody);
    if ("rejected" in read) return read.rejected;
    const { reason } = read.fields;
    const details = reason === undefined ? undefined : { reason };
    return change(deps, request, { action: "queues.pause", details, make: (type) => deps.queue.pause(type, reason) });
  };
}

export function resumeQueue(deps: QueueKeeper): (request: ApiRequest) => Promise<Answer> {
  return async (request) =>
    rejectionOfBody(request) ??
    change(deps, request, { action: "queues.resume", make: (type) => deps.queue.resume(type) });
}

interface QueueChange extends Pick<AuditChange, "action" | "details"> {
  readonly make: (type: string) => Promise<void>;
}

/** A type that only older or newer replicas know has a queue as well, once it has had jobs. */
async function change(
  { queue, registry, audit }: QueueKeeper,
  request: ApiRequest,
  { action, details, make }: QueueChange,
): Promise<Answer> {
  const caller = callerOf(request);
  const type = at(request.params, 0);
  if (!registry.get(type) && !(await queue.jobCounts()).types.some((jobCounts) => jobCounts.type === type)) {
    return QUEUE_NOT_FOUND;
  }
  await make(type);
  audit.record({ ...caller, action, target: type, details });
  return json(200, JSON.stringify(queueOf(type, await queue.jobCounts())));
}
