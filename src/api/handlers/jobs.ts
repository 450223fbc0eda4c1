/** `GET` and `DELETE /api/v1/jobs/{id}`, and `POST /api/v1/jobs/{id}/cancel`. */
import { at } from "../../core/at.ts";
import { isId } from "../../core/id.ts";
import type { Job, JobView, Submission } from "../../core/job.ts";
import { viewOf } from "../../core/job-view.ts";
import { mayActOn, readsAll } from "../../core/ownership.ts";
import { CodedError, OutcomeUnknown } from "../../errors.ts";
import type { CancelAnswer } from "../../queue/cancellation.ts";
import type { ApiDependencies } from "../dependencies.ts";
import { rejectionOfBody } from "../http/empty-body.ts";
import type { Answer, ApiRequest } from "../http/exchange.ts";
import { json } from "../http/exchange.ts";
import { jobNotFound, problem } from "../http/problem.ts";
import { callbackFields } from "../jobs/callback-fields.ts";
import type { FoundJob } from "../jobs/find-job.ts";
import { findJob, viewOfFound } from "../jobs/find-job.ts";
import { jobAnswerJson } from "../jobs/job-answer.ts";
import { jobJson } from "../jobs/job-json.ts";

export function getJob(deps: ApiDependencies): (request: ApiRequest) => Promise<Answer> {
  const toJson = jobJson(deps.registry);
  return async (request) => {
    const id = idOf(request);
    const found = await findInAll(deps, id);
    if (!found) return jobNotFound(id);
    return json(200, `${toJson(viewOfFound(id, found)).slice(0, -1)}${callbackFields(id, found)}}`);
  };
}

/** The id in the path. @throws CodedError 400 `invalid_id` */
export function idOf({ params }: ApiRequest): string {
  const id = at(params, 0).toLowerCase();
  if (!isId(id)) throw new CodedError("invalid_id", 400, "The id in the path is not a UUID.");
  return id;
}

/** The current job, from Redis or Postgres. Throws as {@link findJob}. */
export async function readJob(
  deps: Pick<ApiDependencies, "queue" | "store">,
  id: string,
): Promise<JobView | undefined> {
  const found = await findInAll(deps, id);
  return found && viewOfFound(id, found);
}

function findInAll(
  { queue, store }: Pick<ApiDependencies, "queue" | "store">,
  id: string,
): Promise<FoundJob<Job> | undefined> {
  return findJob(store, id, { inRedis: async () => (await queue.read([id]))[0] });
}

type Cancelled = Exclude<CancelAnswer, { kind: "missing" }>;

export function cancelJob(deps: ApiDependencies): (request: ApiRequest) => Promise<Answer> {
  const { queue, store, settings, callbackOf } = deps;
  const cancel = async (id: string, accepted?: Submission): Promise<Cancelled | undefined> => {
    const answer = await queue.cancel(id, settings.outboxOwnedMs, callbackOf, accepted);
    return answer.kind === "missing" ? undefined : answer;
  };
  const answerTo = cancelAnswer(deps);
  return async (request) => {
    const rejection = rejectionOfBody(request); // of a POST; the body of a DELETE is ignored
    if (rejection) return rejection;
    const id = idOf(request);
    const { caller } = request;
    const isForCaller = async (): Promise<boolean> =>
      readsAll(caller) || (await queue.readHeaders([id])).some(({ options }) => mayActOn(caller, options));
    let unknown: unknown; // set if the cancellation was sent without an answer, so that it may have happened
    const inRedis = async (): Promise<Cancelled | undefined> => {
      if (!(await isForCaller())) return undefined;
      return cancel(id).catch((error: unknown) => {
        unknown = error instanceof OutcomeUnknown ? error : undefined;
        throw error;
      });
    };
    const found = await findJob(store, id, { caller, inRedis }).catch((error: unknown) => {
      throw unknown ?? error;
    });
    switch (found?.source) {
      case "redis":
        return answerTo(request, found.live);
      case "postgres":
        return alreadyFinished(found.row);
      case "accepted": {
        const answer = await cancel(id, found.accepted);
        if (answer) return answerTo(request, answer);
        const row = await store.get(id); // a replica restored the job meanwhile, and it has finished
        return row ? alreadyFinished(row) : jobNotFound(id);
      }
      case undefined:
        return jobNotFound(id);
    }
  };
}

/** The answer to a cancellation in Redis. */
function cancelAnswer({
  registry,
  cancelWaiting,
}: ApiDependencies): (request: ApiRequest, answer: Cancelled) => Answer {
  const toJson = jobAnswerJson(jobJson(registry));
  return ({ caller }, answer) => {
    switch (answer.kind) {
      case "cancelled":
      case "withdrawn":
        cancelWaiting(answer.job, answer.kind);
        return json(200, toJson(caller, viewOf(answer.job)));
      case "running":
        return json(202, toJson(caller, viewOf(answer.job)));
      case "finished":
        return alreadyFinished(viewOf(answer.job));
      default:
        return answer.kind satisfies never;
    }
  };
}

export function alreadyFinished({ id, status }: JobView): Answer {
  return problem(409, "job_finished", `The job ${id} has already finished: it is ${status}.`);
}
