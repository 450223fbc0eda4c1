/** `POST /api/v1/jobs/{id}/retry`: a job that failed or was cancelled, once more, as a new job that names it. */
import type { JobOptions, JobView } from "../core/job.ts";
import { hasLostPayload, resubmissionOf } from "../core/resubmission.ts";
import { viewOf, viewOfSubmission } from "../core/job-view.ts";
import { isLarge, largePayload, sizeOf } from "../core/payload.ts";
import type { Payload } from "../core/payload.ts";
import type { JobType } from "../registry.ts";
import type { Enqueued } from "../queue/enqueuer.ts";
import type { ApiDependencies } from "./dependencies.ts";
import type { Answer, ApiRequest } from "./exchange.ts";
import { JSON_TYPE } from "./exchange.ts";
import { scopeRefusal } from "./gate.ts";
import { jobJson } from "./job-json.ts";
import { find, idOf } from "./jobs.ts";
import { withPayer } from "./payer.ts";
import { jobNotFound, problem } from "./problem.ts";
import { problemOfFailure } from "./submit.ts";

interface Whole {
  readonly view: JobView;
  readonly options: JobOptions;
  /** The bytes of its large payload. */
  readonly payload: () => Promise<Uint8Array | undefined>;
}

export function retryJob(deps: ApiDependencies): (request: ApiRequest) => Promise<Answer> {
  const { queue, store, registry } = deps;
  const toJson = jobJson(registry);
  return async (request) => {
    const id = idOf(request);
    const whole = await find<Whole>(
      async () => (await queue.read([id])).map((job) => ({ view: viewOf(job), options: job.options, payload: () => queue.payload(id, sizeOf(job.payload)) }))[0],
      async () => {
        const view = await store.get(id);
        return view && { view, options: await store.options(id), payload: () => store.payload(id) };
      },
    );
    if (!whole) return jobNotFound(id);
    const refusal = refusalOf(whole.view, registry.get(whole.view.type), request.caller);
    if (refusal) return refusal;
    const payload = await wholePayload(whole);
    if (payload === undefined) return jobNotFound(id);
    const submission = resubmissionOf({ ...whole.view, payload }, whole.options);
    const newId = queue.ids.next();
    const answer = await new Promise<Enqueued>((resolve) => deps.enqueue(withPayer({ ids: [newId], submissions: [submission] }, request.caller), resolve));
    if (answer.kind === "failed") {
      const failure = problemOfFailure(answer.error, [newId]);
      if (!failure) throw answer.error;
      return failure;
    }
    request.chargeJobs([submission]);
    return { status: 202, contentType: JSON_TYPE, headers: [["Location", `/api/v1/jobs/${newId}`]], body: toJson(viewOfSubmission(newId, submission)) };
  };
}

function refusalOf({ id, type, status, error, payload }: JobView, jobType: JobType | undefined, caller: ApiRequest["caller"]): Answer | undefined {
  if (status !== "failed" && status !== "cancelled") return problem(409, "job_not_retryable", `Only a job that failed or was cancelled can be retried: the job ${id} is ${status}.`);
  if (hasLostPayload(error)) return problem(409, "job_not_retryable", `The payload of the job ${id} could not be kept: submit it anew.`);
  if (!jobType) return problem(409, "job_not_retryable", `There is no job type ${type} any more.`);
  const { needsRead } = jobType.definition;
  if (!needsRead) return undefined;
  // A large payload is not parsed to be retried: it counts as one that tells of other jobs.
  return isLarge(payload) || needsRead(JSON.parse(payload)) ? scopeRefusal(caller, "read") : undefined;
}

/** Undefined where the job was recorded and forgotten meanwhile, or its payload is lost. */
async function wholePayload({ view, payload }: Whole): Promise<Payload | undefined> {
  if (!isLarge(view.payload)) return view.payload;
  const data = await payload();
  return data && largePayload(data);
}
