/** `POST /api/v1/jobs/{id}/erase`: removes what a finished job contains; its row stays. */
import { setTimeout as sleep } from "node:timers/promises";
import type { JobView } from "../../core/job.ts";
import { isFinished } from "../../core/job.ts";
import { CodedError } from "../../errors.ts";
import type { ApiDependencies } from "../dependencies.ts";
import { rejectionOfBody } from "../http/empty-body.ts";
import type { Answer, ApiRequest } from "../http/exchange.ts";
import { json } from "../http/exchange.ts";
import { jobNotFound, problem } from "../http/problem.ts";
import { eraseJobs } from "../jobs/erase-jobs.ts";
import { jobJson } from "../jobs/job-json.ts";
import { callerOf } from "./audit-caller.ts";
import { idOf, readJob } from "./jobs.ts";

/** How long the call waits for the row of a job that has just ended. */
const MAX_ROW_WAIT_MS = 5_000;
const LOOK_EVERY_MS = 50;

export function eraseJob(deps: ApiDependencies): (request: ApiRequest) => Promise<Answer> {
  const toJson = jobJson(deps.registry);
  return async (request) => {
    const id = idOf(request);
    const by = callerOf(request);
    const rejection = rejectionOfBody(request);
    if (rejection) return rejection;
    const view = (await deps.store.get(id)) ?? (await readJob(deps, id));
    if (!view) return jobNotFound(id);
    if (!isFinished(view.status))
      return problem(409, "job_not_finished", `Only a finished job can be erased: the job ${id} is ${view.status}.`);
    await recorded(deps, id);
    await eraseJobs(deps, [id]);
    deps.audit.record({ ...by, action: "jobs.erase", target: id });
    const erased = await deps.store.get(id);
    return erased ? json(200, toJson(erased)) : jobNotFound(id);
  };
}

/** Waits for the row of a finished job. @throws CodedError 503 if it does not appear in time */
async function recorded({ store }: Pick<ApiDependencies, "store">, id: string): Promise<JobView> {
  for (const endsAt = performance.now() + MAX_ROW_WAIT_MS; ; ) {
    const row = await store.get(id);
    if (row) return row;
    if (performance.now() > endsAt)
      throw new CodedError("store_unavailable", 503, "The job is not recorded in Postgres yet.", {
        retryAfterMs: 2_000,
      });
    await sleep(LOOK_EVERY_MS);
  }
}
