/** `GET /api/v1/queues`, and their pause and resume. A queue is the waiting jobs of one type. */

import type { SharedRead } from "../../concurrency/shared-read.ts";
import { at } from "../../core/at.ts";
import type { JobCounts } from "../../queue/counts.ts";
import type { ApiDependencies } from "../dependencies.ts";
import { rejectionOfBody } from "../http/empty-body.ts";
import type { Answer, ApiRequest } from "../http/exchange.ts";
import { json } from "../http/exchange.ts";
import { problem } from "../http/problem.ts";

type QueueKeeper = Pick<ApiDependencies, "queue" | "registry">;

export function getQueues(
  { registry }: QueueKeeper,
  shared: Pick<SharedRead<JobCounts>, "fresh">,
): () => Promise<Answer> {
  return async () => {
    const jobCounts = await shared.fresh();
    const names = new Set([...registry.types.map(({ type }) => type), ...jobCounts.types.map(({ type }) => type)]);
    return json(200, JSON.stringify({ queues: [...names].map((type) => queueOf(type, jobCounts)) }));
  };
}

function queueOf(type: string, { now, types, paused }: JobCounts): unknown {
  const {
    queued = 0,
    scheduled = 0,
    retrying = 0,
    running = 0,
    nextSince = null,
  } = types.find((jobCounts) => jobCounts.type === type) ?? {};
  const oldestWaitMs = nextSince === null ? null : Math.max(0, now - nextSince);
  return {
    type,
    state: paused.has(type) ? "paused" : "active",
    depth: queued,
    oldest_wait_ms: oldestWaitMs,
    scheduled,
    retrying,
    running,
  };
}

/** Stops all replicas from claiming jobs of a type; running jobs continue. Pausing twice changes nothing. */
export function pauseQueue(deps: QueueKeeper): (request: ApiRequest) => Promise<Answer> {
  return (request) => change(deps, request, (type) => deps.queue.pause(type));
}

export function resumeQueue(deps: QueueKeeper): (request: ApiRequest) => Promise<Answer> {
  return (request) => change(deps, request, (type) => deps.queue.resume(type));
}

/** A type that only older or newer replicas know has a queue as well, once it has had jobs. */
async function change(
  { queue, registry }: QueueKeeper,
  request: ApiRequest,
  make: (type: string) => Promise<void>,
): Promise<Answer> {
  const rejection = rejectionOfBody(request);
  if (rejection) return rejection;
  const { params } = request;
  const type = at(params, 0);
  if (!registry.get(type) && !(await queue.jobCounts()).types.some((jobCounts) => jobCounts.type === type)) {
    return problem(404, "queue_not_found", "There is no job type with this name.");
  }
  await make(type);
  return json(200, JSON.stringify(queueOf(type, await queue.jobCounts())));
}
