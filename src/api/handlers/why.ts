/** `GET /api/v1/jobs/{id}/why`: the reason why a job is not running. */
import { at } from "../../core/at.ts";
import type { FlowMember, FlowState } from "../../core/flows/flow.ts";
import { nodeStatusOf } from "../../core/flows/graph.ts";
import type { Capacity, ReplicaReport } from "../../core/heartbeat.ts";
import { readReports } from "../../core/heartbeat.ts";
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
import { jobIdOf } from "./flows/flow-json.ts";
import { idOf } from "./jobs.ts";

/** The detail names so many nodes. */
const MAX_NAMED = 5;

interface Why {
  readonly reason: (typeof WHY_REASONS)[number];
  /** An explanation, for people. */
  readonly detail: string;
  /** When the reason ends, if known: epoch ms. */
  readonly until?: number | null;
  /** Its position in its queue, from 1. */
  readonly position?: number;
  /** The nodes of its flow that have not ended, and that it waits for. */
  readonly waiting_for?: readonly AwaitedNode[];
}

interface AwaitedNode {
  readonly node: string;
  readonly job_id: string | null;
  readonly status: "waiting" | "running";
}

export function getWhy({ queue, store, registry, flows }: ApiDependencies): (request: ApiRequest) => Promise<Answer> {
  return async (request) => {
    const id = idOf(request);
    const found = await findJob(store, id, { inRedis: () => queue.position(id) });
    if (!found) return jobNotFound(id);
    const waiting = found.source === "redis" && found.live.job.status === "waiting" ? found.live.job : undefined;
    const member = waiting?.options.flow;
    const {
      reason,
      detail,
      until = null,
      position = null,
      waiting_for = [],
    } = member
      ? whyWaiting(member, await flows.get(member.id))
      : whyAt(id, found, (type) => registry.get(type)?.definition.lane);
    const time = until === null ? null : formatTime(until);
    return json(200, JSON.stringify({ reason, detail, until: time, position, waiting_for }));
  };
}

function whyAt(id: string, found: FoundJob<QueuePosition>, laneOf: (type: string) => Lane | undefined): Why {
  switch (found.source) {
    case "redis":
      return whyOf(found.live, laneOf(found.live.job.type));
    case "postgres":
      return finished(found.row);
    case "accepted":
      return whyAccepted(viewOfSubmission(id, found.accepted));
  }
}

/** @param state of its flow; undefined if that is lost */
function whyWaiting({ at: index }: FlowMember, state: FlowState | undefined): Why {
  const node = state?.graph.nodes[index];
  if (!state || !node) return { reason: "waiting_for", detail: "It waits for other jobs of its flow." };
  const awaited = [...new Set([...node.after, ...node.waitsFor])].flatMap((earlier): AwaitedNode[] => {
    const [named, its] = [at(state.graph.nodes, earlier), at(state.nodes, earlier)];
    const status = nodeStatusOf(its);
    return status === "waiting" || status === "running" ? [{ node: named.name, job_id: jobIdOf(named), status }] : [];
  });
  if (awaited.length === 0)
    return { reason: "waiting_for", detail: "All that it waits for has ended: it is about to start, or to end." };
  const names = awaited.slice(0, MAX_NAMED).map((one) => one.node);
  const others = awaited.length - names.length;
  const detail = `It waits for nodes of its flow: ${names.join(", ")}${others > 0 ? ` and ${others} others` : ""}.`;
  return { reason: "waiting_for", detail, waiting_for: awaited };
}

/** A job that is in Postgres alone, and not in a queue yet. */
function whyAccepted({ status, run_at }: JobView): Why {
  if (status === "scheduled")
    return { reason: "scheduled", detail: "It does not start before its run_at.", until: run_at };
  return {
    reason: "position",
    detail: "It is stored in Postgres, but not yet in Redis: a replica puts it into its queue within a few minutes.",
  };
}

/** @param lane of the job's type; undefined if this replica does not know the type */
function whyOf(position: QueuePosition, lane: Lane | undefined): Why {
  const { job, dueAt } = position;
  switch (job.status) {
    case "waiting":
      return { reason: "waiting_for", detail: "It waits for other jobs of its flow." };
    case "queued":
      return whyQueued(position, lane);
    case "scheduled":
      return { reason: "scheduled", detail: "It does not start before its run_at.", until: dueAt };
    case "retrying":
      return whyRetrying(job, dueAt);
    case "running":
      return {
        reason: "running",
        detail: `Attempt ${job.attempt} of ${job.maxAttempts} is running on replica ${job.worker ?? "unknown"}${job.isCancelRequested ? ", and was asked to stop" : ""}.`,
      };
    case "completed":
    case "failed":
    case "cancelled":
      return finished(viewOf(job));
  }
}

function whyRetrying({ history }: Job, until: number | null): Why {
  const last = history.at(-1);
  const error = last === undefined ? undefined : (JSON.parse(last) as AttemptRecord).error;
  if (error === undefined) return { reason: "retry_at", detail: "The last attempt ended without an error.", until };
  if (error.code === DESTINATION_LIMITED) return { reason: DESTINATION_LIMITED, detail: error.message, until };
  const detail = `Attempt ${error.attempt} ended with the error ${error.code}: ${error.message}`;
  return { reason: "retry_at", detail, until };
}

function whyQueued(
  { job: { type }, ahead, depth, isPaused, running, replicas: reports }: QueuePosition,
  lane: Lane | undefined,
): Why {
  const position = (ahead ?? 0) + 1;
  const number = `It is number ${position} of ${depth} in its queue`;
  if (isPaused) return { reason: "queue_paused", detail: `The queue of ${type} is paused. ${number}.`, position };
  const replicas = readReports(reports).filter(({ slots }) => slots[type]);
  if (replicas.length === 0)
    return { reason: "no_worker_for_type", detail: `No live replica runs jobs of type ${type}. ${number}.`, position };
  const limit = replicas.reduce((sum, { slots }) => sum + (slots[type]?.limit ?? 0), 0);
  const isFull = running >= limit || replicas.every((replica) => isFullFor(replica, type, lane));
  const slots = isFull ? `all slots for ${type} are in use (${running} running)` : "there are free slots";
  if (position === 1 && isFull) return { reason: "slots_full", detail: `It is next in its queue; ${slots}.`, position };
  return { reason: "position", detail: `${number}; ${slots}.`, position };
}

/** According to the latest heartbeat of the replica. */
function isFullFor({ slots, lanes }: ReplicaReport, type: string, lane: Lane | undefined): boolean {
  const isFull = (capacity: Capacity | undefined): boolean =>
    capacity !== undefined && capacity.running >= capacity.limit;
  return isFull(slots[type]) || (lane !== undefined && isFull(lanes[lane]));
}

function finished({ status, finished_at }: JobView): Why {
  return {
    reason: "finished",
    detail: `It is ${status}${finished_at === null ? "" : `, since ${formatTime(finished_at)}`}.`,
  };
}
