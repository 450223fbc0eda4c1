/** `GET /api/v1/queues/{type}` and its history. */
import { at } from "../../core/at.ts";
import type { ReplicaReport } from "../../core/heartbeat.ts";
import { readReports } from "../../core/heartbeat.ts";
import { formatTime } from "../../core/rfc3339.ts";
import type { QueueDetail } from "../../queue/queue-detail.ts";
import type { ApiDependencies } from "../dependencies.ts";
import type { Answer, ApiRequest } from "../http/exchange.ts";
import { json } from "../http/exchange.ts";
import { problemOfRejection } from "../http/problem.ts";
import { readSamplesQuery } from "./history-query.ts";
import { QUEUE_NOT_FOUND, queueFields } from "./queues.ts";

type QueueDeps = Pick<ApiDependencies, "queue" | "registry" | "store">;

export function getQueue({ queue, registry }: QueueDeps): (request: ApiRequest) => Promise<Answer> {
  return async (request) => {
    const type = at(request.params, 0);
    const detail = await queue.queueDetail(type);
    if (!detail.isKnown && !registry.get(type)) return QUEUE_NOT_FOUND;
    return json(200, JSON.stringify(detailJson(detail)));
  };
}

function detailJson(detail: QueueDetail): unknown {
  const { counts, isPaused, pauseReason, byPriority, groups, nextDue, isPartial } = detail;
  const runners = readReports(detail.replicas).filter(({ slots }) => Object.hasOwn(slots, counts.type));
  const limitOf = ({ slots }: ReplicaReport): number => slots[counts.type]?.limit ?? 0;
  return {
    ...queueFields(detail, counts, { isPaused, pauseReason }),
    limit: runners.reduce((sum, replica) => sum + limitOf(replica), 0),
    replicas: runners.map(({ id }) => id),
    by_priority: Object.fromEntries([...byPriority.entries()].filter(([, waiting]) => waiting > 0)),
    groups: groups.map(({ groupKey, waiting }) => ({ group_key: groupKey, waiting })),
    next_due: nextDue.map(({ id, runAt, status }) => ({ id, run_at: formatTime(runAt), status })),
    is_partial: isPartial,
  };
}

export function getQueueHistory({ queue, registry, store }: QueueDeps): (request: ApiRequest) => Promise<Answer> {
  return async (request) => {
    const query = readSamplesQuery(request.query, queue.clock.now());
    if ("rejection" in query) return problemOfRejection(query.rejection);
    const type = at(request.params, 0);
    const samples = await store.history.queue(type, query, query.stepMs);
    // Redis is asked last: the history of a known type is readable without it
    if (samples.length === 0 && !registry.get(type) && !(await queue.queueDetail(type)).isKnown) return QUEUE_NOT_FOUND;
    return json(
      200,
      JSON.stringify({
        step_ms: query.stepMs,
        samples: samples.map((sample) => ({ ...sample, at: formatTime(sample.at) })),
      }),
    );
  };
}
