/** `POST /api/v1/jobs/{id}/retry`: runs a failed or cancelled job again, as a new job that refers to it. */
import type { Caller } from "../../core/api-key.ts";
import { invalid } from "../../core/body.ts";
import type { Job, JobOptions, JobView } from "../../core/job.ts";
import { mayActOn, ownedBy } from "../../core/ownership.ts";
import { isLarge, wholePayload } from "../../core/payload.ts";
import { hasLostPayload, hasUnresolvedReferences, resubmissionOf } from "../../core/resubmission.ts";
import type { JobType } from "../../jobs/registry.ts";
import { scopeDenial } from "../access/authentication.ts";
import type { ApiDependencies } from "../dependencies.ts";
import { rejectionOfBody } from "../http/empty-body.ts";
import type { Answer, ApiRequest } from "../http/exchange.ts";
import { jobNotFound, problem, problemOfRejection } from "../http/problem.ts";
import type { FoundJob } from "../jobs/find-job.ts";
import { findJob, viewOfFound } from "../jobs/find-job.ts";
import { callerOf } from "./audit-caller.ts";
import { enqueueOne } from "./enqueue-one.ts";
import { BAD_KEY, idempotencyOf, isIdempotencyKey } from "./idempotency.ts";
import { idOf } from "./jobs.ts";
import { readFlag, readParameters } from "./list-parameters.ts";
import { auditAnswer } from "./operation-audit.ts";

export function retryJob(deps: ApiDependencies): (request: ApiRequest) => Promise<Answer> {
  const { queue, store, registry, settings } = deps;
  const enqueue = enqueueOne(deps);
  return async (request) => {
    const id = idOf(request);
    const by = callerOf(request);
    const {
      caller,
      headers: { idempotencyKey: key },
    } = request;
    const rejectionOfRequest =
      rejectionOfBody(request) ?? (key === undefined || isIdempotencyKey(key) ? undefined : BAD_KEY);
    if (rejectionOfRequest) return rejectionOfRequest;
    const query = readParameters(request.query, ["alone"]);
    const isAlone = readFlag(query, "alone");
    if (query.issues.length > 0) return problemOfRejection(invalid(query.issues).rejection);
    const inRedis = async (): Promise<Job | undefined> =>
      (await queue.read([id])).find(({ options }) => mayActOn(caller, options));
    const found = await findJob(store, id, { caller, inRedis });
    if (!found) return jobNotFound(id);
    const view = viewOfFound(id, found);
    const rejection = rejectionOf(view, registry.get(view.type), caller);
    if (rejection) return rejection;
    const payload = await wholePayload(
      view.payload,
      async (size) =>
        // Postgres has it if the job has moved there meanwhile
        (found.source === "redis" ? await queue.payload(view.id, size) : undefined) ?? store.payload(view.id),
    );
    if (payload === undefined) return jobNotFound(id);
    const options = await optionsOf(found, store);
    const rejectionOfMember = memberRejection(id, options, { isAlone });
    if (rejectionOfMember) return rejectionOfMember;
    const submission = ownedBy(resubmissionOf({ ...view, payload }, options), caller?.id);
    const idempotency =
      key === undefined
        ? undefined
        : idempotencyOf(key, caller?.id, "retry", Buffer.from(id), settings.idempotencyTtlMs);
    const answer = await enqueue(request, { submission, idempotency, otherUse: "to retry another job" });
    auditAnswer(deps, by, answer, submission);
    return answer;
  };
}

function rejectionOf(
  { id, type, status, error, payload, erased_at }: JobView,
  jobType: JobType | undefined,
  caller: Caller | undefined,
): Answer | undefined {
  if (status !== "failed" && status !== "cancelled")
    return problem(
      409,
      "job_not_retryable",
      `Only a job that failed or was cancelled can be retried: the job ${id} is ${status}.`,
    );
  if (erased_at !== null)
    return problem(409, "job_not_retryable", `The payload of the job ${id} is erased: submit a new job.`);
  if (hasLostPayload(error))
    return problem(409, "job_not_retryable", `The payload of the job ${id} is lost: submit a new job.`);
  if (!jobType) return problem(409, "job_not_retryable", `The job type ${type} no longer exists.`);
  const { needsRead, needsAdmin } = jobType.definition;
  if (needsAdmin) return scopeDenial(caller, "admin");
  if (!needsRead) return undefined;
  // A large payload is not parsed here, so it counts as one that reads other jobs.
  return isLarge(payload) || needsRead(JSON.parse(payload)) ? scopeDenial(caller, "read") : undefined;
}

/** A job of a flow is retried with the flow, unless the caller asks for this job alone. */
function memberRejection(
  id: string,
  options: JobOptions,
  { isAlone }: { readonly isAlone: boolean },
): Answer | undefined {
  const { flow } = options;
  if (!flow) return undefined;
  const [noun, path] = flow.batch ? (["batch", "batches"] as const) : (["flow", "flows"] as const);
  if (!isAlone)
    return problem(
      409,
      "flow_member",
      `The job ${id} belongs to the ${noun} ${flow.id}: retry that with POST /api/v1/${path}/${flow.id}/retry, or this job outside of it with alone=true.`,
    );
  if (!hasUnresolvedReferences(options)) return undefined;
  return problem(
    409,
    "job_not_retryable",
    `The payload of the job ${id} refers to results that it did not get: retry the ${noun} ${flow.id}.`,
  );
}

/** The options of the original submission, which the view does not contain. */
function optionsOf(
  found: FoundJob<Job>,
  store: Pick<ApiDependencies["store"], "options">,
): JobOptions | Promise<JobOptions> {
  return found.source === "redis"
    ? found.live.options
    : found.source === "postgres"
      ? store.options(found.row.id)
      : found.accepted.options;
}
