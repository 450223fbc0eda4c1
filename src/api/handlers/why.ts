/** `GET /api/v1/jobs/{id}/why`: one answer to "why is it not running?". */
import type { AttemptRecord, Job, JobView } from "../../core/job.ts";
import type { Lane } from "../../core/job-type.ts";
import { viewOf, viewOfSubmission } from "../../core/job-view.ts";
import { formatTime } from "../../core/rfc3339.ts";
import type { QueuePosition } from "../../queue/position.ts";
import type { WHY_REASONS } from "../contract/why-reasons.ts";
import { DESTINATION_LIMITED } from "../contract/why-reasons.ts";
import type { ApiDependencies } from "../dependencies.ts";
import type { Answer, ApiRequest } from "../http/exchange.ts";
import { json } from "../http/exchange.ts";
import { jobNotFound } from "../http/problem.ts";
import type { FoundJob } from "../jobs/find-job.ts";
import { findJob } from "../jobs/find-job.ts";
import { idOf } from "./jobs.ts";
import type { Replica } from "./replica.ts";
import { readReplicas } from "./replica.ts";

interface Why {
  readonly reason: (typeof WHY_REASONS)[number];
  /** A sentence for people. */
  readonly detail: string;
  /** When that is over, where it is known: epoch ms. */
  readonly until?: number | null;
  /** Its place in its queue, from 1. */
  readonly position?: number;
}

export function getWhy({ queue, store, registry }: ApiDependencies): (request: ApiRequest) => Promise<Answer> {
  return async (request) => {
    const id = idOf(request);
    const found = await findJob(store, id, { inRedis: () => queue.position(id) });
    if (!found) return jobNotFound(id);
    const {
      reason,
      detail,
      until = null,
      position = null,
    } = whyAt(id, found, (type) => registry.get(type)?.definition.lane);
    return json(200, JSON.stringify({ reason, detail, until: until === null ? null : formatTime(until), position }));
  };
}

function whyAt(id: string, found: FoundJob<QueuePosition>, laneOf: (type: string) => Lane | undefined): Why {
  switch (found.place) {
    case "redis":
      return whyOf(found.live, laneOf(found.live.job.type));
    case "postgres":
      return finished(found.row);
    case "accepted":
      return whyAccepted(viewOfSubmission(id, found.accepted));
  }
}

/** It has no place in a queue yet. */
function whyAccepted({ status, run_at }: JobView): Why {
  if (status === "scheduled")
    return { reason: "scheduled", detail: "It starts no earlier than its run_at.", until: run_at };
  return {
    reason: "position",
    detail: "Postgres holds it, and Redis does not: it is put into its queue within a few minutes.",
  };
}

/** @param lane of the job's type; undefined where the type is not known here */
function whyOf(position: QueuePosition, lane: Lane | undefined): Why {
  const { job, dueAt } = position;
  switch (job.status) {
    case "queued":
      return whyQueued(position, lane);
    case "scheduled":
      return { reason: "scheduled", detail: "It starts no earlier than its run_at.", until: dueAt };
    case "retrying":
      return whyRetrying(job, dueAt);
    case "running":
      return {
        reason: "running",
        detail: `Attempt ${job.attempt} of ${job.maxAttempts} runs on replica ${job.worker ?? ""}${job.isCancelRequested ? ", and was asked to stop" : ""}.`,
      };
    case "completed":
    case "failed":
    case "cancelled":
      return finished(viewOf(job));
  }
}

function whyRetrying({ history }: Job, until: number | null): Why {
  const { error } = JSON.parse(history.at(-1) ?? "{}") as Partial<AttemptRecord>;
  if (error?.code === DESTINATION_LIMITED) return { reason: DESTINATION_LIMITED, detail: error.message, until };
  return {
    reason: "retry_at",
    detail: `Attempt ${error?.attempt ?? ""} ended in ${error?.code ?? "an error"}: ${error?.message ?? ""}`,
    until,
  };
}

function whyQueued(
  { job: { type }, ahead, depth, isPaused, running, replicas }: QueuePosition,
  lane: Lane | undefined,
): Why {
  const position = (ahead ?? 0) + 1;
  const place = `It is number ${position} of ${depth} in its queue`;
  if (isPaused) return { reason: "queue_paused", detail: `The queue of ${type} is paused. ${place}.`, position };
  const workers = readReplicas(replicas).filter(({ slots }) => slots[type]);
  if (workers.length === 0)
    return { reason: "no_worker_for_type", detail: `No live replica runs jobs of type ${type}. ${place}.`, position };
  const isFull =
    running >= workers.reduce((sum, { slots }) => sum + (slots[type]?.limit ?? 0), 0) ||
    workers.every((worker) => isFullOf(worker, type, lane));
  const slots = isFull ? `all slots for ${type} are taken (${running} run)` : "there are free slots";
  if (position === 1 && isFull) return { reason: "slots_full", detail: `It is next, and ${slots}.`, position };
  return { reason: "position", detail: `${place}; ${slots}.`, position };
}

/** As the replica said with its last heartbeat. */
function isFullOf({ slots, lanes }: Replica, type: string, lane: Lane | undefined): boolean {
  const own = slots[type];
  return (
    (own !== undefined && own.running >= own.limit) || (lane !== undefined && lanes[lane].running >= lanes[lane].limit)
  );
}

function finished({ status, finished_at }: JobView): Why {
  return {
    reason: "finished",
    detail: `It is ${status}${finished_at === null ? "" : ` since ${formatTime(finished_at)}`}.`,
  };
}
