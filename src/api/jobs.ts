/** `GET` and `DELETE /api/v1/jobs/{id}`: one job, wherever it lives. */
import { isId } from "../core/id.ts";
import type { JobView } from "../core/job.ts";
import { viewOf } from "../core/job-view.ts";
import { QueueUnavailable, TaskFlowError } from "../errors.ts";
import type { ApiDependencies } from "./dependencies.ts";
import type { Answer, ApiRequest } from "./exchange.ts";
import { json } from "./exchange.ts";
import { jobJson } from "./job-json.ts";
import { jobNotFound, problem } from "./problem.ts";

interface Readers {
  readonly queue: Pick<ApiDependencies["queue"], "read">;
  readonly store: Pick<ApiDependencies["store"], "get" | "accepted">;
}

export function getJob(deps: ApiDependencies): (request: ApiRequest) => Promise<Answer> {
  const toJson = jobJson(deps.registry);
  return async (request) => {
    const id = idOf(request);
    const view = await findJob(deps, id);
    return view ? json(200, toJson(view)) : jobNotFound(id);
  };
}

/** The id in the path. @throws TaskFlowError 400 `invalid_id` */
export function idOf({ params }: ApiRequest): string {
  const id = (params[0] ?? "").toLowerCase();
  if (!isId(id)) throw new TaskFlowError("invalid_id", 400, "A job's id is a UUID.");
  return id;
}

/** A job, wherever it lives; throws as {@link find}. One that Redis has lost, and that will be put back, waits. */
export async function findJob({ queue, store }: Readers, id: string): Promise<JobView | undefined> {
  return (await find(async () => (await queue.read([id])).map(viewOf)[0], () => store.get(id))) ?? store.accepted(id);
}

/**
 * What is said of one job: by Redis, then by Postgres, then by Redis once more. A job that is recorded and forgotten between
 * the first two looks is in Postgres, and one that was enqueued between them is in Redis.
 * @throws TaskFlowError where the part that may have the job is away
 */
export async function find<Found>(inRedis: () => Promise<Found | undefined>, inPostgres: () => Promise<Found | undefined>): Promise<Found | undefined> {
  let unavailable: unknown;
  const first = await inRedis().catch((error: unknown) => {
    if (!(error instanceof TaskFlowError)) throw error;
    unavailable = error; // Postgres may have it
    return undefined;
  });
  const found = first ?? (await inPostgres());
  if (found) return found;
  if (unavailable !== undefined) throw new QueueUnavailable("Redis is away, and the job may be there", unavailable);
  return inRedis();
}

export function cancelJob(deps: ApiDependencies): (request: ApiRequest) => Promise<Answer> {
  const { queue, store, settings, callbackOf, cancelWaiting } = deps;
  const toJson = jobJson(deps.registry);
  return async (request) => {
    const id = idOf(request);
    const answer = await queue.cancel(id, settings.outboxOwnedMs, callbackOf);
    switch (answer.kind) {
      case "cancelled":
        cancelWaiting(answer.job);
        return json(200, toJson(viewOf(answer.job)));
      case "running":
        return json(202, toJson(viewOf(answer.job)));
      case "finished":
        return alreadyFinished(viewOf(answer.job));
      case "missing": {
        const view = await store.get(id);
        return view ? alreadyFinished(view) : jobNotFound(id);
      }
      default:
        return answer satisfies never;
    }
  };
}

function alreadyFinished({ id, status }: JobView): Answer {
  return problem(409, "job_finished", `The job ${id} has finished already: it is ${status}.`);
}
